"""Posteriors over the depth of a residual network: what they say of it, and networks of fewer
blocks.
"""

import math
from typing import TYPE_CHECKING, Any, cast

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from .._core.checks import whole
from .._core.moments import in_parts
from .._core.trees import named_leaves
from ..families import (
    AbstractApproximation,
    AdaptiveDepth,
    AdaptiveDepthState,
    MeanField,
    MeanFieldState,
    Variational,
    has_depth,
)
from ..model import BayesianNetwork, Space, space
from ..networks import weights_of
from ..priors import DEPTH, AdaptiveDepth as DepthPrior, Independent
from .replacing import replaced

if TYPE_CHECKING:
    from .posterior import Posterior

_DRAWS = 1_000


def depth_probabilities(posterior: "Posterior") -> Float[np.ndarray, " depths"] | None:
    """The probability of 0, 1, ... blocks; of 1,000 draws, where it is not known exactly.

    None for a network that does not learn its depth.
    """
    if not has_depth(space(posterior.model)):
        return None
    approximation: Any = posterior.approximation
    if _is_over_depths(approximation):
        return np.exp(approximation.family.log_probabilities(approximation.state))
    parts = in_parts(posterior.sample, _DRAWS, 0)
    return np.concatenate([np.asarray(drawn["prior"][DEPTH]) for drawn in parts]).mean(axis=0)


def cut(posterior: "Posterior", blocks: int) -> "Posterior":
    """The posterior given that there are no more than so many blocks, and a network of so many.

    Raises:
        TypeError: the posterior does not hold a depth (`method="advi"`).
    """
    if blocks == 0:
        return at_depth(posterior, 0)
    model, state = _of_depths(posterior)
    network, given = _network(model, blocks), _prior(model).probabilities
    prior = DepthPrior(
        _weights_prior(model, network), None if given is None else given[: blocks + 1]
    )
    smaller = BayesianNetwork(network, prior, model.likelihood)
    family, kept = AdaptiveDepth().bind(space(smaller)), _kept(space(model), space(smaller))
    own = AdaptiveDepthState(state.mean[kept], state.log_sd[kept], state.logits[: blocks + 1])
    return replaced(posterior, smaller, Variational(family, own, kept.size))


def at_depth(posterior: "Posterior", depth: int) -> "Posterior":
    """The posterior of the weights given a depth, of a plain network with so many blocks.

    Raises:
        TypeError: the posterior does not hold a depth (`method="advi"`).
        ValueError: the network has not so many blocks.
    """
    model, state = _of_depths(posterior)
    if whole(depth, "depth", 0) >= len(state.logits):
        raise ValueError(f"The network has {len(state.logits) - 1} blocks, not {depth}.")
    network = _network(model, int(depth))
    plain = BayesianNetwork(network, _weights_prior(model, network), model.likelihood)
    kept = _kept(space(model), space(plain))
    own = MeanFieldState(state.mean[kept], state.log_sd[kept])
    return replaced(posterior, plain, Variational(MeanField(), own, kept.size))


def _of_depths(posterior: "Posterior") -> tuple[BayesianNetwork, AdaptiveDepthState]:
    model, approximation = posterior.model, cast(Any, posterior.approximation)
    if not isinstance(model, BayesianNetwork) or not isinstance(model.prior, DepthPrior):
        raise TypeError("Only a network with the prior mf.priors.AdaptiveDepth can be cut.")
    if not _is_over_depths(approximation):
        raise TypeError("Networks are cut under a posterior over their depth: method='advi'.")
    return model, approximation.state


def _prior(model: BayesianNetwork) -> DepthPrior:
    return cast(DepthPrior, model.prior)


def _is_over_depths(approximation: AbstractApproximation) -> bool:
    return isinstance(approximation, Variational) and isinstance(
        approximation.family, AdaptiveDepth
    )


def _network(model: BayesianNetwork, blocks: int) -> eqx.Module:
    """The network without the blocks after the first so many."""
    network: Any = model.network
    return eqx.tree_at(lambda it: it.blocks, network, network.blocks[:blocks])


def _weights_prior(model: BayesianNetwork, network: eqx.Module) -> Independent:
    """The prior of the weights of a smaller network, without patterns that are of no use there."""
    return _prior(model).prior.only(list(named_leaves(weights_of(network))))


def _kept(old: Space, new: Space) -> Int[np.ndarray, " kept"]:
    """Where the numbers of a smaller network stand in z of the larger one."""
    begins = np.cumsum([0, *map(math.prod, old.shapes)])
    begin = dict(zip(old.paths, begins[:-1].tolist(), strict=True))
    sizes = map(math.prod, new.shapes)
    return np.concatenate(
        [begin[path] + np.arange(size) for path, size in zip(new.paths, sizes, strict=True)]
    )
