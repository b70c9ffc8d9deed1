"""Inclusion probabilities from known gates."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import moonfield as mf
from tests.helpers import posterior_at


def model(per: str = "input") -> mf.BayesianNetwork:
    prior = {"layers.0.weight": mf.priors.SpikeAndSlab(per=per), "*": mf.priors.Normal()}
    return mf.BayesianNetwork(mf.nets.MLP([3, 2, 1]), prior, mf.likelihoods.Normal(sd=1.0))


def posterior(gates: list[float], sd: float) -> mf.Posterior:
    """All weights 1, and these gates, every number with this sd."""
    return posterior_at(model(), [*np.ones(11), *gates], sd)


def test_it_is_the_probability_of_an_open_gate() -> None:
    gates = [-1.2, -1.0, 0.5]
    found = mf.diagnostics.inclusion(posterior(gates, 0.4), draws=4_000)
    want = stats.norm.cdf((np.array(gates) + 1.0) / 0.4)
    error = np.sqrt(want * (1.0 - want) / 4_000)
    assert (np.abs(found.probability - want) < 4.5 * error + 1e-9).all()
    assert found.order.tolist() == [2, 1, 0]
    assert [line.split()[0] for line in str(found).splitlines()] == ["group", "2", "1", "0"]


def test_sizes_are_of_the_weights_themselves() -> None:
    found = mf.diagnostics.inclusion(posterior([-3.0, -0.5, 2.0], 1e-6), draws=10)
    np.testing.assert_allclose(found.size, [0.0, 0.5, 1.0], atol=1e-4)
    assert found.probability.tolist() == [0.0, 1.0, 1.0]
    assert found.order.tolist() == [2, 1, 0]  # the larger of two that are equally probable


def test_groups_are_named_by_their_places() -> None:
    it = posterior_at(model("weight"), 0.0, 0.1)
    found = mf.diagnostics.inclusion(it, draws=5)
    assert found.names == ("0, 0", "0, 1", "0, 2", "1, 0", "1, 1", "1, 2")
    assert mf.diagnostics.inclusion(posterior_at(model("layer"), 0.0, 0.1)).names == ("all",)


@pytest.mark.slow
def test_columns_of_a_table_are_named() -> None:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=["a", "b", "c"])
    fitted = mf.fit(model(), X, X["b"], method="advi", steps=10)
    assert mf.diagnostics.inclusion(fitted, draws=2).names == ("a", "b", "c")


def test_weights_without_gates_are_named() -> None:
    with pytest.raises(ValueError, match=r"'layers\.1\.weight' have no gates.*layers\.0\.weight"):
        mf.diagnostics.inclusion(posterior([0.0, 0.0, 0.0], 1.0), "layers.1.weight")
    program = mf.Program(lambda: None)
    with pytest.raises(TypeError, match="for networks"):
        mf.diagnostics.inclusion(type("Other", (), {"model": program})())
