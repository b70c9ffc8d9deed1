"""A posterior's predictions as a file that needs neither Moonfield nor the model's code."""

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from jaxtyping import Array, PyTree

from .._core.checks import whole
from .._core.keys import Stream, check_seed, stream
from ..data import Dataset
from ..io import check_can_export, compiled, library_versions, write_artefact
from ..model import AbstractBoundProgram, AbstractModel, AbstractNetworkModel, HierarchicalNetwork
from ..networks import MLP, ResidualMLP
from ..predictive import Source, fields, freeze
from .new_groups import with_new_groups

_NARROW = {"float64": "float32", "int64": "int32", "uint64": "uint32"}


class Wish(NamedTuple):
    """What an artefact is to be."""

    rows: int | None  # of every call; None: any number
    draws: int
    seed: int
    platforms: Sequence[str] | str


class Ends(NamedTuple):
    """What stands before and after a model, as functions that can be traced."""

    before: Callable[[Array], Array]  # rows of the caller -> those of the model
    after: Callable[[dict[str, Array]], dict[str, Array]]  # the model's fields -> the caller's


def export_posterior(posterior: Any, path: str | os.PathLike, X: Any, wish: Wish) -> None:
    """See `Posterior.export`."""
    _check(posterior.model)
    given = _known_row(posterior) if X is None else posterior.inputs(X)
    row = posterior.model.check_inputs(given)
    model, approximation = with_new_groups(posterior.model, posterior.approximation)
    about: dict[str, Any] = {"columns": posterior.columns}
    if isinstance(model, HierarchicalNetwork):
        names = model.groups.names
        about["groups"] = [name[0] if model.groups.depth == 1 else name for name in names]
    key = stream(wish.seed, Stream.draws)
    write_artefact_of(path, Source(model, approximation, key), row, wish, about)


def write_artefact_of(
    path: str | os.PathLike,
    source: Source,
    like: PyTree,
    wish: Wish,
    about: dict[str, Any],
    ends: Ends | None = None,
) -> None:
    """The artefact of a source of draws, for inputs like these: arrays with rows first."""
    check_can_export()
    check_seed(wish.seed)
    draws, model = whole(wish.draws, "draws"), source.model
    rows = _rows(wish.rows)
    inputs = jax.tree.map(lambda leaf: _spec(leaf, rows), like)
    frozen = freeze(source, draws)
    matrix = jax.ShapeDtypeStruct(frozen.values.shape, jnp.float32)
    platforms = (wish.platforms,) if isinstance(wish.platforms, str) else wish.platforms
    with jax.enable_x64(False):
        predict = _between(fields(jax.tree.map(_narrow, model), frozen.shapes), ends)
        exported = compiled(predict, (matrix, inputs), platforms)
    facts = {
        "inputs": jax.tree.map(_described, inputs),
        "outputs": jax.tree.unflatten(exported.out_tree, map(_described, exported.out_avals)),
        "kind": model.kind,
        "draws": draws,
        "seed": int(wish.seed),
        "platforms": exported.platforms,
        "versions": library_versions(),
    }
    write_artefact(path, exported, np.asarray(frozen.values, np.float32), {**about, **facts})


def _check(model: AbstractModel) -> None:
    """Raise `ValueError` for models whose rows are not predicted one by one from draws alone."""
    if not model.minibatchable:
        raise ValueError(f"Only predictions row by row can be exported, but {model.reason}.")
    if model.local_sites:
        raise ValueError(
            f"The site {model.local_sites[0]!r} is drawn for each row, and an artefact draws "
            "nothing. Export needs a model without local latent variables."
        )


def _known_row(posterior: Any) -> PyTree:
    """Inputs of a row as far as they are known: of the fit, or from columns or the network."""
    model, data = posterior.model, posterior.data
    if isinstance(data, Dataset):
        inputs = model.training_inputs(data)
        if isinstance(model, AbstractBoundProgram):
            inputs = {name: array for name, array in inputs.items() if name not in model.whole}
        return jax.tree.map(lambda leaf: leaf[:1], inputs)
    network = model.network if isinstance(model, AbstractNetworkModel) else None
    if posterior.columns is not None:
        x = np.zeros((1, len(posterior.columns)))
    elif isinstance(network, MLP | ResidualMLP):
        x = np.zeros((1, network.sizes[0]))
    else:
        raise ValueError(
            "The shape of a row is not known after loading: give X, a row or more as for predict."
        )
    hierarchical = isinstance(model, HierarchicalNetwork)
    return {"x": x, "group": np.zeros(1, np.int32)} if hierarchical else x


def _rows(rows: int | None) -> Any:
    return export.symbolic_shape("rows")[0] if rows is None else whole(rows, "rows")


def _spec(leaf: Any, rows: Any) -> jax.ShapeDtypeStruct:
    kind = _NARROW.get(leaf.dtype.name, leaf.dtype.name)
    return jax.ShapeDtypeStruct((rows, *leaf.shape[1:]), kind)


def _narrow(leaf: Any) -> Any:
    """Arrays of 64-bit numbers with 32; all else as it is."""
    name = leaf.dtype.name if isinstance(leaf, jax.Array | np.ndarray) else None
    return np.asarray(leaf).astype(_NARROW[name]) if name in _NARROW else leaf


def _between(predict: Callable, ends: Ends | None) -> Callable:
    if ends is None:
        return predict
    return lambda draws, inputs: ends.after(predict(draws, ends.before(inputs)))


def _described(spec: Any) -> dict[str, Any]:
    return {"shape": [str(size) for size in spec.shape], "type": spec.dtype.name}
