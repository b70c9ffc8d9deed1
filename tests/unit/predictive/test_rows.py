"""A row's prediction depends on that row alone, to the last bit."""

from collections.abc import Callable

import numpy as np
import pytest

import moonfield as mf
from tests.helpers import Split

FIELDS: dict[str, Callable[[mf.Prediction, np.ndarray], np.ndarray]] = {
    "mean": lambda p, y: p.mean,
    "sd": lambda p, y: p.sd,
    "epistemic": lambda p, y: p.epistemic,
    "expected_entropy": lambda p, y: p.expected_entropy,
    "mutual_information": lambda p, y: p.mutual_information,
    "log_prob": lambda p, y: p.log_prob(y),
}
DRAWS = 20


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    """20,000 rows and classes for them."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(20_000, 2)), rng.integers(0, 2, 20_000)


@pytest.fixture(scope="module")
def whole(posterior: mf.Posterior, rows: tuple) -> dict[str, np.ndarray]:
    """All fields of all rows."""
    prediction = posterior.predict(rows[0], draws=DRAWS)
    return {name: field(prediction, rows[1]) for name, field in FIELDS.items()}


@pytest.mark.parametrize("count", [1, 255, 256, 257, 4_096, 4_097, 20_000])
def test_any_number_of_rows(posterior: mf.Posterior, rows: tuple, whole: dict, count: int) -> None:
    X, y = rows
    prediction = posterior.predict(X[-count:], draws=DRAWS)
    assert prediction.rows == count
    for name, field in FIELDS.items():
        got = field(prediction, y[-count:])
        assert got.shape == (count,)
        np.testing.assert_array_equal(got, whole[name][-count:], err_msg=name)


def test_a_permutation(posterior: mf.Posterior, rows: tuple, whole: dict) -> None:
    X, y = rows
    order = np.random.default_rng(1).permutation(len(X))
    prediction = posterior.predict(X[order], draws=DRAWS)
    for name, field in FIELDS.items():
        np.testing.assert_array_equal(field(prediction, y[order]), whole[name][order], err_msg=name)


def test_a_random_subset(posterior: mf.Posterior, rows: tuple, whole: dict) -> None:
    X, y = rows
    some = np.random.default_rng(2).choice(len(X), 777, replace=False)
    prediction = posterior.predict(X[some], draws=DRAWS)
    for name, field in FIELDS.items():
        np.testing.assert_array_equal(field(prediction, y[some]), whole[name][some], err_msg=name)


def test_identical_rows(posterior: mf.Posterior, rows: tuple) -> None:
    prediction = posterior.predict(np.tile(rows[0][:1], (1_500, 1)), draws=DRAWS)
    for name, field in FIELDS.items():
        values = field(prediction, np.ones(1_500))
        assert len(np.unique(values)) == 1, name


@pytest.mark.slow
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("sizes", [(30, 100, 50), (2, 300, 17), (300, 64)])
def test_wide_networks_too(sizes: tuple[int, ...], outputs: int) -> None:
    """Matrix products of a size that goes to a library instead of being fused."""
    likelihood = mf.likelihoods.Normal() if outputs == 1 else mf.likelihoods.Categorical()
    network = mf.nets.MLP([*sizes, outputs], activation="relu")
    model = mf.BayesianNetwork(network, mf.priors.Scaled(1.0), likelihood)
    X = np.random.default_rng(0).normal(size=(1_100, sizes[0]))
    whole = model.prior_predictive(X, draws=DRAWS)
    for part in (slice(1_099, None), slice(0, 512), slice(3, 700)):
        some = model.prior_predictive(X[part], draws=DRAWS)
        np.testing.assert_array_equal(some.mean, whole.mean[part])
        np.testing.assert_array_equal(some.sd, whole.sd[part])
        if outputs == 1:
            np.testing.assert_array_equal(some.quantile(0.9), whole.quantile(0.9)[part])


def test_different_rows_and_seeds_differ(posterior: mf.Posterior, moons: Split) -> None:
    one, other = (posterior.predict(moons.X_test, draws=DRAWS, seed=seed) for seed in (0, 1))
    assert len(np.unique(one.mean)) > 400
    assert (one.mean != other.mean).mean() > 0.9
    again = posterior.predict(moons.X_test, draws=DRAWS, seed=0)
    assert one.mean.tobytes() == again.mean.tobytes()
    assert one.sample(3).tobytes() == again.sample(3).tobytes()


@pytest.mark.slow
def test_quantiles_are_the_same_when_draws_do_not_fit_into_memory(monkeypatch) -> None:
    from moonfield.predictive import cumulative

    model = mf.BayesianNetwork(
        mf.nets.MLP([3, 4, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal()
    )
    X = np.random.default_rng(0).normal(size=(5, 3))
    kept = model.prior_predictive(X, draws=DRAWS)
    at_once = kept.interval(0.8)
    monkeypatch.setattr(cumulative, "_MOST_BYTES", 0)
    one_by_one = model.prior_predictive(X, draws=DRAWS).interval(0.8)
    assert (np.abs(one_by_one - at_once) < 1e-4 * kept.sd[:, None]).all()
