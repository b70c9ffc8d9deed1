"""What was predicted beside what was observed."""

from typing import Any

from matplotlib.axes import Axes

from ..posterior import Posterior
from ..predictive import Prediction
from ._classes import predicted_classes
from ._numbers import along_input, predicted_numbers
from ._places import inputs_of
from ._style import new_axes


def predictions(predicted: Posterior | Prediction, X: Any, y: Any, ax: Axes | None = None) -> Axes:
    """Predictions for rows whose targets are known.

    Classes: a point for each row in the colour of its predicted class, paler where its probability
    is lower, errors crossed out. Numbers: for one input the mean with 50% and 90% intervals along
    it; else the mean with its 90% interval against the observed value.

    Args:
        predicted: a posterior, or a prediction for the rows of X.
        X: inputs (rows, inputs).
        y: targets (rows,), or (rows, targets).
        ax: axes to draw on.

    Raises:
        TypeError, ValueError: X or y is not numeric and finite, rows differ in number, or what is
            predicted is neither.
    """
    if not isinstance(predicted, Posterior | Prediction):
        raise TypeError(
            f"predictions takes a posterior or a prediction, got {type(predicted).__name__}. Of an "
            "estimator give predict_distribution(X)."
        )
    values, names = inputs_of(X)
    prediction = predicted.predict(X) if isinstance(predicted, Posterior) else predicted
    if prediction.rows != len(values):
        raise ValueError(f"The prediction has {prediction.rows} rows, and X has {len(values)}.")
    ax = new_axes(ax)
    if is_classes(prediction):
        return predicted_classes(prediction, values, names, y, ax)
    if values.shape[1] == 1 and prediction.mean.ndim == 1:
        return along_input(prediction, values[:, 0], names[0], y, ax)
    return predicted_numbers(prediction, y, ax)


def is_classes(prediction: Prediction) -> bool:
    """Whether targets are classes."""
    return prediction.kind == "classes"
