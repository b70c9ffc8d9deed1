"""A normalising flow."""

import functools
import itertools
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._core.checks import whole
from .._core.trees import default_float
from .base import AbstractFamily
from .standard_normal import standard_log_density

_INTERVAL = 4.0  # splines act within it and are the identity outside, in sds
_START = 0.01  # the last layers of the networks start at this part of their usual size
_UNIT = 0.1  # of the networks' arrays: step sizes that suit means are too large for them
_MIN_DERIVATIVE, _MIN_WIDTH = 0.05, 0.02  # so that single precision can invert the splines


class FlowState(NamedTuple):
    """An affine map and the arrays of the flow before it."""

    mean: Float[Array, " size"]
    log_scale: Float[Array, " size"]
    arrays: tuple[Float[Array, "..."], ...]


class Flow(AbstractFamily):
    """`z = mean + exp(log_scale) * flow(noise)`, the flow a chain of spline coupling layers.

    Each layer moves half of the coordinates by rational-quadratic splines whose knots a small
    network computes from the other half (Durkan et al., 2019, "Neural spline flows", section 3).
    It starts near the identity. Needs flowjax; entropy and moments have no closed form. Objectives
    that differentiate the density at a fixed state (`StickingTheLanding`, `ImportanceWeighted`) go
    through the inverse, where splines are steep: their gradients have heavy tails and fits diverge.

    Args:
        layers: coupling layers; their order of coordinates is reversed from one to the next.
        knots: inner knots of each spline.
        width: hidden units of each layer's network.

    Raises:
        TypeError, ValueError: an argument is not a whole number of 1 or more.
        ImportError: flowjax is not installed; when the family is first used.
    """

    layers: int = eqx.field(static=True)
    knots: int = eqx.field(static=True)
    width: int = eqx.field(static=True)

    def __init__(self, layers: int = 4, knots: int = 8, width: int = 32):
        self.layers = whole(layers, "layers")
        self.knots = whole(knots, "knots")
        self.width = whole(width, "width")

    @property
    def affine(self) -> bool:
        return True

    @property
    def fusible(self) -> bool:
        return False  # a segmentation fault in the gradients of the splines (jaxlib 0.10.2)

    def init(self, location: Float[Array, " size"], sd: float) -> FlowState:
        shapes = self._skeleton(location.size).shapes
        keys = jax.random.split(jax.random.key(0), len(shapes))
        arrays = map(_first_array, keys, shapes, itertools.repeat(location.dtype))
        *hidden, weight, bias = arrays
        log_scale = jnp.full_like(location, math.log(sd))
        return FlowState(location, log_scale, (*hidden, _START * weight, bias))

    def noise_size(self, size: int) -> int:
        return size

    def sample(self, state: FlowState, noise: Float[Array, " size"]) -> Float[Array, " size"]:
        return state.mean + jnp.exp(state.log_scale) * self._flow(state).transform(noise)

    def sample_and_log_prob(
        self, state: FlowState, noise: Float[Array, " size"]
    ) -> tuple[Float[Array, " size"], Float[Array, ""]]:
        moved, log_det = self._flow(state).transform_and_log_det(noise)
        log_density = standard_log_density(noise) - log_det - jnp.sum(state.log_scale)
        return state.mean + jnp.exp(state.log_scale) * moved, log_density

    def log_prob(self, state: FlowState, z: Float[Array, " size"]) -> Float[Array, ""]:
        scaled = (z - state.mean) * jnp.exp(-state.log_scale)
        noise, log_det = self._flow(state).inverse_and_log_det(scaled)
        return standard_log_density(noise) + log_det - jnp.sum(state.log_scale)

    def entropy(self, state: FlowState) -> None:
        return None

    def moments(self, state: FlowState) -> None:
        return None

    def _flow(self, state: FlowState) -> Any:
        skeleton = self._skeleton(state.mean.size)
        arrays = [_UNIT * array for array in state.arrays]
        return eqx.combine(jax.tree.unflatten(skeleton.treedef, arrays), skeleton.static)

    def _skeleton(self, size: int) -> "_Skeleton":
        return _skeleton(size, self.layers, self.knots, self.width, default_float())


class _Skeleton(NamedTuple):
    """A flow without its arrays: weight and bias of each layer of the networks, flow layers first.

    The networks have one hidden layer.
    """

    shapes: tuple[tuple[int, ...], ...]
    treedef: Any
    static: Any


def _first_array(key: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    """Biases of 0, weights by their number of inputs."""
    if len(shape) == 2:
        return jnp.zeros(shape, dtype)
    return jax.random.normal(key, shape, dtype) / (_UNIT * math.sqrt(shape[2]))


@functools.lru_cache(maxsize=32)
def _skeleton(size: int, layers: int, knots: int, width: int, dtype: Any) -> _Skeleton:
    """The flow for vectors of this size; `dtype` is what flowjax makes by default."""
    if size < 2:
        raise ValueError("Flow needs at least two unconstrained numbers. Use MeanField instead.")
    try:
        from flowjax import bijections, utils  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ImportError('Flow needs flowjax: pip install "moonfield[flows]".') from error
    with jax.ensure_compile_time_eval():
        spline = bijections.RationalQuadraticSpline(
            knots=knots,
            interval=_INTERVAL,
            min_derivative=_MIN_DERIVATIVE,
            min_width=_MIN_WIDTH,
        )
        constructor, _ = utils.get_ravelled_pytree_constructor(spline, eqx.is_inexact_array)

    def layer(key: Array) -> Any:
        coupling = bijections.Coupling(
            key,
            transformer=spline,
            untransformed_dim=size // 2,
            dim=size,
            nn_width=width,
            nn_depth=1,
        )
        coupling = eqx.tree_at(lambda it: it.transformer_constructor, coupling, constructor)
        return bijections.Chain([coupling, bijections.Flip((size,))])

    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), layers))
    stack = bijections.Scan(eqx.filter_eval_shape(eqx.filter_vmap(layer), keys))
    structs, static = eqx.partition(stack, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    leaves, treedef = jax.tree.flatten(structs)
    return _Skeleton(tuple(leaf.shape for leaf in leaves), treedef, static)
