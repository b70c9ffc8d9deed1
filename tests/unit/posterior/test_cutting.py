"""Posteriors over depth: what they say of it, networks of fewer blocks, files, and fits."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.families import AdaptiveDepthState, Variational
from moonfield.model import space
from tests.helpers import posterior_at, same_bytes, state_of

X = np.random.default_rng(0).normal(size=(7, 2))
Q = np.array([0.3, 0.5, 0.1995, 0.0005])


def model() -> mf.BayesianNetwork:
    table = {"blocks.*": mf.priors.Normal(0.0, 0.5), "*": mf.priors.Normal(0.0, 1.0)}
    prior = mf.priors.AdaptiveDepth(table, [4.0, 3.0, 2.0, 1.0])
    network = mf.nets.ResidualMLP([2, 4, 4, 4, 4, 1])
    return mf.BayesianNetwork(network, prior, mf.likelihoods.Normal())


def posterior(q: Any = Q) -> mf.Posterior:
    it = model()
    size = space(it).size
    found = posterior_at(it, np.random.default_rng(1).normal(size=size), 0.3)
    state = AdaptiveDepthState(*found.approximation.state, 10.0 * jnp.log(jnp.asarray(q, float)))
    found.approximation = Variational(mf.families.AdaptiveDepth().bind(space(it)), state, size)
    return found


@pytest.mark.slow
def test_predictions_average_over_depths() -> None:
    """Within four and a half standard errors of the weighted sum over plain networks."""
    whole, draws = posterior(), 2_000
    found = whole.architecture
    np.testing.assert_allclose(found.depths, Q, rtol=1e-5)
    mixed = whole.predict(X, draws=draws)
    each = [found.at_depth(depth).predict(X, draws=draws, seed=1) for depth in range(4)]
    means, errors = (np.stack([getattr(it, name) for it in each]) for name in ("mean", "epistemic"))
    error = np.sqrt((mixed.epistemic**2 + Q**2 @ errors**2) / draws)
    assert (np.abs(mixed.mean - Q @ means) < 4.5 * error).all()
    assert (np.abs(means[0] - means[1]) > 10.0 * error).any()  # depths differ


def test_the_network_is_exported_at_one_depth_or_at_those_with_most_of_the_mass() -> None:
    whole = posterior()
    small, plain = whole.architecture.export(), whole.architecture.at_depth()
    assert small.model.network.sizes == (2, 4, 4, 4, 1)
    assert plain.model.network.sizes == (2, 4, 4, 1)
    assert isinstance(plain.model.prior, mf.priors.Independent)
    np.testing.assert_allclose(small.architecture.depths, Q[:3] / Q[:3].sum(), rtol=1e-5)
    assert "     1        0.500" in str(small.architecture)
    own = whole.sample(3)["network"]
    for fewer in (small, plain):
        mean, sd = np.asarray(fewer.approximation.state[0]), np.exp(state_of(fewer)[1])
        np.testing.assert_allclose(sd, 0.3, rtol=1e-6)
        assert np.isin(mean, state_of(whole)[0]).all()
    assert own.blocks[0].weight.shape == (3, 4, 4)
    shallow = posterior([0.9995, 0.0003, 0.0001, 0.0001]).architecture.export()
    assert shallow.model.network.sizes == (2, 4, 1)
    assert shallow.model.prior.patterns == ("*",)  # nothing is left for the other to match
    with pytest.raises(ValueError, match="3 blocks, not 4"):
        whole.architecture.at_depth(4)


def test_files_keep_the_depth(tmp_path: Path) -> None:
    for name, it in (("whole", posterior()), ("plain", posterior().architecture.at_depth())):
        it.save(tmp_path / name)
        again = mf.load(tmp_path / name)
        assert same_bytes(state_of(again), state_of(it))
        np.testing.assert_array_equal(again.predict(X, draws=9).mean, it.predict(X, draws=9).mean)


@pytest.mark.slow
def test_a_fit_learns_depth_with_the_weights() -> None:
    y = np.sin(X[:, 0])
    found = mf.fit(model(), X, y, steps=50, seed=0)
    assert isinstance(found.approximation.family, mf.families.AdaptiveDepth)
    assert found.architecture.depths.sum() == pytest.approx(1.0)
    assert np.abs(found.architecture.depths - 0.25).max() > 1e-3
    resampled = found.resample(200)  # draws alone say how probable depths are
    counts = 1_000 * resampled.architecture.depths
    np.testing.assert_allclose(counts, counts.round(), atol=1e-3)
    assert counts.sum() == pytest.approx(1_000)


@pytest.mark.parametrize(
    "method",
    [
        "map",
        "nuts",
        "fullrank_advi",
        mf.ADVI(objective=mf.objectives.ImportanceWeighted(4)),
        mf.Ensemble(2, "advi"),
    ],
)
def test_other_methods_cannot(method: Any) -> None:
    with pytest.raises(ValueError, match="depth of a network is a whole number"):
        mf.fit(model(), X, X[:, 0], method=method)


def test_only_posteriors_over_depth_are_cut() -> None:
    plain = posterior_at(model(), 0.0, 1.0)
    with pytest.raises(TypeError, match="advi"):
        plain.architecture.at_depth(1)
    fixed = posterior().architecture.at_depth(1)
    with pytest.raises(ValueError, match=r"mf\.priors\.AdaptiveDepth"):
        _ = fixed.architecture
