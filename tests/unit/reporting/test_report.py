"""The page's numbers against direct computation; escaping; what is refused."""

import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import moonfield as mf
from moonfield.reporting.effects import _points, _strength
from moonfield.reporting.subject import subject_of
from moonfield.reporting.words import cell
from tests.unit.reporting.pages import Page, assert_says

EVIL = "<script>alert(1)</script>"
LEVEL, DRAWS, SEED = 0.8, 60, 3


class Case(NamedTuple):
    estimator: Any
    X: Any
    y: Any
    y_train: np.ndarray
    prediction: mf.Prediction
    html: str
    page: Page


def made(estimator: Any, X: Any, y: Any, split: int, folder: Any) -> Case:
    estimator.fit(X[:split], y[:split])
    path = folder / "report.html"
    X_test, y_test = X[split:], y[split:]
    mf.report(estimator, X_test, y_test, path, level=LEVEL, draws=DRAWS, seed=SEED)
    prediction = estimator.predict_distribution(X_test, draws=DRAWS, seed=SEED)
    html = path.read_text(encoding="utf-8")
    assert [p.name for p in folder.iterdir()] == ["report.html"]
    return Case(estimator, X_test, y_test, np.asarray(y[:split]), prediction, html, Page(html))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            EVIL: rng.normal(size=240),
            '"onload="alert(1)': rng.normal(size=240),
            "plain": rng.normal(size=240),
            "kind": pd.Categorical(rng.choice(["<b>u</b>", "v", "色"], 240)),
        }
    )


@pytest.fixture(scope="module")
def numbers(table, tmp_path_factory) -> Case:
    rng = np.random.default_rng(1)
    y = 50.0 + 10.0 * table[EVIL] + 6.0 * (table["kind"] == "v") + 5.0 * rng.normal(size=240)
    estimator = mf.BayesianMLPRegressor(hidden=(8,), steps=800, random_state=0)
    return made(estimator, table, pd.Series(y, name="<i>y</i>"), 140, tmp_path_factory.mktemp("n"))


@pytest.fixture(scope="module")
def classes(table, tmp_path_factory) -> Case:
    rng = np.random.default_rng(2)
    score = 2.0 * table[EVIL] + rng.logistic(size=240)
    y = np.where(score > 0, "<b>yes</b>", "no")
    estimator = mf.BayesianMLPClassifier(hidden=(8,), steps=300, random_state=0)
    return made(estimator, table, y, 140, tmp_path_factory.mktemp("c"))


def se(values: np.ndarray) -> float:
    return values.std(ddof=1) / np.sqrt(len(values))


def test_scores_of_numbers_are_those_of_the_prediction(numbers):
    scores, p, y = numbers.page.table("Scores"), numbers.prediction, np.asarray(numbers.y)
    base = stats.norm(numbers.y_train.mean(), numbers.y_train.std())
    log_p, log_base = np.asarray(p.log_prob(y), float), base.logpdf(y)
    model, baseline, gain = scores["log score ↑"]
    assert_says(model, log_p.mean(), se(log_p))
    assert_says(baseline, log_base.mean(), se(log_base))
    assert_says(gain, (log_p - log_base).mean(), se(log_p - log_base))
    off = (p.mean - y) ** 2
    rmse = off.mean() ** 0.5
    assert_says(scores["RMSE ↓"][0], rmse, se(off) / (2 * rmse))
    assert_says(scores["R² ↑"][0], 1 - off.mean() / y.var(), mf.diagnostics.r2(p, y).se)
    interval = p.interval(LEVEL)
    inside = 1.0 * ((interval[:, 0] <= y) & (y <= interval[:, 1]))
    assert_says(scores["coverage, should be 80%"][0], inside.mean(), se(inside))
    width = interval[:, 1] - interval[:, 0]
    assert_says(scores["width of 80% intervals ↓"][0], width.mean(), se(width))
    crps = mf.diagnostics.crps(p, y)
    assert_says(scores["CRPS ↓"][0], crps.value, crps.se)
    assert_says(scores["AUROC of errors ↑"][0], mf.diagnostics.auroc_of_errors(p, y))


