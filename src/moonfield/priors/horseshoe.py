"""Priors that leave few inputs, or few units, in use."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array

from .entry import WEIGHT, AbstractEntry, Shape, check_per, groups, positive


class Horseshoe(AbstractEntry):
    """Most groups of weights near zero, some as large as they like.

    `w = scale t l_g z` with `z ~ N(0, 1)` and half-Cauchy `t` (one for the array)
    and `l_g` (one for each group), non-centred (Carvalho, Polson & Scott, 2010, "The horseshoe
    estimator for sparse signals", Biometrika 97; groups as in Ghosh, Yao & Doshi-Velez, 2018,
    "Structured variational learning of Bayesian neural networks with horseshoe priors").

    Args:
        scale: typical size of `t l_g`; with p0 of p groups expected in use, about
            `p0 / (p - p0)` (Piironen & Vehtari, 2017, eq. 3.12, for unit noise and sqrt(n) large).
        per: what a group is: the weights of an `"input"` (automatic relevance) or of a `"unit"`.

    Raises:
        ValueError: `scale` is not positive, or `per` is none of these.

    Example:
        >>> import moonfield as mf
        >>> prior = {
        ...     "layers.0.weight": mf.priors.Horseshoe(scale=0.1),
        ...     "*": mf.priors.Scaled(1.0),
        ... }
    """

    standardised: ClassVar[bool] = True
    scale: Array
    per: str = eqx.field(static=True)

    def __init__(self, scale: float = 1.0, per: str = "input"):
        self.scale = positive(scale, "scale")
        self.per = check_per(per)

    def latents(self, shape: Shape) -> dict[str, dist.Distribution]:
        one = jnp.ones(())
        return {
            WEIGHT: dist.Normal(jnp.zeros(()), one),
            "global": dist.HalfCauchy(one),
            "local": dist.HalfCauchy(one).expand(groups(shape, self.per)),
        }

    def transform(self, values: dict[str, Array]) -> Array:
        return self.scale * values["global"] * values["local"] * values[WEIGHT]

    def __str__(self) -> str:
        return f"Horseshoe({float(self.scale):.4g} per {self.per})"


class RegularisedHorseshoe(AbstractEntry):
    """A horseshoe whose largest groups are regularised too, by a slab.

    As `Horseshoe`, with `l_g` replaced by `l_g / sqrt(1 + (scale t l_g / c)^2)`: groups in use have
    weights of sd c at most, `c^2 ~ InverseGamma(df / 2, df slab^2 / 2)` (Piironen & Vehtari, 2017,
    "Sparsity information and regularization in the horseshoe and other shrinkage priors",
    Electronic Journal of Statistics 11, eqs 2.8 and 2.9).

    Args:
        scale: as of `Horseshoe`.
        slab: typical sd of the weights of a group in use.
        df: degrees of freedom of the Student-t slab.
        per: as of `Horseshoe`.

    Raises:
        ValueError: a number is not positive, or `per` is none of these.
    """

    standardised: ClassVar[bool] = True
    scale: Array
    slab: Array
    df: Array
    per: str = eqx.field(static=True)

    def __init__(self, scale: float = 1.0, slab: float = 2.0, df: float = 4.0, per: str = "input"):
        self.scale = positive(scale, "scale")
        self.slab = positive(slab, "slab")
        self.df = positive(df, "df")
        self.per = check_per(per)

    def latents(self, shape: Shape) -> dict[str, dist.Distribution]:
        half = 0.5 * self.df
        inner = Horseshoe(1.0, self.per).latents(shape)
        return {**inner, "slab": dist.InverseGamma(half, half * self.slab**2)}

    def transform(self, values: dict[str, Array]) -> Array:
        free = self.scale * values["global"] * values["local"]
        return free / jnp.sqrt(1.0 + free**2 / values["slab"]) * values[WEIGHT]

    def __str__(self) -> str:
        return f"RegularisedHorseshoe({float(self.scale):.4g} per {self.per})"
