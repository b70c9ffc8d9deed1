"""The family over weights and depth of a residual network."""

import itertools
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from ..priors import DEPTH, block_of, existing
from .base import AbstractFamily

_PATH = f"prior.{DEPTH}"
_PACE = 0.1  # of the log-odds of depths beside the weights, under optimisers of equal steps
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


class Span(NamedTuple):
    """A stretch of z, and the block whose weights it holds; None for those of every depth."""

    begin: int
    end: int
    block: int | None


class AdaptiveDepthState(NamedTuple):
    """Mean and log sd of each coordinate (unused at the depth), and ten times logits of q(d)."""

    mean: Float[Array, " size"]
    log_sd: Float[Array, " size"]
    logits: Float[Array, " depths"]


class AdaptiveDepth(AbstractFamily):
    """A categorical depth, and given it independent normals for the weights that exist.

    `q(d, w) = q(d) prod_{l <= d} N(w_l; mean_l, sd_l^2)` on the space of
    `mf.priors.AdaptiveDepth`: weights of blocks beyond the depth do not exist, in the prior and
    here, so that a depth pays for its own blocks alone. The bound is `sum_d q(d) ELBO_d -
    KL(q(d) || p(d))` with the ELBO_d of the network of depth d alone, and the best q(d) is Bayes'
    rule, proportional to `p(d) exp(ELBO_d)`. (With all weights under one q(w) in place of the
    nested q(w | d) of Nazaret & Blei, 2022, "Variational inference for infinitely deep neural
    networks", every depth would pay for all blocks, and nothing would speak for fewer.)

    Draws have a depth. Objectives get, in place of its 1, the probabilities q(d), as log densities
    are linear in them: so the expectation over depths is exact, by one forward pass (Antoran,
    Allingham & Hernandez-Lobato, 2020, "Depth uncertainty in neural networks"). That holds for the
    ELBO, not for other bounds. `q(d) = softmax(0.1 logits)_d` is learned by gradients from equal
    probabilities, and so that steps of Adam move it ten times slower than weights: set by Bayes'
    rule at every step, or as fast, it would choose whatever depth learns first. Fits differ with
    their starts, as those of deep networks do: `mf.fit(..., restarts=4)`.

    `mf.fit` calls `bind(space)`, which finds blocks and depth by their paths.

    Args:
        place: where the depth stands in z, and how many depths there are; set by `bind`.
        spans: all else of z; set by `bind`.
    """

    place: tuple[int, int] = eqx.field(static=True, default=(0, 0), metadata={"bound": True})
    spans: tuple[Span, ...] = eqx.field(static=True, default=(), metadata={"bound": True})

    def bind(self, space: Any) -> "AdaptiveDepth":
        if not has_depth(space):
            raise ValueError(
                "families.AdaptiveDepth is for a network with the prior mf.priors.AdaptiveDepth."
            )
        edges = np.cumsum([0, *map(math.prod, space.shapes)]).tolist()
        place, spans = (0, 0), []
        for path, (begin, end) in zip(space.paths, itertools.pairwise(edges), strict=True):
            block = block_of(path)
            if path == _PATH:
                place = (begin, end - begin)
            elif spans and spans[-1].end == begin and spans[-1].block == block:
                spans[-1] = spans[-1]._replace(end=end)
            else:
                spans.append(Span(begin, end, block))
        return AdaptiveDepth(place, tuple(spans))

    def init(self, location: Float[Array, " size"], sd: float) -> AdaptiveDepthState:
        log_sd = jnp.full_like(location, math.log(sd))
        return AdaptiveDepthState(location, log_sd, jnp.zeros(self.place[1], location.dtype))

    def noise_size(self, size: int) -> int:
        return size

    def log_probabilities(self, state: AdaptiveDepthState) -> Float[Array, " depths"]:
        """`log q(d)` for d = 0, 1, ... blocks."""
        return jax.nn.log_softmax(_PACE * state.logits)

    def sample(
        self, state: AdaptiveDepthState, noise: Float[Array, " size"]
    ) -> Float[Array, " size"]:
        edges = jnp.cumsum(jnp.exp(self.log_probabilities(state)))[:-1]
        depth = jnp.sum(norm.cdf(noise[self.place[0]]) > edges)
        return self._at(state, noise, jax.nn.one_hot(depth, self.place[1], dtype=noise.dtype))

    def strata(
        self, state: AdaptiveDepthState, noise: Float[Array, " size"]
    ) -> tuple[Float[Array, " strata"], Float[Array, "strata size"]]:
        z = self._at(state, noise, jnp.exp(self.log_probabilities(state)))
        return jnp.zeros((1,), z.dtype), z[None]

    def log_prob(self, state: AdaptiveDepthState, z: Float[Array, " size"]) -> Float[Array, ""]:
        begin, count = self.place
        depth = z[begin : begin + count]
        standardised = (z - state.mean) * jnp.exp(-state.log_sd)
        each = -0.5 * standardised**2 - state.log_sd - _HALF_LOG_2PI
        return jnp.dot(depth, self.log_probabilities(state)) + self._sum(each, depth)

    def entropy(self, state: AdaptiveDepthState) -> Float[Array, ""]:
        """`H[q(d)] + sum_d q(d) H[q(w | d)]`, nats."""
        log_probabilities = self.log_probabilities(state)
        depth = jnp.exp(log_probabilities)
        each = state.log_sd + (0.5 + _HALF_LOG_2PI)
        return self._sum(each, depth) - jnp.dot(depth, log_probabilities)

    def moments(self, state: AdaptiveDepthState) -> None:
        return None

    def _at(self, state: AdaptiveDepthState, noise: Array, depth: Array) -> Array:
        begin, count = self.place
        z = state.mean + jnp.exp(state.log_sd) * noise
        return jnp.concatenate([z[:begin], depth, z[begin + count :]])

    def _sum(self, each: Float[Array, " size"], depth: Float[Array, " depths"]) -> Array:
        """The sum over weights of a number for each, counted as far as they exist."""
        exist, total = existing(depth), jnp.zeros((), each.dtype)
        for begin, end, block in self.spans:
            part = jnp.sum(each[begin:end])
            total = total + (part if block is None else exist[block] * part)
        return total


def has_depth(space: Any) -> bool:
    """Whether an unconstrained space has a network's depth in it."""
    return _PATH in space.paths
