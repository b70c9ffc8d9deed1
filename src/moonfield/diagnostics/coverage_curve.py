"""Do central intervals of every level hold what they promise?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .pit import pit
from .predicted import Predicted, check_level
from .reliability import ReliabilityCurve

_LEVELS = tuple(np.arange(1, 20) / 20)


def coverage_curve(
    prediction: Predicted, y: Any, levels: Sequence[float] = _LEVELS, seed: int = 0
) -> ReliabilityCurve:
    """Levels of central intervals against the fraction of targets inside, by `pit`.

    A target lies in the central interval of level `a` where `|2 F(y) - 1| <= a`. For counts `F(y)`
    is drawn as in `pit`, so that the level is met exactly by a prediction that is right (`coverage`
    counts whole numbers at the ends as inside, and is higher). Several targets a row are pooled.

    Args:
        prediction: of some rows.
        y: their targets.
        levels: strictly between 0 and 1; 5% to 95% by default.
        seed: for counts, see `pit`.

    Raises:
        TypeError, ValueError: y does not fit the prediction, targets are classes, or a level is not
            strictly between 0 and 1.
    """
    for level in levels:
        check_level(level)
    stated = np.asarray(levels, np.float64)
    depth = np.sort(np.abs(2.0 * pit(prediction, y, seed) - 1.0), axis=None)
    inside = np.searchsorted(depth, stated, side="right") / depth.size
    count = np.full(stated.shape, depth.size)
    return ReliabilityCurve(stated, inside, count, np.sqrt(stated * (1.0 - stated) / count))
