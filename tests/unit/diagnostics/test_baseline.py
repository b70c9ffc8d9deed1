"""The trivial prediction, R2, and what chance alone would give, against direct computation."""

import numpy as np
import pytest
from scipy import stats

from moonfield import diagnostics
from tests.helpers import in_units_of_error
from tests.unit.diagnostics.exact import Numbers, classes, normal, random_classes

RNG = np.random.default_rng(0)


def test_class_baseline_shares_one_count():
    base = diagnostics.class_baseline([0, 0, 2], classes=3, rows=2)
    np.testing.assert_allclose(base.probabilities, [[7 / 12, 1 / 12, 4 / 12]] * 2)


def test_class_baseline_counts_weights():
    base = diagnostics.class_baseline([0, 1], classes=2, rows=1, weights=[3.0, 1.0])
    np.testing.assert_allclose(base.probabilities, [[3.5 / 5, 1.5 / 5]])


def test_number_baseline_is_normal_with_the_weighted_moments():
    y, weights = RNG.normal(3.0, 2.0, 50), RNG.random(50)
    base = diagnostics.number_baseline(y, rows=7, weights=weights)
    mean = np.average(y, weights=weights)
    sd = np.sqrt(np.average((y - mean) ** 2, weights=weights))
    np.testing.assert_allclose(base.log_prob(y[:7]), stats.norm(mean, sd).logpdf(y[:7]), rtol=1e-6)
    np.testing.assert_allclose(base.interval(0.9)[0], stats.norm(mean, sd).interval(0.9), rtol=1e-6)
    assert base.sample(11).shape == (11, 7)


@pytest.mark.parametrize(
    ("y", "variance"), [([0, 1, 2, 9], 12.5), ([2, 2, 3, 1], 2.0)], ids=["spread", "poisson"]
)
def test_number_baseline_of_counts_has_their_mean_and_at_least_their_variance(y, variance):
    base = diagnostics.number_baseline(y, rows=3, discrete=True)
    np.testing.assert_allclose(base.mean, np.mean(y))
    np.testing.assert_allclose(base.sd**2, variance)
    total = np.exp([base.log_prob([k])[0] for k in range(200)]).sum()
    np.testing.assert_allclose(total, 1.0, rtol=1e-9)


def test_number_baseline_of_constant_targets_is_an_error():
    with pytest.raises(ValueError, match="never vary"):
        diagnostics.number_baseline(np.ones(5), rows=2)


def test_r2_is_that_of_scikit_learn():
    from sklearn.metrics import r2_score

    y = RNG.normal(size=(40, 3)) * [1.0, 5.0, 0.1]
    mean = y + RNG.normal(size=y.shape)
    score = diagnostics.r2(normal(mean), y)
    np.testing.assert_allclose(score.value, r2_score(y, mean), rtol=1e-10)
    np.testing.assert_allclose(score.values.mean(), score.value, rtol=1e-10)


@pytest.mark.slow
def test_r2_has_the_error_of_repeated_data():
    found, errors = [], []
    for _ in range(2_000):
        y = RNG.normal(size=200)
        score = diagnostics.r2(normal(y + 0.7 * RNG.normal(size=200)), y)
        found.append(score.value)
        errors.append(score.se)
    spread = np.std(found) / np.sqrt(2 * len(found))  # standard error of a sd
    assert abs(np.std(found) - np.mean(errors)) < 4 * spread + 0.02 * np.std(found)


def test_r2_of_targets_that_never_vary_is_nan():
    assert np.isnan(diagnostics.r2(normal([1.0, 2.0]), [3.0, 3.0]).value)


def test_coverage_curve_is_coverage_at_each_level():
    mean = RNG.normal(size=(60, 2))
    y = mean + 1.4 * RNG.normal(size=(60, 2))
    curve = diagnostics.coverage_curve(normal(mean), y, levels=[0.3, 0.9])
    expected = [diagnostics.coverage(normal(mean), y, level).value for level in (0.3, 0.9)]
    np.testing.assert_allclose(curve.frequency, expected, atol=1e-12)
    np.testing.assert_allclose(curve.se, np.sqrt([0.21 / 120, 0.09 / 120]))


def test_coverage_curve_of_right_counts_meets_every_level():
    law = stats.poisson(np.full(20_000, 1.3))
    y = law.rvs(random_state=RNG)
    curve = diagnostics.coverage_curve(Numbers(law, discrete=True), y)
    assert np.abs((curve.frequency - curve.confidence) / curve.se).max() < 4.0


def test_coverage_curve_refuses_levels_outside():
    with pytest.raises(ValueError, match="between 0 and 1"):
        diagnostics.coverage_curve(normal([0.0, 1.0]), [0.0, 1.0], levels=[1.0])


@pytest.mark.slow
def test_ece_by_chance_is_that_of_drawn_labels():
    p, _ = random_classes(300, 3, 1.5, seed=2)
    mine = diagnostics.ece_by_chance(classes(p), bins=10, simulations=400)
    rng = np.random.default_rng(7)
    direct = [
        diagnostics.ece(classes(p), [rng.choice(3, p=row) for row in p], bins=10)
        for _ in range(400)
    ]
    difference = in_units_of_error(np.array(mine) - np.array(direct), 0.0)
    assert abs(difference) < 4.0


def test_ece_by_chance_of_numbers_is_that_of_uniform_levels():
    found = diagnostics.ece_by_chance(normal(np.zeros(500)), bins=2, simulations=2_000)
    expected = np.abs(stats.binom(500, 0.5).rvs((4_000,), random_state=1) / 500 - 0.5).mean()
    assert abs(in_units_of_error(found, expected)) < 4.0
