"""Strict promotion and run-time types for our code, standard promotion inside third parties.

JAX then refuses to mix types or ranks silently, and beartype checks all annotations of the package.
optax and NumPyro mix Python numbers with traced integers and booleans by design, so their functions
run under the standard rules: only what they do inside is forgiven, not what we hand them.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator

import jax
import numpyro.distributions as dist
import optax
from jaxtyping import config as jaxtyping_config, install_import_hook

_METHODS = ("sample", "log_prob", "cdf", "icdf", "entropy")
_PROPERTIES = ("mean", "variance")


def install() -> None:
    """Call before anything imports `moonfield`."""
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    jax.config.update("jax_numpy_rank_promotion", "raise")
    optax.tree.bias_correction = lenient(optax.tree.bias_correction)
    for kind in _subclasses(dist.Distribution):
        _forgive(kind)
    install_import_hook("moonfield", "beartype.beartype")


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Without run-time types: what a user sees who passes something of a wrong type."""
    jaxtyping_config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping_config.update("jaxtyping_disable", False)


def lenient(fn: Callable) -> Callable:
    """`fn` under JAX's standard promotion."""

    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return fn(*args, **kwargs)

    return wrapper


def _forgive(kind: type) -> None:
    own = vars(kind)
    for name in _METHODS:
        if name in own:
            setattr(kind, name, lenient(own[name]))
    for name in _PROPERTIES:
        if isinstance(own.get(name), property):
            setattr(kind, name, property(lenient(own[name].fget)))


def _subclasses(kind: type) -> Iterator[type]:
    yield kind
    for child in kind.__subclasses__():
        yield from _subclasses(child)
