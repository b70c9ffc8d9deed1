"""`moonfield fit`: a table to a model file."""

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .._core.results import Result
from ..estimators import BayesianMLPClassifier, BayesianMLPRegressor
from ..inference import METHODS
from .columns import (
    TEXT,
    Place,
    as_numbers,
    as_text,
    as_whole,
    exception_to_numbers,
    is_text_of_numbers,
    kind_of,
    labels,
)
from .errors import BadInput, explained, one_line_warnings
from .formats import check_output
from .say import Voice
from .tables import check_present, read_table

_FEW = 10  # different whole numbers that are taken for classes
_ROWS_EACH = 5  # rows of each of them at least, on average
_DROP = " Fill it, or drop its row."
_NUMBERS = (
    "Write it as a plain number, or, if it stands for a missing one, leave it empty and fit with "
    "--missing indicator."
)
_STORED = "Store numbers, unless they are codes."
_FILL = " Fill it, drop its row, or fit with --missing indicator."


@dataclasses.dataclass(frozen=True)
class Wish:
    """What `moonfield fit` was asked for."""

    table: Path
    target: str
    out: Path
    task: str | None = None
    method: str = "auto"
    hidden: tuple[int, ...] | None = None  # the estimator's own
    steps: int | None = None
    seed: int = 0
    missing: str = "error"
    weights: str | None = None
    ignore: tuple[str, ...] = ()
    force: bool = False
    checkpoint: Path | None = None  # a folder


def run_fit(wish: Wish, voice: Voice) -> bool:
    """Fit and save; whether the fit was not interrupted.

    Raises:
        BadInput: nothing can be fitted; said before anything compiles.
        OSError: the model cannot be written.
        KeyboardInterrupt: before the first steps.
    """
    _check(wish)
    check_output(wish.out, wish.force, wish.table)
    table = read_table(wish.table, wish.ignore)
    y, task = _target(wish, table)
    weights = _weights(wish, table)
    with one_line_warnings():
        table = _features(wish, table)
    voice.say(
        f"{wish.table}: {table.num_rows:,} rows, {table.num_columns} columns; the target "
        f"{wish.target!r} is {_described(y, task)}{_other(wish, y, task)}"
    )
    estimator = _estimator(wish, task, voice.talks)
    with one_line_warnings(), explained(str(wish.table)):
        estimator.fit(table, y, weights, checkpoint=wish.checkpoint)
    facts = estimator.posterior_.diagnostics
    if facts.result is Result.interrupted and not facts.steps:
        raise KeyboardInterrupt
    estimator.target_name_ = wish.target
    estimator.save(wish.out)
    return _told(wish, estimator, task, voice)


def _check(wish: Wish) -> None:
    if wish.method != "auto" and wish.method not in METHODS:
        raise BadInput(
            f"There is no method {wish.method!r}. moonfield methods lists them: auto, "
            f"{', '.join(METHODS)}."
        )
    if wish.target in wish.ignore or wish.target == wish.weights:
        raise BadInput(f"{wish.target!r} is the target, and cannot be left out or be the weights.")


def _target(wish: Wish, table: pa.Table) -> tuple[np.ndarray, str]:
    """Checked targets, and the task: "classes" or "numbers"."""
    column, place = _column(wish, table, wish.target, _DROP)
    if column.null_count == len(column):
        raise BadInput(f"{wish.table}: the target {wish.target!r} has no values.")
    kind = kind_of(place, column)
    if column.null_count:
        as_text(place, column, missing=False)
    plain = kind == TEXT and is_text_of_numbers(column)
    asked = wish.task is None if plain else wish.task != "classes"
    if asked and (odd := exception_to_numbers(place, column)):
        remedy = "Say --task numbers or" if plain else "Fill it, rewrite it, drop its row, or say"
        raise BadInput(f"{odd}. {remedy} --task classes.")
    task = _task(column, kind) if wish.task is None else wish.task
    if task == "numbers":
        if kind == TEXT and not plain:
            raise BadInput(
                f"{wish.table}: the target {wish.target!r} holds text; leave out --task numbers."
            )
        return np.asarray(as_numbers(place, column, missing=False), np.float64), task
    y = labels(column if kind == TEXT else _checked(place, column))
    if y.dtype.kind == "f":
        raise BadInput(
            f"{wish.table}: the target {wish.target!r} holds fractions or numbers beyond 64 "
            "bits, which are no classes. Use --task numbers."
        )
    if len(np.unique(y)) == 1:
        raise BadInput(
            f"{wish.table}: every row has the target {y[0]!s}; there is nothing to tell apart."
        )
    return y, task


def _checked(place: Place, column: pa.ChunkedArray) -> pa.ChunkedArray:
    return as_whole(column, as_numbers(place, column, missing=False))