def test_scores_of_classes_are_those_of_the_prediction(classes):
    scores, p = classes.page.table("Scores"), classes.prediction
    y = 1 * (classes.y == "no")  # the second label
    frequency = ((classes.y_train == "no").sum() + 0.5) / (len(classes.y_train) + 1)
    q = np.where(y == 1, p.mean, 1.0 - p.mean)
    log_p, log_base = np.log(q), np.log(np.where(y == 1, frequency, 1 - frequency))
    model, baseline, gain = scores["log score ↑"]
    assert_says(model, log_p.mean(), se(log_p))
    assert_says(baseline, log_base.mean(), se(log_base))
    assert_says(gain, (log_p - log_base).mean(), se(log_p - log_base))
    brier = (p.mean - y) ** 2
    assert_says(scores["Brier score ↓"][0], brier.mean(), se(brier))
    right = 1.0 * ((p.mean > 0.5) == y)
    assert_says(scores["accuracy ↑"][0], right.mean(), se(right))
    assert_says(scores["calibration error ↓"][0], mf.diagnostics.ece(p, classes.y))
    cells = classes.page.table("Predicted against true classes")
    assert [int(cell) for cell in cells["no"][:2]] == [
        int(((p.mean <= 0.5) & (y == 1)).sum()), int(((p.mean > 0.5) & (y == 1)).sum())
    ]  # fmt: skip


def test_rows_to_look_at_are_the_extremes(numbers):
    p, y = numbers.prediction, np.asarray(numbers.y)
    uncertain = numbers.page.table("Most uncertain rows")
    order = np.argsort(-p.epistemic, kind="stable")[:10]
    assert list(uncertain)[1:] == [str(i) for i in order]
    surprising = numbers.page.table("Most surprising rows")
    log_p = np.asarray(p.log_prob(y))
    assert list(surprising)[1:] == [str(i) for i in np.argsort(log_p, kind="stable")[:10]]
    first = int(order[0])
    cells = uncertain[str(first)]
    assert_says(cells[0], y[first])
    assert_says(cells[1], p.mean[first], p.sd[first])
    assert_says(cells[4], numbers.X[EVIL].iloc[first])
    assert cells[7] == numbers.X["kind"].iloc[first]


def test_effects_are_partial_dependence(numbers):
    """Recomputed from the alternative text: the ends of the curve of the strongest feature."""
    alt = next(
        c["aria-label"] for c in numbers.page.charts if f"Effect of {EVIL}" in c["aria-label"]
    )
    low, low_at, high, high_at = [
        float(v.replace("−", "-"))
        for v in re.search(r"from (\S+) at (\S+) to (\S+) at (\S+)\.$", alt).groups()
    ]
    rows = numbers.X.iloc[np.random.default_rng(SEED).permutation(len(numbers.X))[:100]]
    for expected, at in ((low, low_at), (high, high_at)):
        nearest = numbers.X[EVIL].iloc[(numbers.X[EVIL] - at).abs().argmin()]
        changed = rows.assign(**{EVIL: nearest})
        p = numbers.estimator.predict_distribution(changed, draws=DRAWS, seed=SEED)
        np.testing.assert_allclose(p.mean.mean(), expected, rtol=6e-4)


def test_largest_effects_come_first(numbers):
    names = [c["aria-label"] for c in numbers.page.charts if "Effect of" in c["aria-label"]]
    assert len(names) == 4
    assert EVIL in names[0]
    assert "Effect of kind" in names[1]


