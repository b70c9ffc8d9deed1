"""A layer's outputs under posterior draws."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from tests.helpers import posterior_at

X = np.random.default_rng(0).normal(size=(300, 2))  # more than a block


def second(params: Any, row: Any) -> Any:
    layers = params["network"].layers
    return layers[1](jnp.tanh(layers[0](row)))


def test_are_the_outputs_of_the_layer_under_each_draw(posterior: mf.Posterior) -> None:
    found = posterior.representations(X, "layers.1", draws=20, seed=3)
    assert found.values.shape == (20, 300, 5)
    want = posterior.map(second, X, draws=20, seed=3)
    np.testing.assert_allclose(found.values, want, rtol=1e-5, atol=1e-6)
    assert 0.0 < found.stability < 0.999


def test_of_groups_seen_and_not() -> None:
    model = mf.HierarchicalNetwork(
        mf.nets.MLP([2, 3, 1]), mf.priors.Normal(), mf.likelihoods.Bernoulli(), groups=["a", "b"]
    )
    posterior = posterior_at(model, 0.5, 1e-4)
    names = ["a", "b", "a", None]
    rows = np.repeat(X[:1], 4, axis=0)
    found = posterior.representations(rows, "layers.0", draws=8, groups=names)
    np.testing.assert_array_equal(found.values[:, 0], found.values[:, 2])
    known, new = found.sd[:2].max(), found.sd[3].min()
    assert new > 20.0 * known  # drawn from the population


def test_mistakes_are_named(posterior: mf.Posterior) -> None:
    with pytest.raises(ValueError, match=r"no layer 'layer'; there are layers\.0, layers\.1"):
        posterior.representations(X, "layer")
    with pytest.raises(ValueError, match="no groups"):
        posterior.representations(X, "layers.0", groups=["a"] * 300)
