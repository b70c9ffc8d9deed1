"""In which directions the groups of a hierarchical network differ."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core.moments import streamed_moments

_LEAST = 1e-3  # of the longest direction: shorter ones are left out


def group_directions(posterior: Any, known: int = 0) -> dict[str, np.ndarray]:
    """Principal directions of the groups' posterior means, by path of weights that differ.

    Arrays (directions, ...), at right angles, such that the sum of `d_k d_k^T` is the covariance
    between groups: of all levels of nested ones but the first `known`, whose groups are given.
    """
    hierarchy, shapes = posterior.model.hierarchy, posterior.model.shapes
    apart = hierarchy.apart(shapes)
    parents = [np.asarray(index) for index in hierarchy.parents]
    moments = streamed_moments(lambda n, seed: posterior.sample(n, seed)["network"])
    found = {
        path: _principal(_differences(mean, parents, known))
        for path, (mean, _) in moments.items()
        if path in apart
    }
    return {path: directions for path, directions in found.items() if len(directions)}


def _principal(differences: np.ndarray) -> np.ndarray:
    """The same sum of squares in as few directions as it takes."""
    flat = differences.reshape(len(differences), -1)
    _, lengths, axes = np.linalg.svd(flat, full_matrices=False)
    kept = lengths > _LEAST * lengths[0]
    return (lengths[:, None] * axes)[kept].reshape(-1, *differences.shape[1:])


def _differences(values: np.ndarray, parents: Sequence[np.ndarray], known: int) -> np.ndarray:
    """Of every group (groups, ...) from the average of those that one coarser group holds.

    Over the root of the degrees of freedom: the squares of a level's add up to its variance.
    """
    found = []
    whole = np.zeros(len(values), int)
    for own, above in reversed([*zip(parents, [whole, *parents[:-1]], strict=True)][known:]):
        holder = above[np.unique(own, return_index=True)[1]]
        members = holder == np.arange(holder.max() + 1)[:, None]
        shares = members / members.sum(axis=1, keepdims=True)
        averages = np.tensordot(shares, values, axes=1)
        freedom = max(len(values) - len(averages), 1)
        found.append((values - averages[holder]) / freedom**0.5)
        values = averages
    return np.concatenate(found)
