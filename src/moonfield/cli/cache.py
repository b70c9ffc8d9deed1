"""Compiled functions are kept between runs of the command line."""

import os
import sys
from pathlib import Path

import jax


def cache_folder() -> Path:
    """`moonfield/xla` in the user's folder for caches.

    Raises:
        RuntimeError: there is no home folder.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    if base and Path(base).is_absolute():
        return Path(base) / "moonfield" / "xla"
    home = Path.home()
    caches = home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
    return caches / "moonfield" / "xla"


def use_compilation_cache() -> None:
    """Turn on JAX's persistent cache, unless the user has chosen one or nothing can be written."""
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return
    if not os.access(folder, os.W_OK):
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
