"""All metrics and recalibrations on predictions of real posteriors."""

import numpy as np
import pytest
from scipy import stats

import moonfield as mf
from tests.helpers import Split, linear_model, posterior_at, regression_rows

d = mf.diagnostics


@pytest.fixture(scope="module")
def moons_prediction(posterior: mf.Posterior, moons: Split) -> mf.Prediction:
    return posterior.predict(moons.X_test, draws=100)


@pytest.fixture(scope="module")
def regression() -> tuple[mf.Posterior, np.ndarray, np.ndarray]:
    """A linear model fitted to 100 rows, and 600 rows that it has not seen."""
    X, y = regression_rows(700, 2)
    posterior = mf.fit(linear_model(2, mf.likelihoods.Normal()), X[:100], y[:100], steps=2_000)
    return posterior, X[100:], y[100:]


def test_classes(moons_prediction: mf.Prediction, moons: Split) -> None:
    """What is computed twice agrees; entropy finds the errors of the moons."""
    prediction, y = moons_prediction, moons.y_test
    assert d.log_score(prediction, y).value == prediction.log_prob(y).mean(dtype=np.float64)
    assert d.accuracy(prediction, y).value == (prediction.label == y).mean()
    assert d.brier(prediction, y).value == pytest.approx(((prediction.mean - y) ** 2).mean())
    assert d.auroc_of_errors(prediction, y) > 0.7
    curve = d.risk_coverage(prediction, y)
    assert curve.risk[-1] == pytest.approx(1.0 - d.accuracy(prediction, y).value)
    assert curve.area < curve.risk[-1]


def test_recalibrated_classes(posterior: mf.Posterior, moons: Split) -> None:
    """A better log score on the held-out rows, the same labels, and sets that hold theirs."""
    half = slice(0, 250), slice(250, 500)
    held, new = (posterior.predict(moons.X_test[rows], draws=100) for rows in half)
    y_held, y_new = (moons.y_test[rows] for rows in half)
    temperature = d.Temperature().fit(held, y_held)
    assert d.log_score(temperature.apply(held), y_held).value > d.log_score(held, y_held).value
    np.testing.assert_array_equal(temperature.apply(new).label, new.label)
    sets = d.Conformal(0.9).fit(held, y_held).set(new)
    inside = sets[np.arange(250), y_new.astype(int)]
    assert inside.mean() > 0.9 - 4 * np.sqrt(2 * 0.09 / 250)  # noise of the threshold and the test


def test_outliers_of_a_linear_model_are_those_far_away() -> None:
    posterior = posterior_at(linear_model(1, mf.likelihoods.Normal(sd=1.0)), 0.0, 1.0)
    near, far = (posterior.predict(x * np.ones((5, 1)), draws=50) for x in (1.0, 3.0))
    assert d.auroc_of_outliers(near, far) == 1.0
    assert d.auroc_of_outliers(near, far, "aleatoric") == 0.5


def test_numbers(regression: tuple) -> None:
    """A right model: calibrated within 4 standard errors, and the noise's own CRPS."""
    posterior, X, y = regression
    prediction = posterior.predict(X, draws=200)
    assert stats.kstest(d.pit(prediction, y), "uniform").pvalue > 1e-3
    for level in (0.5, 0.9):
        covered = d.coverage(prediction, y, level)
        assert abs(covered.value - level) < 4 * covered.se
    curve = d.reliability(prediction, y, 10)
    assert (np.abs(curve.frequency - curve.confidence) < 4 * curve.se).all()
    score = d.crps(prediction, y)
    assert (
        abs(score.value - 0.5 / np.sqrt(np.pi)) < 4 * score.se + 0.02
    )  # sd 0.5; 100 rows to learn
    np.testing.assert_allclose(
        d.sharpness(prediction, 0.9).value, 2 * 1.645 * prediction.sd.mean(), rtol=0.02
    )


@pytest.mark.slow
def test_recalibrated_numbers() -> None:
    """Stated sd 1, true sd 0.5: isotonic quantiles and conformal intervals find it."""
    X, y = regression_rows(1_000, 2)
    posterior = posterior_at(linear_model(2, mf.likelihoods.Normal(sd=1.0)), [-1.0, 1.0], 1e-4)
    held, new = posterior.predict(X[:500], draws=50), posterior.predict(X[500:], draws=50)
    mended = d.IsotonicQuantiles().fit(held, y[:500]).apply(new)
    assert d.coverage(new, y[500:]).value > 0.97
    for prediction in (
        mended,
        d.Conformal(0.9).fit(held, y[:500]).apply(new),
        d.Conformal(0.9, "quantile").fit(held, y[:500]).apply(new),
    ):
        covered = d.coverage(prediction, y[500:], 0.9)
        assert abs(covered.value - 0.9) < 4 * np.sqrt(2) * covered.se
        assert d.sharpness(prediction, 0.9).value == pytest.approx(2 * 1.645 * 0.5, rel=0.15)
    np.testing.assert_allclose(mended.sd.mean(), 0.5, rtol=0.15)


@pytest.mark.slow
def test_counts() -> None:
    """Poisson rows of the rate that is stated."""
    X = np.random.default_rng(0).normal(size=(500, 1))
    y = stats.poisson.rvs(np.exp(X[:, 0]), random_state=1)
    posterior = posterior_at(linear_model(1, mf.likelihoods.Poisson()), 1.0, 1e-4)
    prediction = posterior.predict(X, draws=50)
    assert stats.kstest(d.pit(prediction, y), "uniform").pvalue > 1e-3
    assert d.coverage(prediction, y, 0.9).value > 0.9 - 4 * np.sqrt(0.09 / 500)


@pytest.mark.usefixtures("x64")
def test_in_64_bits() -> None:
    posterior = posterior_at(linear_model(1, mf.likelihoods.Normal(sd=1.0)), 0.0, 1e-9)
    y = np.linspace(-2.0, 2.0, 9)
    prediction = posterior.predict(np.ones((9, 1)), draws=20)
    np.testing.assert_allclose(d.pit(prediction, y), stats.norm.cdf(y), atol=1e-8)
    assert d.Conformal(0.9).fit(prediction, y).threshold == pytest.approx(2.0)
