"""`moonfield report`: a model and a table with known targets to one page."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .columns import Place, as_numbers, as_text, as_whole, is_numbers, labels
from .errors import BadInput, explained, one_line_warnings
from .formats import check_output
from .models import features, load_estimator, names_of
from .say import Voice
from .tables import read_blocks

_ROWS = 65_536
_DROP = " Fill it, or drop its row."


def run_report(
    model: Path, table: Path, out: Path, target: str | None, force: bool, voice: Voice
) -> None:
    """Judge a model by rows with known targets, and write a page on it.

    Raises:
        BadInput: the model does not suit the table; nothing is written.
        OSError: the page cannot be written.
    """
    check_output(out, force, model, table)
    estimator = load_estimator(model)
    target = estimator.target_name_ if target is None else target
    if target is None:
        raise BadInput(f"{model} does not say what its target was called; name it with --target.")
    if target in names_of(estimator):
        raise BadInput(f"{model} predicts from {target!r}: it is a feature, not the target.")
    X, y = _rows(estimator, table, target)
    from .. import report  # its libraries for figures take a second to load

    with one_line_warnings(), explained(str(table)):
        report(estimator, X, y, out)
    voice.say(f"Saved: {out}")
    voice.document({"report": str(out), "rows": len(y), "target": target})


def _rows(estimator: Any, path: Path, target: str) -> tuple[pa.Table, np.ndarray]:
    parts, targets, first = [], [], 1
    for block in read_blocks(path, [*names_of(estimator), target], _ROWS):
        parts.append(features(estimator, block, path, first))
        targets.append(_targets(estimator, block, Place(path, target, first, _DROP)))
        first += block.num_rows
    return pa.concat_tables(parts, promote_options="permissive"), np.concatenate(targets)


def _targets(estimator: Any, block: pa.Table, place: Place) -> np.ndarray:
    """Targets as those of the fit: numbers, or labels of its type."""
    column = block.column(place.name)
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return np.asarray(as_numbers(place, column, missing=False), np.float64)
    if classes.dtype.kind in "UO":
        text = as_text(place, column, missing=False)
        if is_numbers(text):
            raise BadInput(f"{place.path}: the target {place.name!r} holds numbers, not labels.")
        return labels(text)
    numbers = as_numbers(place, column, missing=False)
    if classes.dtype.kind != "b":
        return labels(as_whole(column, numbers))
    values = np.asarray(numbers)
    other = (values != 0.0) & (values != 1.0)
    if other.any():
        row = int(np.argmax(other))
        raise BadInput(f"{place.at(row)} is {values[row]:g}, neither yes (1) nor no (0).")
    return values == 1.0
