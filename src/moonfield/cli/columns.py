"""Columns of tables as an estimator takes them: numbers or text, checked where they stand."""

import contextlib
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..estimators.columns import level_text
from .errors import BadInput

NUMBERS, TEXT = "numbers", "text"
_WORDS = {"true": 1.0, "false": 0.0}
_FEW_WORDS, _MANY_NUMBERS = 3, 10  # different ones, of a column that was meant to hold numbers
_MOST = 2.0**63  # size of whole numbers that fit into 64 bits
_CODE = re.compile(r"0\d")  # digits that are no number
_WRITTEN = re.compile(r"[-+]?[$€£¥]?\s*\d+([ ,.'’\u00a0\u202f]\d{3})*([.,]\d+)?\s*[%$€£¥]?")


class Place(NamedTuple):
    """Where a column stands, for messages: rows count from 1, without a header."""

    path: Path
    name: str
    first: int = 1  # the number of its first row in the file
    remedy: str = ""  # for a value that is missing

    def at(self, row: int) -> str:
        """A value by its place in the column."""
        return f"{self.path}: column {self.name!r}, row {self.first + row:,}"


def kind_of(place: Place, column: pa.ChunkedArray) -> str:
    """`numbers` (also yes and no) or `text`; `BadInput` for anything else."""
    found = _kind(column.type)
    if found is None:
        raise BadInput(
            f"{place.path}: column {place.name!r} {spoken(column.type)}; a network takes numbers "
            "and text. Convert it, or leave it out with --ignore."
        )
    return found


def spoken(kind: Any) -> str:
    """What a column of a type is like."""
    if pa.types.is_null(kind):
        return "has no values"
    if pa.types.is_temporal(kind):
        return "holds dates or times"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return "holds bytes that are no text in UTF-8"
    if _kind(kind) is not None:
        return f"holds {_kind(kind)}"
    return f"holds values of type {kind}"


def is_numbers(column: pa.ChunkedArray) -> bool:
    """Whether a column holds numbers, or yes and no."""
    return _kind(column.type) == NUMBERS


def as_numbers(place: Place, column: pa.ChunkedArray, missing: bool) -> pa.ChunkedArray:
    """Floating-point numbers, NaN where they are missing.

    Raises:
        BadInput: something is no number, is infinite, or is missing without `missing`.
    """
    if _kind(column.type) == TEXT:
        column = _parsed(place, column)
    elif _kind(column.type) is None and not pa.types.is_null(column.type):
        raise BadInput(
            f"{place.path}: column {place.name!r} {spoken(column.type)}, not numbers. Convert it."
        )
    elif not pa.types.is_floating(column.type) or column.null_count:
        column = column.cast(pa.float64(), safe=False)
    for begin, values in _numpy(column):
        bad = ~np.isfinite(values)
        bad = bad & np.isinf(values) if missing else bad
        if bad.any():
            row = int(np.argmax(bad))
            gone = "is infinite; numbers must be finite" if np.isinf(values[row]) else "is missing"
            raise BadInput(f"{place.at(begin + row)} {gone}.{'' if missing else place.remedy}")
    return column


def as_text(place: Place, column: pa.ChunkedArray, missing: bool) -> pa.ChunkedArray:
    """Text, or numbers, which estimators spell as text; `BadInput` as for `as_numbers`."""
    if not missing and column.null_count:
        row = int(np.argmax(np.asarray(column.is_null())))
        raise BadInput(f"{place.at(row)} is missing.{place.remedy}")
    if _kind(column.type) == NUMBERS:
        return column
    if _kind(column.type) is None and not pa.types.is_null(column.type):
        raise BadInput(
            f"{place.path}: column {place.name!r} {spoken(column.type)}, not text. Convert it."
        )
    return _text(column)


def as_levels(column: pa.ChunkedArray, levels: Collection[str]) -> pa.ChunkedArray:
    """Text that a model has not learned as the text of its number, if it has learned that.

    CSV may say 1.0 or True of what a model knows as 1.
    """
    if _kind(column.type) != TEXT:
        return column
    spelled = {}
    for text in _text(column).unique().drop_null().to_pylist():
        number = _WORDS.get(text.lower(), _float(text))
        other = text if number is None else level_text(number)
        spelled[text] = other if text not in levels and other in levels else text
    return _mapped(_text(column), spelled)