def _task(column: pa.ChunkedArray, kind: str) -> str:
    """Classes are text, yes or no, or a few whole numbers that come again and again."""
    if kind == TEXT or pa.types.is_boolean(column.type):
        return "classes"
    values = np.unique(np.asarray(column.cast(pa.float64(), safe=False)))
    few = len(values) <= min(_FEW, len(column) / _ROWS_EACH)
    whole = (values == np.floor(values)) & (np.abs(values) < 2.0**64)
    return "classes" if few and whole.all() else "numbers"


def _weights(wish: Wish, table: pa.Table) -> np.ndarray | None:
    if wish.weights is None:
        return None
    column, place = _column(wish, table, wish.weights, _DROP)
    weights = np.asarray(as_numbers(place, column, missing=False), np.float64)
    if (weights < 0.0).any():
        raise BadInput(f"{place.at(int(np.argmax(weights < 0.0)))} is a negative weight.")
    if not weights.any():
        raise BadInput(f"{wish.table}: the weights {wish.weights!r} are all 0.")
    return weights


def _features(wish: Wish, table: pa.Table) -> pa.Table:
    """All other columns, as the estimator takes them."""
    found = {}
    for name in table.column_names:
        if name in (wish.target, wish.weights):
            continue
        if not name.strip():
            raise BadInput(
                f"{wish.table} has a column without a name (an index?). Name it, or leave it out "
                f"with --ignore '{name}'."
            )
        column, place = _column(wish, table, name, _FILL)
        convert = as_text if kind_of(place, column) == TEXT else as_numbers
        if odd := exception_to_numbers(place, column):
            remedy = _STORED if is_text_of_numbers(column) else _NUMBERS
            warnings.warn(f"{odd}: the whole column is taken for text. {remedy}", stacklevel=2)
        found[name] = convert(place, column, wish.missing == "indicator")
    if not found:
        raise BadInput(f"{wish.table} has no column beside the target to learn from.")
    return pa.table(found)


def _column(wish: Wish, table: pa.Table, name: str, remedy: str) -> tuple[pa.ChunkedArray, Place]:
    check_present(wish.table, table.column_names, [name])
    return table.column(name), Place(wish.table, name, remedy=remedy)


def _estimator(wish: Wish, task: str, verbose: bool) -> Any:
    kind = BayesianMLPClassifier if task == "classes" else BayesianMLPRegressor
    own: dict[str, Any] = {} if wish.hidden is None else {"hidden": wish.hidden}
    return kind(
        **own,
        method=wish.method,
        steps=wish.steps,
        missing=wish.missing,
        random_state=wish.seed,
        verbose=verbose,
    )


def _described(y: np.ndarray, task: str) -> str:
    if task == "numbers":
        return f"numbers from {y.min():.4g} to {y.max():.4g}"
    found = np.unique(y).tolist()
    shown = ", ".join(map(str, found[:6])) + (", ..." if len(found) > 6 else "")
    return f"{len(found)} classes ({shown})"


def _other(wish: Wish, y: np.ndarray, task: str) -> str:
    """How to have it otherwise, where that is left open."""
    if wish.task is not None or y.dtype.kind == "U":
        return ""
    return f"; --task {'numbers' if task == 'classes' else 'classes'} says otherwise"


def _ending(result: Result) -> str:
    """Its first sentence: the remedies after it are for Python."""
    return result.message.split(". ")[0].rstrip(".") + "."


def _told(wish: Wish, estimator: Any, task: str, voice: Voice) -> bool:
    """Say what came of it; whether it was not interrupted."""
    facts = estimator.posterior_.diagnostics
    voice.say(
        f"{facts.method}: {facts.steps:,} steps in {facts.compile_seconds + facts.run_seconds:.1f} "
        f"s, {facts.quantity} {facts.elbo:,.1f} ± {facts.elbo_se:.1f}. {_ending(facts.result)}"
    )
    voice.say(f"Saved: {wish.out}")
    interrupted = facts.result is Result.interrupted
    if interrupted and wish.checkpoint is not None:
        voice.say("The same command goes on from there, with --force to replace this model.")
    voice.document(
        {
            "model": str(wish.out),
            "task": task,
            "target": wish.target,
            "classes": getattr(estimator, "classes_", np.array([])).tolist() or None,
            "features": estimator.feature_names_in_.tolist(),
            "rows": facts.rows,
            "method": facts.method,
            "steps": facts.steps,
            "result": facts.result.name,
            "message": facts.message,
            "elbo": facts.elbo,
            "elbo_se": facts.elbo_se,
            "seconds": facts.compile_seconds + facts.run_seconds,
            "seed": wish.seed,
        }
    )
    return not interrupted
