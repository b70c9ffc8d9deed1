"""A family over some parameters, the others at a point."""

import itertools
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from .adaptive_depth import AdaptiveDepth
from .amortised import Amortised
from .base import AbstractFamily
from .mean_field import MeanField


class Stretch(NamedTuple):
    """Neighbouring entries of z, and whether they are at the point."""

    begin: int
    end: int
    point: bool


class PartialState(NamedTuple):
    """The state of the inner family, and where all else is."""

    inner: PyTree
    point: Float[Array, " points"]


class Partial(AbstractFamily):
    """`q(w, v) = q(w) delta(v - point)`: a family for the Bayesian parameters w of a model of which
    only a part is Bayesian (`mf.BayesianNetwork(..., bayesian="layers.-1.*")`).

    The ELBO is then `E_q[log p(y, w | v)] + H[q(w)] + log p(v)` at v = point: the deterministic v
    are learned with q, by maximum a posteriori under the same bound (under a wide prior by maximum
    likelihood). As a point has no density, `log_prob`, `entropy` and k-hat are those of w given v.

    `mf.fit` puts it around the family of an `mf.ADVI(...)` where the model asks for it, and calls
    `bind(space)`, which finds the two parts by their paths.

    Args:
        inner: the family of w; `mf.families.MeanField()` by default.
        stretches: where w and v stand in z; set by `bind`.

    Raises:
        TypeError: `inner` is no family, or one of local variables, of depths, or `Partial` itself.
    """

    inner: AbstractFamily
    stretches: tuple[Stretch, ...] = eqx.field(static=True, metadata={"bound": True})

    def __init__(self, inner: AbstractFamily = MeanField(), stretches: tuple[Stretch, ...] = ()):
        apart = Partial | Amortised | AdaptiveDepth
        if not isinstance(inner, AbstractFamily) or isinstance(inner, apart):
            raise TypeError(
                "inner must be one of mf.families but Partial, Amortised and AdaptiveDepth, got "
                f"{inner!r}."
            )
        self.inner, self.stretches = inner, stretches

    def bind(self, space: Any) -> "Partial":
        edges = np.cumsum([0, *map(math.prod, space.shapes)]).tolist()
        points = space.points
        owners = [path in points for path in space.paths]
        stretches: list[Stretch] = []
        for point, (begin, end) in zip(owners, itertools.pairwise(edges), strict=True):
            if stretches and stretches[-1].point == point:
                stretches[-1] = stretches[-1]._replace(end=end)
            else:
                stretches.append(Stretch(begin, end, point))
        return Partial(self.inner.bind(_part(space, point=False)), tuple(stretches))

    @property
    def fusible(self) -> bool:
        return self.inner.fusible

    def init(self, location: Float[Array, " size"], sd: float) -> PartialState:
        free, point = self._apart(location)
        return PartialState(self.inner.init(free, sd), point)

    def noise_size(self, size: int) -> int:
        return self.inner.noise_size(sum(s.end - s.begin for s in self.stretches if not s.point))

    def sample(self, state: PartialState, noise: Float[Array, " noise"]) -> Float[Array, " size"]:
        return self._together(self.inner.sample(state.inner, noise), state.point)

    def strata(
        self, state: PartialState, noise: Float[Array, " noise"]
    ) -> tuple[Float[Array, " strata"], Float[Array, "strata size"]]:
        log_weights, draws = self.inner.strata(state.inner, noise)
        return log_weights, jax.vmap(self._together, (0, None))(draws, state.point)

    def log_prob(self, state: PartialState, z: Float[Array, " size"]) -> Float[Array, ""]:
        return self.inner.log_prob(state.inner, self._apart(z)[0])

    def sample_and_log_prob(
        self, state: PartialState, noise: Float[Array, " noise"]
    ) -> tuple[Float[Array, " size"], Float[Array, ""]]:
        free, log_prob = self.inner.sample_and_log_prob(state.inner, noise)
        return self._together(free, state.point), log_prob

    def entropy(self, state: PartialState) -> Float[Array, ""] | None:
        return self.inner.entropy(state.inner)

    def moments(self, state: PartialState) -> tuple[Array, Array] | None:
        found = self.inner.moments(state.inner)
        if found is None:
            return None
        zeros = jnp.zeros_like(state.point)
        return self._together(found[0], state.point), self._together(found[1], zeros)

    def path_of(self, space: Any, index: int) -> str:
        """The path of the parameter that entry `index` of the flat state speaks of."""
        free, points = _part(space, point=False), _part(space, point=True)
        location = jax.ShapeDtypeStruct((free.size,), jnp.float32)
        shapes = jax.eval_shape(lambda z: self.inner.init(z, 1.0), location)
        inner = sum(leaf.size for leaf in jax.tree.leaves(shapes))
        return free.path_of(index % free.size) if index < inner else points.path_of(index - inner)

    def _apart(self, z: Float[Array, " size"]) -> tuple[Array, Array]:
        """The entries of w, and those of v."""
        parts = [
            [z[s.begin : s.end] for s in self.stretches if s.point == p] for p in (False, True)
        ]
        none = z[:0]
        return jnp.concatenate([none, *parts[0]]), jnp.concatenate([none, *parts[1]])

    def _together(self, free: Array, point: Array) -> Float[Array, " size"]:
        """The inverse of `_apart`."""
        sources, places = (free, point), [0, 0]
        parts = []
        for begin, end, is_point in self.stretches:
            first, count = places[is_point], end - begin
            parts.append(sources[is_point][first : first + count])
            places[is_point] += count
        return jnp.concatenate(parts)


class _Part(NamedTuple):
    """Some of the parameters of a space, as a space."""

    size: int
    paths: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    def path_of(self, index: int) -> str:
        """The path of the parameter that owns an entry."""
        ends = np.cumsum([math.prod(shape) for shape in self.shapes])
        return self.paths[int(np.searchsorted(ends, index, side="right"))]


def _part(space: Any, point: bool) -> _Part:
    """The parameters of a space that are at a point, or those that are not."""
    points = space.points
    kept = [
        (path, shape)
        for path, shape in zip(space.paths, space.shapes, strict=True)
        if (path in points) is point
    ]
    shapes = tuple(shape for _, shape in kept)
    return _Part(sum(map(math.prod, shapes)), tuple(path for path, _ in kept), shapes)