def exception_to_numbers(place: Place, column: pa.ChunkedArray) -> str | None:
    """Where text has a first word among what are otherwise numbers, plain or like '$1,234.50'.

    And where all of it is numbers of which none is like the code '007'.
    """
    if _kind(column.type) != TEXT or pa.types.is_dictionary(column.type):
        return None
    found = column.unique().drop_null().to_pylist()
    strange = {text for text in found if _float(text) is None}
    words = {text for text in strange if not _WRITTEN.fullmatch(text.strip())}
    if len(words) > _FEW_WORDS or len(found) - len(words) < _MANY_NUMBERS:
        return None
    if not strange and any(_CODE.match(text.strip()) for text in found):
        return None
    if words:
        odd, told = words, "among numbers"
    elif strange:
        odd, told = strange, "and not written as a plain number such as 1234.5"
    else:
        odd, told = set(found), "stored as text"
    row = next(row for row, text in enumerate(column.to_pylist()) if text in odd)
    return f"{place.at(row)} is {column[row].as_py()[:50]!r} {told}"


def is_text_of_numbers(column: pa.ChunkedArray) -> bool:
    """Whether text is nothing but numbers."""
    return all(_float(text) is not None for text in _text(column).unique().drop_null().to_pylist())


def as_whole(column: pa.ChunkedArray, numbers: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole numbers with all their digits, of which floating point has 16; else the numbers."""
    exact = pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean
    if any(test(column.type) for test in exact):
        return column
    if _kind(column.type) == TEXT:
        column = pc.call_function("utf8_trim_whitespace", [_text(column)])
    for kind in (pa.int64(), pa.uint64()):
        with contextlib.suppress(pa.ArrowInvalid):
            return column.cast(kind)
    return numbers


def labels(column: pa.ChunkedArray) -> np.ndarray:
    """Targets of classes without a gap: text, whole numbers, or yes and no.

    Floating point where one is a fraction, or has more than 64 bits.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if _kind(column.type) == TEXT:
        return np.array(_text(column).to_pylist(), dtype=str)
    values = column.to_numpy()
    if values.dtype.kind in "fO":
        values = values.astype(np.float64)
        whole = (values == np.floor(values)).all() and (np.abs(values) < _MOST).all()
        return values.astype(np.int64) if whole else values
    return values


def _kind(kind: pa.DataType) -> str | None:
    if pa.types.is_dictionary(kind):
        return TEXT
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return TEXT
    numeric = pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean
    return NUMBERS if any(test(kind) for test in numeric) else None


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Categories of numbers, and of yes and no, as estimators spell them."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if _kind(column.type) == NUMBERS:
        return _mapped(column, {value: level_text(value) for value in column.unique().to_pylist()})
    return column.cast(pa.large_string())


def _mapped(column: pa.ChunkedArray, texts: dict[Any, str]) -> pa.ChunkedArray:
    found = [None if value is None else texts[value] for value in column.to_pylist()]
    return pa.chunked_array([pa.array(found, pa.large_string())])


def _parsed(place: Place, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers out of text."""
    trimmed = pc.call_function("utf8_trim_whitespace", [_text(column)])
    try:
        return trimmed.cast(pa.float64())
    except pa.ArrowInvalid:
        values = [_number(place, row, text) for row, text in enumerate(trimmed.to_pylist())]
        return pa.chunked_array([pa.array(values, pa.float64())])


def _float(text: str) -> float | None:
    try:
        return float(text.replace("_", "?"))  # Python's own way to group digits is none of a table
    except ValueError:
        return None


def _number(place: Place, row: int, text: str | None) -> float | None:
    if text is None:
        return None
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    found = _float(text)
    if found is None:
        raise BadInput(f"{place.at(row)} is {text[:50]!r}, not a number.")
    return found


def _numpy(column: pa.ChunkedArray) -> Iterable[tuple[int, np.ndarray]]:
    """Pieces of a column as NumPy arrays, and the place of their first value."""
    begin = 0
    for chunk in column.chunks:
        yield begin, chunk.to_numpy(zero_copy_only=False)
        begin += len(chunk)
