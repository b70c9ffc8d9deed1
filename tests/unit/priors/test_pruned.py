"""Priors some of whose weights are zero."""

from pathlib import Path

import jax
import numpy as np
import pytest

import moonfield as mf
from tests.helpers import posterior_at, same_bytes

MASK = np.array([[True, False], [False, False], [True, True]])


def model(prior: object = None, kept: dict | None = None) -> mf.BayesianNetwork:
    base = mf.priors.as_prior(prior or mf.priors.Normal(0.0, 2.0))  # type: ignore[arg-type]
    pruned = mf.priors.Pruned(base, {"layers.0.weight": MASK} if kept is None else kept)
    return mf.BayesianNetwork(mf.nets.MLP([2, 3, 1]), pruned, mf.likelihoods.Normal(sd=1.0))


def test_pruned_weights_are_zero_and_others_the_same() -> None:
    it = model()
    params = it.sample_prior(jax.random.key(0))
    inner = unpruned(it)
    before, after = inner.weights(params)["network"], it.weights(params)["network"]
    want = np.where(MASK, before.layers[0].weight, 0.0)
    np.testing.assert_array_equal(after.layers[0].weight, want)
    assert same_bytes(after.layers[1], before.layers[1])
    assert it.log_prior(params) == inner.log_prior(params)


def unpruned(it: mf.BayesianNetwork) -> mf.BayesianNetwork:
    return mf.BayesianNetwork(it.network, it.prior.prior, it.likelihood)  # type: ignore[attr-defined]


def test_survives_a_file(tmp_path: Path) -> None:
    before = posterior_at(model(), 0.3, 0.1)
    before.save(tmp_path / "pruned.mf")
    after = mf.load(tmp_path / "pruned.mf")
    X = np.ones((3, 2))
    assert same_bytes(before.sample(3), after.sample(3))
    np.testing.assert_array_equal(before.predict(X).mean, after.predict(X).mean)
    assert str(after.model) == str(before.model)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match=r"no weights at 'layers\.7'"):
        model(kept={"layers.7": MASK})
    with pytest.raises(ValueError, match=r"has shape \(2, 3\), the weights have \(3, 2\)"):
        model(kept={"layers.0.weight": MASK.T})
