"""Class probabilities as a prediction."""

import dataclasses
from typing import Any, ClassVar

import numpy as np
from scipy.special import entr

from .predicted import class_targets


@dataclasses.dataclass(frozen=True)
class ClassProbabilities:
    """A prediction that is nothing but class probabilities: recalibrated, or another model's.

    All metrics of classes take it:

    >>> from moonfield.diagnostics import ClassProbabilities, brier, ece
    >>> prediction = ClassProbabilities(np.array([[0.25, 0.75], [0.5, 0.5]]))
    >>> float(brier(prediction, [1, 0]))
    0.15625
    >>> ece(prediction, [1, 0], bins=2)
    0.375

    Attributes:
        probabilities: (rows, ..., K), summing to 1 over the last axis; K = 2 for two classes.
        classes: their labels (K,), by which metrics take targets; None for 0, 1, ..., K - 1.
    """

    kind: ClassVar[str] = "classes"
    probabilities: np.ndarray
    classes: np.ndarray | None = None

    def __post_init__(self):
        p = np.asarray(self.probabilities)
        if p.ndim < 2 or p.shape[-1] < 2:
            raise ValueError(f"probabilities must have shape (rows, ..., K), got {p.shape}.")
        object.__setattr__(self, "probabilities", p)
        if self.classes is not None:
            labels = np.asarray(self.classes)
            if p.ndim != 2 or len(set(labels.tolist())) != p.shape[1] or len(labels) != p.shape[1]:
                raise ValueError(
                    f"classes must be {p.shape[-1]} different labels, of probabilities (rows, K); "
                    f"got {labels.tolist()} for {p.shape}."
                )
            object.__setattr__(self, "classes", labels)
        if not ((p >= 0.0).all() and np.allclose(p.sum(axis=-1), 1.0, atol=1e-4)):
            raise ValueError("probabilities must not be negative, and sum to 1 over the last axis.")

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.probabilities)

    @property
    def label(self) -> np.ndarray:
        """The most probable class, an integer: (rows, ...)."""
        return self.probabilities.argmax(axis=-1)

    @property
    def entropy(self) -> np.ndarray:
        """Entropy of the probabilities, nats: (rows, ...)."""
        return entr(self.probabilities).sum(axis=-1)

    def log_prob(self, y: Any) -> np.ndarray:
        """Log-probability of targets, nats, summed over those of a row: (rows,).

        Raises:
            TypeError, ValueError: y is not the number, or label, of a class for each target.
        """
        p, labels = class_targets(self, y, "log_prob")
        with np.errstate(divide="ignore"):
            log_p = np.log(np.take_along_axis(p, labels[..., None], axis=-1))
        return log_p.reshape(len(p), -1).sum(axis=1)
