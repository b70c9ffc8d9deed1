"""What stands for a missing value."""

from typing import Any

import numpy as np


def is_missing(value: Any) -> bool:
    """None; NaN and NaT, which do not equal themselves; pandas' NA, which does neither."""
    if value is None:
        return True
    same = value == value  # noqa: PLR0124
    return not isinstance(same, bool | np.bool_) or not same
