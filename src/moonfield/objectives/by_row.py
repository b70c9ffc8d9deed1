"""What the objectives share whose draws are each row's own."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ..families import AbstractFamily, MeanField
from ..model import AbstractModel, why_not_by_row
from .log_joint import LogJoint

NOISE = 3  # normal numbers that make a key


def by_row(
    family: AbstractFamily,
    state: PyTree,
    log_joint: LogJoint,
    noise: Float[Array, " noise"],
    propagate: bool,
) -> Float[Array, ""]:
    """An estimate of the ELBO with the divergence from normal priors in closed form.

    What the rows need is too much to be drawn in blocks: it is drawn where it is used, by a key
    that is the bits of a few normal numbers.
    """
    moments, spread = family.moments(state), family.entropy(state)
    if log_joint.by_row is None or moments is None or spread is None:
        raise ValueError("this model or family has no draws for each row; see the objective")
    prior, likelihood = log_joint.by_row(*moments, key_of(noise), propagate)
    return likelihood + prior + spread


def key_of(noise: Float[Array, " noise"]) -> Array:
    """A key from the bits of three normal numbers."""
    words = jax.lax.bitcast_convert_type(noise.astype(jnp.float32), jnp.uint32)
    key = jax.random.wrap_key_data(words[:2], impl="threefry2x32")
    return jax.random.fold_in(key, words[2])


def check_by_row(name: str, family: AbstractFamily, model: AbstractModel) -> None:
    """Raise `ValueError` where draws for each row are not exact."""
    why = why_not_by_row(model)
    if type(family) is not MeanField:
        why = f"it needs the family mf.families.MeanField(), got {type(family).__name__}"
    if why is not None:
        raise ValueError(
            f"{name} does not suit this fit: {why}. Use mf.objectives.AnalyticKL(), or leave the "
            "objective out."
        )
