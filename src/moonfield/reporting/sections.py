"""The parts of a report, from what was evaluated."""

from collections.abc import Sequence
from typing import Any

from . import calibration_findings, class_charts, findings, number_charts
from .document import Section
from .effects import LOOK, Effect, effect_of
from .evaluation import Evaluation, Target
from .fit_charts import effect_charts, elbo_chart
from .row_tables import surprising_rows, uncertain_rows
from .scoring import Line, baseline_of, joint_line, lines_of, table_of

_EFFECTS = 8
_CURVES = 5  # classes in one picture
_TARGETS = 8  # that have pictures of their own


class Parts:
    """The evaluated rows, the names of their targets and classes, scores, ranked effects."""

    def __init__(self, of: Evaluation, names: Sequence[str], effects: Sequence[Effect]):
        self.of = of
        self.names = names
        self.effects = effects
        self.labels = _labels(of)
        self._closely: dict[int, Effect] = {}
        self.baselines = [baseline_of(target) for target in of.targets]
        self.lines = [
            lines_of(target, base) for target, base in zip(of.targets, self.baselines, strict=True)
        ]

    @property
    def targets(self) -> list[tuple[Target, str, list[Line]]]:
        """Each target with its name and scores."""
        return list(zip(self.of.targets, self.names, self.lines, strict=True))

    def effect(self, place: int) -> Effect:
        """One column's effect, closely; computed once."""
        if place not in self._closely:
            found = effect_of(self.of, place, LOOK)
            assert found is not None  # it varied at a glance
            self._closely[place] = found
        return self._closely[place]

    def named(self, words: str, name: str) -> str:
        """A heading; it names the target where there are several."""
        return words if len(self.names) == 1 else f"{words}: {name}"


def checks(parts: Parts) -> Section:
    """What is fine, what is not, and what to do."""
    found = []
    for target, name, lines in parts.targets:
        for finding in calibration_findings.of_the_target(target, lines):
            words = parts.named(finding.name, name)
            found.append(findings.Finding(words, finding.status, finding.words))
    found += findings.of_the_rows(parts.of)
    found += findings.of_the_fit(parts.of.subject.posterior)
    return Section("Is it to be trusted?", findings=found)


def scores(parts: Parts) -> Section:
    """Tables of scores: of all targets together, and of each."""
    tables = []
    if len(parts.names) > 1:
        joint = joint_line(parts.of, parts.baselines)
        tables.append(table_of("All targets together", [joint], parts.of))
    for _, name, lines in parts.targets:
        title = f"Target {name}" if len(parts.names) > 1 else ""
        tables.append(table_of(title, lines, parts.of))
    last = tables[-1]
    tables = [*(type(t)(t.columns, t.rows, "", t.title) for t in tables[:-1]), last]
    return Section("Scores", tables=tables)


def predictions(parts: Parts) -> list[Section]:
    """Pictures of the predictions of each target."""
    found = []
    for target, name, _ in parts.targets[:_TARGETS]:
        title = parts.named("Predictions", name)
        if target.kind == "classes":
            charts = class_charts.of_classes(target, parts.labels)
            tables = class_charts.confusion(target, parts.labels)
            found.append(Section(title, tables=tables, charts=charts))
        else:
            found.append(Section(title, charts=number_charts.of_numbers(target, name)))
    return found


def feature_effects(parts: Parts) -> list[Section]:
    """Partial dependence of each target on the features that move it most."""
    if not parts.effects:
        return []
    if parts.of.kind == "classes" and parts.of.y.ndim == 1:
        return [_class_effects(parts)]
    found = []
    for place, (_, name, _) in enumerate(parts.targets[:_TARGETS]):
        chosen = sorted(parts.effects, key=lambda e, p=place: -e.size(p))[:_EFFECTS]
        numbers = parts.of.kind == "numbers"
        label = f"predicted {name}" if numbers else f"probability of {name} = 1"
        title = parts.named("Effects of features", name)
        found.append(_effects(parts, title, chosen, [place], [label], label))
    return found


def rows_to_look_at(parts: Parts) -> Section:
    """The most uncertain and the most surprising rows."""
    tables, joint = [], _joint(parts)
    for target, name, _ in parts.targets[:_TARGETS]:
        for make in (uncertain_rows,) if joint else (uncertain_rows, surprising_rows):
            found = make(target, parts.labels, parts.effects)
            title = parts.named(found.title, name)
            tables.append(type(found)(found.columns, found.rows, found.caption, title))
    if joint:  # by the score of all targets together
        names = parts.names[:_TARGETS]
        tables.append(surprising_rows(parts.of.targets[0], parts.labels, parts.effects, names))
    return Section("Rows to look at", tables=tables, kind="features")


def fit(parts: Parts) -> list[Section]:
    """The curve of the objective."""
    charts = elbo_chart(parts.of.subject.posterior)
    return [Section("The fit", charts=charts)] if charts else []


def _class_effects(parts: Parts) -> Section:
    title, effects = "Effects of features", parts.effects[:_EFFECTS]
    if len(parts.labels) == 2:
        label = f"probability of {parts.labels[1]}"
        return _effects(parts, title, effects, [0], [label], label)
    every = range(len(parts.labels))
    size = {k: sum(effect.size(k) ** 2 for effect in effects) for k in every}
    shown = sorted(sorted(every, key=lambda k: -size[k])[:_CURVES])
    labels = [parts.labels[k] for k in shown]
    return _effects(parts, title, effects, shown, labels, "probability")


def _effects(
    parts: Parts,
    title: str,
    effects: Sequence[Effect],
    outputs: Sequence[int],
    labels: Sequence[str],
    y: str,
) -> Section:
    level = parts.of.options.level
    several = f"The {len(effects)} features" if len(effects) > 1 else "The feature"
    all_of = parts.of.rows.columns
    lead = (
        f"{several} with the largest effect on the prediction"
        f"{f' of {all_of}' if all_of > len(effects) else ''}: the mean prediction over rows in "
        f"which one feature is changed and all else left, with the central {level:.0%} of "
        "posterior draws. It is what the model does with a feature, not what a change of it would "
        "cause; where features go together, some rows behind a curve are unlike any that exist."
    )
    if len(parts.labels) > _CURVES and len(outputs) > 1:
        lead += f" Shown: the {_CURVES} of {len(parts.labels)} classes that change most."
    closely = [parts.effect(effect.place) for effect in effects]
    return Section(title, lead, charts=effect_charts(closely, outputs, labels, level, y))


def _labels(of: Evaluation) -> list[str]:
    if of.kind != "classes":
        return []
    classes: Any = of.subject.classes
    if classes is not None:
        return [str(label) for label in classes.tolist()]
    return [str(k) for k in range(of.targets[0].probabilities.shape[1])]


def _joint(parts: Parts) -> bool:
    """Whether the log score is that of all targets of a row together."""
    return len(parts.names) > 1 and parts.of.kind == "numbers"
