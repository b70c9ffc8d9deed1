"""Numbers with heavy-tailed noise."""

import functools
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from .._core.trees import default_float
from .base import AbstractLikelihood, Own, squeeze_single, sum_target
from .scale import Scale

_NODES, _WEIGHTS = (0.5 * points for points in np.polynomial.legendre.leggauss(16))
_NODES = 0.5 + _NODES  # on the unit interval
_STIRLING = 1.0, -1 / 8, 1 / 128, 5 / 1_024, -21 / 32_768, -399 / 262_144


class QuickStudentT(dist.StudentT):
    """NumPyro's, with a cumulative distribution that takes no incomplete beta function.

    With `t = sqrt(df) tan(u)` it is `1/2 + c int_0^u cos(v)^(df - 1) dv` for |t| < 1, where
    `c = Gamma(df / 2 + 1 / 2) / Gamma(df / 2) / sqrt(pi)`. Beyond, the tail is, with
    `g = log(1 + t^2 / df)` and `z^3 = sin(v)^df / exp(-g df / 2)` of an angle v from the end,
    `c / df exp(-g df / 2) int_0^1 3 z^2 (1 - exp(-g) z^(6 / df))^(-1/2) dz`. By 16 points of Gauss
    and Legendre each: the relative error of the smaller tail is below 1e-7, but for rounding.
    """

    def cdf(self, value: Any) -> Array:
        df = jnp.asarray(self.df)
        t = (value - self.loc) / self.scale
        c = _gamma_ratio(0.5 * df) / jnp.sqrt(jnp.pi)
        beyond = c * _tail(jnp.maximum(jnp.abs(t), 1.0), df)
        centre = 0.5 + c * _from_centre(jnp.clip(t, -1.0, 1.0), df)
        return jnp.where(jnp.abs(t) < 1.0, centre, jnp.where(t < 0.0, beyond, 1.0 - beyond))


def _from_centre(t: Array, df: Array) -> Array:
    angle = jnp.arctan(t / jnp.sqrt(df))
    squares = jnp.sin(jnp.multiply.outer(angle, jnp.asarray(_NODES, angle.dtype))) ** 2
    half = jnp.broadcast_to(0.5 * (df - 1.0), angle.shape)[..., None]
    powers = jnp.exp(half * jnp.log1p(-squares))
    return angle * (powers @ jnp.asarray(_WEIGHTS, angle.dtype))


def _tail(t: Array, df: Array) -> Array:
    df = jnp.broadcast_to(df, t.shape)
    growth = jnp.log1p(t * t / df)
    steps = jnp.multiply.outer(1.0 / df, jnp.asarray(-6.0 * np.log(_NODES), t.dtype))
    heights = jax.lax.rsqrt(-jnp.expm1(-(growth[..., None] + steps)))
    area = heights @ jnp.asarray(3.0 * _NODES**2 * _WEIGHTS, t.dtype)
    return area * jnp.exp(-0.5 * df * growth) / df


def _gamma_ratio(x: Array) -> Array:
    """`Gamma(x + 1/2) / Gamma(x)` from x = 1 on, by the series for large x four further up."""
    down = functools.reduce(jnp.multiply, [(x + k) / (x + k + 0.5) for k in range(4)])
    series = jnp.polyval(jnp.asarray(_STIRLING[::-1], x.dtype), 1.0 / (x + 4.0))
    return down * jnp.sqrt(x + 4.0) * series


class StudentT(AbstractLikelihood):
    """Numbers with Student-t noise: `y = f + scale * t`, `t` with `df` degrees of freedom.

    Args:
        df: degrees of freedom above 2, so that predictions have a variance.
        scale: as `sd` of `Normal`; the noise sd is `scale * sqrt(df / (df - 2))`.

    Raises:
        ValueError: `df` is not above 2.
    """

    kind: ClassVar[str] = "numbers"
    binary: ClassVar[bool] = False
    discrete: ClassVar[bool] = False
    df: Array
    scale: Scale

    def __init__(self, df: float = 4.0, scale: Any = "learned"):
        if not float(df) > 2.0:
            raise ValueError(f"df must be above 2 for a finite variance, got {df}.")
        self.df = jnp.asarray(df, default_float())
        self.scale = Scale(scale, dist.HalfCauchy(1.0), "scale")

    @property
    def head(self) -> bool:
        return self.scale.head

    def priors(self) -> dict[str, dist.Distribution]:
        return self.scale.priors("scale")

    def target_shape(self, outputs: int) -> tuple[int, ...]:
        targets = self.scale.targets(outputs)
        return () if targets == 1 else (targets,)

    def check_targets(self, y: Any, outputs: int) -> None:
        return None

    def distribution(self, own: Own, outputs: Float[Array, "... outputs"]) -> dist.Distribution:
        location, scale = self.scale.split(own, "scale", outputs)
        location = squeeze_single(location)
        scale = squeeze_single(scale) if self.scale.head else scale
        return QuickStudentT(self.df, location, scale)

    def log_prob(self, own: Own, outputs: Float[Array, "... outputs"], y: Array) -> Array:
        logp = jnp.asarray(self.distribution(own, outputs).log_prob(y))
        return sum_target(logp, self.target_shape(outputs.shape[-1]))

    def moments(self, own: Own, outputs: Float[Array, "... outputs"]) -> tuple[Array, Array]:
        distribution = self.distribution(own, outputs)
        return distribution.mean, distribution.variance

    def __str__(self) -> str:
        return f"StudentT(df = {float(self.df):.4g}, location = outputs, scale: {self.scale})"
