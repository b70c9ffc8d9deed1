"""Files that are whole or not there."""

import os
from pathlib import Path


def folder(path: Path) -> Path:
    """Make a folder, and its parents.

    Raises:
        NotADirectoryError: a file stands there.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{path} is a file; choose a folder with --out.")
    path.mkdir(parents=True, exist_ok=True)
    return path


def write(path: Path, content: bytes) -> None:
    """Write beside and rename, so that nobody ever reads half a file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
