"""Fits of rows that are read when they are needed."""

import functools
from typing import TYPE_CHECKING, Any

import jax

from .._core.trees import default_float
from ..data import AbstractStream, Batch, Dataset, Streamed, first_rows
from ..inference import AbstractDirect, AbstractMethod
from ..model import AbstractNetworkModel, HierarchicalNetwork

if TYPE_CHECKING:
    from .posterior import Posterior


def streamed(model: Any, stream: AbstractStream, y: Any, data: Any, weights: Any) -> Streamed:
    """A stream whose first rows the model has accepted.

    Raises:
        TypeError, ValueError: the model is not a network, y or weights are given beside the stream,
            or its first rows are not what the model takes.
    """
    for name, value in {"y": y, "data": data, "weights": weights}.items():
        if value is not None:
            raise ValueError(
                f"A stream holds its targets and weights itself: leave {name} out, and see the "
                "arguments of mf.data.parquet, arrays or batches."
            )
    if not isinstance(model, AbstractNetworkModel) or isinstance(model, HierarchicalNetwork):
        raise TypeError(
            f"A stream is for mf.BayesianNetwork, got {type(model).__name__}, which needs its rows "
            "in memory: read them into arrays, or fewer of them."
        )
    first = first_rows(stream, default_float())
    _, found = model.prepare(first.inputs, first.targets)
    one = Batch(*jax.tree.map(lambda leaf: leaf[:1], (found.inputs, found.targets, first.weights)))
    outputs = model.output_size(found.inputs)
    check = functools.partial(model.likelihood.check_targets, outputs=outputs)
    return Streamed(stream, one.targets.shape[1:], check, one)


def check_streaming(
    method: AbstractMethod, batch_size: Any, sampler: Any, devices: list | None
) -> None:
    """`ValueError` for what a stream cannot be fitted by."""
    if devices is not None:
        raise ValueError(
            "A stream is read for JAX's default device. Leave devices out, or give arrays: X, y, "
            "weights = stream.to_arrays(), of stream.shard(index, count) in each process."
        )
    if isinstance(method, AbstractDirect):
        raise ValueError(
            f"Method {method.name!r} sees all rows at once, which a stream does not hold. Use one "
            "that takes batches, such as 'advi', 'ivon' or 'ensemble', or read rows into arrays."
        )
    if batch_size is None:
        raise ValueError("A stream is fitted by batches of its rows: give batch_size, e.g. 1_024.")
    if sampler is not None:
        raise ValueError(
            "sampler picks among rows in memory, and a stream comes in an order of its own. Leave "
            "sampler out."
        )


def training_rows(posterior: "Posterior") -> Dataset:
    """The rows of the fit.

    Raises:
        ValueError: there are none; the message says why, and what to do.
    """
    if posterior.data is not None:
        return posterior.data
    if posterior.stream is None:
        raise ValueError(
            "This posterior has no training data: files do not keep any. Ask before it is saved, "
            "or use predict and log_likelihood with rows of your choice."
        )
    raise ValueError(
        "This posterior has no training data at hand: it was fitted to a stream, and this needs "
        "all rows at once. Use predict, log_likelihood or check with rows of your choice, or fit "
        "arrays."
    )
