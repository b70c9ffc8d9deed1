"""PyMC and its way to JAX, loaded when a model is given."""

import contextlib
import functools
import os
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

import jax


class Library(NamedTuple):
    """The modules that are used."""

    pymc: ModuleType
    values: ModuleType
    logprob: ModuleType
    to_jax: ModuleType
    replace: ModuleType
    traversal: ModuleType
    scalar: ModuleType
    rng: ModuleType


@functools.lru_cache(maxsize=1)
def library() -> Library:
    """PyMC. Its JAX half sets XLA's flags and JAX's precision when it loads: both are put back.

    Raises:
        ImportError: PyMC is not installed.
    """
    flags, x64 = os.environ.get("XLA_FLAGS"), jax.config.jax_enable_x64
    try:
        import pymc  # noqa: PLC0415
        import pymc.logprob.basic as logprob  # noqa: PLC0415
        import pymc.logprob.utils as values  # noqa: PLC0415
        import pymc.sampling.jax as to_jax  # noqa: PLC0415
        from pytensor import scalar  # noqa: PLC0415
        from pytensor.graph import replace, traversal  # noqa: PLC0415
        from pytensor.tensor.random import type as rng  # noqa: PLC0415
    except ImportError as error:
        raise ImportError('PyMC models need PyMC: pip install "moonfield[pymc]".') from error
    finally:
        jax.config.update("jax_enable_x64", x64)
        os.environ.pop("XLA_FLAGS", None)
        if flags is not None:
            os.environ["XLA_FLAGS"] = flags
    return Library(pymc, values, logprob, to_jax, replace, traversal, scalar, rng)


@contextlib.contextmanager
def pytensor_rules() -> Iterator[None]:
    """PyTensor's types for its own functions: they promote, broadcast, and ask for 64 bits."""
    promotion = jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow")
    with promotion[0], promotion[1], warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Explicitly requested dtype")
        yield
