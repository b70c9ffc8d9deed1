"""Relevance of inputs from known weights."""

import numpy as np
import pandas as pd
import pytest

import moonfield as mf
from tests.helpers import posterior_at


def model() -> mf.BayesianNetwork:
    return mf.BayesianNetwork(
        mf.nets.MLP([3, 2, 1], bias=False), mf.priors.Normal(), mf.likelihoods.Normal(sd=1.0)
    )


def test_it_is_the_root_mean_square_over_units() -> None:
    weights = np.array([[3.0, 0.0, -1.0], [4.0, 0.0, 1.0]])
    posterior = posterior_at(model(), [*weights.ravel(), 1.0, 1.0], 1e-6)
    found = mf.diagnostics.relevance(posterior, draws=10)
    np.testing.assert_allclose(found.mean, [np.sqrt(12.5), 0.0, 1.0], atol=1e-4)
    assert found.order.tolist() == [0, 2, 1]
    assert found.draws.shape == (10, 3)
    assert [line.split()[0] for line in str(found).splitlines()] == ["input", "0", "2", "1"]


def test_units_may_be_permuted() -> None:
    weights = np.random.default_rng(0).normal(size=(2, 3))
    one, other = (
        mf.diagnostics.relevance(posterior_at(model(), [*w.ravel(), 1.0, 1.0], 1e-6), draws=5)
        for w in (weights, weights[::-1])
    )
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-4)


def test_columns_of_a_table_are_named() -> None:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 3)), columns=["a", "b", "c"])
    posterior = mf.fit(model(), X, X["b"], method="advi", steps=600)
    found = mf.diagnostics.relevance(posterior)
    assert found.names == ("a", "b", "c")
    assert found.order[0] == 1
    assert (found.interval[:, 0] < found.mean).all()
    assert (found.mean < found.interval[:, 1]).all()


def test_a_path_without_a_matrix_is_named() -> None:
    with pytest.raises(ValueError, match=r"no weight matrix at 'layers\.7.*layers\.0\.weight"):
        mf.diagnostics.relevance(posterior_at(model(), 0.0, 1.0), "layers.7.weight")
