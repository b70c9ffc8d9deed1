"""Numbers as a reader wants them."""

import math
from typing import Any

import numpy as np

from .._core.missing import is_missing
from ..diagnostics import Score


def number(value: float, step: float | None = None) -> str:
    """With the digits that a step of this size needs; four without one. True minus signs."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
    size = abs(value) if step is None else step
    if size >= 1e7 or (0.0 < size < 1e-4):
        words = f"{value:.3g}"
    else:
        digits = 4 if step is None else 1
        places = max(0, digits - 1 - math.floor(math.log10(size))) if size else 0
        words = f"{value:,.{places}f}"
        words = words.rstrip("0").rstrip(".") if step is None and places else words
    return minus(_no_zero(words))


def score(found: Score, percent: bool = False) -> str:
    """A value and its standard error, to two digits of the latter."""
    return with_error(found.value, found.se, percent)


def with_error(value: float, error: float, percent: bool = False, sign: bool = False) -> str:
    """`0.431 ± 0.012`; a line may break before the sign. No error where it is 0 or unknown."""
    if percent:
        value, error = 100.0 * value, 100.0 * error
    end = "%" if percent else ""
    plus = "+" if sign and value > 0 else ""
    if not (math.isfinite(value) and math.isfinite(error) and error > 0.0):
        return plus + number(value) + end
    places = max(0, 1 - math.floor(math.log10(error)))
    if places > 8 or error >= 1e7:
        return f"{minus(f'{plus}{value:.4g}')}{end}"
    return minus(f"{plus}{value:,.{places}f}{end} ±\N{NO-BREAK SPACE}{error:,.{places}f}{end}")


def share(value: float) -> str:
    """A percentage with one decimal."""
    return f"{value:.1%}"


def minus(words: str) -> str:
    """With a true minus sign."""
    return words.replace("-", "−")


def cell(value: Any) -> str:
    """A value of a user's table."""
    if is_missing(value):
        return "–"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return minus(f"{int(value):,}")
    if isinstance(value, float | np.floating):
        return number(float(value))
    return str(value)


def counted(count: int, one: str, more: str = "") -> str:
    """`1 row`, `2 rows`."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def _no_zero(words: str) -> str:
    """Never -0."""
    return words[1:] if words.startswith("-") and not words.strip("-0.,") else words
