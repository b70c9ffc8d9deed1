"""Setting weights to zero, those of little signal first."""

import fnmatch
from typing import Any

import equinox as eqx
import numpy as np

from ..._core.moments import streamed_moments
from ...model import BayesianNetwork
from ...networks import Modes
from ...posterior import Posterior, replaced
from ...priors import Pruned

ORDERS = ("signal_to_noise", "magnitude", "random")


def prune(
    posterior: Posterior,
    share: float,
    paths: str = "*.weight",
    order: str = "signal_to_noise",
    seed: int = 0,
) -> Posterior:
    """The posterior with a share of the weights set to zero under every draw.

    By signal-to-noise `|mean| / sd` of each weight's marginal posterior, smallest first, over all
    arrays at once (Blundell, Cornebise, Kavukcuoglu & Wierstra, 2015, "Weight uncertainty in neural
    networks", section 5.1; Graves, 2011). A fit that starts from it, `mf.fit(pruned.model, X, y,
    start=pruned)`, trains the weights that are left.

    Args:
        posterior: of an `mf.BayesianNetwork`, by any method; also one that was pruned before.
        share: of the weights at these paths, from 0 to 1.
        paths: pattern of the paths of weights that may go; biases stay by default.
        order: `"signal_to_noise"`, of weights that have a distribution; to compare, `"magnitude"`
            (|mean|) and `"random"`.
        seed: of the order `"random"`.

    Raises:
        TypeError: the posterior is not of an `mf.BayesianNetwork`.
        ValueError: a share outside of [0, 1], no path that matches, or an unknown order.

    Example:
        >>> import numpy as np, moonfield as mf
        >>> X = np.random.default_rng(0).normal(size=(200, 4))
        >>> model = mf.BayesianNetwork(
        ...     mf.nets.MLP([4, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=0.1)
        ... )
        >>> posterior = mf.fit(model, X, X[:, 1], method="advi", steps=1_000)
        >>> pruned = mf.applications.pruning.prune(posterior, 0.75)
        >>> np.flatnonzero(pruned.sample(1)["network"].layers[0].weight).tolist()
        [1]
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share must lie between 0 and 1, got {share}.")
    values = ranking(posterior, paths, order, seed)
    return without(posterior, values, share)


def ranking(posterior: Posterior, paths: str, order: str, seed: int) -> dict[str, np.ndarray]:
    """What weights are ordered by, array by array: large ones stay longest."""
    model = posterior.model
    if not isinstance(model, BayesianNetwork):
        name = type(model).__name__
        raise TypeError(f"Only an mf.BayesianNetwork can be pruned, this is of {name}.")
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(map(repr, ORDERS))}, got {order!r}.")
    moments = streamed_moments(lambda n, seed: posterior.sample(n, seed)["network"])
    by_sd = order == "signal_to_noise"
    if by_sd:
        moments = {path: pair for path, pair in moments.items() if path not in model.points}
    chosen = {path: pair for path, pair in moments.items() if fnmatch.fnmatchcase(path, paths)}
    if not chosen:
        which = " with a distribution" if by_sd and model.points else ""
        raise ValueError(f"No weights{which} match {paths!r}; there are {', '.join(moments)}.")
    if order == "random":
        rng = np.random.default_rng(seed)
        ranks = {path: rng.random(mean.shape) for path, (mean, _) in chosen.items()}
        return {path: np.where(chosen[path][0] == 0.0, -1.0, rank) for path, rank in ranks.items()}
    return {path: np.abs(mean) / (sd if by_sd else 1.0) for path, (mean, sd) in chosen.items()}


def without(posterior: Posterior, values: dict[str, np.ndarray], share: float) -> Posterior:
    """The posterior without this share of the weights, those of the smallest values."""
    flat = np.concatenate([value.ravel() for value in values.values()])
    kept = np.ones(flat.size, bool)
    kept[np.argsort(flat, kind="stable")[: round(share * flat.size)]] = False
    masks, begin = {}, 0
    for path, value in values.items():
        masks[path] = kept[begin : begin + value.size].reshape(value.shape)
        begin += value.size
    return replaced(posterior, _pruned_model(posterior.model, masks))


def _pruned_model(model: Any, masks: dict[str, np.ndarray]) -> BayesianNetwork:
    """The model with these weights at zero; a network to first order is expanded there too."""
    before = model.prior
    if isinstance(before, Pruned):
        earlier = {path: np.asarray(mask) for path, mask in before.kept.items()}
        both = {p: m & earlier[p] if p in earlier else m for p, m in masks.items()}
        before, masks = before.prior, {**earlier, **both}
    prior = Pruned(before, masks)
    model = eqx.tree_at(lambda it: it.prior, model, prior)
    if model.expansion is None:
        return model
    before = model.expansion
    if isinstance(before, Modes):
        after = before._replace(modes=prior.without_pruned(before.modes))
    else:
        after = prior.without_pruned(before)
    return eqx.tree_at(lambda it: it.expansion, model, after)
