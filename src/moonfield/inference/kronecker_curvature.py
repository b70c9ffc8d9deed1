"""Kronecker-factored curvature: one product of two small matrices for each layer."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._core.trees import Structure, split
from ..data import Batch, in_slices, rows_first
from ..families import KroneckerBlock, KroneckerGaussian
from ..model import AbstractModel, BayesianNetwork, Space, normal_prior, space
from ..priors import AbstractPrior
from .affine_layers import Layer, affine_layers, check_taps, tapped_outputs
from .curvature import check_size, diagonal_precision_at
from .map import LogDensity
from .target import Target

_ROWS = 128  # whose Jacobians are in memory at once
_OTHERWISE = "Use hessian='full' or hessian='diagonal'."


class LayerPrior(NamedTuple):
    """Where a layer's numbers stand in z, and their prior precisions `outer(rows, columns)`."""

    places: np.ndarray  # (outputs, inputs, one more with a bias)
    rows: np.ndarray
    columns: np.ndarray


class Fitted(NamedTuple):
    """A Gaussian and the log-determinant of its covariance."""

    approximation: KroneckerGaussian
    log_det: float
    replaced: int  # how many eigenvalues of the curvature were negative


def layer_priors(model: AbstractModel) -> list[LayerPrior]:
    """The prior of every affine layer of a network.

    Raises:
        ValueError: the model has no affine layers, or their prior is not normal with precisions
            that are a number for each input times one for each output.
    """
    network = _network(model)
    layers = affine_layers(network.network)
    if not layers:
        raise ValueError(f"The network has no layers of mf.nets or equinox.nn.Linear. {_OTHERWISE}")
    for layer in layers:
        check_size(max(layer.outputs, layer.inputs + 1), "Use hessian='diagonal'.")
    where = space(model)
    normal = normal_prior(where)
    precision = np.full(where.size, np.nan)
    if normal is not None:
        precision[normal.indices] = np.asarray(normal.sd, np.float64) ** -2
    return [_layer_prior(network.prior, layer, where, precision) for layer in layers]


def _network(model: AbstractModel) -> BayesianNetwork:
    if not isinstance(model, BayesianNetwork):
        raise ValueError(f"{type(model).__name__} has no layers. {_OTHERWISE}")
    if model.expansion is not None:
        raise ValueError("The network is expanded about a mode; give fit the model itself.")
    return model


def _layer_prior(
    prior: AbstractPrior, layer: Layer, where: Space, precision: np.ndarray
) -> LayerPrior:
    ends = dict(zip(where.paths, np.cumsum([math.prod(s) for s in where.shapes]), strict=True))
    size = layer.outputs * layer.inputs
    index = (np.arange(size) + ends[layer.weight] - size).reshape(layer.outputs, layer.inputs)
    if layer.bias is not None:
        bias = np.arange(layer.outputs) + ends[layer.bias] - layer.outputs
        index = np.column_stack([index, bias])
    table = precision[index]
    arrays = [path for path in (layer.weight, layer.bias) if path is not None]
    if np.isnan(table).any() or not all(prior.is_plain(path) for path in arrays):
        raise ValueError(
            f"Kronecker factors need a normal prior on the weights themselves; that of "
            f"{layer.weight} or its bias is another. {_OTHERWISE}"
        )
    rows, columns = table[:, 0] / table[0, 0], table[0]
    if not np.allclose(np.outer(rows, columns), table, rtol=1e-4):
        raise ValueError(
            f"Kronecker factors need prior precisions that are a number for each input times one "
            f"for each output; those of {layer.weight} are not. {_OTHERWISE}"
        )
    return LayerPrior(index, rows, columns)


def check_rows(target: Target) -> None:
    """Raise `ValueError` where layers cannot be followed for a row of the data."""
    row = jax.tree.map(lambda leaf: leaf[0], rows_first(target.batch).inputs)
    check_taps(_network(target.model).network, row)


def kronecker_gaussian(target: Target, priors: list[LayerPrior], mode: Array) -> Fitted:
    """The Gaussian at the mode whose precision is, layer by layer, `N A (x) G + prior`.

    A is the mean over rows of `a a^T`, a the layer's inputs and 1; G that of `J^T H J`, J the
    Jacobian of the network's outputs in the layer's and H minus the second derivative of the log
    likelihood in the network's outputs: the generalised Gauss-Newton matrix, factorised (Ritter,
    Botev & Barber, 2018, "A scalable Laplace approximation for neural networks", section 3). The
    prior is added to the eigenvalues of the product, not to the factors (Daxberger et al., 2021,
    "Laplace redux", appendix B). All other numbers have the diagonal of the exact Hessian.
    """
    structure, arrays = split(target)
    count, factors = _factors(structure, arrays, mode)
    sd, log_det, replaced = _outside(target, priors, mode)
    blocks = []
    for prior, pair in zip(priors, factors, strict=True):
        inputs, outputs = (np.asarray(factor, np.float64) for factor in pair)
        block, block_log_det, negative = _block(prior, inputs / float(count), outputs, mode.dtype)
        blocks.append(block)
        log_det, replaced = log_det + block_log_det, replaced + negative
    gaussian = KroneckerGaussian(mode, _cast(sd, mode.dtype), tuple(blocks))
    return Fitted(gaussian, log_det, replaced)


