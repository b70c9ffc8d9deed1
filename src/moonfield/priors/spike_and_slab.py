"""Weights that are exactly zero with some probability."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array

from .._core.trees import default_float
from .entry import WEIGHT, AbstractEntry, Shape, check_per, groups, positive

GATE = "gate"


class SpikeAndSlab(AbstractEntry):
    """Groups of weights that are exactly zero with probability `1 - inclusion`.

    `w = slab g z` with `z ~ N(0, 1)` and one gate `g = min(max(1 + v, 0), 1)` for each group, `v ~
    Logistic(sharpness logit(inclusion) - 1, sharpness)`. So `P(g = 0) = 1 - inclusion`
    whatever the sharpness, and as it rises `g` becomes a coin with the sides 0 and 1: the spike and
    slab of Mitchell & Beauchamp, 1988, "Bayesian variable selection in linear regression". The
    ramp between lets gradients through, so that gates are latents like any other (a rectified form
    of the relaxed gates of Louizos, Welling & Kingma, 2018, "Learning sparse neural networks
    through L0 regularization", section 2.2). Fits start with all gates open, at `v = 0`.

    `mf.families.SpikeAndSlab()` is the family made for it; `mf.diagnostics.inclusion` lists how
    probable each group is under the posterior.

    Args:
        inclusion: prior probability that a group is in use.
        slab: sd of the weights of a group whose gate is fully open.
        per: what a group is: a `"weight"`, the weights of an `"input"` or of a `"unit"`, or all of
            a `"layer"`.
        sharpness: width of the gates' prior, in units of the ramp: less of it lies on the ramp.

    Raises:
        ValueError: `inclusion` does not lie strictly between 0 and 1, another number is not
            positive, or `per` is none of these.

    Example:
        >>> import moonfield as mf
        >>> prior = {
        ...     "layers.0.weight": mf.priors.SpikeAndSlab(inclusion=0.05),
        ...     "*": mf.priors.Scaled(1.0),
        ... }
    """

    standardised: ClassVar[bool] = False
    inclusion: Array
    slab: Array
    per: str = eqx.field(static=True)
    sharpness: Array

    def __init__(
        self,
        inclusion: float = 0.5,
        slab: float = 1.0,
        per: str = "input",
        sharpness: float = 1.0,
    ):
        if not 0.0 < float(inclusion) < 1.0:
            raise ValueError(f"inclusion must lie strictly between 0 and 1, got {inclusion}.")
        self.inclusion = jnp.asarray(inclusion, default_float())
        self.slab = positive(slab, "slab")
        self.per = per if per == "weight" else check_per(per)
        self.sharpness = positive(sharpness, "sharpness")

    def latents(self, shape: Shape) -> dict[str, dist.Distribution]:
        logit = jnp.log(self.inclusion) - jnp.log1p(-self.inclusion)
        gate = dist.Logistic(self.sharpness * logit - 1.0, self.sharpness)
        each = shape if self.per == "weight" else groups(shape, self.per)
        return {WEIGHT: dist.Normal(jnp.zeros(()), jnp.ones(())), GATE: gate.expand(each)}

    def transform(self, values: dict[str, Array]) -> Array:
        return self.slab * gate_of(values[GATE]) * values[WEIGHT]

    def __str__(self) -> str:
        return f"SpikeAndSlab({float(self.inclusion):.4g} per {self.per})"


def gate_of(v: Array) -> Array:
    """`min(max(1 + v, 0), 1)`."""
    return jnp.clip(1.0 + v, 0.0, 1.0)
