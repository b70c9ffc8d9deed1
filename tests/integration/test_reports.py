"""Reports on every kind of target and source of rows."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

import moonfield as mf
from tests.helpers import linear_model
from tests.unit.reporting.pages import Page, assert_says

pytestmark = pytest.mark.slow
RNG = np.random.default_rng(0)
X = RNG.normal(size=(260, 4))


def page_of(fitted: Any, X: Any, y: Any, folder: Any, **options: Any) -> Page:
    mf.report(fitted, X, y, folder / "a.html", **{"draws": 60, **options})
    return Page((folder / "a.html").read_text(encoding="utf-8"))


def fit(model: Any, y: Any, rows: Any = X, **options: Any) -> mf.Posterior:
    return mf.fit(model, rows[:160], y[:160], steps=500, seed=0, progress=False, **options)


def test_several_targets_have_their_own_sections(tmp_path):
    pl = pytest.importorskip("polars")
    y = np.stack([X[:, 0], 100.0 * X[:, 1]], axis=1) + RNG.normal(size=(260, 2))
    regressor = mf.BayesianMLPRegressor(hidden=(8,), steps=300, random_state=0)
    regressor.fit(X[:160], y[:160])
    page = page_of(regressor, X[160:], pl.DataFrame(y[160:], schema=["near", "far"]), tmp_path)
    assert {"Predictions: near", "Predictions: far", "Effects of features: far"} <= {*page.headings}
    p = regressor.predict_distribution(X[160:], draws=60, seed=0)
    log_p = p.log_prob(y[160:])
    joint = page.table("All targets together")["log score ↑"][0]
    assert_says(joint, log_p.mean(), log_p.std(ddof=1) / 10.0)
    for place, name in enumerate(("near", "far")):
        off = (p.mean[:, place] - y[160:, place]) ** 2
        cell = page.table(f"Target {name}")["RMSE ↓"][0].split(" ±")[0]
        assert_says(cell, off.mean() ** 0.5)
    crps = mf.diagnostics.crps(p, y[160:]).values[:, 1]
    cell = page.table("Target far")["CRPS ↓"][0]
    assert_says(cell, crps.mean(), crps.std(ddof=1) / 10.0)
    worst = page.table("Most surprising rows")  # by all targets together, so of neither
    lowest = np.argsort(log_p, kind="stable")[:10]
    assert list(worst)[1:] == [str(i) for i in lowest]
    heads = ["near observed", "near predicted", "far observed", "far predicted", "log score"]
    assert worst["row"][: len(heads)] == heads
    for i in lowest.tolist():
        shown = worst[str(i)]
        assert_says(shown[0], y[160 + i, 0])
        assert_says(shown[2], y[160 + i, 1])
        assert_says(shown[3].split(" ±")[0], p.mean[i, 1])
        assert_says(shown[4], log_p[i])
    assert "log score of all targets" in page.table("Most uncertain rows: near")["row"]
    assert "Rows are counted from 0." in page.text
    assert "Most uncertain rows: near" in page.text
    assert "Most surprising rows: near" not in page.text


@pytest.mark.parametrize(
    "likelihood", [mf.likelihoods.Poisson(), mf.likelihoods.NegativeBinomial()]
)
def test_counts(likelihood, tmp_path):
    y = RNG.poisson(np.exp(X[:, 0]))
    posterior = fit(linear_model(4, likelihood, bias=True), y)
    page = page_of(posterior, X[160:], y[160:], tmp_path)
    scores = page.table("Scores")
    log_p = posterior.predict(X[160:], draws=60, seed=0).log_prob(y[160:])
    assert_says(scores["log score ↑"][0], log_p.mean(), log_p.std(ddof=1) / 10.0)
    assert "R² ↑" not in scores
    with pytest.raises(ValueError, match="needs counts"):
        mf.report(posterior, X[160:], -1.0 - y[160:], tmp_path / "a.html")


def test_several_binary_targets_and_restarts_and_a_file(tmp_path):
    y = (X[:, :2] > 0).astype(int)
    posterior = fit(linear_model(4, mf.likelihoods.Bernoulli(), outputs=2), y, restarts=2)
    page = page_of(posterior, X[160:], y[160:], tmp_path)
    p = posterior.predict(X[160:], draws=60, seed=0).mean[:, 1]
    right = np.mean((p > 0.5) == y[160:, 1])
    assert_says(page.table("Target y1")["accuracy ↑"][0].split(" ±")[0], right)
    assert "2 restarts" in page.checks["Restarts"][1]
    assert "Gradient" in page.checks
    posterior.save(tmp_path / "p.mf")
    page = page_of(mf.load(tmp_path / "p.mf"), X[160:], y[160:], tmp_path)
    assert page.checks["Held-out against training rows"][0] == "not known"
    assert "the test rows" in page.text


def test_members_of_an_ensemble_stand_in_for_restarts(tmp_path):
    y = X[:, 0] + RNG.normal(size=260)
    model = linear_model(4, mf.likelihoods.Normal(1.0))
    for method in (mf.Ensemble(3, "map"), mf.Ensemble(3, "advi")):
        page = page_of(fit(model, y, method=method), X[160:], y[160:], tmp_path)
        assert page.checks["Restarts"][0] == "fine"
        assert "joins 3 fits" in page.checks["Restarts"][1]


def test_weights_of_rows_count_in_the_baseline(tmp_path):
    y = (X[:, 0] > 0).astype(int)
    model = linear_model(4, mf.likelihoods.Bernoulli())
    posterior = fit(model, y, weights=np.where(y[:160] == 1, 3.0, 1.0))
    page = page_of(posterior, X[160:], y[160:], tmp_path)
    counts = np.bincount(y[:160]) * [1.0, 3.0] + 0.5
    baseline = np.log(counts / counts.sum())[y[160:]]
    cell = page.table("Scores")["log score ↑"][1]
    assert_says(cell, baseline.mean(), baseline.std(ddof=1) / 10.0)
    assert "the weighted training rows" in page.text


def test_many_classes(tmp_path):
    y = np.digitize(X[:, 0], [-1.2, -0.7, -0.2, 0.2, 0.7, 1.2])
    classifier = mf.BayesianMLPClassifier(hidden=(8,), steps=300, random_state=0)
    page = page_of(classifier.fit(X[:160], y[:160]), X[160:], y[160:], tmp_path)
    assert "the 5 of 7 classes" in page.text
    cells = page.table("Predicted against true classes")
    assert sum(int(cell) for row in list(cells.values())[1:] for cell in row[:7]) == 100


@pytest.mark.parametrize("rows", [2, 30])
def test_few_rows_and_targets_that_never_vary(rows, tmp_path):
    regressor = mf.BayesianMLPRegressor(hidden=(4,), steps=100, random_state=0)
    regressor.fit(X[:50], np.full(50, 3.0))
    page = page_of(regressor, X[:rows], np.full(rows, 3.0), tmp_path)
    assert page.checks["Better than the baseline"][0] == "not known"
    assert page.table("Scores")["R² ↑"][0] == "–"


def test_rows_of_one_class(tmp_path):
    y = (X[:, 0] > 0).astype(int)
    classifier = mf.BayesianMLPClassifier(hidden=(4,), steps=200, random_state=0).fit(X, y)
    page = page_of(classifier, X[y == 1], y[y == 1], tmp_path)
    assert page.table("Scores")["log score ↑"]


def test_images_have_neither_columns_nor_effects(tmp_path):
    class Flat(eqx.Module):
        layer: eqx.nn.Linear

        def __call__(self, image: Any) -> Any:
            return self.layer(image.ravel())

    images = RNG.normal(size=(260, 3, 3)).astype(np.float32)
    network = Flat(eqx.nn.Linear(9, 1, key=jax.random.key(0)))
    model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli())
    y = (images[:, 1, 1] > 0).astype(int)
    page = page_of(fit(model, y, images), images[160:], y[160:], tmp_path)
    assert "Effects of features" not in page.headings
    columns = page.table("Most uncertain rows")["row"]
    assert columns == ["observed", "predicted (probability)", "epistemic sd", "log score"]


def test_columns_of_a_posterior_are_found_by_name(tmp_path):
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=list("abcd"))
    y = X[:, 0] + RNG.normal(size=260)
    model = linear_model(4, mf.likelihoods.Normal(1.0))
    posterior = mf.fit(model, table[:160], y[:160], steps=300, seed=0, progress=False)
    other = table[["d", "c", "b", "a"]].assign(note="text")
    first = page_of(posterior, table[160:], y[160:], tmp_path)
    second = page_of(posterior, other[160:], y[160:], tmp_path)
    assert first.tables == second.tables


def test_a_program_is_refused(tmp_path):
    import numpyro
    import numpyro.distributions as dist

    def program(x: Any, y: Any = None) -> None:
        mean = numpyro.sample("mean", dist.Normal(0.0, 1.0))
        with numpyro.plate("rows", x.shape[0]):
            numpyro.sample("y", dist.Normal(mean + x, 1.0), obs=y)

    data = {"x": X[:, 0], "y": X[:, 1]}
    posterior = mf.fit(mf.Program(program), data=data, method="fullrank_advi", steps=300, seed=0)
    with pytest.raises(TypeError, match="report is for networks"):
        mf.report(posterior, X, X[:, 1], tmp_path / "a.html")


def test_a_million_rows_are_sampled_and_the_page_says_so(tmp_path):
    """Only as many rows as asked for are predicted, and their numbers are those of all rows."""
    many = RNG.normal(size=(1_000_000, 4)).astype(np.float32)
    y = many[:, 0] + RNG.normal(size=len(many))
    posterior = fit(linear_model(4, mf.likelihoods.Normal(1.0)), X[:, 0] + RNG.normal(size=260))
    page = page_of(posterior, many, y, tmp_path, rows=3_000)
    assert "3,000 rows drawn at random from 1,000,000" in page.text
    assert "500 rows, drawn at random from 3,000" in page.text
    worst = page.table("Most surprising rows")
    place = int(list(worst)[1].replace(",", ""))
    assert_says(worst[f"{place:,}"][0], y[place])
    assert (tmp_path / "a.html").stat().st_size < 300_000
    y[-1] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        mf.report(posterior, many, y, tmp_path / "a.html")
