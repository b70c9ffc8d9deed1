"""Scores of what the systems of `tabular.py` answered, and whether the bounds hold.

Everything is scored here, alike: probabilities are kept above 2.2e-16, as in scikit-learn's
log_loss, so that a class that was ruled out costs 36 nats and not infinitely many.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tabular_sets import Table

import moonfield as mf

OURS = "moonfield"
BETTER_THAN = ("mlp", "gp", "bde")  # in log score
LEVEL = 0.9
POOLED = (0.88, 0.94)
SLACK = 0.02
CALIBRATES = 5  # one in so many training rows, in systems/tabular_moonfield.py
TINY = np.finfo(float).eps


class Scores(NamedTuple):
    """One system on one set, an entry for each fold; coverage an entry for each row."""

    worth: np.ndarray  # accuracy or R2
    log_score: np.ndarray  # mean nats a row
    inside: np.ndarray
    width: np.ndarray  # mean, in sds of the target
    ece: float  # of all folds together
    seconds: np.ndarray


Found = dict[tuple[str, str], Scores]  # by set and system


def report(tables: Mapping[str, Table], systems: Iterable[str], cache: Path) -> dict[str, Any]:
    found: Found = {}
    for name, table in tables.items():
        for system in systems:
            answers = _answers(cache / system / name, table)
            if answers is not None:
                found[name, system] = _scores(table, answers)
    lines = [
        *_table(found),
        "",
        *_against_peers(found),
        "",
        *_intervals(found, tables),
        "",
        *_ece(found),
    ]
    rows = [{"set": n, "system": s, **_plain(scores)} for (n, s), scores in found.items()]
    return {"lines": lines, "table": rows}


def _answers(folder: Path, table: Table) -> list[dict[str, np.ndarray]] | None:
    """Of every fold; None where one is missing."""
    paths = [folder / f"{i}.npz" for i in range(len(table.held_out))]
    if not all(path.exists() for path in paths):
        return None
    return [dict(np.load(path)) for path in paths]


def _scores(table: Table, answers: list[dict[str, np.ndarray]]) -> Scores:
    seconds = np.array([float(answer["seconds"]) for answer in answers])
    targets = [table.y[test] for test in table.held_out]
    none = np.zeros(0)
    if table.task == "classes":
        labels = [np.searchsorted(np.unique(table.y), y) for y in targets]
        p = [np.clip(answer["probabilities"], TINY, 1.0) for answer in answers]
        pairs = list(zip(p, labels, strict=True))
        right = [np.mean(one.argmax(axis=1) == y) for one, y in pairs]
        log_score = [np.mean(np.log(one[np.arange(len(y)), y])) for one, y in pairs]
        every = mf.diagnostics.ClassProbabilities(np.concatenate(p))
        ece = float(mf.diagnostics.ece(every, np.concatenate(labels)))
        return Scores(np.array(right), np.array(log_score), none, none, ece, seconds)
    pairs = list(zip(answers, targets, strict=True))
    worth = [1.0 - np.mean((y - a["mean"]) ** 2) / np.var(y) for a, y in pairs]
    log_score = [np.mean(a["log_density"]) for a, _ in pairs if "log_density" in a]
    inside = np.concatenate([(a["lower"] <= y) & (y <= a["upper"]) for a, y in pairs])
    width = np.array([np.mean(a["upper"] - a["lower"]) / table.y.std() for a, _ in pairs])
    return Scores(np.array(worth), np.array(log_score), inside, width, np.nan, seconds)


def _table(found: Found) -> list[str]:
    lines = [
        f"{'set':<14} {'system':<13} {'accuracy/R2':>11} {'log score':>10} {'ECE':>6} "
        f"{'90% holds':>9} {'width':>6} {'first s':>8} {'median s':>8}"
    ]
    for (name, system), s in found.items():
        held = f"{s.inside.mean():9.3f} {s.width.mean():6.2f}" if s.inside.size else " " * 16
        score = f"{s.log_score.mean():10.3f}" if s.log_score.size else " " * 10
        ece = f"{s.ece:6.3f}" if np.isfinite(s.ece) else " " * 6
        lines.append(
            f"{name:<14} {system:<13} {s.worth.mean():11.4f} {score} {ece} {held} "
            f"{s.seconds[0]:8.1f} {np.median(s.seconds):8.1f}"
        )
    return lines


def _against_peers(found: Found) -> list[str]:
    """Paired differences over folds: ours minus a peer's, with standard errors."""
    lines = []
    for (name, system), theirs in found.items():
        ours = found.get((name, OURS))
        if ours is None or system in (OURS, "conformal"):
            continue
        if system == "mlp":
            mean, se = _paired(ours.worth, theirs.worth)
            lines.append(f"{name:<14} accuracy/R2 against {system:<12} {mean:+.4f} (se {se:.4f}), "
                         f"above -2 se: {verdict(mean >= -2.0 * se)}")  # fmt: skip
        mean, se = _paired(ours.log_score, theirs.log_score)
        judged = f", above 0: {verdict(mean > 0.0)}" if system in BETTER_THAN else ""
        lines.append(f"{name:<14} log score   against {system:<12} {mean:+.4f} (se {se:.4f})"
                     f"{judged}")  # fmt: skip
        if system == "bde":
            ratio = np.median(ours.seconds) / np.median(theirs.seconds)
            lines.append(f"{name:<14} time        against {system:<12} {ratio:.3f}, at most 0.1: "
                         f"{verdict(ratio <= 0.1)}")  # fmt: skip
    return lines


