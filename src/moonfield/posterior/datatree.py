"""Posteriors as ArviZ DataTrees."""

from typing import Any

import numpy as np
import xarray as xr
from arviz_base import dict_to_dataset, from_dict

from ..io import moonfield_version
from .streaming import training_rows

Arrays = dict[str, np.ndarray]
Dims = dict[str, list[str]]


def to_datatree(posterior: Any, draws: int, seed: int, posterior_predictive: bool) -> xr.DataTree:
    """A single chain of draws with named dims; see `Posterior.to_datatree`.

    A weight has dims `(chain, draw, <path>_out, <path>_in)`, a vector of weights `<path>_out`, any
    other array `<path>_dim_0` and so on. `sample_stats` holds `elbo` over `step`.

    Raises:
        ValueError: `posterior_predictive` without training data (after loading, or of a stream).
    """
    data = posterior.data
    if posterior_predictive:
        training_rows(posterior)  # raises where there are none
    variables, dims = _variables(posterior, posterior.sample(draws, seed))
    groups = {"posterior": {name: array[None] for name, array in variables.items()}}
    shapes = {name: array.shape[1:] for name, array in variables.items()}
    if data is not None:
        observed = posterior.model.observed(data)
        shapes |= {name: array.shape for name, array in observed.items()}
        named = posterior.model.observed_dims
        dims |= {name: named(name, array.ndim) for name, array in observed.items()}
        groups |= _rows(posterior, observed, draws, seed, posterior_predictive)
    facts = _attributes(posterior)
    attributes = {"/": facts, "posterior": facts}
    dims, coords = _agreed(dims, shapes, posterior.model.coords)
    tree = from_dict(
        groups, sample_dims=["chain", "draw"], dims=dims, coords=coords, attrs=attributes
    )
    tree["sample_stats"] = xr.DataTree(_elbo(posterior))
    return tree


def _agreed(
    dims: Dims, shapes: dict[str, tuple[int, ...]], labels: dict[str, list[Any]]
) -> tuple[Dims, dict[str, list[Any]]]:
    """Dims that mean one length everywhere, and the labels that have this length.

    Axes of other lengths get names of their own.
    """
    dims = {  # those that have no name get ArviZ's
        name: [*dims[name], *(f"{name}_dim_{axis}" for axis in range(len(dims[name]), len(shape)))]
        for name, shape in shapes.items()
    }
    lengths: dict[str, set[int]] = {}
    for name, shape in shapes.items():
        for dim, length in zip(dims[name], shape, strict=True):
            lengths.setdefault(dim, set()).add(length)
    agreed = {
        name: [
            dim if len(lengths[dim]) == 1 else f"{name}_dim_{axis}" for axis, dim in enumerate(it)
        ]
        for name, it in dims.items()
    }
    kept = {dim: own for dim, own in labels.items() if lengths.get(dim, {len(own)}) == {len(own)}}
    return agreed, kept


def _variables(posterior: Any, params: Any) -> tuple[Arrays, Dims]:
    """Arrays (draws, ...) by name, and their dims after chain and draw."""
    model = posterior.model
    arrays = {name: np.asarray(leaf) for name, leaf in model.named(params).items()}
    return arrays, {name: model.dims(name, array.ndim - 1) for name, array in arrays.items()}


def _rows(
    posterior: Any, observed: Arrays, draws: int, seed: int, posterior_predictive: bool
) -> dict[str, Arrays]:
    """What belongs to the training rows."""
    name = next(iter(observed)) if len(observed) == 1 else "observed"
    log_likelihood = posterior.training_log_likelihood(draws, seed)
    groups = {"log_likelihood": {name: log_likelihood[None]}, "observed_data": observed}
    if posterior_predictive:
        inputs = posterior.model.training_inputs(posterior.data)
        drawn = posterior.predict(inputs, draws=draws, seed=seed).sample()
        groups["posterior_predictive"] = {name: drawn[None]}
    return groups


def _elbo(posterior: Any) -> xr.Dataset:
    return dict_to_dataset({"elbo": posterior.elbo}, dims={"elbo": ["step"]}, sample_dims=[])


def _attributes(posterior: Any) -> dict[str, str]:
    return {
        "inference_library": "moonfield",
        "inference_library_version": moonfield_version(),
        "method": posterior.diagnostics.method,
        "result": posterior.result.name,
    }
