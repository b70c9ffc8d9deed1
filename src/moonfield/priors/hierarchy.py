"""Weights of several groups that share a population."""

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, PyTree

from .._core.trees import named_leaves, numbers_to_arrays, path_name
from .adaptive_depth import AdaptiveDepth
from .base import AbstractPrior, Latents
from .entry import check_per, groups, middle
from .pruned import Pruned

SHARED, PARTIAL, SEPARATE = "shared", "partial", "separate"
_KEY = "groups"  # of the groups' latents among those of the prior


class Hierarchy(AbstractPrior):
    """Each array of weights shared by all groups, partially pooled, or separate in each.

    - shared: one `w ~ base`;
    - partial: `w_g = mu + sum_l s_l z_lg`, `mu ~ base`, `z ~ N(0, 1)`, `s_l ~ spread`, non-centred,
      with one term for each level l of nested groups (Gelman & Hill, 2007, chapter 13);
    - separate: `w_g = mean + sd z_g` with the mean and sd of a normal base.

    Args:
        base: the prior of one network: of the population, and of shared and separate weights.
        levels: pattern of a parameter path -> one of the three; the first that matches wins, and
            what none matches is partial.
        parents: for each level of groups, coarse to fine, the number of its group that holds each
            of the finest groups.
        spread: prior of s, on positive numbers.
        per: whether there is one s for each `"weight"`, `"unit"` or `"layer"`.

    Raises:
        ValueError: a level or `per` is none of these; when bound, a pattern matches no parameter or
            a separate array has no normal prior.
    """

    base: AbstractPrior
    levels: tuple[tuple[str, str], ...] = eqx.field(static=True)
    parents: tuple[Array, ...]
    sizes: tuple[int, ...] = eqx.field(static=True)
    spread: dist.Distribution
    per: str = eqx.field(static=True)

    def __init__(
        self,
        base: AbstractPrior,
        levels: Mapping[str, str],
        parents: Sequence[Any],
        spread: dist.Distribution,
        per: str = "weight",
    ):
        for pattern, level in levels.items():
            if level not in (SHARED, PARTIAL, SEPARATE):
                raise ValueError(
                    f"level[{pattern!r}] must be 'shared', 'partial' or 'separate', got {level!r}."
                )
        self.base = base
        self.levels = tuple(levels.items())
        self.parents = tuple(jnp.asarray(index, jnp.int32) for index in parents)
        self.sizes = tuple(int(max(index)) + 1 for index in parents)
        self.spread = numbers_to_arrays(spread)
        self.per = per if per == "weight" else check_per(per)

    def level(self, path: str) -> str:
        """How groups share the weights at this path."""
        for pattern, level in self.levels:
            if fnmatch.fnmatchcase(path, pattern):
                return level
        return PARTIAL

    def apart(self, shapes: PyTree) -> frozenset[str]:
        """The paths of weights that differ between groups."""
        return frozenset(path for path in named_leaves(shapes) if self.level(path) != SHARED)

    def check(self, shapes: PyTree) -> None:
        paths = list(named_leaves(shapes))
        for pattern, _ in self.levels:
            if not fnmatch.filter(paths, pattern):
                raise ValueError(
                    f"The level pattern {pattern!r} matches no parameter. "
                    f"The network has {', '.join(paths)}."
                )
        self.base.check(shapes)
        if isinstance(self.base, AdaptiveDepth):
            raise ValueError(
                "Groups cannot learn the depth of their networks: leave AdaptiveDepth out."
            )
        if isinstance(self.base, Pruned):
            raise ValueError(
                "What groups add to pruned weights is not pruned: give the prior that was there "
                "before, without mf.priors.Pruned."
            )
        normal = self.base.normals(shapes)
        for path in paths:
            if self.level(path) == SEPARATE and (
                path not in normal or not self.base.is_plain(path)
            ):
                raise ValueError(
                    f"{path} is separate in each group, which needs a normal prior; it has "
                    f"{self.base.describe(path, named_leaves(shapes)[path].shape)}."
                )

    def init(self, key: Array, shapes: PyTree) -> Latents:
        own, other = jax.random.split(key)
        latents = self.base.init(own, self._population(shapes))
        starts = named_leaves(
            jax.vmap(lambda k: self.base.init(k, shapes).network)(
                jax.random.split(other, self.sizes[-1])
            )
        )
        normal = self.base.normals(shapes)
        found = {}
        for path, entries in self._entries(shapes).items():
            values = {name: _start(entry) for name, entry in entries.items()}
            if self.level(path) == SEPARATE:
                shape = (1, *starts[path].shape[1:])
                mean, sd = (jnp.broadcast_to(value, shape) for value in normal[path])
                values["z"] = (starts[path] - mean) / sd
            found[path] = values
        return self._with(latents, found)

    def sample(self, key: Array, shapes: PyTree) -> Latents:
        own, other = jax.random.split(key)
        latents = self.base.sample(own, self._population(shapes))
        found, i = {}, 0
        for path, entries in self._entries(shapes).items():
            found[path] = {}
            for name, entry in entries.items():
                drawn = entry.sample(jax.random.fold_in(other, i))
                found[path][name] = jnp.asarray(drawn, jnp.result_type(float))
                i += 1
        return self._with(latents, found)

    def log_prob(self, latents: Latents) -> Array:
        total = self.base.log_prob(self._without(latents))
        for values in self._groups(latents).values():
            for name, value in values.items():
                entry = self.spread if name.startswith("sd") else _STANDARD
                total = total + jnp.sum(entry.log_prob(value))
        return total

    def transform(self, latents: Latents) -> PyTree:
        base, own = self.base.transform(self._without(latents)), self._groups(latents)
        means = dict.fromkeys(own) | named_leaves(base)
        known = self.base.normals(_shapes_of(own, means))

        def one(path: tuple, leaf: Array | None) -> Array | None:
            name = path_name(path)
            if name not in own:
                return leaf
            if self.level(name) == SEPARATE:
                mean, sd = known[name]
                shape = (1, *own[name]["z"].shape[1:])
                mean, sd = jnp.broadcast_to(mean, shape), jnp.broadcast_to(sd, shape)
                return mean + sd * own[name]["z"]
            terms = [
                (own[name][f"sd{suffix}"][None] * own[name][f"z{suffix}"])[index]
                for suffix, index in zip(self._suffixes, self.parents, strict=True)
            ]
            return cast(Array, leaf)[None] + sum(terms)

        return jax.tree_util.tree_map_with_path(one, base, is_leaf=lambda node: node is None)

    def supports(self, shapes: PyTree) -> Latents:
        latents = self.base.supports(self._population(shapes))
        found = {
            path: {name: entry.support for name, entry in entries.items()}
            for path, entries in self._entries(shapes).items()
        }
        return self._with(latents, found)

    def normals(self, shapes: PyTree) -> dict[str, tuple[Array, Array]]:
        found = dict(self.base.normals(self._population(shapes)))
        for path, entries in self._entries(shapes).items():
            for name in entries:
                if name.startswith("z"):
                    found[f"prior.{_KEY}.{path}.{name}"] = (jnp.zeros(()), jnp.ones(()))
        return found

    def describe(self, path: str, shape: tuple[int, ...]) -> str:
        base, level = self.base.describe(path, shape), self.level(path)
        if level != PARTIAL:
            return f"{base}, {level}"
        return f"{base}, partial: groups about it, {type(self.spread).__name__} sd per {self.per}"

    @property
    def _suffixes(self) -> list[str]:
        """Names of the levels of groups: none where there is one."""
        return [""] if len(self.sizes) == 1 else [f"_{i}" for i in range(len(self.sizes))]

    def _entries(self, shapes: PyTree) -> dict[str, dict[str, dist.Distribution]]:
        """Distributions of the groups' latents: `z` (groups, ...) and, if pooled, `sd`."""
        found: dict[str, dict[str, dist.Distribution]] = {}
        for path, leaf in named_leaves(shapes).items():
            level = self.level(path)
            if level == SEPARATE:
                found[path] = {"z": _STANDARD.expand((self.sizes[-1], *leaf.shape))}
            elif level == PARTIAL:
                sd = leaf.shape if self.per == "weight" else groups(leaf.shape, self.per)
                found[path] = {}
                for suffix, size in zip(self._suffixes, self.sizes, strict=True):
                    found[path][f"sd{suffix}"] = self.spread.expand(sd)
                    found[path][f"z{suffix}"] = _STANDARD.expand((size, *leaf.shape))
        return found

    def _population(self, shapes: PyTree) -> PyTree:
        """The weights that have a population: None in place of separate ones."""

        def keep(path: tuple, leaf: Any) -> Any:
            return None if self.level(path_name(path)) == SEPARATE else leaf

        return jax.tree_util.tree_map_with_path(keep, shapes)

    @staticmethod
    def _with(latents: Latents, found: dict[str, Any]) -> Latents:
        return Latents(latents.network, {**latents.prior, _KEY: found})

    @staticmethod
    def _without(latents: Latents) -> Latents:
        others = {name: value for name, value in latents.prior.items() if name != _KEY}
        return Latents(latents.network, others)

    @staticmethod
    def _groups(latents: Latents) -> dict[str, dict[str, Array]]:
        return latents.prior[_KEY]


_STANDARD = dist.Normal(0.0, 1.0)


def _start(entry: dist.Distribution) -> Array:
    """The median of a spread where NumPyro knows it; 0 for what is standard normal."""
    usual = middle(entry)
    try:
        return jnp.broadcast_to(entry.icdf(0.5), usual.shape).astype(usual.dtype)
    except NotImplementedError:
        return usual


def _shapes_of(own: dict[str, dict[str, Array]], means: dict[str, Any]) -> dict[str, Any]:
    """Shapes of one network's weights, by path."""
    found = {}
    for path, mean in means.items():
        leaf = own[path]["z"][0] if mean is None else mean
        found[path] = jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
    return found
