"""What a surface can show: its values, and how they are named and coloured."""

import math
from typing import Literal, NamedTuple, get_args

import numpy as np
from matplotlib.colors import Colormap

from ..predictive import Prediction
from ._style import DIVERGING, UNCERTAINTY, VALUES

Name = Literal["mean", "sd", "epistemic", "aleatoric", "mutual_information", "entropy"]
NAMES: tuple[str, ...] = get_args(Name)
_IN_NATS = ("mutual_information", "entropy")


class Quantity(NamedTuple):
    """A figure's words and colours for one number a row."""

    title: str
    label: str
    colours: Colormap | str
    low: float | None  # end of the colour scale, None for the data's
    high: float | None


def check_quantity(name: str, classes: bool) -> None:
    """Raise `ValueError` for a quantity that is none, or none of this model's."""
    if name not in NAMES:
        raise ValueError(f"quantity must be one of {', '.join(map(repr, NAMES))}, got {name!r}.")
    if name in _IN_NATS and not classes:
        raise ValueError(f"{name!r} is for classes; this model's targets are numbers.")


def values_of(prediction: Prediction, name: str, classes: int) -> np.ndarray:
    """One number a row.

    For more than two classes `mean` is the probability of the most probable one, and sds are of the
    one-hot target: the root of the sum of variances over classes.
    """
    values = getattr(prediction, name)
    if values.ndim == 1:
        return values
    if classes <= 2:
        raise ValueError(f"surface shows one target; this model has {values.shape[1]} a row.")
    return values.max(axis=-1) if name == "mean" else np.sqrt((values**2).sum(axis=-1))


def quantity(name: str, classes: int) -> Quantity:
    """Words and colours; `classes` is 0 for numbers."""
    if name == "mean":
        return _mean(classes)
    what = {0: "y", 2: "the class"}.get(classes, "the one-hot class")
    mean = {0: "mean of y", 2: "probability"}.get(classes, "class probabilities")
    words = {
        "sd": ("Total uncertainty", f"predictive sd of {what}"),
        "epistemic": ("Epistemic uncertainty", f"sd of the {mean} over posterior draws"),
        "aleatoric": ("Aleatoric uncertainty", f"sd of {what} that no data could remove"),
        "mutual_information": ("Mutual information of class and weights", "nats"),
        "entropy": ("Entropy of the predicted class", "nats"),
    }
    high = math.log(classes) if name == "entropy" else None
    return Quantity(*words[name], UNCERTAINTY, 0.0 if classes else None, high)


def _mean(classes: int) -> Quantity:
    if classes == 2:
        return Quantity("Probability of class 1", "probability", DIVERGING, 0.0, 1.0)
    if classes:
        title = "Probability of the most probable class"
        return Quantity(title, "probability", UNCERTAINTY.reversed(), 1.0 / classes, 1.0)
    return Quantity("Predictive mean", "mean of y", VALUES, None, None)
