"""What metrics ask of a prediction, and how its targets are checked."""

from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from ..data import as_targets, label_numbers
from ..likelihoods.checks import check_classes


@runtime_checkable
class Predicted(Protocol):
    """A predictive distribution of the targets of some rows: `mf.Prediction`, or a look-alike.

    Each metric asks for the fields that it needs, under the names of `mf.Prediction`. Of classes:
    `probabilities`, (rows, ..., K), and `classes`, their labels, where there are any. Of numbers:
    `mean`, `sd`, `cdf`, `quantile`, `interval`, `sample`, `discrete`.
    """

    @property
    def kind(self) -> str:
        """What a target is: "classes" or "numbers"."""
        ...

    @property
    def rows(self) -> int:
        """Number of rows."""
        ...


def check_kind(prediction: Predicted, kind: Literal["classes", "numbers"], what: str) -> Any:
    """The prediction itself, if targets are of that kind."""
    if prediction.kind != kind:
        raise ValueError(f"{what} is for {kind}; this prediction's targets are {prediction.kind}.")
    return prediction


def class_targets(prediction: Any, y: Any, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (rows, ..., K) in float64, and the numbers (rows, ...) of the classes of y."""
    p = np.asarray(prediction.probabilities, np.float64)
    classes = getattr(prediction, "classes", None)
    if classes is not None:
        return p, label_numbers(y, len(p), classes)
    labels = as_targets(y, len(p), p.shape[1:-1])
    check_classes(labels, p.shape[-1], what)
    return p, labels.astype(np.intp)


def number_targets(y: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Targets of a given shape, in float64."""
    return as_targets(y, shape[0], shape[1:], dtype=np.float64)


def check_level(level: float, name: str = "level") -> None:
    """Raise unless a probability lies strictly between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {level}.")
