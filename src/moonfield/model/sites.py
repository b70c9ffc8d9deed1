"""Running NumPyro models: values for their latent sites, and what their traces hold."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array
from numpyro import handlers
from numpyro.primitives import Messenger

Trace = dict[str, dict[str, Any]]


class Latents(Messenger):
    """Gives every latent site the value that `choose(site)` returns; None leaves it to be drawn."""

    def __init__(self, fn: Callable, choose: Callable[[dict], Any]):
        self.choose = choose
        super().__init__(fn)

    def process_message(self, msg: dict[str, Any]) -> None:
        if msg["type"] == "sample" and not msg["is_observed"] and msg["value"] is None:
            msg["value"] = self.choose(msg)


def run(fn: Callable, kwargs: dict[str, Any], choose: Callable[[dict], Any], key: Array) -> Trace:
    """The trace of a model whose latent sites take chosen values; others are drawn with the key."""
    return handlers.trace(handlers.seed(Latents(fn, choose), key)).get_trace(**kwargs)


def is_latent(site: dict[str, Any]) -> bool:
    """Whether a site is a random variable without a given value."""
    return site["type"] == "sample" and not site["is_observed"]


def is_factor(site: dict[str, Any]) -> bool:
    """Whether a site is a `numpyro.factor`."""
    return site["type"] == "sample" and isinstance(base_of(site["fn"]), dist.Unit)


def is_observed(site: dict[str, Any]) -> bool:
    """Whether a site has a given value and a distribution."""
    return site["type"] == "sample" and site["is_observed"] and not is_factor(site)


def log_prob(site: dict[str, Any]) -> Array:
    """Log-density of a site's value with its mask and scale, in its batch shape."""
    value = site["fn"].log_prob(site["value"])
    return value if site["scale"] is None else site["scale"] * value


def total(sites: list[dict[str, Any]]) -> Array:
    """The sum of the log-densities of sites."""
    return sum((jnp.sum(log_prob(site)) for site in sites), start=jnp.zeros(()))


def row_sums(site: dict[str, Any], axis: int) -> Array:
    """Log-density by entry of one batch axis (negative), summed over the others."""
    value = log_prob(site)
    others = [i for i in range(value.ndim) if i != value.ndim + axis]
    return jnp.sum(value, axis=others)


def transform_of(site: dict[str, Any]) -> Any:
    """The bijection from unconstrained numbers to a site's support."""
    return dist.biject_to(site["fn"].support)


def start_of(site: dict[str, Any], key: Array) -> Array:
    """A value whose unconstrained numbers are uniform on (-1, 1)."""
    transform = transform_of(site)
    shape = transform.inverse_shape(site["fn"].shape())
    dtype = jnp.result_type(float)
    return transform(jax.random.uniform(key, shape, dtype, -1.0, 1.0))


def base_of(fn: dist.Distribution) -> dist.Distribution:
    while isinstance(fn, dist.ExpandedDistribution | dist.Independent | dist.MaskedDistribution):
        fn = fn.base_dist
    return fn
