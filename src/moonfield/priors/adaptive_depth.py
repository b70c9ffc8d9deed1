"""Residual networks that learn how many blocks they need."""

import re
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, PyTree

from .._core.trees import default_float, named_leaves, path_name
from .base import AbstractPrior, Latents
from .independent import Entry, Independent

DEPTH = "depth"  # the latent's name
_BLOCK = re.compile(r"(?:prior\.)?blocks\.(\d+)\.")


class AdaptiveDepth(AbstractPrior):
    """A residual network of unknown depth: `d ~ probabilities`, and only the first d blocks exist.

    `log p(d, w) = log probabilities_d + sum_{l <= d} log p(w_l) + log p(all other w)`. The depth is
    one for all rows, so that it says how deep the *network* is; a mixture over depths in each row's
    likelihood would let every row have its own. It is the latent `depth`, a vector e with a 1 at d.
    Log densities are linear in e; at probabilities in place of the 1 they are expectations over d
    (`mf.families.AdaptiveDepth`, which `"advi"` takes for this prior). Weights of blocks that do
    not exist are given as zeros, which is the identity.

    Antoran, Allingham & Hernandez-Lobato, 2020, "Depth uncertainty in neural networks" (a
    categorical depth, weights by their maximum); Nazaret & Blei, 2022, "Variational inference for
    infinitely deep neural networks" (weights have a posterior too, those beyond the depth none of
    their own). Here the depth is bounded by the blocks that the network has.

    Args:
        prior: of the weights: a distribution, or a table of paths.
        probabilities: (depths,) of the depths 0, 1, ..., blocks, in any units; None for equal ones.

    Raises:
        ValueError: a probability is not positive; or, when a network is bound, it has no blocks
            (`mf.nets.ResidualMLP`), another number of them, or blocks whose priors have latent
            variables with bounds (`LearnedScale`, `Horseshoe`).

    Example:
        >>> import moonfield as mf
        >>> model = mf.BayesianNetwork(
        ...     mf.nets.ResidualMLP([2] + [10] * 5 + [1]),
        ...     mf.priors.AdaptiveDepth(mf.priors.Scaled(1.0)),
        ...     mf.likelihoods.Bernoulli(),
        ... )
    """

    prior: Independent
    probabilities: Float[Array, " depths"] | None

    def __init__(self, prior: Independent | Entry | Mapping, probabilities: Any = None):
        self.prior = prior if isinstance(prior, Independent) else Independent(prior)
        self.probabilities = None
        if probabilities is not None:
            given = np.asarray(probabilities, float)
            if given.ndim != 1 or not (np.isfinite(given) & (given > 0.0)).all():
                raise ValueError(f"probabilities must be positive numbers, got {probabilities}.")
            self.probabilities = jax.device_put(np.asarray(given, default_float()))

    def check(self, shapes: PyTree) -> None:
        self.prior.check(shapes)
        count = _count(shapes)
        if count == 0 or not callable(getattr(shapes, "depths", None)):
            raise ValueError(
                "AdaptiveDepth needs a network with blocks and their outputs at every depth, such "
                f"as mf.nets.ResidualMLP with two hidden layers or more; got "
                f"{type(shapes).__name__}."
            )
        if self.probabilities is not None and len(self.probabilities) != count + 1:
            raise ValueError(
                f"The network has {count} blocks, so {count + 1} depths; probabilities has "
                f"{len(self.probabilities)}."
            )
        supports = jax.tree_util.tree_leaves_with_path(
            self.prior.supports(shapes), is_leaf=_is_constraint
        )
        for keys, support in supports:
            path = path_name(keys).removeprefix("network.")
            bounded = not isinstance(support, type(dist.constraints.real))
            if bounded and block_of(path) is not None:
                raise ValueError(
                    f"The prior of {path} is on bounded numbers. Blocks that may not exist need "
                    "priors on all real numbers, without scales of their own."
                )

    def init(self, key: Array, shapes: PyTree) -> Latents:
        weights, others = self.prior.init(key, shapes)
        return Latents(weights, {**others, DEPTH: jnp.exp(self._log_probabilities(shapes))})

    def sample(self, key: Array, shapes: PyTree) -> Latents:
        own, inner = jax.random.split(key)
        weights, others = self.prior.sample(inner, shapes)
        log_probabilities = self._log_probabilities(shapes)
        depth = jax.random.categorical(own, log_probabilities)
        one = jax.nn.one_hot(depth, log_probabilities.size, dtype=log_probabilities.dtype)
        return Latents(weights, {**others, DEPTH: one})

    def log_prob(self, latents: Latents) -> Array:
        depth = latents.prior[DEPTH]
        exist = existing(depth)
        total = jnp.dot(depth, self._log_probabilities(latents.network).astype(depth.dtype))
        for path, value in self.prior.log_probs(self._inner(latents)).items():
            block = block_of(path)
            total = total + (value if block is None else exist[block] * value)
        return total

    def transform(self, latents: Latents) -> PyTree:
        exist = existing(latents.prior[DEPTH])

        def one(path: tuple, leaf: Array) -> Array:
            block = block_of(path_name(path))
            if block is None:
                return leaf
            return jnp.where(exist[block] > 0.0, leaf, jnp.zeros((), leaf.dtype))

        return jax.tree_util.tree_map_with_path(one, self.prior.transform(self._inner(latents)))

    def supports(self, shapes: PyTree) -> Latents:
        weights, others = self.prior.supports(shapes)
        return Latents(weights, {**others, DEPTH: dist.constraints.real})

    def depth(self, latents: Latents) -> Float[Array, " depths"]:
        return latents.prior[DEPTH]

    def describe(self, path: str, shape: tuple[int, ...]) -> str:
        inner, block = self.prior.describe(path, shape), block_of(path)
        return inner if block is None else f"{inner}, from depth {block + 1}"

    def _inner(self, latents: Latents) -> Latents:
        """The latents of the weights' prior."""
        others = {name: value for name, value in latents.prior.items() if name != DEPTH}
        return Latents(latents.network, others)

    def _log_probabilities(self, weights: PyTree) -> Float[Array, " depths"]:
        if self.probabilities is not None:
            return jax.nn.log_softmax(jnp.log(self.probabilities))
        depths = _count(weights) + 1
        return jnp.full((depths,), -np.log(depths), default_float())


def block_of(path: str) -> int | None:
    """The block, from 0, that the parameter at this path belongs to."""
    found = _BLOCK.match(path)
    return int(found[1]) if found else None


def existing(depth: Float[Array, " depths"]) -> Float[Array, " blocks"]:
    """`P(d > l)` for each block l = 0, 1, ...: for a vector with one 1, whether it exists."""
    return jnp.cumsum(depth[::-1])[::-1][1:]


def _count(weights: PyTree) -> int:
    """How many blocks there are."""
    return 1 + max((b for p in named_leaves(weights) if (b := block_of(p)) is not None), default=-1)


def _is_constraint(node: Any) -> bool:
    return isinstance(node, dist.constraints.Constraint)
