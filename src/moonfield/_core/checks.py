"""Checks of arguments that several public functions share."""

import numbers
from typing import Any


def whole(value: Any, name: str, least: int = 1) -> int:
    """The value as an integer of at least `least`.

    Raises:
        TypeError: not a number.
        ValueError: not whole, or too small.
    """
    message = f"{name} must be a whole number of {least} or more, got {value!r}."
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(message)
    number = float(value)
    if not number.is_integer() or number < least:
        raise ValueError(message)
    return int(number)
