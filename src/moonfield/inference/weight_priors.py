"""The normal priors of a network's weights, array by array, with a factor for the sds of each."""

import math
from typing import Any, NamedTuple, cast

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._core.trees import named_leaves
from ..model import BayesianNetwork, NormalPrior, normal_prior, space
from ..priors import Independent, Normal

_FEWEST = 8  # numbers of an array whose prior sd is learned


class Arrays(NamedTuple):
    """Weights in the order of z, and of which array each is."""

    places: np.ndarray
    mean: np.ndarray
    sd: np.ndarray  # of the prior as it was given
    owner: np.ndarray
    paths: tuple[str, ...]

    def sds(self, factors: np.ndarray) -> np.ndarray:
        """Of every weight, with a factor for each array."""
        return factors[self.owner] * self.sd

    def prior(self, factors: np.ndarray, dtype: Any) -> tuple[Array, Array]:
        """Means and sds for compiled functions."""
        return jnp.asarray(self.mean, dtype), jnp.asarray(self.sds(factors), dtype)

    @property
    def counts(self) -> np.ndarray:
        """How many weights each array has."""
        return np.bincount(self.owner)

    @property
    def learned(self) -> np.ndarray:
        """Whether an array has weights enough for its prior sd to be learned."""
        return self.counts >= _FEWEST


def arrays_of(model: BayesianNetwork, without: np.ndarray | None = None) -> Arrays:
    """Of all weights whose priors are normals, but for those at some places of z."""
    where, known = space(model), cast(NormalPrior, normal_prior(space(model)))
    kept = ~np.isin(known.indices, () if without is None else without)
    paths = np.repeat(np.arange(len(where.paths)), [math.prod(shape) for shape in where.shapes])
    places = known.indices[kept]
    mean, sd = (np.asarray(part, np.float64)[kept] for part in (known.mean, known.sd))
    kinds = np.stack([paths[places], _kind_of(paths[places], sd)], axis=1)
    used, owner = np.unique(kinds, axis=0, return_inverse=True)
    return Arrays(places, mean, sd, owner.reshape(-1), tuple(where.paths[i] for i in used[:, 0]))


def _kind_of(paths: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Which of the few sds of its array each weight has; 0 where they are many or hold few."""
    found = np.zeros(len(sd), int)
    for path in np.unique(paths):
        own = paths == path
        _, kinds, counts = np.unique(sd[own], return_inverse=True, return_counts=True)
        if counts.min() >= _FEWEST:
            found[own] = kinds
    return found


def head_places(model: BayesianNetwork, outputs: int) -> np.ndarray:
    """The coordinates of z that only say how the noise varies, of a head for the scale.

    They are the second half of the rows of the last affine layer's arrays.

    Raises:
        ValueError: the last layer has no arrays with a row for each of the outputs.
    """
    where, found, begin = space(model), [], 0
    last = list(named_leaves(model.shapes))[-1].rpartition(".")[0]
    for path, shape in zip(where.paths, where.shapes, strict=True):
        if path.rpartition(".")[0] == last and shape[:1] == (outputs,):
            size = math.prod(shape)
            found.append(begin + np.arange(size // 2, size))
        begin += math.prod(shape)
    if not found:
        raise ValueError(
            f"even_noise is for a network whose last layer is affine, with {outputs} rows; leave "
            "even_noise out."
        )
    return np.concatenate(found)


def with_sds(model: BayesianNetwork, arrays: Arrays, factors: np.ndarray) -> BayesianNetwork:
    """The model with the prior that was learned; as it was given, for weights that are not here."""
    shapes = {path: leaf.shape for path, leaf in named_leaves(model.shapes).items()}
    given = arrays_of(model)
    sds, table = given.sd.copy(), {}
    sds[np.isin(given.places, arrays.places)] = arrays.sds(factors)
    path_of = np.asarray(given.paths)[given.owner]
    for path in dict.fromkeys(given.paths):
        own = path_of == path
        mean, sd = (part[own].reshape(shapes[path]) for part in (given.mean, sds))
        table[path] = Normal(_as_number(mean), _as_number(sd))
    return BayesianNetwork(model.network, Independent(table), model.likelihood)


def _as_number(values: np.ndarray) -> Any:
    """One number where all are the same."""
    return float(values.flat[0]) if (values == values.flat[0]).all() else values
