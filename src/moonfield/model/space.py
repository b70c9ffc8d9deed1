"""The bijection between a model's parameters and one flat unconstrained vector."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from .._core.trees import Structure, default_float, named_leaves, split, unravel
from .base import AbstractModel


class Space(NamedTuple):
    """A model's unconstrained space: `params = constrain(z)`, z a vector of `size` numbers.

    Where the model has coordinates, z is measured in them: all that follows is about the same
    density, up to the log-determinant of that map, which `constrain` adds.

    Built from the model wherever it is needed (also inside compiled functions): it holds no data.
    """

    model: AbstractModel
    size: int
    paths: tuple[str, ...]  # of each leaf of the unconstrained tree, in the order of z
    shapes: tuple[tuple[int, ...], ...]  # of each of these leaves

    @property
    def points(self) -> frozenset[str]:
        """Those of the paths that have no distribution."""
        return self.model.points

    def constrain(self, z: Float[Array, " size"]) -> tuple[PyTree, Float[Array, ""]]:
        """Parameters, and the log-determinant of the Jacobian of this map."""
        coordinates, shapes = self.model.coordinates, unconstrained_shapes(self.model)
        if coordinates is None:
            return self.model.constrain(unravel(z, shapes))
        params, log_det = self.model.constrain(unravel(coordinates.at(z), shapes))
        return params, log_det + coordinates.log_det

    def unconstrain(self, params: PyTree) -> Float[Array, " size"]:
        """The vector of given parameters."""
        if not self.size:  # which `ravel_pytree` makes float32
            return jnp.zeros(0, default_float())
        z = ravel_pytree(self.model.unconstrain(params))[0]
        return z if self.model.coordinates is None else self.model.coordinates.back(z)

    def start(self, key: Array) -> Float[Array, " size"]:
        """A random starting point: bounded, or in coordinates where the posterior is wide."""
        if self.model.coordinates is None:
            return self.unconstrain(self.model.init(key))
        return jax.random.normal(key, (self.size,), default_float())

    def path_of(self, index: int) -> str:
        """The path of the parameter that owns entry `index` of z."""
        for path, shape in zip(self.paths, self.shapes, strict=True):
            if index < math.prod(shape):
                return path
            index -= math.prod(shape)
        raise IndexError(index)


def space(model: AbstractModel) -> Space:
    """The unconstrained space of a model."""
    shapes = unconstrained_shapes(model)
    named = named_leaves(shapes)
    paths = tuple(path.removeprefix("network.") for path in named)
    shapes = tuple(leaf.shape for leaf in named.values())
    return Space(model, sum(map(math.prod, shapes)), paths, shapes)


def unconstrained_shapes(model: AbstractModel) -> PyTree:
    """The tree that a model's vector holds, as shapes."""
    structure, arrays = split(model)
    return _shapes(structure, tuple((array.shape, array.dtype) for array in arrays))


@functools.lru_cache(maxsize=256)
def _shapes(structure: Structure, arrays: tuple) -> PyTree:
    """Shapes depend on a model's structure alone: computed once for each."""
    structs = [jax.ShapeDtypeStruct(*array) for array in arrays]
    return jax.eval_shape(lambda leaves: _start(structure.join(leaves)), structs)


def _start(model: AbstractModel) -> PyTree:
    return model.unconstrain(model.init(jax.random.key(0)))
