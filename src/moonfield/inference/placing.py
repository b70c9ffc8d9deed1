"""Coordinates for a program before it is fitted.

Adam takes steps of the same length in every direction, so a regression on columns of different
units, or on correlated ones, would take it forever; L-BFGS in 32 bits loses its digits there. Once
the posterior is about as wide in every direction, both are quick.
"""

import functools

import jax
import numpy as np
from jaxtyping import Array

from .._core.compiling import RUNS_ONCE, quick_jit
from .._core.keys import Stream, streams
from .._core.trees import Structure, split
from ..model import AbstractBoundProgram, AbstractModel, Coordinates
from .approach import DENSE, PATHS, near_bulk
from .method import AbstractMethod
from .target import Target

_MOST_WORK = 10**7  # numbers x rows


def placed(target: Target, method: AbstractMethod, rows: int, seed: int) -> AbstractModel:
    """The target's model in coordinates that suit the method; as it is where none are wanted.

    They are those of a Gaussian near the posterior's bulk: whitened where the family is as good in
    any linear coordinates, else in units of the sds that are left when all other numbers are known,
    which are mean-field's own. Networks keep theirs, and so do programs of more than 128 numbers or
    of many rows.
    """
    model, size = target.model, target.size
    if method.placing is None or not isinstance(model, AbstractBoundProgram):
        return model
    if not 0 < size <= DENSE or size * rows > _MOST_WORK:
        return model
    structure, arrays = split(target)
    gaussian = _find(structure, arrays, streams(seed, Stream.start, PATHS + 1))
    centre, factor = (np.asarray(leaf, np.float64) for leaf in gaussian)
    triangle = np.asarray(np.linalg.qr(factor.T, mode="r")).T
    found = triangle if method.placing == "whitened" else conditional_sds(triangle)
    if not (np.isfinite(centre).all() and np.isfinite(found).all()):
        return model
    dtype = gaussian.centre.dtype
    return model.within(Coordinates(*jax.device_put((centre.astype(dtype), found.astype(dtype)))))


def conditional_sds(triangle: np.ndarray) -> np.ndarray:
    """The sd of each number given all others, of covariance `triangle @ triangle.T`."""
    inverse = np.linalg.solve(triangle, np.eye(len(triangle)))
    return 1.0 / np.sqrt(np.sum(inverse**2, axis=0))


@functools.partial(quick_jit, static_argnames=("structure",), options=RUNS_ONCE)
def _find(structure: Structure, arrays: list[Array], keys: Array) -> Coordinates:
    return near_bulk(structure.join(arrays), keys, None)[0]
