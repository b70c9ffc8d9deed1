"""The bijection between a model's parameters and one flat unconstrained vector."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree
from numpyro.distributions.constraints import Constraint

from .._core.trees import Structure, named_leaves, split, unravel
from .base import AbstractModel


class Space(NamedTuple):
    """A model's unconstrained space: `params = constrain(z)`, z a vector of `size` numbers.

    Built from the model wherever it is needed (also inside compiled functions): it holds no data.
    """

    model: AbstractModel
    size: int
    paths: tuple[str, ...]  # of each leaf of the unconstrained tree, in the order of z
    sizes: tuple[int, ...]  # of each of these leaves

    def constrain(self, z: Float[Array, " size"]) -> tuple[PyTree, Float[Array, ""]]:
        """Parameters, and the log-determinant of the Jacobian of this map."""
        shapes, supports = _layout(self.model)
        values, log_det = [], jnp.zeros((), z.dtype)
        for support, leaf in zip(supports, jax.tree.leaves(unravel(z, shapes)), strict=True):
            if is_real(support):
                values.append(leaf)
                continue
            transform = dist.biject_to(support)
            value = transform(leaf)
            values.append(value)
            log_det = log_det + jnp.sum(transform.log_abs_det_jacobian(leaf, value))
        return jax.tree.unflatten(jax.tree.structure(shapes), values), log_det

    def unconstrain(self, params: PyTree) -> Float[Array, " size"]:
        """The vector of given parameters."""
        _, supports = _layout(self.model)
        leaves = [
            leaf if is_real(support) else dist.biject_to(support).inv(leaf)
            for support, leaf in zip(supports, jax.tree.leaves(params), strict=True)
        ]
        return ravel_pytree(leaves)[0]

    def path_of(self, index: int) -> str:
        """The path of the parameter that owns entry `index` of z."""
        for path, size in zip(self.paths, self.sizes, strict=True):
            if index < size:
                return path
            index -= size
        raise IndexError(index)


def space(model: AbstractModel) -> Space:
    """The unconstrained space of a model."""
    shapes = _unconstrained_shapes(model)
    named = named_leaves(shapes)
    paths = tuple(path.removeprefix("network.") for path in named)
    sizes = tuple(leaf.size for leaf in named.values())
    return Space(model, sum(sizes), paths, sizes)


def is_real(support: Constraint) -> bool:
    """Whether a constraint is no constraint."""
    return isinstance(support, type(dist.constraints.real))


def _unconstrained_shapes(model: AbstractModel) -> PyTree:
    structure, arrays = split(model)
    return _shapes(structure, tuple((array.shape, array.dtype) for array in arrays))


@functools.lru_cache(maxsize=256)
def _shapes(structure: Structure, arrays: tuple) -> PyTree:
    """Shapes depend on a model's structure alone: computed once for each."""
    structs = [jax.ShapeDtypeStruct(*array) for array in arrays]
    return jax.eval_shape(lambda leaves: _unconstrained(structure.join(leaves)), structs)


def _unconstrained(model: AbstractModel) -> PyTree:
    leaves, treedef = jax.tree.flatten(model.init(jax.random.key(0)))
    values = [
        leaf if is_real(support) else dist.biject_to(support).inv(leaf)
        for support, leaf in zip(_supports(model), leaves, strict=True)
    ]
    return jax.tree.unflatten(treedef, values)


def _layout(model: AbstractModel) -> tuple[PyTree, list[Constraint]]:
    """Shapes of the unconstrained tree, and the constraint of each leaf."""
    return _unconstrained_shapes(model), _supports(model)


def _supports(model: AbstractModel) -> list[Constraint]:
    return jax.tree.leaves(model.supports(), is_leaf=lambda node: isinstance(node, Constraint))
