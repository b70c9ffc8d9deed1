"""Layers that learn how large their weights are."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array

from .._core.trees import numbers_to_arrays
from .entry import WEIGHT, AbstractEntry, Shape, check_per, check_positive, groups
from .scaled import fan_in


class LearnedScale(AbstractEntry):
    """Normal weights whose sd is learned: `w = s z / sqrt(fan_in)`, `z ~ N(0, 1)`, `s ~ scale`.

    Hierarchical regularisation, non-centred. `s` is one number per layer, per unit or per input of
    an array of weights; per input, `w = s z` (automatic relevance determination: Neal, 1996,
    "Bayesian learning for neural networks", section 4.3).

    Args:
        scale: prior of s, on positive numbers; half-normal with sd 1 by default.
        per: `"layer"`, `"unit"` (rows of a weight matrix) or `"input"` (its columns).

    Raises:
        TypeError, ValueError: `scale` is not a distribution of one positive number, or `per` is
            none of the three.

    Example:
        >>> import moonfield as mf
        >>> prior = {"*.weight": mf.priors.LearnedScale(), "*": mf.priors.Normal(0.0, 1.0)}
    """

    standardised: ClassVar[bool] = True
    scale: dist.Distribution
    per: str = eqx.field(static=True)

    def __init__(self, scale: dist.Distribution | None = None, per: str = "layer"):
        self.scale = numbers_to_arrays(check_positive(scale, dist.HalfNormal(1.0)))
        self.per = check_per(per)

    def latents(self, shape: Shape) -> dict[str, dist.Distribution]:
        return {
            WEIGHT: dist.Normal(jnp.zeros(()), jnp.ones(())),
            "scale": self.scale.expand(groups(shape, self.per)),
        }

    def transform(self, values: dict[str, Array]) -> Array:
        z = values[WEIGHT]
        fan = 1 if self.per == "input" else fan_in(z.shape)
        return values["scale"] * z / fan**0.5

    def __str__(self) -> str:
        return f"LearnedScale({type(self.scale).__name__} per {self.per})"
