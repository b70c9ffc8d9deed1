"""Loading PyMC without the marks that its JAX half leaves on the process."""

import concurrent.futures
import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import Any

import jax


def load_pymc() -> None:
    """Import PyMC. Its JAX half sets XLA's flags and JAX's precision; both are put back.

    Raises:
        ImportError: PyMC is not installed.
    """
    flags, x64 = os.environ.get("XLA_FLAGS"), _everywhere("jax_enable_x64")
    try:
        import pymc.sampling.jax  # noqa: F401, PLC0415
    except ImportError as error:
        raise ImportError('PyMC models need PyMC: pip install "moonfield[pymc]".') from error
    finally:
        jax.config.update("jax_enable_x64", x64)
        os.environ.pop("XLA_FLAGS", None)
        if flags is not None:
            os.environ["XLA_FLAGS"] = flags


def _everywhere(setting: str) -> Any:
    """A setting of JAX outside of the contexts of this thread."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(jax.config.read, setting).result()


@contextlib.contextmanager
def pytensor_rules() -> Iterator[None]:
    """JAX as PyTensor expects it: it may mix types and ranks, and ask in vain for 64 bits."""
    promotion = jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow")
    with promotion[0], promotion[1], warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Explicitly requested dtype")
        warnings.filterwarnings("ignore", "PyTensor could not link to a BLAS")  # not used here
        yield
