"""Programs with discrete latent sites: summed over exactly, by NumPyro and funsor."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from numpyro import handlers


def log_density(fn: Callable, kwargs: dict[str, Any], params: dict) -> Float[Array, ""]:
    """`log p(data, params)` with every discrete latent site summed over its support, nats.

    Raises:
        ImportError: funsor is not installed.
    """
    try:
        from numpyro.contrib.funsor import (  # noqa: PLC0415
            config_enumerate,
            enum,
            log_density as enumerated,
        )
    except ImportError as error:
        raise ImportError(
            'Summing over discrete sites needs funsor: pip install "moonfield[discrete]".'
        ) from error
    plates = _plate_nesting(fn, kwargs, params)
    model = enum(config_enumerate(fn), first_available_dim=-plates - 1)
    return jnp.asarray(enumerated(model, (), kwargs, params)[0])


def _plate_nesting(fn: Callable, kwargs: dict[str, Any], params: dict) -> int:
    """How deep plates nest: enumerated axes stand to their left."""
    model = handlers.substitute(handlers.seed(fn, jax.random.key(0)), data=params)
    trace = handlers.trace(model).get_trace(**kwargs)
    frames = [frame.dim for site in trace.values() for frame in site.get("cond_indep_stack", ())]
    return -min(frames, default=0)
