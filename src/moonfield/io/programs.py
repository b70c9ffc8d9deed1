"""Bound programs as parts, and back: their arguments, never the rows of a fit."""

from typing import Any

import numpy as np

from ..model import AbstractBoundProgram, AbstractModel, AbstractProgram, Binding
from .part import Part

_PLAIN = (bool, int, float, str, type(None))
_DTYPES = ("bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
           "float16", "bfloat16", "float32", "float64")  # fmt: skip
_LARGEST = 2**31  # rows, or entries of an axis


def describe_program(model: AbstractBoundProgram) -> Part:
    """The arguments that are part of the model, and the shapes of those that were rows."""
    binding = model.binding
    facts: dict[str, Any] = {
        "static": dict(binding.static),
        "by_row": [[name, list(shape), dtype] for name, shape, dtype in binding.by_row],
        "rows": binding.rows,
        "amortised": binding.amortised,
    }
    return Part(facts, {name: np.asarray(array) for name, array in binding.whole.items()})


def build_program(part: Part, program: AbstractProgram) -> AbstractModel:
    """The bound program of a part, from the program that was fitted.

    Raises:
        ValueError: the part is not consistent, or the program does not run with its arguments.
    """
    facts = part.facts
    by_row = tuple((name, tuple(shape), dtype) for name, shape, dtype in facts["by_row"])
    amortised = facts.get("amortised", False)  # older files do not say
    if not all(map(_is_by_row, by_row)) or type(amortised) is not bool:
        raise ValueError("the rows of its program are not consistent")
    if not all(isinstance(value, _PLAIN) for value in facts["static"].values()):
        raise ValueError("the arguments of its program are not numbers or text")
    if facts["rows"] is not None and not _is_count(facts["rows"]):
        raise ValueError(f"its program has {facts['rows']!r} rows")
    binding = Binding(part.tensors, facts["static"], by_row, facts["rows"], amortised)
    try:
        return program.rebuild(binding)
    except Exception as error:  # the program is its user's
        raise ValueError(
            f"the given program does not run with the arguments in the file ({error}), so that it "
            "is not the one that was fitted or the file was edited"
        ) from error


def _is_by_row(entry: tuple) -> bool:
    name, shape, dtype = entry
    return isinstance(name, str) and all(map(_is_count, shape)) and dtype in _DTYPES


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _LARGEST
