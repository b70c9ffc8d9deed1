"""Independent priors for all weights, from one distribution or a table of paths."""

import fnmatch
from collections.abc import Collection, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, PyTree

from .._core.trees import named_leaves, numbers_to_arrays, path_name
from .base import AbstractPrior, Latents
from .entry import WEIGHT, AbstractEntry, middle
from .scaled import Scaled, fan_in

Entry = dist.Distribution | Scaled | AbstractEntry

_START_SPREAD = 3.0**0.5  # a uniform on (-sqrt 3, sqrt 3) has sd 1
_START_GAIN = 2.0  # a start never has an sd above gain / sqrt(fan_in)


class Independent(AbstractPrior):
    """Every array of weights has its own prior, independent of the others'.

    `log p = sum_k log p_k(w_k)` where entries are distributions. Entries with latent variables of
    their own (`LearnedScale`, `Horseshoe`, ...) add these under `prior.<path>.<name>`.

    Args:
        table: pattern of a parameter path (`layers.*.weight`, shell wildcards) -> a NumPyro
            distribution with scalar events, `Scaled` or an `AbstractEntry`. The first pattern that
            matches wins.

    Raises:
        TypeError: an entry is none of these.
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
        paths = list(named_leaves(shapes))
        for pattern in self.patterns:
            if not fnmatch.filter(paths, pattern):
                raise ValueError(
                    f"The prior's pattern {pattern!r} matches no parameter. "
                    f"The network has {', '.join(paths) or 'no parameters'}."
                )
        for path, leaf in named_leaves(shapes).items():
            batch = self._latents(path, leaf.shape)[WEIGHT].batch_shape
            if not _fits(batch, leaf.shape):
                raise ValueError(
                    f"The prior of {path} is a batch of {batch} distributions, which does not "
                    f"broadcast to its shape {leaf.shape}."
                )

    def init(self, key: Array, shapes: PyTree) -> Latents:
        leaves, treedef = jax.tree_util.tree_flatten_with_path(shapes)
        edges = np.cumsum([0, *(leaf.size for _, leaf in leaves)])
        uniform = jax.random.uniform(key, (edges[-1],), minval=-_START_SPREAD, maxval=_START_SPREAD)
        values, others = [], {}
        for (path, leaf), begin, end in zip(leaves, edges[:-1], edges[1:], strict=True):
            name = path_name(path)
            latents = self._latents(name, leaf.shape)
            limit = _limit(self.entry(name), leaf.shape)
            start = uniform[begin:end].reshape(leaf.shape).astype(leaf.dtype)
            values.append(_bounded_start(latents.pop(WEIGHT), start, limit))
            others |= _under(name, {k: middle(d) for k, d in latents.items()})
        return Latents(jax.tree.unflatten(treedef, values), others)

    def sample(self, key: Array, shapes: PyTree) -> Latents:
        leaves, treedef = jax.tree_util.tree_flatten_with_path(shapes)
        values, others = [], {}
        for i, (path, leaf) in enumerate(leaves):
            name, own = path_name(path), jax.random.fold_in(key, i)
            latents = self._latents(name, leaf.shape)
            weight = latents.pop(WEIGHT).expand(leaf.shape)
            values.append(jnp.asarray(weight.sample(own), leaf.dtype))
            drawn = {
                k: jnp.asarray(entry.sample(jax.random.fold_in(own, j)), leaf.dtype)
                for j, (k, entry) in enumerate(latents.items())
            }
            others |= _under(name, drawn)
        return Latents(jax.tree.unflatten(treedef, values), others)

    def log_prob(self, latents: Latents) -> Array:
        total = jnp.zeros(())
        for path, values in self._values(latents):
            total = sum(self._terms(path, values), start=total)
        return total

    def log_probs(self, latents: Latents) -> dict[str, Array]:
        """Log-density of the latents of each array of weights, by path; their sum is `log_prob`."""
        return {
            path: sum(self._terms(path, values), start=jnp.zeros(()))
            for path, values in self._values(latents)
        }

    def transform(self, latents: Latents) -> PyTree:
        if not any(isinstance(entry, AbstractEntry) for entry in self.entries):
            return latents.network
        made = []
        for path, values in self._values(latents):
            entry = self.entry(path)
            own = isinstance(entry, AbstractEntry)
            made.append(entry.transform(values) if own else values[WEIGHT])
        return jax.tree.unflatten(jax.tree.structure(latents.network), made)

    def supports(self, shapes: PyTree) -> Latents:
        weights, others = [], {}
        for path, leaf in named_leaves(shapes).items():
            entries = {name: d.support for name, d in self._latents(path, leaf.shape).items()}
            weights.append(entries.pop(WEIGHT))
            others |= _under(path, entries)
        return Latents(jax.tree.unflatten(jax.tree.structure(shapes), weights), others)

    def normals(self, shapes: PyTree) -> dict[str, tuple[Array, Array]]:
        entries = {
            path: self._latents(path, leaf.shape)[WEIGHT]
            for path, leaf in named_leaves(shapes).items()
        }
        return {
            path: (jnp.asarray(entry.loc), jnp.asarray(entry.scale))
            for path, entry in entries.items()
            if type(entry) is dist.Normal
        }

    def describe(self, path: str, shape: tuple[int, ...]) -> str:
        entry = self.entry(path)
        if isinstance(entry, AbstractEntry):
            return str(entry)
        plain = self._latents(path, shape)[WEIGHT]
        numbers = [getattr(plain, name) for name in plain.arg_constraints]
        text = ", ".join(f"{float(n):.4g}" if jnp.ndim(n) == 0 else "..." for n in numbers)
        return f"{type(plain).__name__}({text})"

    def is_plain(self, path: str) -> bool:
        entry = self.entry(path)
        return entry.is_plain if isinstance(entry, AbstractEntry) else True

    def only(self, paths: Collection[str]) -> "Independent":
        """The same table without the patterns that match none of these paths."""
        return Independent(
            {
                pattern: entry
                for pattern, entry in zip(self.patterns, self.entries, strict=True)
                if fnmatch.filter(paths, pattern)
            }
        )

    def _values(self, latents: Latents) -> list[tuple[str, dict[str, Array]]]:
        """The latents of each array of weights, by path."""
        return [
            (path, {WEIGHT: leaf, **latents.prior.get(path, {})})
            for path, leaf in named_leaves(latents.network).items()
        ]

    def _terms(self, path: str, values: dict[str, Array]) -> list[Array]:
        entries = self._latents(path, values[WEIGHT].shape)
        return [jnp.sum(entries[name].log_prob(value)) for name, value in values.items()]

    def _latents(self, path: str, shape: tuple[int, ...]) -> dict[str, dist.Distribution]:
        entry = self.entry(path)
        if isinstance(entry, AbstractEntry):
            return entry.latents(shape)
        return {WEIGHT: entry.distribution(shape) if isinstance(entry, Scaled) else entry}

    def entry(self, path: str) -> Entry:
        """The prior of the weights at this path; `ValueError` where no pattern matches."""
        for pattern, entry in zip(self.patterns, self.entries, strict=True):
            if fnmatch.fnmatchcase(path, pattern):
                return entry
        raise ValueError(
            f"No prior for parameter {path!r}: the table has "
            f"{', '.join(map(repr, self.patterns))}. Add a pattern that matches it, or '*' for all "
            "others."
        )


def _under(path: str, others: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {path: others} if others else {}


def _limit(entry: Entry, shape: tuple[int, ...]) -> float:
    """The largest sd to start with."""
    if isinstance(entry, AbstractEntry) and entry.standardised:
        return 1.0
    return _START_GAIN / fan_in(shape) ** 0.5


def _fits(batch: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether `batch` broadcasts to exactly `shape`."""
    try:
        return np.broadcast_shapes(batch, shape) == shape
    except ValueError:
        return False


def _check_entry(pattern: str, entry: object) -> None:
    if isinstance(entry, Scaled | AbstractEntry):
        return
    if not isinstance(entry, dist.Distribution):
        raise TypeError(
            f"The prior for {pattern!r} must be a NumPyro distribution or one of mf.priors, "
            f"got {type(entry).__name__}."
        )
    if entry.event_shape != ():
        raise ValueError(
            f"The prior for {pattern!r} has events of shape {entry.event_shape}; a prior of "
            "independent weights needs scalar events."
        )
    if entry.is_discrete:
        raise ValueError(f"The prior for {pattern!r} is discrete; weights must be continuous.")


def _bounded_start(entry: dist.Distribution, uniform: Array, limit: float) -> Array:
    """Around the prior mean with the prior's sd, but never with one above the limit.

    `uniform` has sd 1. On a constrained support: close to the point of the prior mean.
    """
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
