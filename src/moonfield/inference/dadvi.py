"""Deterministic ADVI: a mean-field Gaussian by fixed draws and second-order optimisation."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core.checks import whole
from .._core.keys import Stream, stream
from .._core.results import Result
from .._core.slices import by_slices
from ..families import AbstractApproximation, Gaussian, MeanField, MeanFieldState, Variational
from ..model import AbstractModel, space
from .curvature import check_size, invert, precision_at
from .evidence import estimate_elbo
from .map import not_finite, starting_points
from .method import AbstractDirect, Outcome
from .optimise import Optimum, maximise
from .target import Target

_START_SD = 0.1
_LEAST_DRAWS, _MATCHED_SIZE = 30, 500
_TOGETHER = 2**21  # draws times rows whose densities are worked out side by side

Fitted = tuple[AbstractApproximation, tuple[float, float], dict[str, Any]]


class FixedDraws(eqx.Module):
    """The mean-field ELBO at fixed draws, a function of (mean, log sd) in one vector.

    `1/K sum_k log p(data, mean + sd e_k) + H[q]`, nats (Giordano et al., 2024, eq. 4).
    """

    target: Target
    noise: Float[Array, "draws size"]

    def __call__(self, parameters: Float[Array, " twice_size"]) -> Float[Array, ""]:
        state = MeanFieldState(*jnp.split(parameters, 2))
        z = jax.vmap(MeanField().sample, (None, 0))(state, self.noise)
        return jnp.mean(self._densities(z)) + MeanField().entropy(state)

    def _densities(self, z: Float[Array, "draws size"]) -> Float[Array, " draws"]:
        """Of all draws; where there are too many rows to hold them all, of some at a time."""
        together = max(1, _TOGETHER // max(1, self.target.batch.weights.size))
        return by_slices(jax.vmap(self.target.log_density), z, together)


class DADVI(AbstractDirect):
    """Mean-field ADVI with fixed draws, maximised to high accuracy, then linear response.

    The draws are matched to the moments of the standard normal: their mean is 0 and each variance
    1, and with more draws than parameters their covariance is the identity, so that the optimum for
    a Gaussian posterior is exact. Linear response turns the optimum's sensitivity into a
    covariance, `(-d^2 ELBO)^-1` in its block of means: correlations that mean-field leaves out, and
    sds that it makes too small (Giordano, Ingram & Broderick, 2024, "Black box variational
    inference with a deterministic objective", JMLR 25; Giordano, Broderick & Jordan, 2018,
    "Covariances, robustness, and variational Bayes", JMLR 19).

    The ELBO comes from fresh draws. Where it lies far below `facts["fixed_draws_elbo"]`, q fits the
    fixed draws rather than the posterior: take more of them, best twice as many as parameters.

    Args:
        draws: how many fixed draws; each costs a gradient in each step. Left out, twice as many as
            parameters, which makes Gaussian posteriors exact, but at least 30, and 30 where there
            are more than 500 parameters.
        linear_response: return the Gaussian with that covariance; otherwise the mean-field one.

    Raises:
        TypeError, ValueError: `draws` is below 2, or the covariance would not fit.
    """

    draws: int | None = eqx.field(static=True)
    linear_response: bool = eqx.field(static=True)

    def __init__(self, draws: int | None = None, linear_response: bool = True):
        self.draws = None if draws is None else whole(draws, "draws", least=2)
        self.linear_response = bool(linear_response)

    @property
    def name(self) -> str:
        return "dadvi"

    def bind(self, model: AbstractModel) -> "DADVI":
        if self.linear_response:
            check_size(2 * space(model).size, "Use mf.DADVI(linear_response=False).")
        return self

    def run(
        self,
        target: Target,
        seed: int,
        start: Float[Array, " size"] | None = None,
        progress: bool = False,
    ) -> Outcome:
        mean, draws = starting_points(target, seed, start, 1), self._number(target.size)
        objective = FixedDraws(target, matched_draws(draws, target.size, seed, mean.dtype))
        first = np.concatenate([mean, np.full_like(mean, np.log(_START_SD))], axis=1)
        best = maximise(objective, jax.device_put(first))
        if best.result is Result.nonfinite:
            raise not_finite(target)
        approximation, elbo, facts = self._fitted(objective, best, stream(seed, Stream.draws))
        hessian = 2 * target.size if self.linear_response else 0
        return Outcome(
            approximation=approximation,
            trace=best.trace,
            result=best.result,
            steps=len(best.trace),
            evaluations=draws * (best.evaluations + hessian),
            elbo=elbo,
            compile_seconds=best.compile_seconds,
            facts=facts,
        )

    def _number(self, size: int) -> int:
        if self.draws is not None:
            return self.draws
        return max(_LEAST_DRAWS, 2 * size) if size <= _MATCHED_SIZE else _LEAST_DRAWS

    def _fitted(self, objective: FixedDraws, best: Optimum, key: Array) -> Fitted:
        """What the optimum stands for, its ELBO from fresh draws, and facts."""
        target = objective.target
        state = MeanFieldState(*jnp.split(best.point, 2))
        mean_field = Variational(MeanField(), state, target.size)
        elbo = estimate_elbo(target, mean_field, MeanField().entropy(state), key)
        facts = {
            "gradient_norm": best.gradient_norm,
            "distance_in_sds": best.distance,
            "fixed_draws_elbo": best.value,
            "mean_field_elbo": elbo[0],
            "mean_field_sd": np.exp(np.asarray(state.log_sd)).tolist(),
        }
        if not self.linear_response:
            return mean_field, elbo, facts
        gaussian, replaced = _respond(objective, best.point)
        facts["linear_response_sd"] = np.asarray(gaussian.moments()[1]).tolist()
        facts["curvatures_replaced"] = replaced
        return gaussian, estimate_elbo(target, gaussian, gaussian.entropy(), key), facts


def _respond(objective: FixedDraws, optimum: Array) -> tuple[Gaussian, int]:
    """The linear response Gaussian: the leading block of a lower triangular root is its own."""
    size = optimum.size // 2
    inverse = invert(precision_at(objective, optimum))
    root = jnp.asarray(inverse.root[:size, :size], optimum.dtype)
    return Gaussian(optimum[:size], root), inverse.replaced


def matched_draws(draws: int, size: int, seed: int, dtype: Any) -> Float[Array, "draws size"]:
    """Standard normal draws with mean exactly 0 and variance exactly 1.

    They are antithetic where that leaves room. With more draws than `size` their covariance is the
    identity; with fewer, which cannot be, variances alone are matched.
    """
    noise = jax.random.normal(stream(seed, Stream.noise), (draws, size), dtype)
    noise = np.asarray(noise, np.float64)
    if draws % 2 == 0 and not size < draws < 2 * size:
        noise = np.concatenate([noise[: draws // 2], -noise[: draws // 2]])
    noise = noise - noise.mean(axis=0)
    if draws > size:
        root = np.linalg.cholesky(noise.T @ noise / draws)
        noise = np.linalg.solve(root, noise.T).T
    else:
        noise = noise / noise.std(axis=0)
    return jax.device_put(noise.astype(dtype))