def _block(
    prior: LayerPrior, inputs: np.ndarray, outputs: np.ndarray, dtype: Any
) -> tuple[KroneckerBlock, float, int]:
    """The covariance `(inputs (x) outputs + prior)^-1`, its log-determinant, eigenvalues replaced.

    In units of the prior's sds the prior is the identity, which has any eigenvectors.
    """
    row_sd, column_sd = prior.rows**-0.5, prior.columns**-0.5
    row_values, row_vectors = np.linalg.eigh(row_sd[:, None] * outputs * row_sd)
    values, vectors = np.linalg.eigh(column_sd[:, None] * inputs * column_sd)
    rounding = len(row_values) * np.finfo(np.float32).eps * np.abs(row_values).max()
    negative = int((row_values < -rounding).sum())
    curvature = np.outer(np.maximum(row_values, 0.0), np.maximum(values, 0.0))
    sd = (1.0 + curvature) ** -0.5
    log_det = 2.0 * np.log(sd).sum()
    log_det += 2.0 * (len(values) * np.log(row_sd).sum() + len(row_sd) * np.log(column_sd).sum())
    roots = row_sd[:, None] * row_vectors, column_sd[:, None] * vectors
    block = KroneckerBlock(*(_cast(array, dtype) for array in (prior.places, *roots, sd)))
    return block, float(log_det), negative * len(values)


def _outside(
    target: Target, priors: list[LayerPrior], mode: Array
) -> tuple[np.ndarray, float, int]:
    """The sds of numbers of no layer, the log-determinant of their covariance, those replaced."""
    sd = np.ones(mode.size)
    inside = np.concatenate([prior.places.ravel() for prior in priors])
    others = np.setdiff1d(np.arange(mode.size), inside)
    if not others.size:
        return sd, 0.0, 0
    precision = diagonal_precision_at(LogDensity(target), mode, others)
    positive = np.maximum(np.abs(precision), np.finfo(mode.dtype).tiny)
    sd[others] = positive**-0.5
    return sd, -float(np.log(positive).sum()), int((precision <= 0).sum())


def _cast(array: np.ndarray, dtype: Any) -> Array:
    return jax.device_put(array.astype(np.int32 if array.dtype.kind == "i" else dtype))


@functools.partial(jax.jit, static_argnames="structure")
def _factors(
    structure: Structure, arrays: list[Array], mode: Array
) -> tuple[Array, list[tuple[Array, Array]]]:
    """The sum of the rows' weights, and sums over rows of every layer's two factors."""
    target = structure.join(arrays)
    params, _ = space(target.model).constrain(mode)
    batch = rows_first(target.batch)
    row_factors = functools.partial(_row_factors, _network(target.model), params)

    def add(total: Any, block: Batch) -> tuple[Any, None]:
        each = jax.vmap(row_factors)(block)
        return jax.tree.map(lambda old, new: old + jnp.sum(new, axis=0), total, each), None

    blocks = in_slices(batch, _ROWS)
    row = jax.tree.map(lambda leaf: leaf[0, 0], blocks)
    shapes = jax.eval_shape(row_factors, row)
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    return jnp.sum(batch.weights), jax.lax.scan(add, zeros, blocks)[0]


def _row_factors(model: BayesianNetwork, params: Any, row: Batch) -> list[tuple[Array, Array]]:
    """`a a^T` and `J^T H J` of every layer for one row, times the row's weight."""
    network = model.with_params(params)
    layers = affine_layers(network)
    shifts = [jnp.zeros(layer.outputs, row.weights.dtype) for layer in layers]

    def outputs(shifts: list[Array]) -> tuple[Array, tuple[Array, list[Array]]]:
        out, inputs = tapped_outputs(network, shifts, row.inputs)
        return out, (out, inputs)

    def loss(out: Array) -> Array:
        return -model.likelihood.log_prob(params["likelihood"], out, row.targets)

    jacobians, (out, inputs) = jax.jacrev(outputs, has_aux=True)(shifts)
    hessian = row.weights * jax.hessian(loss)(out)
    factors = []
    for layer, jacobian, a in zip(layers, jacobians, inputs, strict=True):
        all_inputs = a if layer.bias is None else jnp.append(a, jnp.ones((), a.dtype))
        squares = row.weights * jnp.outer(all_inputs, all_inputs)
        factors.append((squares, jacobian.T @ hessian @ jacobian))
    return factors
