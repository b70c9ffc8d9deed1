"""The generalised Gauss-Newton matrix of a network: curvature that is never negative."""

import functools
from collections.abc import Callable, Iterator
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core.trees import Structure, split
from ..data import Batch, rows_first, take
from ..likelihoods import AbstractLikelihood, Normal, StudentT
from ..model import AbstractModel, AbstractNetworkModel, space
from .curvature import check_size
from .noise_scale import information, scale_of
from .target import Target

_ROWS = 1_024  # whose Jacobians are in memory at once, at most


def weight_places(model: AbstractModel) -> Int[np.ndarray, " weights"]:
    """The coordinates of z that the outputs of a network depend on: all but the likelihood's own.

    Raises:
        ValueError: the model is not a network, or the matrix would not fit.
    """
    if not isinstance(model, AbstractNetworkModel):
        raise ValueError(f"{type(model).__name__} is no network; use hessian='full'.")
    where = space(model)
    sizes = [int(np.prod(shape)) for shape in where.shapes]
    own = np.repeat([path.startswith("likelihood.") for path in where.paths], sizes)
    check_size(int((~own).sum()), "Use hessian='diagonal' or hessian='last_layer'.")
    return np.flatnonzero(~own)


def gauss_newton(
    target: Target, z: Float[Array, " size"], places: Int[np.ndarray, " weights"]
) -> Float[np.ndarray, "weights weights"]:
    """`sum_rows weight J' H J` at z.

    J is the Jacobian of a row's outputs in the coordinates `places` of z, H minus the second
    derivative of its log-likelihood in the outputs, for Student-t noise and for scales that are
    outputs its expectation. It is minus the Hessian of the log-likelihood of the network's
    first-order expansion (Martens, 2020, "New insights and perspectives on the natural gradient
    method", section 8). The sum is in 64 bits: small curvatures beside large ones count.
    """
    total = np.zeros((places.size, places.size))
    for _, jacobian, hessian in _blocks(target, z, places):
        total += _product(jacobian, hessian)
    return 0.5 * (total + total.T)


def jacobians(
    target: Target, z: Float[Array, " size"], places: Int[np.ndarray, " weights"]
) -> Iterator[tuple[int, Float[np.ndarray, "rows outputs weights"]]]:
    """Of the outputs of successive rows, in 64 bits: the first row of each block, and its J."""
    rows = len(target.batch.weights)
    for begin, jacobian, _ in _blocks(target, z, places):
        yield begin, jacobian[: rows - begin]


def _blocks(
    target: Target, z: Array, places: np.ndarray
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    structure, arrays = split(target)
    rows = len(target.batch.weights)
    size = -(-rows // -(-rows // _ROWS))  # blocks of one size, with few rows past the end
    for begin in range(0, rows, size):
        block = _block(structure, arrays, z, places, np.int32(begin), size)
        jacobian, hessian = (np.asarray(part, np.float64) for part in block)
        yield begin, jacobian, hessian


def _product(jacobian: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """`sum_rows J' H J`; a matrix and its own transpose cost BLAS half."""
    flat = jacobian.reshape(-1, jacobian.shape[-1])
    own = np.diagonal(hessian, axis1=-2, axis2=-1)
    if (own >= 0.0).all() and np.count_nonzero(hessian) == np.count_nonzero(own):
        flat = np.sqrt(own.reshape(-1, 1)) * flat
        return flat.T @ flat
    return flat.T @ (hessian @ jacobian).reshape(flat.shape)


def _curvature(likelihood: AbstractLikelihood, own: dict, out: Array, y: Array) -> Array:
    """Minus the second derivative of a row's log-likelihood; expected where it can be negative."""
    if not isinstance(likelihood, Normal | StudentT):
        return jax.hessian(lambda out: -likelihood.log_prob(own, out, y))(out)

    def parameters(out: Array) -> tuple[Array, Array]:
        location, scale = scale_of(likelihood).split(own, out)
        return location, jnp.log(jnp.broadcast_to(scale, location.shape))

    _, log_scale = parameters(out)
    of_location, of_scale = jax.jacfwd(parameters)(out)
    about_location, about_scale = information(likelihood)
    first = about_location * jnp.exp(-2.0 * log_scale)[:, None] * of_location
    return of_location.T @ first + about_scale * of_scale.T @ of_scale


@functools.partial(jax.jit, static_argnames=("structure", "size"))
def _block(
    structure: Structure, arrays: list[Array], z: Array, places: Array, begin: Array, size: int
) -> tuple[Float[Array, "rows outputs weights"], Float[Array, "rows outputs outputs"]]:
    """J and `weight H` of some rows; those past the end have weight 0."""
    target = structure.join(arrays)
    model = cast(AbstractNetworkModel, target.model)
    batch = rows_first(target.batch)
    rows = begin + jnp.arange(size, dtype=begin.dtype)
    real = rows < len(batch.weights)
    block = take(batch, jnp.where(real, rows, 0), real)
    params, _ = space(model).constrain(z)

    def one(row: Batch) -> tuple[Array, Array]:
        def outputs(weights: Array) -> Array:
            moved, _ = space(model).constrain(z.at[places].set(weights))
            return jnp.atleast_1d(cast(Callable, model.with_params(moved))(row.inputs))

        hessian = _curvature(
            model.likelihood, params["likelihood"], outputs(z[places]), row.targets
        )
        return jax.jacrev(outputs)(z[places]), jnp.asarray(row.weights * hessian)

    return jax.vmap(one)(block)
