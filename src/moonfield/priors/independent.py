"""Independent priors for all weights, from one distribution or a table of paths."""

import fnmatch
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, PyTree

from .._core.trees import named_leaves, numbers_to_arrays, path_name
from .base import AbstractPrior, Latents
from .scaled import Scaled, fan_in

Entry = dist.Distribution | Scaled

_START_SPREAD = 3.0**0.5  # a uniform on (-sqrt 3, sqrt 3) has sd 1
_START_GAIN = 2.0  # a start never has an sd above gain / sqrt(fan_in)


class Independent(AbstractPrior):
    """Every weight has its own distribution: `log p(w) = sum_k log p_k(w_k)`.

    Args:
        table: pattern of a parameter path (`layers.*.weight`, shell wildcards) -> a NumPyro
            distribution with scalar events or `Scaled`. The first pattern that matches wins.

    Raises:
        TypeError: an entry is neither a distribution nor `Scaled`.
        ValueError: an entry has vector events; or, when a network is bound, a pattern matches no
            parameter or a parameter has no pattern.
    """

    patterns: tuple[str, ...] = eqx.field(static=True)
    entries: tuple[Entry, ...]

    def __init__(self, table: Mapping[str, Entry] | Entry):
        if not isinstance(table, Mapping):
            table = {"*": table}
        for pattern, entry in table.items():
            _check_entry(pattern, entry)
        self.patterns = tuple(table)
        self.entries = numbers_to_arrays(tuple(table.values()))

    def check(self, shapes: PyTree) -> None:
        paths = [path_name(path) for path, _ in jax.tree_util.tree_leaves_with_path(shapes)]
        for pattern in self.patterns:
            if not fnmatch.filter(paths, pattern):
                raise ValueError(
                    f"The prior's pattern {pattern!r} matches no parameter. "
                    f"The network has {', '.join(paths) or 'no parameters'}."
                )
        for path, leaf in jax.tree_util.tree_leaves_with_path(shapes):
            name = path_name(path)
            batch = self._distribution(name, leaf.shape).batch_shape
            if not _fits(batch, leaf.shape):
                raise ValueError(
                    f"The prior of {name} is a batch of {batch} distributions, which does not "
                    f"broadcast to its shape {leaf.shape}."
                )

    def init(self, key: Array, shapes: PyTree) -> Latents:
        leaves, treedef = jax.tree_util.tree_flatten_with_path(shapes)
        edges = np.cumsum([0, *(leaf.size for _, leaf in leaves)])
        uniform = jax.random.uniform(key, (edges[-1],), minval=-_START_SPREAD, maxval=_START_SPREAD)
        values = [
            _bounded_start(
                self._distribution(path_name(path), leaf.shape),
                uniform[begin:end].reshape(leaf.shape).astype(leaf.dtype),
            )
            for (path, leaf), begin, end in zip(leaves, edges[:-1], edges[1:], strict=True)
        ]
        return Latents(jax.tree.unflatten(treedef, values), {})

    def sample(self, key: Array, shapes: PyTree) -> Latents:
        leaves, treedef = jax.tree_util.tree_flatten_with_path(shapes)
        values = []
        for i, (path, leaf) in enumerate(leaves):
            entry = self._distribution(path_name(path), leaf.shape).expand(leaf.shape)
            values.append(jnp.asarray(entry.sample(jax.random.fold_in(key, i)), leaf.dtype))
        return Latents(jax.tree.unflatten(treedef, values), {})

    def log_prob(self, latents: Latents) -> Array:
        terms = [
            jnp.sum(self._distribution(path_name(path), leaf.shape).log_prob(leaf))
            for path, leaf in jax.tree_util.tree_leaves_with_path(latents.network)
        ]
        return sum(terms, start=jnp.zeros(()))

    def transform(self, latents: Latents) -> PyTree:
        return latents.network

    def supports(self, shapes: PyTree) -> Latents:
        def support(path: tuple, leaf: jax.ShapeDtypeStruct) -> object:
            return self._distribution(path_name(path), leaf.shape).support

        return Latents(jax.tree_util.tree_map_with_path(support, shapes), {})

    def normals(self, shapes: PyTree) -> dict[str, tuple[Array, Array]]:
        entries = {
            path: self._distribution(path, leaf.shape)
            for path, leaf in named_leaves(shapes).items()
        }
        return {
            path: (jnp.asarray(entry.loc), jnp.asarray(entry.scale))
            for path, entry in entries.items()
            if type(entry) is dist.Normal
        }

    def describe(self, path: str, shape: tuple[int, ...]) -> str:
        entry = self._distribution(path, shape)
        numbers = [getattr(entry, name) for name in entry.arg_constraints]
        text = ", ".join(f"{float(n):.4g}" if jnp.ndim(n) == 0 else "..." for n in numbers)
        return f"{type(entry).__name__}({text})"

    def _distribution(self, path: str, shape: tuple[int, ...]) -> dist.Distribution:
        for pattern, entry in zip(self.patterns, self.entries, strict=True):
            if fnmatch.fnmatchcase(path, pattern):
                return entry.distribution(shape) if isinstance(entry, Scaled) else entry
        raise ValueError(
            f"No prior for parameter {path!r}: the table has "
            f"{', '.join(map(repr, self.patterns))}. Add a pattern that matches it, or '*' for all "
            "others."
        )


def _fits(batch: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether `batch` broadcasts to exactly `shape`."""
    try:
        return np.broadcast_shapes(batch, shape) == shape
    except ValueError:
        return False


def _check_entry(pattern: str, entry: object) -> None:
    if isinstance(entry, Scaled):
        return
    if not isinstance(entry, dist.Distribution):
        raise TypeError(
            f"The prior for {pattern!r} must be a NumPyro distribution or mf.priors.Scaled, "
            f"got {type(entry).__name__}."
        )
    if entry.event_shape != ():
        raise ValueError(
            f"The prior for {pattern!r} has events of shape {entry.event_shape}; a prior of "
            "independent weights needs scalar events."
        )
    if entry.is_discrete:
        raise ValueError(f"The prior for {pattern!r} is discrete; weights must be continuous.")


def _bounded_start(entry: dist.Distribution, uniform: Array) -> Array:
    """Around the prior mean with the prior's sd, but never wider than 2 / sqrt(fan_in).

    `uniform` has sd 1. On a constrained support: close to the point of the prior mean.
    """
    limit = _START_GAIN / fan_in(uniform.shape) ** 0.5
    transform = dist.biject_to(entry.support)
    try:
        mean, sd = entry.mean, jnp.sqrt(entry.variance)
    except NotImplementedError:  # a distribution without moments: start around the bijection's 0
        mean, sd = jnp.nan, jnp.nan
    mean = jnp.where(jnp.isfinite(mean), mean, transform(jnp.zeros(())))
    sd = jnp.where(jnp.isfinite(sd), jnp.minimum(sd, limit), limit)
    mean, sd = jnp.broadcast_to(mean, uniform.shape), jnp.broadcast_to(sd, uniform.shape)
    if isinstance(entry.support, type(dist.constraints.real)):
        return (mean + sd * uniform).astype(uniform.dtype)
    center = transform.inv(mean)
    return transform(center + 0.1 * uniform).astype(uniform.dtype)
