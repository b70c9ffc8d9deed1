"""Which rows to ask for: acquisition functions."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ...predictive import Prediction

Acquisition = Callable[[Prediction], Any]
Choice = tuple[Int[np.ndarray, " wanted"], Float[np.ndarray, " wanted"]]
Choose = Callable[[Prediction, np.ndarray, int, np.random.Generator], Choice]

_POOL = 10  # candidates for each row of a diverse batch


def as_acquisition(acquire: str | Acquisition | None) -> Choose:
    """A name, a function of a `Prediction`, or neither, as a choice of rows.

    Raises:
        TypeError, ValueError: something else, or an unknown name.
    """
    if callable(acquire):
        return _best(acquire)
    if acquire is None:
        return _best(_uncertainty)
    if acquire == "random":
        return _random
    if acquire == "batch":
        return _diverse
    if not isinstance(acquire, str):
        raise TypeError(f"acquire must be a name or a function, got {type(acquire).__name__}.")
    if acquire not in _VALUES:
        names = ", ".join(map(repr, [*_VALUES, "batch", "random"]))
        raise ValueError(f"acquire must be one of {names} or a function, got {acquire!r}.")
    return _best(_VALUES[acquire] if acquire == "sd" else _of_classes(acquire))


def _best(values_of: Acquisition) -> Choose:
    def choose(
        prediction: Prediction, X: np.ndarray, wanted: int, rng: np.random.Generator
    ) -> Choice:
        values = _checked(values_of(prediction), len(X))
        places = np.argsort(-values, kind="stable")[:wanted]
        return places, values[places]

    return choose


def _of_classes(name: str) -> Acquisition:
    def values(prediction: Prediction) -> Any:
        if prediction.kind != "classes":
            raise ValueError(
                f"acquire={name!r} is for classes; leave it out, or use 'sd' or 'batch', for "
                f"{prediction.kind}."
            )
        return _VALUES[name](prediction)

    return values


def _random(prediction: Prediction, X: np.ndarray, wanted: int, rng: np.random.Generator) -> Choice:
    values = _checked(_uncertainty(prediction), len(X))
    return np.arange(wanted), values[:wanted]  # candidates come in random order


def _diverse(
    prediction: Prediction, X: np.ndarray, wanted: int, rng: np.random.Generator
) -> Choice:
    """Among the most uncertain, the farthest from those taken, weighted by uncertainty.

    Farthest-point traversal over the ten times `wanted` most uncertain candidates, in standardised
    inputs; the first is the most uncertain one.
    """
    values = _checked(_uncertainty(prediction), len(X))
    best = np.argsort(-values, kind="stable")[: _POOL * wanted]
    flat = X.reshape(len(X), -1).astype(np.float64)
    flat = (flat / np.maximum(flat.std(axis=0), 1e-12))[best]
    taken = [0]
    distance = np.linalg.norm(flat - flat[0], axis=1)
    while len(taken) < min(wanted, len(best)):
        worth = distance * np.maximum(values[best], 0.0)
        worth[taken] = -1.0
        taken.append(int(np.argmax(worth)))
        distance = np.minimum(distance, np.linalg.norm(flat - flat[taken[-1]], axis=1))
    return best[taken], values[best[taken]]


def _uncertainty(prediction: Prediction) -> Any:
    """What the weights do not agree on: mutual information of classes, epistemic sd of numbers."""
    return _VALUES["mutual_information" if prediction.kind == "classes" else "sd"](prediction)


def _margin(prediction: Prediction) -> np.ndarray:
    """1 minus the difference between the two most probable classes."""
    ordered = np.sort(prediction.probabilities, axis=-1)
    return 1.0 + ordered[..., -2] - ordered[..., -1]


def _sd(prediction: Prediction) -> np.ndarray:
    spread = np.asarray(prediction.epistemic)
    return spread if spread.ndim == 1 else spread.reshape(len(spread), -1).sum(axis=1)


_VALUES: dict[str, Acquisition] = {
    "mutual_information": lambda prediction: prediction.mutual_information,
    "entropy": lambda prediction: prediction.entropy,
    "margin": _margin,
    "sd": _sd,
}


def _checked(values: Any, rows: int) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.shape != (rows,):
        raise ValueError(
            f"An acquisition must give one value a row, ({rows},); it gave {values.shape}."
        )
    if np.isnan(values).any():
        raise ValueError(f"The acquisition of row {int(np.argmax(np.isnan(values)))} is NaN.")
    return values
