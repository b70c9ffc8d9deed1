"""How probable it is that a group of weights is in use."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from .._core.checks import whole
from .._core.keys import check_seed
from .._core.moments import in_parts
from .._core.trees import named_leaves
from ..model import AbstractNetworkModel
from ..priors import GATE, gate_of


class Inclusion(NamedTuple):
    """Posterior probabilities that groups of weights with a spike-and-slab prior are not zero.

    Attributes:
        names: of the groups: of inputs, or the places of units or weights in their array.
        probability: share of posterior draws in which a group is in use (groups,).
        size: root mean square of its weights, over units and draws (groups,).
        shape: of the groups in their array of weights, 1 along axes that share a gate.
    """

    names: tuple[str, ...]
    probability: Float[np.ndarray, " groups"]
    size: Float[np.ndarray, " groups"]
    shape: tuple[int, ...]

    @property
    def order(self) -> np.ndarray:
        """Numbers of the groups, the most probable first; of equally probable ones the larger."""
        return np.lexsort((-self.size, -self.probability))

    def __str__(self) -> str:
        width = max(len("group"), *map(len, self.names))
        lines = [f"{'group':<{width}}  inclusion      size"]
        for i in self.order:
            probability, size = self.probability[i], self.size[i]
            lines.append(f"{self.names[i]:<{width}}  {probability:9.4f} {size:9.4f}")
        return "\n".join(lines)


def inclusion(
    posterior: Any, path: str = "layers.0.weight", draws: int = 1_000, seed: int = 0
) -> Inclusion:
    """The inclusion probability of each group of weights with the prior `SpikeAndSlab`.

    Args:
        posterior: of a network.
        path: of an array of weights with that prior.
        draws: posterior draws.
        seed: of these draws.

    Raises:
        TypeError: the posterior is not of a network.
        ValueError: the weights at this path have another prior; `relevance` is for all.

    Example:
        >>> import numpy as np, moonfield as mf
        >>> X = np.random.default_rng(0).normal(size=(200, 3))
        >>> model = mf.BayesianNetwork(
        ...     mf.nets.MLP([3, 1]), mf.priors.SpikeAndSlab(), mf.likelihoods.Normal(sd=0.1)
        ... )
        >>> method = mf.ADVI(mf.families.SpikeAndSlab())
        >>> posterior = mf.fit(model, X, X[:, 1], method=method, steps=1_000)
        >>> mf.diagnostics.inclusion(posterior).order[:1]
        array([1])
    """
    whole(draws, "draws")
    check_seed(seed)
    gated = gated_paths(posterior)
    if path not in gated:
        raise ValueError(
            f"The weights at {path!r} have no gates: their prior is not mf.priors.SpikeAndSlab. "
            f"There are gates for {', '.join(gated) or 'no weights'}; relevance is for any prior."
        )
    count, squares, used = 0, 0.0, 0.0
    for drawn in in_parts(posterior.sample, draws, seed):
        gates = np.asarray(gate_of(drawn["prior"][path][GATE]))
        weights = np.asarray(named_leaves(drawn["network"])[path], np.float64)
        if gates.ndim != weights.ndim:
            raise ValueError(f"The weights at {path!r} differ between groups: no gate is theirs.")
        shared = tuple(a for a in range(1, gates.ndim) if gates.shape[a] < weights.shape[a])
        squares = squares + np.sum(np.mean(weights**2, axis=shared, keepdims=True), axis=0)
        used, count = used + np.sum(gates > 0.0, axis=0), count + len(gates)
    shape = np.shape(used)
    found = (np.ravel(used) / count, np.sqrt(np.ravel(squares) / count))
    return Inclusion(_names(shape, posterior.columns), *found, shape)


def gated_paths(posterior: Any) -> list[str]:
    """The paths of weights that have gates.

    Raises:
        TypeError: the posterior is not of a network.
    """
    model = posterior.model
    if not isinstance(model, AbstractNetworkModel):
        raise TypeError(f"inclusion is for networks, got {type(model).__name__}.")
    latents = model.prior.supports(model.shapes).prior
    return [path for path, own in latents.items() if GATE in own]


def _names(shape: tuple[int, ...], columns: tuple[str, ...] | None) -> tuple[str, ...]:
    """Those of the inputs where groups are inputs; else places in the array."""
    if len(shape) == 2 and shape[0] == 1 and columns is not None and len(columns) == shape[1]:
        return tuple(columns)
    kept = [axis for axis, n in enumerate(shape) if n > 1]
    return tuple(", ".join(str(place[a]) for a in kept) or "all" for place in np.ndindex(*shape))
