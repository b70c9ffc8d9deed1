"""The rows that a reader should look at, with their values."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .effects import Effect
from .evaluation import Evaluation, Target
from .page import Table
from .words import cell, number, share

_ROWS = 10
_COLUMNS = 30


def uncertain_rows(target: Target, labels: Sequence[str], effects: Sequence[Effect]) -> Table:
    """Rows of the largest epistemic sd."""
    worst = np.argsort(-target.epistemic, kind="stable")[:_ROWS]
    note = (
        "Epistemic sd: how far posterior draws disagree about the mean; more rows like these would "
        "lower it." + _note(target.of)
    )
    return _table("Most uncertain rows", target, labels, effects, worst, note)


def surprising_rows(
    target: Target, labels: Sequence[str], effects: Sequence[Effect], names: Sequence[str] = ()
) -> Table:
    """Rows of the lowest log score; with `names` that of all targets, which are all shown."""
    worst = np.argsort(target.log_prob(target.y), kind="stable")[:_ROWS]
    note = (
        "Log score: log-density of what was observed, nats; the lowest were the least expected. "
        "Look for errors in the data, and for what the features leave out." + _note(target.of)
    )
    return _table("Most surprising rows", target, labels, effects, worst, note, names)


def _table(
    title: str,
    target: Target,
    labels: Sequence[str],
    effects: Sequence[Effect],
    index: np.ndarray,
    note: str,
    names: Sequence[str] = (),
) -> Table:
    of = target.of
    shown = _columns(of, effects)
    if len(shown) < of.rows.columns:
        note += f" Shown: the {len(shown)} features of the largest effects, of {of.rows.columns}."
    picked = of.rows.take(index)
    features = [[cell(value) for value in picked.column(place)] for place in shown]
    rows = []
    for at, i in enumerate(index.tolist()):
        facts = _facts_of_all(of, len(names), i) if names else _facts(target, labels, i)
        rows.append([f"{of.places[i]:,}", *facts, *(column[at] for column in features)])
    heads = _heads_of_all(names) if names else _heads(target)
    return Table(["row", *heads, *(of.rows.names[place] for place in shown)], rows, note, title)


def _heads(target: Target) -> list[str]:
    predicted = "predicted" if target.kind == "numbers" else "predicted (probability)"
    several = target.kind == "numbers" and target.place is not None
    score = "log score of all targets" if several else "log score"
    return ["observed", predicted, "epistemic sd", score]


def _heads_of_all(names: Sequence[str]) -> list[str]:
    pairs = [head for name in names for head in (f"{name} observed", f"{name} predicted")]
    return [*pairs, "log score"]


def _facts_of_all(of: Evaluation, targets: int, i: int) -> list[str]:
    """So many targets of one row, and the score of all of them together."""
    found = []
    for target in of.targets[:targets]:
        predicted = f"{number(float(target.mean[i]))} ± {number(float(target.sd[i]))}"
        found += [number(float(target.y[i])), predicted]
    return [*found, number(float(of.log_prob[i]))]


def _facts(target: Target, labels: Sequence[str], i: int) -> list[str]:
    epistemic, log_prob = target.epistemic[i], target.log_prob(target.y)[i]
    observed: Any = target.y[i]
    if target.kind == "classes":
        label = target.label[i]
        predicted = f"{labels[label]} ({share(float(target.probabilities[i, label]))})"
        return [labels[int(observed)], predicted, number(float(epistemic)), number(float(log_prob))]
    predicted = f"{number(float(target.mean[i]))} ± {number(float(target.sd[i]))}"
    return [number(float(observed)), predicted, number(float(epistemic)), number(float(log_prob))]


def _columns(of: Evaluation, effects: Sequence[Effect]) -> list[int]:
    """All columns, or those of the largest effects."""
    if of.rows.columns <= _COLUMNS:
        return list(range(of.rows.columns))
    return [effect.place for effect in effects[:_COLUMNS]]


def _note(of: Evaluation) -> str:
    among = f" Among the {of.rows.count:,} rows looked at." if of.sampled else ""
    return f"{among} Rows are counted from 0."
