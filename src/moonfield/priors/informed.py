"""Priors from what was learned before."""

import fnmatch
import os
from typing import Any, ClassVar, cast

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, PyTree

from .._core.moments import streamed_moments
from .._core.trees import default_float, named_leaves, numbers_to_arrays
from .directions import group_directions
from .entry import WEIGHT, AbstractEntry, Shape, check_positive

_LEAST_LEFT = 0.1  # of an sd: what directions, which are estimates, never take


class Informed(AbstractEntry):
    """Weights near known ones: `w = mean + s (sd z + sum_k u_k d_k)`, all z and u `N(0, 1)`.

    The scale s is 1 or learned; directions d_k correlate the weights of one array: their covariance
    is `s^2 (diag(sd^2) + sum_k d_k d_k^T)`.

    Usually made for many arrays at once by `from_posterior` or `from_weights`, as entries of a
    table by path, to be joined with priors of what is new:
    `prior = {**mf.priors.Informed.from_posterior(old, layers="layers.0.*"), "*": Scaled(1.0)}`.

    Args:
        mean: of the weights; an array of their shape.
        sd: of the weights about it; a number or an array.
        scale: prior of s on positive numbers, so that the data say how far to trust the mean (an
            empirical-Bayes scale, fully Bayesian); None for s = 1.
        directions: d, an array (directions, ...) of differences from the mean; None for none.

    Raises:
        TypeError, ValueError: an sd is not positive, directions have another shape than the mean,
            or `scale` is no distribution of one positive number.
    """

    standardised: ClassVar[bool] = True
    mean: Array
    sd: Array
    scale: dist.Distribution | None
    directions: Array | None

    def __init__(
        self,
        mean: Any,
        sd: Any,
        scale: dist.Distribution | None = None,
        directions: Any = None,
    ):
        if not (np.asarray(sd) > 0.0).all():
            raise ValueError("sd must be positive.")
        self.mean = jnp.asarray(mean, default_float())
        self.sd = jnp.broadcast_to(jnp.asarray(sd, default_float()), self.mean.shape)
        self.scale = None if scale is None else numbers_to_arrays(check_positive(scale))
        self.directions = None if directions is None else jnp.asarray(directions, self.mean.dtype)
        if self.directions is not None and self.directions.shape[1:] != self.mean.shape:
            raise ValueError(
                f"directions must be an array (directions, {', '.join(map(str, self.mean.shape))}),"
                f" got {self.directions.shape}."
            )

    @staticmethod
    def from_posterior(
        posterior: Any,
        layers: str = "*",
        inflate: float = 1.0,
        scale: dist.Distribution | None = None,
    ) -> dict[str, "Informed"]:
        """Entries with the posterior means and `inflate` times the posterior sds of weights.

        Args:
            posterior: of a network, by any method.
            layers: pattern of the paths to take, e.g. `"layers.0.*"`.
            inflate: factor of the sds; above 1 for tasks that are only alike.
            scale: as of `Informed`.

        Raises:
            ValueError: no path matches.
        """
        found = streamed_moments(lambda n, seed: posterior.sample(n, seed)["network"])
        return {
            path: Informed(mean, inflate * sd, scale) for path, (mean, sd) in _some(found, layers)
        }

    @staticmethod
    def from_population(
        posterior: Any, inflate: float = 1.0, within: tuple = (), correlated: bool = False
    ) -> dict[str, "Informed"]:
        """Entries with the mean and sd across groups of a hierarchical network's population.

        Weights of a group that was not seen, under the posterior of the population:
        `mean = E[mu]`, `sd^2 = Var[mu] + E[sum_l s_l^2]`, for a new task of the same kind.

        Args:
            posterior: of a hierarchical network.
            inflate: factor of the sds.
            within: names of the known coarser groups that the new one belongs to, coarse first:
                `("ford",)` for a new model of that maker.
            correlated: with the covariance across groups too, array by array: the directions are
                those in which the known groups' posterior means differ, and the sd is what these
                leave of the variance above.

        Raises:
            ValueError: the posterior is not of a hierarchical network, or it has no such group.
        """
        found = streamed_moments(lambda n, seed: posterior.population(n, seed, within))
        apart = group_directions(posterior, len(within)) if correlated else {}
        return {
            path: _along(mean, inflate * sd, inflate * apart[path])
            if path in apart
            else Informed(mean, inflate * sd)
            for path, (mean, sd) in found.items()
        }

    @staticmethod
    def from_weights(
        weights: PyTree | str | os.PathLike,
        sd: float,
        layers: str = "*",
        scale: dist.Distribution | None = None,
    ) -> dict[str, "Informed"]:
        """Entries with given means and one sd: of a tree of weights, or a safetensors file.

        The names in a file are paths: `layers.0.weight`.

        Raises:
            ValueError: no path matches.
        """
        if isinstance(weights, str | os.PathLike):
            from safetensors.numpy import load_file  # noqa: PLC0415

            named: dict[str, Any] = load_file(weights)
        else:
            named = named_leaves(jax.tree.map(_array_or_none, weights))
        return {path: Informed(leaf, sd, scale) for path, leaf in _some(named, layers)}

    def latents(self, shape: Shape) -> dict[str, dist.Distribution]:
        standard = dist.Normal(jnp.zeros_like(self.mean), jnp.ones(()))
        found: dict[str, dist.Distribution] = {WEIGHT: standard}
        if self.directions is not None:
            found["along"] = dist.Normal(jnp.zeros(len(self.directions)), jnp.ones(()))
        return found if self.scale is None else {**found, "scale": self.scale.expand((1,))}

    def transform(self, values: dict[str, Array]) -> Array:
        factor = values.get("scale", jnp.ones(()))
        apart = self.sd * values[WEIGHT]
        if self.directions is not None:
            apart = apart + jnp.tensordot(values["along"], self.directions, axes=1)
        return self.mean + factor.reshape(()) * apart

    def __str__(self) -> str:
        learned = "" if self.scale is None else f", {type(self.scale).__name__} scale"
        if self.directions is not None:
            learned = f", {len(self.directions)} directions{learned}"
        return f"Informed(sd about {float(jnp.median(self.sd)):.4g}{learned})"


def _along(mean: np.ndarray, sd: np.ndarray, directions: np.ndarray) -> Informed:
    """With these sds in all, of which directions take their part."""
    left = sd**2 - (directions**2).sum(axis=0)
    return Informed(mean, np.sqrt(np.maximum(left, (_LEAST_LEFT * sd) ** 2)), None, directions)


def _array_or_none(leaf: Any) -> Any:
    array = hasattr(leaf, "dtype") and jnp.issubdtype(cast(Any, leaf).dtype, jnp.floating)
    return leaf if array else None


def _some(named: dict[str, Any], layers: str) -> list[tuple[str, Any]]:
    found = [(path, leaf) for path, leaf in named.items() if fnmatch.fnmatchcase(path, layers)]
    if not found:
        raise ValueError(f"No weights match {layers!r}; there are {', '.join(named)}.")
    return found
