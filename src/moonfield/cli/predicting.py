"""`moonfield predict`: a model and a table to a table of predictions, some rows at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .errors import explained, one_line_warnings
from .formats import check_output, format_of
from .models import features, load_estimator, names_of
from .rows_bar import rows_bar
from .say import Voice
from .sinks import table_sink
from .tables import read_blocks, rows_of

_ROWS = 65_536  # at a time, at most: a multiple of the 4,096 that are computed together
_UNIT = 4_096
_NUMBERS = 2**22  # of a block, about


def run_predict(
    model: Path, table: Path, out: Path, level: float, force: bool, voice: Voice
) -> None:
    """Predict row by row, in the order of the table, in memory that does not depend on its rows.

    Raises:
        BadInput: the model does not suit the table; nothing is written.
        OSError: the output cannot be written.
    """
    format_of(out)
    check_output(out, force, model, table)
    estimator = load_estimator(model)
    rows, columns = 0, []
    with one_line_warnings(), rows_bar(rows_of(table), voice.talks) as show:
        blocks = _predicted(estimator, table, level)
        first = next(blocks)
        with table_sink(out, first.schema) as write:
            for block in _chained(first, blocks):
                write(block)
                rows += block.num_rows
                show(rows)
        columns = first.column_names
    voice.say(f"Saved: {out}, {rows:,} rows: {', '.join(columns)}")
    voice.document({"output": str(out), "rows": rows, "columns": columns, "level": level})


def predictions(estimator: Any, table: pa.Table, level: float) -> pa.Table:
    """Predictions of features that fit: one row each.

    Of numbers `mean`, `sd`, `epistemic`, `aleatoric`, and the ends `low` and `high` of the interval
    of this level, in units of the target. Of classes the most probable `label`, the `probability_`
    of each class, and sd, epistemic and aleatoric of "it is this label".
    """
    found = estimator.predict_distribution(table)
    if found.kind == "classes":
        return pa.table(_of_classes(estimator, found))
    interval = found.interval(level)
    columns = {"mean": found.mean, "sd": found.sd, **_parts(found)}
    columns |= {"low": interval[:, 0], "high": interval[:, 1]}
    return pa.table({name: np.asarray(values, np.float64) for name, values in columns.items()})


def _of_classes(estimator: Any, found: Any) -> dict[str, np.ndarray]:
    p = np.asarray(found.probabilities, np.float64)
    p = p / p.sum(axis=1, keepdims=True)
    own = found.label[:, None]
    spreads = {"sd": found.sd, **_parts(found)}
    return {
        "label": estimator.classes_[found.label],
        **{f"probability_{name}": p[:, i] for i, name in enumerate(estimator.classes_.tolist())},
        **{
            name: np.asarray(
                values if values.ndim == 1 else np.take_along_axis(values, own, 1)[:, 0], np.float64
            )
            for name, values in spreads.items()
        },
    }


def _parts(found: Any) -> dict[str, np.ndarray]:
    return {"epistemic": found.epistemic, "aleatoric": found.aleatoric}


def _predicted(estimator: Any, path: Path, level: float) -> Iterator[pa.Table]:
    first = 1
    names = names_of(estimator)
    for block in read_blocks(path, names, _block_rows(estimator.encoder_.inputs)):
        with explained(str(path)):
            yield predictions(estimator, features(estimator, block, path, first), level)
        first += block.num_rows


def _block_rows(inputs: int) -> int:
    """As many rows as make about four million numbers."""
    return min(_ROWS, max(1, _NUMBERS // inputs // _UNIT) * _UNIT)


def _chained(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest
