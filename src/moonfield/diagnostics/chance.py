"""What a metric would be if the prediction were right, and only chance at work."""

import dataclasses
from typing import Any

import numpy as np

from .._core.checks import whole
from .._core.keys import Stream, words
from .class_probabilities import ClassProbabilities
from .predicted import Predicted
from .reliability import Equal, ece


def ece_by_chance(
    prediction: Predicted,
    bins: int = 15,
    equal: Equal = "mass",
    simulations: int = 200,
    seed: int = 0,
) -> np.ndarray:
    """`ece` under targets that are drawn from the prediction itself: (simulations,).

    An observed `ece` beyond nearly all of these is miscalibration; one among them is what so many
    rows and bins make of a prediction that is right (consistency resampling: Bröcker & Smith, 2007,
    "Increasing the reliability of reliability diagrams", section 3).

    Raises:
        ValueError: as `ece`; or simulations is not a whole number of 1 or more.
    """
    rng = np.random.default_rng(words(seed, Stream.targets, 4))
    draw = _of_classes if prediction.kind == "classes" else _of_numbers
    return np.array(
        [draw(prediction, rng, bins, equal) for _ in range(whole(simulations, "simulations"))]
    )


@dataclasses.dataclass(frozen=True)
class _Uniform:
    """Numbers whose targets are their own levels."""

    rows: int
    kind: str = "numbers"
    discrete: bool = False

    def cdf(self, y: Any) -> np.ndarray:
        return y


def _of_classes(prediction: Any, rng: np.random.Generator, bins: int, equal: Equal) -> float:
    p = np.asarray(prediction.probabilities, np.float64)
    below = p.cumsum(axis=-1)[..., :-1] < rng.random((*p.shape[:-1], 1))
    numbered: Any = ClassProbabilities(p)
    return ece(numbered, below.sum(axis=-1), bins, equal)


def _of_numbers(prediction: Any, rng: np.random.Generator, bins: int, equal: Equal) -> float:
    levels = rng.random(np.shape(prediction.mean))
    return ece(_Uniform(len(levels)), levels, bins, equal)
