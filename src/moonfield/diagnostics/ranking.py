"""Does uncertainty find the rows that go wrong, and those that do not belong?"""

from typing import Any, Literal, get_args

import numpy as np

from .predicted import Predicted, class_targets, number_targets

Quantity = Literal[
    "epistemic", "aleatoric", "sd", "entropy", "expected_entropy", "mutual_information"
]


def auroc_of_errors(prediction: Predicted, y: Any) -> float:
    """Probability that a row with an error is more uncertain than one without; 0.5 by chance.

    The area under the receiver operating characteristic of a row's uncertainty as a detector of its
    error (Hendrycks & Gimpel, 2017, "A baseline for detecting misclassified and out-of-distribution
    examples"); ties count half.

    - Classes: uncertainty is the entropy of the predictive probabilities, an error a wrong label
      (in any of the row's targets; entropies are added).
    - Numbers: uncertainty is the predictive sd, an error a squared error above the median of all
      (of means over the row's targets).

    Raises:
        TypeError, ValueError: y does not fit the prediction, or no row is right or none is wrong.
    """
    loss, uncertainty = loss_and_uncertainty(prediction, y, "auroc_of_errors")
    wrong = loss > (0.0 if prediction.kind == "classes" else np.median(loss))
    if wrong.all() or not wrong.any():
        raise ValueError(
            "auroc_of_errors needs rows with errors and rows without; "
            f"{'all' if wrong.all() else 'none'} of these {len(wrong):,} rows have one."
        )
    return _auroc(uncertainty, wrong)


def auroc_of_outliers(
    inside: Predicted, outside: Predicted, quantity: Quantity = "epistemic"
) -> float:
    """Probability that a row of `outside` is more uncertain than one of `inside`; 0.5 by chance.

    Ties count half. Several entries a row (targets; classes of one-hot vectors) are joined: sds by
    the root of the sum of their squares, nats by their sum.

    Args:
        inside: the prediction of rows such as those the model was trained on.
        outside: that of rows such as it has not seen.
        quantity: the field of the predictions that measures uncertainty: of sds "epistemic",
            "aleatoric" or "sd"; of nats, for classes, "mutual_information", "entropy" or
            "expected_entropy".

    Raises:
        ValueError: quantity is none of these.
        AttributeError: the predictions do not have it.
    """
    if quantity not in get_args(Quantity):
        raise ValueError(
            f"quantity must be one of {', '.join(get_args(Quantity))}, got {quantity!r}."
        )
    values = [_by_row(getattr(prediction, quantity), quantity) for prediction in (inside, outside)]
    return _auroc(np.concatenate(values), np.repeat([False, True], [len(v) for v in values]))


def loss_and_uncertainty(prediction: Any, y: Any, what: str) -> tuple[np.ndarray, np.ndarray]:
    """For each row: share of wrong labels and nats, or mean squared error and rms sd."""
    if prediction.kind == "classes":
        p, labels = class_targets(prediction, y, what)
        wrong = p.argmax(axis=-1) != labels
        return _flat(wrong).mean(axis=1), _by_row(prediction.entropy, "entropy")
    mean = np.asarray(prediction.mean, np.float64)
    squares = (mean - number_targets(y, mean.shape)) ** 2
    variance = np.asarray(prediction.sd, np.float64) ** 2
    return _flat(squares).mean(axis=1), np.sqrt(_flat(variance).mean(axis=1))


def _by_row(values: np.ndarray, quantity: str) -> np.ndarray:
    flat = _flat(np.asarray(values, np.float64))
    if quantity in ("epistemic", "aleatoric", "sd"):
        return np.sqrt((flat**2).sum(axis=1))
    return flat.sum(axis=1)


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)


def _auroc(uncertainty: np.ndarray, positive: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415  takes half a second to import

    return float(roc_auc_score(positive, uncertainty))
