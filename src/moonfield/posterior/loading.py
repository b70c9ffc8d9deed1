"""A posterior from a file."""

import os
import types
import typing
import warnings
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from .._core.errors import MoonfieldWarning
from .._core.results import Result
from .._core.trees import named_leaves
from ..io import (
    Document,
    Part,
    build_approximation,
    build_coordinates,
    build_expansion,
    build_model,
    build_program,
    describe_model,
    difference,
    one_line,
    read_file,
    reading,
    saved_encoder,
    undescribed,
)
from ..model import AbstractModel, AbstractProgram, space
from ..networks import weights_of
from .posterior import Posterior
from .record import Diagnostics
from .saving import KIND

Reader = Callable[[str | os.PathLike, Document], Any]
_READERS: dict[str, Reader] = {}  # of files that hold more than a posterior, by their kind


def set_reader(kind: str, reader: Reader) -> None:
    """Called once for each kind of file that a layer above this one writes."""
    _READERS[kind] = reader


def load(
    path: str | os.PathLike,
    model: AbstractModel | AbstractProgram | None = None,
    encoder: eqx.Module | None = None,
) -> Any:
    """Read a posterior that `posterior.save` wrote, or an estimator that its `save` wrote.

    Networks of `mf.nets`, priors and likelihoods of Moonfield are rebuilt from the file. Where
    something of your own is among them, or a program was fitted, give `model`, made as for the fit;
    give `encoder` too where the family was `mf.Amortised` (its weights come from the file).

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: the file is not one of Moonfield's, is damaged, or is of a newer version.
        TypeError: `model` is not a model.
        ValueError: the file needs `model=` or `encoder=`, or it is not the one that was saved.
    """
    if model is not None and not isinstance(model, AbstractModel | AbstractProgram):
        raise TypeError(f"model must be a Moonfield model, got {type(model).__name__}.")
    document = read_file(path)
    with reading(path):
        kind = document.content["kind"]
        if kind != KIND and kind not in _READERS:
            raise ValueError(f"it holds a {kind!r}, not a posterior")
    if kind in _READERS:
        return _READERS[kind](path, document)
    return build_posterior(path, Part(document.content, document.tensors), model, encoder)


def build_posterior(
    path: str | os.PathLike,
    part: Part,
    model: AbstractModel | AbstractProgram | None = None,
    encoder: eqx.Module | None = None,
) -> Posterior:
    """The posterior of a part; errors as `load`."""
    _check_encoder(path, part, encoder)
    found = _rebuilt_model(path, part) if model is None else _given_model(path, part, model)
    with reading(path):
        return _posterior(path, part, found, encoder)


def _check_encoder(path: str | os.PathLike, part: Part, encoder: eqx.Module | None) -> None:
    """Raise unless the encoder is there where it is needed, with the weights of the file."""
    with reading(path):
        saved = saved_encoder(part.known_child("approximation"))
    if saved is None and encoder is not None:
        raise ValueError(f"{os.fspath(path)} holds no encoder. Leave encoder out.")
    if saved is None:
        return
    if encoder is None:
        raise ValueError(
            f"{os.fspath(path)} holds the weights of an encoder, not its structure. Use "
            "mf.load(path, model=program, encoder=encoder) with both made as for the fit."
        )
    given = {name: leaf.shape for name, leaf in named_leaves(weights_of(encoder)).items()}
    if given != saved:
        raise ValueError(
            f"encoder is not the one of {os.fspath(path)}: its weights have shapes {given}, the "
            f"saved ones {saved}. Make it as it was for the fit."
        )


def _rebuilt_model(path: str | os.PathLike, part: Part) -> AbstractModel:
    with reading(path):
        described = part.known_child("model")
        missing = undescribed(described)
        if not missing:
            return build_model(described, sum(array.size for array in part.tensors.values()))
    what = one_line(" and ".join(missing))
    raise ValueError(
        f"{os.fspath(path)} does not hold {what}: a file rebuilds what Moonfield provides, nothing "
        "else. Use mf.load(path, model=model) with the model made as for the fit."
    )


