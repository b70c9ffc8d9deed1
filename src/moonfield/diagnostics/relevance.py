"""Which inputs a network uses."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from .._core.checks import whole
from .._core.keys import check_seed
from .._core.moments import in_parts
from .._core.trees import named_leaves
from ..model import AbstractNetworkModel


class Relevance(NamedTuple):
    """How large the weights of each input are: their root mean square over units.

    It does not change when units are permuted. Comparable between inputs of the same scale only.

    Attributes:
        names: of the inputs.
        mean: posterior mean (inputs,).
        interval: 5% and 95% quantiles (inputs, 2).
        draws: under every posterior draw (draws, inputs).
    """

    names: tuple[str, ...]
    mean: Float[np.ndarray, " inputs"]
    interval: Float[np.ndarray, "inputs 2"]
    draws: Float[np.ndarray, "draws inputs"]

    @property
    def order(self) -> np.ndarray:
        """Numbers of the inputs, the most relevant first."""
        return np.argsort(-self.mean, kind="stable")

    def __str__(self) -> str:
        width = max(len("input"), *map(len, self.names))
        lines = [f"{'input':<{width}}  relevance   5% to 95%"]
        for i in self.order:
            low, high = self.interval[i]
            lines.append(f"{self.names[i]:<{width}}  {self.mean[i]:9.4f}   {low:.4f} to {high:.4f}")
        return "\n".join(lines)


def relevance(
    posterior: Any, path: str = "layers.0.weight", draws: int = 1_000, seed: int = 0
) -> Relevance:
    """The relevance of each input of a layer: `sqrt(mean_units w^2)` of its column of weights.

    Args:
        posterior: of a network.
        path: of a weight array (units, inputs, ...).
        draws: posterior draws.
        seed: of these draws.

    Raises:
        TypeError: the posterior is not of a network.
        ValueError: there are no weights at this path, or they have fewer than two axes.

    Example:
        >>> import numpy as np, moonfield as mf
        >>> X = np.random.default_rng(0).normal(size=(200, 3))
        >>> model = mf.BayesianNetwork(
        ...     mf.nets.MLP([3, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=0.1)
        ... )
        >>> posterior = mf.fit(model, X, X[:, 1], method="advi", steps=1_000)
        >>> int(mf.diagnostics.relevance(posterior).order[0])
        1
    """
    whole(draws, "draws")
    check_seed(seed)
    if not isinstance(posterior.model, AbstractNetworkModel):
        raise TypeError(f"relevance is for networks, got {type(posterior.model).__name__}.")
    weights = named_leaves(posterior.model.shapes)
    if path not in weights or len(weights[path].shape) < 2:
        there = ", ".join(name for name, leaf in weights.items() if len(leaf.shape) > 1)
        raise ValueError(f"There is no weight matrix at {path!r}; there are {there}.")
    chunks = []
    for drawn in in_parts(posterior.sample, draws, seed):
        chunks.append(_sizes(named_leaves(drawn["network"])[path], len(weights[path].shape)))
    found = np.concatenate(chunks)
    columns = posterior.columns
    if columns is None or len(columns) != found.shape[1]:
        columns = tuple(str(i) for i in range(found.shape[1]))
    interval = np.quantile(found, [0.05, 0.95], axis=0).T
    return Relevance(tuple(columns), found.mean(axis=0), interval, found)


def _sizes(weights: Any, axes: int) -> Float[np.ndarray, "draws inputs"]:
    """Root mean squares of the columns of drawn weights (draws, units, inputs, ...).

    Those of a hierarchical network have a further axis of groups after that of draws.
    """
    squares = np.asarray(weights, np.float64) ** 2
    inputs = squares.ndim - axes + 1
    others = tuple(axis for axis in range(1, squares.ndim) if axis != inputs)
    return np.sqrt(squares.mean(axis=others))
