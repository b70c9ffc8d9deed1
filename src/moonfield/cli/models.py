"""Model files as commands use them."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from ..estimators import BayesianMLPClassifier, BayesianMLPRegressor
from ..estimators.columns import level_text
from ..posterior import load
from .columns import Place, as_levels, as_numbers, as_text, is_numbers
from .errors import BadInput, explained, one_line_warnings
from .tables import check_present

_FILL = " Fill it, or drop its row: the model was fitted without missing values."


def load_estimator(path: Path) -> Any:
    """The estimator of a file that has columns by name and one target.

    Raises:
        BadInput: there is no such file, it is damaged, or holds something else.
    """
    if not path.is_file():
        raise BadInput(f"{path}: there is no such file.")
    with one_line_warnings(), explained():
        found = load(path)
    if not isinstance(found, BayesianMLPClassifier | BayesianMLPRegressor):
        raise BadInput(
            f"{path} holds a posterior, not what moonfield fit or an estimator wrote. Use "
            "mf.load(path).predict(X) in Python."
        )
    if not hasattr(found, "feature_names_in_"):
        raise BadInput(
            f"{path}: its model was fitted to an array, whose columns have no names. Use "
            "mf.load(path).predict(X) in Python."
        )
    if targets_of(found) != 1:
        raise BadInput(
            f"{path}: its model has {targets_of(found)} targets a row, and moonfield predicts one. "
            "Use mf.load(path).predict(X) in Python."
        )
    return found


def targets_of(estimator: Any) -> int:
    """How many numbers or classes a row's target is."""
    units = getattr(estimator, "units_", None)
    return 1 if units is None or not units.shift.shape else units.shift.shape[0]


def names_of(estimator: Any) -> list[str]:
    """The columns that a model reads."""
    return estimator.feature_names_in_.tolist()


def features(estimator: Any, table: pa.Table, path: Path, first: int = 1) -> pa.Table:
    """A table's columns as the estimator takes them; others are left out.

    `first` is the number of the first row in its file.

    Raises:
        BadInput: a column is missing or of another type, or a value is missing where the fit had
            none, infinite or no number.
    """
    names = names_of(estimator)
    check_present(path, table.column_names, names)
    missing = estimator.missing == "indicator"
    levels = dict(zip(estimator.encoder_.categorical, estimator.encoder_.levels, strict=True))
    found = {}
    for place, name in enumerate(names):
        where = Place(path, name, first, _FILL)
        column = table.column(name)
        if place not in levels:
            found[name] = as_numbers(where, column, missing)
            continue
        if is_numbers(column) and not any(map(_is_number, levels[place])):
            raise BadInput(f"{path}: column {name!r} holds numbers; the model learned text there.")
        found[name] = as_levels(as_text(where, column, missing), levels[place])
    return pa.table(found)


def _is_number(text: str) -> bool:
    """Whether text is how a model spells a number: not 007."""
    try:
        return level_text(float(text)) == text
    except (ValueError, OverflowError):
        return False
