"""Bound programs as parts, and back: their arguments, never the rows of a fit."""

from typing import Any

import numpy as np

from ..model import BoundProgram, Program
from .part import Part


def describe_program(model: BoundProgram) -> Part:
    """The arguments that are part of the model, and the shapes of those that were rows."""
    facts = {
        "static": dict(model.static),
        "by_row": [[name, list(shape), dtype] for name, shape, dtype in model.by_row],
        "rows": model.layout.rows,
        "amortised": model.amortised,
    }
    return Part(facts, {name: np.asarray(array) for name, array in model.whole.items()})


def build_program(part: Part, program: Program) -> BoundProgram:
    """The bound program of a part, from the program that was fitted.

    Raises:
        ValueError: the program does not take the arguments of the part.
    """
    by_row = tuple((name, tuple(shape), dtype) for name, shape, dtype in part.facts["by_row"])
    static: dict[str, Any] = part.facts["static"]
    amortised = bool(part.facts.get("amortised", False))  # older files do not say
    return program.rebuild(part.tensors, static, by_row, part.facts["rows"], amortised)
