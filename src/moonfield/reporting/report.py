"""`mf.report`: one page on how good a fit is, and whether it is to be trusted."""

import os
from typing import Any

from .._core.checks import whole
from .._core.files import replace_file
from .._core.keys import check_seed
from ..diagnostics.predicted import check_level
from . import sections
from .document import Document
from .effects import ranked
from .evaluation import Evaluation, Options, evaluate
from .rows import rows_of
from .scoring import Line
from .sections import Parts
from .settings import settings_of
from .subject import subject_of
from .versions import versions
from .words import counted, number, share


def report(
    fitted: Any,
    X_test: Any,
    y_test: Any,
    path: str | os.PathLike,
    *,
    level: float = 0.9,
    draws: int = 500,
    rows: int = 5_000,
    seed: int = 0,
    title: str | None = None,
) -> None:
    """Write one self-contained HTML page on a fitted network, judged by rows it has not seen.

    It holds: checks in plain words, with remedies; scores with standard errors beside a trivial
    baseline; calibration, and what chance alone would give; predictions against the truth; effects
    of features with bands; the rows that are most uncertain, and those least expected; the ELBO;
    settings and versions. No script, nothing fetched; it reads on a phone and in dark mode.

    Example:
        >>> import moonfield as mf, os, tempfile
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> regressor = mf.BayesianMLPRegressor(steps=900, random_state=0)
        >>> regressor = regressor.fit(X[:300], y[:300])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = os.path.join(folder, "diabetes.html")
        ...     mf.report(regressor, X[300:], y[300:], page, draws=50)
        ...     os.path.getsize(page) > 20_000
        True

    Args:
        fitted: a `BayesianMLPClassifier` or `BayesianMLPRegressor`, or the `Posterior` of a
            network.
        X_test: (n, ...) rows as in the fit: a pandas or polars table or an array; two or more.
        y_test: (n,) or (n, targets) what was observed: numbers in units of y, an estimator's
            labels, or classes 0 to K - 1 for a posterior.
        path: of the page; a file that is there is replaced, and whole at every time.
        level: of the intervals, and of the bands of effects.
        draws: posterior draws of the predictions.
        rows: of more rows than these so many are drawn at random, and the page says so; time and
            memory then depend on it alone.
        seed: of draws, and of the choice of rows.
        title: of the page.

    Raises:
        TypeError: `fitted` is something else, or a posterior of a program; X or y are not of a type
            that predictions take.
        ValueError: the estimator is not fitted; X and y do not fit the model or each other; a value
            is missing or not finite, or a label was not seen in the fit; there is but one row;
            `level` is not strictly between 0 and 1.
        OSError: the file system refuses; an old page is left as it was.
    """
    check_level(level)
    check_seed(seed)
    options = Options(float(level), whole(draws, "draws", 2), int(seed), whole(rows, "rows", 2))
    subject = subject_of(fitted)
    evaluation = evaluate(subject, rows_of(X_test, subject.columns), y_test, options)
    _check_folder(path)
    names = _target_names(y_test, len(evaluation.targets))
    parts = Parts(evaluation, names, ranked(evaluation))
    page = _document(parts, title).html()
    replace_file(path, page.encode("utf-8", "xmlcharrefreplace"))


def _document(parts: Parts, title: str | None) -> Document:
    checks = sections.checks(parts)
    found = [
        checks,
        sections.scores(parts),
        *sections.predictions(parts),
        *sections.feature_effects(parts),
        sections.rows_to_look_at(parts),
        *sections.fit(parts),
    ]
    known = [finding for finding in checks.findings if finding.status != "unknown"]
    doubts = sum(finding.status == "look" for finding in known)
    return Document(
        title=f"Report on a {parts.of.subject.name}" if title is None else title,
        lead=_lead(parts, doubts, len(known)),
        sections=found,
        settings=settings_of(parts.of),
        versions=versions(),
    )


def _lead(parts: Parts, doubts: int, of: int) -> str:
    evaluation = parts.of
    rows = counted(evaluation.rows.count, "row")
    rows = f"{rows} drawn at random from {evaluation.total:,}" if evaluation.sampled else rows
    ending = {0: "none speaks", 1: "one speaks"}.get(doubts, f"{doubts} speak")
    return (
        f"Judged by {rows} with known targets: {_summary(evaluation, parts.lines[0])}. "
        f"Of {of} checks {ending} against it."
    )


def _summary(evaluation: Evaluation, lines: list[Line]) -> str:
    """The figure that most readers know."""
    wanted = "accuracy" if evaluation.kind == "classes" else "RMSE"
    line = next(line for line in lines if line.name.startswith(wanted))
    value, base = line.model.value, None if line.baseline is None else line.baseline.value
    if wanted == "accuracy":
        words, other = f"{share(value)} in the right class", "" if base is None else share(base)
    else:
        words, other = (
            f"root mean squared error {number(value)}",
            "" if base is None else number(base),
        )
    words += f" ({other} by the baseline)" if other else ""
    return words if len(evaluation.targets) == 1 else f"{words} for the first target"


def _target_names(y: Any, count: int) -> list[str]:
    """From a table or a series where they have names."""
    columns = getattr(y, "columns", None)
    if columns is not None and len(columns) == count:
        return [str(name) for name in columns]
    name = getattr(y, "name", None)
    if count == 1:
        return [str(name) if isinstance(name, str) and name else "y"]
    return [f"y{place}" for place in range(count)]


def _check_folder(path: str | os.PathLike) -> None:
    """Before anything is computed."""
    parent = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(parent):
        raise FileNotFoundError(f"There is no folder {parent} to write the report to.")
    if os.path.isdir(path):
        raise IsADirectoryError(f"{os.fspath(path)} is a folder; give the path of a file.")
