"""Rows of groups that a hierarchical network has not seen."""

import jax.numpy as jnp
import numpy as np

from ..families import AbstractApproximation, Enlarged
from ..model import AbstractModel, HierarchicalNetwork, space


def with_new_groups(
    model: AbstractModel, approximation: AbstractApproximation
) -> tuple[AbstractModel, AbstractApproximation]:
    """A hierarchical network's model and posterior with groups that were not seen; others' as is.

    A new group's latents are standard normal whatever the data: the posterior of all others stays.
    """
    if not isinstance(model, HierarchicalNetwork):
        return model, approximation
    larger = model.extended()
    places = jnp.asarray(_places(model, larger))
    return larger, Enlarged(approximation, places, space(larger).size)


def _places(model: HierarchicalNetwork, larger: HierarchicalNetwork) -> np.ndarray:
    """Where each entry of the model's z stands in the larger one's."""
    found, begin = [], 0
    for old, new in zip(space(model).shapes, space(larger).shapes, strict=True):
        numbers = begin + np.arange(np.prod(new, dtype=int)).reshape(new)
        found.append(numbers[tuple(slice(n) for n in old)].ravel())
        begin += numbers.size
    return np.concatenate(found)
