"""Hidden layers that learn how many units they need."""

from typing import Any, ClassVar

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from .entry import WEIGHT, AbstractEntry, Shape, positive

_POWER = 8  # of the profile: only the last tenth of the units has less than half of the first's sd


class AdaptiveWidth(AbstractEntry):
    """Weights that read hidden units of which the first matter most, and only so many matter.

    `w[:, u] = sd p_u z[:, u]`, `z ~ N(0, 1)`, with a decreasing, truncated profile
    `p_u = max(0, 1 - (u / width)^8)` over units u = 0, 1, ... and a learned
    `width = typical / rate`, `rate ~ LogNormal(0, spread)`. An entry for the array that comes after
    the layer: `layers.1.weight` for the units of `layers.0`. Units beyond the width change nothing,
    cost nothing in the ELBO, and can be cut off: `posterior.architecture`.

    After Errica et al., 2025, "Adaptive width neural networks": importance-ordered units under a
    truncated distribution of widths with a learned rate. Theirs is a discretised exponential, cut
    off at a quantile. This one falls late, so that a unit within the width costs little, and is
    continuous where it ends.

    Args:
        sd: of the weights of the first unit.
        typical: prior median of the width, in units.
        spread: prior sd of the logarithm of the width.

    Raises:
        ValueError: a number is not positive; the array of weights is not a matrix.

    Example:
        >>> import moonfield as mf
        >>> prior = {"layers.1.weight": mf.priors.AdaptiveWidth(), "*": mf.priors.Normal(0.0, 1.0)}
    """

    standardised: ClassVar[bool] = True
    sd: Array
    typical: Array
    spread: Array

    def __init__(self, sd: float = 1.0, typical: float = 16.0, spread: float = 1.5):
        self.sd = positive(sd, "sd")
        self.typical = positive(typical, "typical")
        self.spread = positive(spread, "spread")

    def latents(self, shape: Shape) -> dict[str, dist.Distribution]:
        if len(shape) != 2:
            raise ValueError(f"AdaptiveWidth is for a weight matrix; this array has shape {shape}.")
        zero = jnp.zeros(())
        return {
            WEIGHT: dist.Normal(zero, jnp.ones(())),
            "rate": dist.LogNormal(zero, self.spread).expand((1, 1)),
        }

    def transform(self, values: dict[str, Array]) -> Array:
        z = values[WEIGHT]
        return self.sd * self.profile(values["rate"], z.shape[1]) * z

    def profile(self, rate: Any, units: int) -> Float[Array, "rates units"]:
        """The factor of each unit's outgoing weights, for rates (rates, 1)."""
        per_unit = jnp.asarray(rate, self.typical.dtype) / self.typical
        numbers = jnp.arange(units, dtype=per_unit.dtype)[None]
        return 1.0 - jnp.minimum(1.0, per_unit * numbers) ** _POWER  # bounded: so is its gradient

    def __str__(self) -> str:
        return f"AdaptiveWidth(about {float(self.typical):.4g} units, sd {float(self.sd):.4g})"
