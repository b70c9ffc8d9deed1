"""Posteriors as ArviZ DataTrees."""

from typing import Any

import numpy as np
import xarray as xr
from arviz_base import dict_to_dataset, from_dict

from .._core.trees import named_leaves
from ..io import moonfield_version

Arrays = dict[str, np.ndarray]
Dims = dict[str, list[str]]


def to_datatree(posterior: Any, draws: int, seed: int, posterior_predictive: bool) -> xr.DataTree:
    """A single chain of draws with named dims; see `Posterior.to_datatree`.

    A weight has dims `(chain, draw, <path>_out, <path>_in)`, a vector of weights `<path>_out`, any
    other array `<path>_dim_0` and so on. `sample_stats` holds `elbo` over `step`.

    Raises:
        ValueError: `posterior_predictive` without training data (a loaded posterior has none).
    """
    data = posterior.data
    if posterior_predictive and data is None:
        raise ValueError(
            "This posterior has no training data to predict for (files do not keep any). Use "
            "posterior.predict(X).sample() for the rows of your choice."
        )
    variables, dims = _variables(posterior.sample(draws, seed))
    groups = {"posterior": {name: array[None] for name, array in variables.items()}}
    if data is not None:
        dims["y"] = ["row", "target"][: data[1].ndim]
        groups |= _rows(posterior, data, draws, seed, posterior_predictive)
    facts = _attributes(posterior)
    attributes = {"/": facts, "posterior": facts}
    tree = from_dict(groups, sample_dims=["chain", "draw"], dims=dims, attrs=attributes)
    tree["sample_stats"] = xr.DataTree(_elbo(posterior))
    return tree


def _variables(params: dict[str, Any]) -> tuple[Arrays, Dims]:
    """Arrays (draws, ...) by path, and their dims after chain and draw."""
    network = {path: np.asarray(leaf) for path, leaf in named_leaves(params["network"]).items()}
    dims = {path: _weight_dims(path, array.ndim - 1) for path, array in network.items()}
    others = {
        f"{group}.{path}": np.asarray(leaf)
        for group in ("prior", "likelihood")
        for path, leaf in named_leaves(params[group]).items()
    }
    dims |= {path: _plain_dims(path, array.ndim - 1) for path, array in others.items()}
    return {**network, **others}, dims


def _weight_dims(path: str, axes: int) -> list[str]:
    names = [f"{path}_out", f"{path}_in"]
    return names[:axes] if axes <= 2 else _plain_dims(path, axes)


def _plain_dims(path: str, axes: int) -> list[str]:
    return [f"{path}_dim_{axis}" for axis in range(axes)]


def _rows(
    posterior: Any, data: tuple, draws: int, seed: int, posterior_predictive: bool
) -> dict[str, Arrays]:
    """What belongs to the training rows."""
    inputs, targets = data
    log_likelihood = posterior.log_likelihood(inputs, targets, draws, seed)
    groups = {"log_likelihood": {"y": log_likelihood[None]}, "observed_data": {"y": targets}}
    if posterior_predictive:
        drawn = posterior.predict(inputs, draws=draws, seed=seed).sample()
        groups["posterior_predictive"] = {"y": drawn[None]}
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