def test_checks_say_what_was_measured(numbers):
    checks, p, y = numbers.page.checks, numbers.prediction, np.asarray(numbers.y)
    assert checks["Better than the baseline"][0] == "fine"
    inside = mf.diagnostics.coverage(p, y, LEVEL).value
    low, high = stats.binom(100, LEVEL).ppf([stats.norm.sf(3), stats.norm.cdf(3)]) / 100
    assert_says(checks["Coverage"][1], inside, 0.8, low, high)
    assert checks["Coverage"][0] == ("fine" if low <= inside <= high else "look here")
    error = mf.diagnostics.ece(p, y)
    assert_says(checks["Calibration at all levels"][1].split(";")[0], error)
    training = numbers.estimator.posterior_.check(draws=DRAWS, seed=SEED).training
    scale = np.log(numbers.estimator.units_.scale)
    gap = p.log_prob(y).mean() - (training[0] - scale)
    assert_says(
        checks["Held-out against training rows"][1].split(" nats")[0],
        gap, np.hypot(se(p.log_prob(y)), training[1]),
    )  # fmt: skip
    assert "800 steps" in checks["End of the fit"][1]
    assert checks["Skipped steps"][0] == "fine"


@pytest.mark.parametrize("case", ["numbers", "classes"])
def test_names_and_labels_are_text(case, request):
    found = request.getfixturevalue(case)
    tags = {tag for tag, _ in found.page.elements}
    assert not tags & {"script", "b", "i", "iframe", "object", "embed", "base", "form", "link "}
    for tag, attributes in found.page.elements:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
    assert EVIL in found.page.text
    assert "<b>u</b>" in found.page.text
    assert "色" in found.page.text
    wanted = "<i>y</i>" if case == "numbers" else "<b>yes</b>"
    assert wanted in found.page.text


@pytest.mark.parametrize("case", ["numbers", "classes"])
def test_page_fetches_nothing_and_is_small(case, request):
    found = request.getfixturevalue(case)
    for _, attributes in found.page.elements:
        for name in ("src", "href", "srcset", "action", "poster", "data", "xlink:href"):
            assert attributes.get(name, "data:").startswith("data:")
    assert not re.search(r"url\(|@import|https?://|//[a-z]", found.html)
    assert len(found.html.encode()) < 300_000


@pytest.mark.parametrize("case", ["numbers", "classes"])
def test_pictures_have_words(case, request):
    charts = request.getfixturevalue(case).page.charts
    assert len(charts) == (9 if case == "numbers" else 8)
    assert all(chart["role"] == "img" and len(chart["aria-label"]) > 30 for chart in charts)


def test_settings_and_versions(numbers):
    import jax

    for text in (jax.__version__, "hidden=(8,)", "100 of 100", "ivon", "80%"):
        assert text in numbers.page.text


def test_same_seed_same_page(numbers, tmp_path):
    mf.report(
        numbers.estimator,
        numbers.X,
        numbers.y,
        tmp_path / "a.html",
        level=LEVEL,
        draws=DRAWS,
        seed=SEED,
    )
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == numbers.html


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda X, y: (X, np.where(y == "no", "maybe", y)), ValueError, "row .* is 'maybe'"),
        (lambda X, y: (X, [None, *y[1:]]), ValueError, "row 0 of y_test is missing"),
        (lambda X, y: (X, y[1:]), ValueError, "X has 100 rows, but y_test"),
        (lambda X, y: (X[:1], y[:1]), ValueError, "2 rows or more, got 1"),
        (lambda X, y: (X, None), TypeError, "y_test is missing"),
        (lambda X, y: (None, y), TypeError, "X_test is missing"),
        (lambda X, y: (X.assign(plain=np.nan), y), ValueError, "NaN"),
        (lambda X, y: (X.drop(columns="plain"), y), ValueError, "plain"),
    ],
)
def test_bad_rows_of_classes(classes, tmp_path, change, error, words):
    X, y = change(classes.X, classes.y)
    with pytest.raises(error, match=words):
        mf.report(classes.estimator, X, y, tmp_path / "a.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y: np.where(np.arange(100) == 7, np.nan, y), "not finite.*row 7"),
        (lambda y: y[:9], "X has 100 rows"),
        (lambda y: np.stack([y, y], axis=1), "shape"),
    ],
)
def test_bad_targets_of_numbers(numbers, tmp_path, change, words):
    with pytest.raises(ValueError, match=words):
        mf.report(numbers.estimator, numbers.X, change(np.asarray(numbers.y)), tmp_path / "a.html")


