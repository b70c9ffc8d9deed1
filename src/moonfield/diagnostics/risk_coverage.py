"""What is gained by leaving the most uncertain rows to somebody else?"""

import dataclasses
from typing import Any

import numpy as np

from .predicted import Predicted
from .ranking import loss_and_uncertainty


@dataclasses.dataclass(frozen=True)
class RiskCoverage:
    """Mean loss of the rows that are kept when the most uncertain ones are turned away.

    Attributes:
        coverage: (rows,) share of rows that are kept: 1/rows, ..., 1.
        risk: (rows,) mean loss of these: share of wrong labels, or mean squared error in units of y
            squared.
        area: mean of `risk` over coverages: AURC, less is better.
    """

    coverage: np.ndarray
    risk: np.ndarray
    area: float


def risk_coverage(prediction: Predicted, y: Any) -> RiskCoverage:
    """The risk-coverage curve of a prediction that may abstain where it is uncertain.

    Rows are kept in order of their uncertainty: the entropy of class probabilities, or the sd of
    numbers; equally uncertain rows in random order, over which the risk is averaged
    (El-Yaniv & Wiener, 2010, "On the foundations of noise-free selective classification"; area:
    Geifman, Uziel & El-Yaniv, 2019, "Bias-reduced uncertainty estimation for deep neural
    classifiers", section 3). Several targets a row: losses and variances are averaged, entropies
    added.

    Raises:
        TypeError, ValueError: y does not fit the prediction.
    """
    loss, uncertainty = loss_and_uncertainty(prediction, y, "risk_coverage")
    _, group, count = np.unique(uncertainty, return_inverse=True, return_counts=True)
    shared = np.bincount(group, loss) / count
    kept = np.arange(1, len(loss) + 1)
    risk = np.cumsum(np.repeat(shared, count)) / kept
    return RiskCoverage(kept / len(loss), risk, float(risk.mean()))