def _paired(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    difference = ours - theirs
    return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))


def _intervals(found: Found, tables: Mapping[str, Table]) -> list[str]:
    """Rows count as independent, though the splits of UCI share some.

    How many rows a split-conformal interval holds depends on the rows that calibrated it too.
    Given these n, the coverage has a beta distribution, of variance `level (1 - level) / (n + 2)`
    but for less than one row (Vovk, 2012, "Conditional validity of inductive conformal
    predictors"), which all test rows of a fold share.
    """
    lines = []
    for system, what in ((OURS, "as they come"), ("conformal", "split-conformal")):
        sets = {n: s for (n, one), s in found.items() if one == system and s.inside.size}
        if not sets:
            continue
        inside = np.concatenate([s.inside for s in sets.values()])
        share, se = inside.mean(), _se(inside.size)
        if system == "conformal":
            rows = np.concatenate([tables[name].held_out.sum(axis=1) for name in sets])
            used = np.concatenate([(~tables[name].held_out).sum(axis=1) for name in sets])
            shared = LEVEL * (1.0 - LEVEL) / (used // CALIBRATES + 2.0)
            se = float(np.hypot(se, np.sqrt(np.sum((rows / rows.sum()) ** 2 * shared))))
        mean = np.mean([s.inside.mean() for s in sets.values()])
        low, high = POOLED if system == OURS else (LEVEL - 2.0 * se, 1.0)
        lines.append(f"90% intervals {what}: hold {share:.4f} of {inside.size:,} rows of "
                     f"{len(sets)} sets (mean of sets {mean:.4f}), within [{low:.3f}, {high:.3f}]: "
                     f"{verdict(low <= share <= high)}")  # fmt: skip
        if system == OURS:
            for name, s in sets.items():
                least = LEVEL - 2.0 * _se(s.inside.size) - SLACK
                lines.append(f"  {name:<14} {s.inside.mean():.4f}, at least {least:.4f}: "
                             f"{verdict(s.inside.mean() >= least)}")  # fmt: skip
    return lines


def _ece(found: Found) -> list[str]:
    classes = [(key, s.ece) for key, s in found.items() if np.isfinite(s.ece)]
    names = dict.fromkeys(name for (name, _), _ in classes)
    return [
        f"ECE, {name}: " + ", ".join(f"{s} {ece:.4f}" for (n, s), ece in classes if n == name)
        for name in names
    ]


def _se(rows: int) -> float:
    return float(np.sqrt(LEVEL * (1.0 - LEVEL) / rows))


def _plain(scores: Scores) -> dict[str, Any]:
    kept = {k: v.tolist() for k, v in scores._asdict().items() if k not in ("inside", "ece")}
    share = float(scores.inside.mean()) if scores.inside.size else None
    ece = scores.ece if np.isfinite(scores.ece) else None
    return {**kept, "ece": ece, "coverage": share, "rows": int(scores.inside.size)}


def verdict(holds: bool) -> str:
    return "pass" if holds else "MISS"
