"""Estimators to files and back: what their posterior is, and what they learned before it."""

import os
from typing import Any

import numpy as np

from ..io import Document, Part, gather, reading, write_file
from ..posterior import build_posterior, describe_posterior
from ..predictive import Units
from .base import AbstractBayesianMLP
from .classifier import BayesianMLPClassifier
from .encoder import Encoder, Scales
from .regressor import BayesianMLPRegressor

KIND = "estimator"

_ESTIMATORS: dict[str, type[Any]] = {
    cls.__name__: cls for cls in (BayesianMLPClassifier, BayesianMLPRegressor)
}
_WHOLE = [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
_LABELS = ("bool", "float32", "float64", *_WHOLE, "object", "str")
_PLAIN = (bool, int, float, str, type(None), np.generic)


def save(estimator: AbstractBayesianMLP, path: str | os.PathLike) -> None:
    """See `save` of the estimators."""
    children = {
        "posterior": describe_posterior(estimator.posterior_),
        "encoder": _describe_encoder(estimator.encoder_),
        "targets": _describe_targets(estimator),
    }
    names = getattr(estimator, "feature_names_in_", None)
    part = gather(
        children,
        kind=KIND,
        type=type(estimator).__name__,
        arguments={k: _plain(k, v) for k, v in estimator.get_params(deep=False).items()},
        names=None if names is None else names.tolist(),
        target_name=estimator.target_name_,
        features=estimator.n_features_in_,
        seed=estimator.seed_,
    )
    write_file(path, part.facts, part.tensors)


def build_estimator(path: str | os.PathLike, document: Document) -> AbstractBayesianMLP:
    """The estimator of a file.

    Raises:
        FileFormatError: the file is damaged or was edited.
    """
    part = Part(document.content, document.tensors)
    with reading(path):
        estimator = _unfitted(part)
        estimator.encoder_ = _build_encoder(part.known_child("encoder"))
        _build_targets(estimator, part.known_child("targets"))
        estimator.n_features_in_, estimator.seed_ = _whole(part, "features"), _whole(part, "seed")
        estimator.target_name_ = _name(part.facts.get("target_name"))  # older files do not say
        if part.facts["names"] is not None:
            estimator.feature_names_in_ = np.array(_texts(part.facts["names"]), dtype=object)
        described = part.known_child("posterior")
    posterior = build_posterior(path, described)
    with reading(path):
        estimator.keep(posterior)
        _check(estimator)
    return estimator


def _unfitted(part: Part) -> Any:
    """The estimator as its constructor makes it."""
    name = part.facts["type"]
    if name not in _ESTIMATORS:
        raise ValueError(f"it holds the estimator {name!r}, which this version does not know")
    estimator = _ESTIMATORS[name]()
    arguments = part.facts["arguments"]
    if arguments.keys() != estimator.get_params(deep=False).keys():
        raise ValueError(f"it has other arguments than {name}: {sorted(arguments)}")
    built = {key: _argument(value) for key, value in arguments.items()}
    estimator.set_params(**built)._validate_params()
    return estimator


def _check(estimator: Any) -> None:
    """What was learned before the fit must suit what was fitted."""
    encoder, model = estimator.encoder_, estimator.posterior_.model
    network = model.network
    numbers, inputs = len(encoder.scales.centre), encoder.inputs
    columns = numbers + len(encoder.categorical)
    names = getattr(estimator, "feature_names_in_", None)
    _, outputs = estimator.likelihood(model.likelihood.head)
    if (inputs, outputs) != (network.sizes[0], network.sizes[-1]):
        raise ValueError("its network does not suit its columns and targets")
    if columns != estimator.n_features_in_ or (names is not None and len(names) != columns):
        raise ValueError("its columns are not consistent")


def _plain(name: str, value: Any) -> Any:
    """An argument as JSON: sequences as lists, a dict as pairs, for its keys may be numbers."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, dict):
        return {"pairs": [[_plain(name, k), _plain(name, v)] for k, v in value.items()]}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(name, item) for item in value]
    raise TypeError(
        f"A file keeps no objects: {name} is a {type(value).__name__}. Give it by name or number, "
        "or save estimator.posterior_ alone."
    )


def _argument(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(value["pairs"])
    return tuple(value) if isinstance(value, list) else value


def _describe_encoder(encoder: Encoder) -> Part:
    facts = encoder._asdict()
    scales = facts.pop("scales")
    return Part(facts, scales._asdict())


def _build_encoder(part: Part) -> Encoder:
    scales = Scales(*(part.number(name).astype(np.float64) for name in Scales._fields))
    if scales.centre.ndim != 1 or scales.centre.shape != scales.sd.shape:
        raise ValueError("the scales of its columns have the wrong shape")
    facts = part.facts
    places = tuple(_places(facts[name]) for name in ("categorical", "indicated"))
    levels = tuple(tuple(_texts(column)) for column in facts["levels"])
    if len(levels) != len(places[0]) or any(i >= scales.sd.size for i in places[1]):
        raise ValueError("its columns are not consistent")
    return Encoder(places[0], scales, places[1], levels)


def _describe_targets(estimator: Any) -> Part:
    if isinstance(estimator, BayesianMLPRegressor):
        return Part({}, estimator.units_._asdict())
    labels = estimator.classes_
    kind = "str" if labels.dtype.kind == "U" else labels.dtype.name
    if kind not in _LABELS:
        raise TypeError(f"Labels of type {labels.dtype} cannot be saved; use text or numbers.")
    return Part({"kind": kind, "labels": [_plain("a label", x) for x in labels.tolist()]}, {})


def _build_targets(estimator: Any, part: Part) -> None:
    if isinstance(estimator, BayesianMLPRegressor):
        units = Units(*(part.number(name).astype(np.float64) for name in Units._fields))
        if units.shift.shape != units.scale.shape or not (units.scale > 0.0).all():
            raise ValueError("the units of its targets are not consistent")
        estimator.units_ = units
        return
    kind, labels = part.facts["kind"], part.facts["labels"]
    plain = isinstance(labels, list) and all(
        isinstance(x, bool | int | float | str) for x in labels
    )
    if kind not in _LABELS or not plain or len(set(labels)) != len(labels) or len(labels) < 2:
        raise ValueError("its labels are not consistent")
    estimator.classes_ = np.array(labels, dtype=kind)


def _whole(part: Part, name: str) -> int:
    value = part.facts[name]
    if type(value) is not int or value < 0:
        raise ValueError(f"its {name} is {value!r}")
    return value


def _places(values: Any) -> tuple[int, ...]:
    if not all(type(value) is int and value >= 0 for value in values):
        raise ValueError(f"the positions of its columns are {values!r}")
    return tuple(values)


def _name(value: Any) -> str | None:
    if not isinstance(value, str | None):
        raise ValueError(f"the name of its target is {value!r}")
    return value


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"its names are {values!r}")
    return values
