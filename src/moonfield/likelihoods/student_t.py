"""Numbers with heavy-tailed noise."""

import functools
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from .._core.trees import default_float
from .base import AbstractLikelihood, Own, squeeze_single, sum_target
from .scale import Scale

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_SDS = 8.0  # from the centre, beyond which normal noise has no probability in 64 bits
_STIRLING = 1.0, -1 / 8, 1 / 128, 5 / 1_024, -21 / 32_768, -399 / 262_144


class QuickStudentT(dist.StudentT):
    """NumPyro's, with a cumulative distribution that takes no incomplete beta function.

    With `t = sqrt(df) tan(u)` it is `1/2 + c int_0^u cos(v)^(df - 1) dv`, by 16 points of Gauss and
    Legendre, and `c = Gamma(df / 2 + 1 / 2) / Gamma(df / 2) / sqrt(pi)`. Its error is below 1e-6.
    """

    def cdf(self, value: Any) -> Array:
        df = jnp.asarray(self.df)
        root = jnp.sqrt(df)
        angle = jnp.arctan((value - self.loc) / (self.scale * root))
        most = jnp.minimum(0.5 * jnp.pi, _SDS / root)
        angle = jnp.clip(angle, -most, most)
        nodes = jnp.asarray(0.5 * (_NODES + 1.0), angle.dtype)
        squares = jnp.sin(jnp.multiply.outer(angle, nodes)) ** 2
        half = jnp.broadcast_to(0.5 * (df - 1.0), angle.shape)[..., None]
        powers = jnp.exp(half * jnp.log1p(-squares))
        area = 0.5 * angle * (powers @ jnp.asarray(_WEIGHTS, angle.dtype))
        return 0.5 + area * _gamma_ratio(0.5 * df) / jnp.sqrt(jnp.pi)


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