def _given_model(
    path: str | os.PathLike, part: Part, model: AbstractModel | AbstractProgram
) -> AbstractModel:
    if isinstance(model, AbstractProgram):
        model = _bound(path, part, model)
    given = describe_model(model)
    with reading(path):
        reason = difference(part.known_child("model"), given)
    if reason is None:
        return model
    raise ValueError(
        f"model is not the one that {os.fspath(path)} was saved with: {one_line(reason)}. Make it "
        "as it was for the fit."
    )


def _bound(path: str | os.PathLike, part: Part, program: AbstractProgram) -> AbstractModel:
    with reading(path):
        described = part.known_child("model")
        kind = described.facts["type"]
        if "program" in described.facts:
            return build_program(described.known_child("program"), program)
        if kind == "PyMCModel":  # older files do not hold its data
            return program.bind(None)[0]
    raise ValueError(f"{os.fspath(path)} holds no program: {one_line(str(kind))}.")


def _posterior(
    path: str | os.PathLike, part: Part, model: AbstractModel, encoder: eqx.Module | None
) -> Posterior:
    described = part.known_child("approximation")
    expansion, coordinates = (
        part.child(name) if name in part.facts else None for name in ("expansion", "coordinates")
    )
    dtype = _dtype(model)
    _warn_of_precision(path, described, dtype)
    approximation = build_approximation(described, space(model), dtype, encoder)
    if expansion is not None:
        model = build_expansion(expansion, model)
    if coordinates is not None:
        model = build_coordinates(coordinates, model)
    elbo = part.number("elbo").copy()
    columns = part.facts["columns"]
    if elbo.ndim != 1 or not _is(columns, list[str] | None):
        raise ValueError("its ELBO or its columns have the wrong type")
    facts = _checked(part.facts["diagnostics"])
    columns = None if columns is None else tuple(columns)
    return Posterior(model, approximation, elbo, Diagnostics.from_dict(facts), columns)


def _dtype(model: AbstractModel) -> Any:
    """The type of a model's unconstrained vector in this process."""

    def start() -> jax.Array:
        return space(model).unconstrain(model.init(jax.random.key(0)))

    return jax.eval_shape(start).dtype


def _warn_of_precision(path: str | os.PathLike, part: Part, dtype: Any) -> None:
    saved = {array.dtype for array in part.tensors.values() if array.dtype.kind in "fV"}
    if saved and saved != {jnp.dtype(dtype)}:
        warnings.warn(
            f"{os.fspath(path)} was saved in {', '.join(str(d) for d in saved)}, and JAX computes "
            f"in {jnp.dtype(dtype)} here: predictions agree up to Monte Carlo error only. Set "
            "jax_enable_x64 as it was for the fit.",
            MoonfieldWarning,
            stacklevel=4,
        )


def _checked(facts: dict[str, Any]) -> dict[str, Any]:
    """Diagnostics whose values have the types of their fields."""
    if facts["result"] not in Result.__members__:
        raise ValueError(f"its fit ended by {facts['result']!r}, which this version does not know")
    for name, kind in typing.get_type_hints(Diagnostics).items():
        if name != "result" and not _is(facts[name], kind):
            raise ValueError(f"its diagnostics have {name} = {facts[name]!r}")
    return facts


def _is(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of a type: a class, a union, or a list (tuple) of one."""
    if isinstance(kind, types.UnionType):
        return any(_is(value, option) for option in typing.get_args(kind))
    if typing.get_origin(kind) in (list, tuple):
        item = typing.get_args(kind)[0]
        return isinstance(value, list | tuple) and all(_is(entry, item) for entry in value)
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float)
    return isinstance(value, typing.get_origin(kind) or kind)
