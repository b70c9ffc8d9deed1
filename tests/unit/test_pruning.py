"""Weights of little signal go first, and what is left works as before."""

import numpy as np
import pytest

import moonfield as mf
from tests.helpers import linear_model, posterior_at, regression_rows

pruning = mf.applications.pruning
MEAN, SD = np.array([3.0, -0.2, 0.5, 1.0]), np.array([3.0, 0.01, 1.0, 0.1])  # ratios 1, 20, 0.5, 10
X, Y = regression_rows(200, 4)


def posterior() -> mf.Posterior:
    return posterior_at(linear_model(4, mf.likelihoods.Normal(sd=0.5)), MEAN, SD)


def left(it: mf.Posterior) -> list[int]:
    weight = np.asarray(it.sample(3)["network"].layers[0].weight)[:, 0]
    zero = weight == 0.0
    assert (zero == zero[0]).all()  # under every draw
    return np.flatnonzero(~zero[0]).tolist()


def test_by_signal_to_noise_or_by_magnitude() -> None:
    assert left(pruning.prune(posterior(), 0.0)) == [0, 1, 2, 3]
    assert left(pruning.prune(posterior(), 0.25)) == [0, 1, 3]
    assert left(pruning.prune(posterior(), 0.5)) == [1, 3]
    assert left(pruning.prune(posterior(), 0.5, order="magnitude")) == [0, 3]
    assert left(pruning.prune(posterior(), 1.0)) == []
    randoms = [left(pruning.prune(posterior(), 0.5, order="random", seed=s)) for s in range(5)]
    assert all(len(one) == 2 for one in randoms)
    assert len(set(map(tuple, randoms))) > 1


def test_what_was_pruned_stays_pruned() -> None:
    once = pruning.prune(posterior(), 0.25)
    twice = pruning.prune(once, 0.5)
    assert left(twice) == [1, 3]
    again = mf.fit(twice.model, X, Y, method="advi", steps=300, start=twice)
    assert left(again) == [1, 3]


def test_at_random_too() -> None:
    for seed in range(5):
        once = pruning.prune(posterior(), 0.5, order="random", seed=seed)
        twice = pruning.prune(once, 0.75, order="random", seed=seed + 7)
        assert len(left(twice)) == 1
        assert set(left(twice)) < set(left(once))


def test_the_curve_is_of_the_pruned_posteriors() -> None:
    curve = pruning.curve(posterior(), X, Y, shares=(0.0, 0.5, 1.0))
    assert curve.measure == "rmse"
    half = pruning.prune(posterior(), 0.5).predict(X, draws=100)
    assert curve.score[1] == float(mf.diagnostics.rmse(half, Y))
    assert curve.log_score[1] == float(mf.diagnostics.log_score(half, Y))
    np.testing.assert_allclose(curve.score[2], np.sqrt(np.mean(Y**2)), rtol=1e-6)
    assert "50.0%" in str(curve)


@pytest.mark.slow
def test_a_network_to_first_order_is_expanded_without_them() -> None:
    fitted = mf.fit(linear_model(4, mf.likelihoods.Normal(sd=0.5)), X, Y, method="laplace")
    pruned = pruning.prune(fitted, 0.5)
    kept = left(pruned)
    assert kept == [0, 3]  # the true slopes are -1, -1/3, 1/3, 1
    mean = np.asarray(fitted.sample(1_000)["network"].layers[0].weight).mean(axis=0)[0]
    want = X[:, kept] @ mean[kept]
    np.testing.assert_allclose(pruned.predict(X, draws=1_000).mean, want, atol=0.02)


def test_weights_without_a_distribution_stay() -> None:
    """Nothing says how sure they are, whatever their size."""
    partly = mf.BayesianNetwork(
        mf.nets.MLP([4, 2, 1]), mf.priors.Normal(), mf.likelihoods.Normal(), bayesian="layers.1.*"
    )
    it = mf.fit(partly, X, Y, method="advi", steps=50)
    drawn = pruning.prune(it, 1.0).sample(2)["network"]
    assert (np.asarray(drawn.layers[1].weight) == 0.0).all()
    assert (np.asarray(drawn.layers[0].weight) != 0.0).all()
    with pytest.raises(ValueError, match=r"No weights with a distribution match 'layers\.0\.\*'"):
        pruning.prune(it, 0.5, "layers.0.*")
    by_size = pruning.prune(it, 1.0, order="magnitude").sample(1)["network"]
    assert (np.asarray(by_size.layers[0].weight) == 0.0).all()


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="share must lie between 0 and 1"):
        pruning.prune(posterior(), 1.5)
    with pytest.raises(ValueError, match=r"No weights match 'conv\*'.*layers\.0\.weight"):
        pruning.prune(posterior(), 0.5, paths="conv*")
    with pytest.raises(ValueError, match="order must be one of 'signal_to_noise'"):
        pruning.prune(posterior(), 0.5, order="size")