def test_bad_options(numbers, tmp_path):
    arguments = numbers.estimator, numbers.X, numbers.y
    with pytest.raises(ValueError, match="level must lie"):
        mf.report(*arguments, tmp_path / "a.html", level=1.0)
    with pytest.raises(ValueError, match="draws must be"):
        mf.report(*arguments, tmp_path / "a.html", draws=1)
    with pytest.raises(ValueError, match="seed must lie"):
        mf.report(*arguments, tmp_path / "a.html", seed=-1)
    with pytest.raises(FileNotFoundError, match="no folder"):
        mf.report(*arguments, tmp_path / "deep" / "a.html")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        mf.report(*arguments, tmp_path)


def test_not_fitted_and_not_an_estimator(numbers, tmp_path):
    rows = numbers.X, numbers.y, tmp_path / "a.html"
    with pytest.raises(ValueError, match="not fitted"):
        mf.report(mf.BayesianMLPRegressor(), *rows)
    with pytest.raises(TypeError, match=r"fitted mf\.BayesianMLPClassifier"):
        mf.report("posterior", *rows)


def test_failed_write_leaves_the_old_page(numbers, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    (tmp_path / "a.html").write_text("old")
    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        mf.report(numbers.estimator, numbers.X, numbers.y, tmp_path / "a.html", draws=5)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.html", "old")]


def test_after_partial_fit_the_baseline_is_of_the_test_rows(table, tmp_path):
    """The rows of the last call are not those of the fit."""
    X = np.asarray(table[[EVIL, "plain"]])
    y = np.sort(X[:, 0])
    estimator = mf.BayesianMLPRegressor(hidden=(4,), steps=20, random_state=0)
    estimator.partial_fit(X[:60], y[:60])
    assert subject_of(estimator).data is estimator.posterior_.data is not None
    estimator.partial_fit(X[60:120], y[60:120])
    assert subject_of(estimator).training_targets() is None
    mf.report(estimator, X[120:], y[120:], tmp_path / "report.html", draws=10)
    assert "of the test rows" in (tmp_path / "report.html").read_text(encoding="utf-8")
    estimator.fit(X[:60], y[:60])
    np.testing.assert_allclose(
        np.ravel(subject_of(estimator).training_targets()), y[:60], rtol=1e-5
    )


def test_points_of_an_effect_weigh_the_rows_around_them():
    """A feature that is 0 in nine rows of ten has its effect there."""
    column = np.concatenate([np.zeros(900), np.linspace(1.0, 2.0, 100)])
    points = _points(column.tolist(), categorical=False, grid=12)
    assert points.weights.sum() == pytest.approx(1.0)
    assert points.weights[points.values == 0.0] == pytest.approx(11 / 12)


def test_missing_values_of_any_kind_are_no_categories():
    points = _points([1, pd.NA, 2.5, None, np.nan, 1], categorical=False, grid=12)
    np.testing.assert_array_equal(points.values, [1.0, 2.5])
    assert [cell(value) for value in (pd.NA, None, np.nan, pd.NaT, 1)] == ["–"] * 4 + ["1"]


def test_columns_without_a_value_have_no_strength():
    mean = np.arange(20.0)[:, None]
    assert _strength([np.nan] * 20, mean) == 0.0
    assert _strength([1.0] * 20, mean) == 0.0
    assert _strength([*range(20)], mean) > 0.9
