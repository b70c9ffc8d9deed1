"""Networks of another size: what a change of size keeps, and what a posterior says of sizes."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import moonfield as mf
from moonfield.families import FullRank, Variational
from moonfield.model import space
from moonfield.posterior.resizing import adaptive_layers, marginals, rate_path, resized
from tests.helpers import posterior_at

X = np.random.default_rng(0).normal(size=(7, 2))


def posterior(log_rate: float = 0.1, sd: float = 0.3) -> mf.Posterior:
    """A mean-field posterior of a network 2-8-6-1 with given rates and random weights."""
    network = mf.nets.MLP([2, 8, 6, 1])
    prior = {
        "layers.1.weight": mf.priors.AdaptiveWidth(sd=2.0, typical=5.0),
        "layers.2.weight": mf.priors.AdaptiveWidth(typical=3.0),
        "*": mf.priors.Normal(0.0, 1.0),
    }
    model = mf.BayesianNetwork(network, prior, mf.likelihoods.Bernoulli())
    mean = np.random.default_rng(1).normal(size=space(model).size)
    mean[-2:] = log_rate
    return posterior_at(model, mean, sd)


def outputs_at_means(it: mf.Posterior) -> np.ndarray:
    model: Any = it.model
    moments = it.approximation.moments()
    assert moments is not None
    return np.asarray(model.outputs(space(model).constrain(moments[0])[0], jnp.asarray(X)))


@pytest.mark.parametrize(
    ("layer", "order", "units", "width"),
    [
        # the width is 4.5: five units
        pytest.param(0, [3, 2, 0, 1, 4], 5, None, marks=pytest.mark.slow),
        (1, [1, 2, 0], 7, 6.5),
    ],
)
def test_the_function_stays(layer: int, order: list, units: int, width: float | None) -> None:
    before = posterior()
    after = resized(before, layer, np.array(order), units, width)
    assert after.model.network.sizes[layer + 1] == units
    np.testing.assert_allclose(outputs_at_means(after), outputs_at_means(before), rtol=1e-5)


def test_uncertainty_moves_with_the_weights() -> None:
    before = posterior()
    after = resized(before, 0, np.array([1, 0]), 4, 9.0)
    old, new = marginals(before), marginals(after)
    np.testing.assert_allclose(new.sd["layers.0.weight"][:2], 0.3, rtol=1e-6)
    entry = adaptive_layers(before.model)[0]
    for factor_old, factor_new, i, j in ((1, 0, 1, 0), (0, 1, 0, 1)):
        profiles = [
            np.asarray(entry.profile(np.exp(m.mean[rate_path(0)]), 8))[0] for m in (old, new)
        ]
        ratio = profiles[0][factor_old] / profiles[1][factor_new]
        for a, b in zip(old, new, strict=True):
            np.testing.assert_allclose(
                b["layers.1.weight"][:, j], ratio * a["layers.1.weight"][:, i], rtol=1e-5
            )


def test_new_units_are_ready_to_learn_and_change_nothing() -> None:
    after = resized(posterior(), 0, np.arange(5), 9, 8.0)
    new = marginals(after)
    assert (new.mean["layers.1.weight"][:, 5:] == 0.0).all()
    assert (new.mean["layers.0.weight"][5:] != 0.0).all()
    np.testing.assert_allclose(new.sd["layers.0.weight"][5:], 0.1, rtol=1e-6)
    np.testing.assert_allclose(new.sd["layers.1.weight"][:, 5:], 0.01, rtol=1e-6)


def test_widths_have_the_distribution_of_the_rate() -> None:
    """`P(units <= k) = P(typical / rate <= k)`, within four standard errors."""
    found = posterior(0.1, 0.3).architecture
    assert found.units == {"layers.0": 8, "layers.1": 6}
    for layer, typical, most in (("layers.0", 5.0, 8), ("layers.1", 3.0, 6)):
        widths = found.widths[layer]
        assert widths.max() <= most
        for k in range(2, most):
            p = stats.norm.cdf(np.log(k / typical), -0.1, 0.3)
            error = np.sqrt(p * (1.0 - p) / len(widths))
            assert abs((widths <= k).mean() - p) < 4.0 * error + 1e-12
        assert found.quantile(0.0)[layer] == widths.min()
        assert found.quantile(1.0)[layer] == widths.max()
        assert sum(found.probabilities(layer).values()) == pytest.approx(1.0)
    assert "layers.1" in str(found)


@pytest.mark.slow
def test_the_exported_network_predicts_the_same() -> None:
    """Within five standard errors of both means over draws; it is the smaller one."""
    whole = posterior(0.5, 0.2)
    small = whole.architecture.export()
    assert small.model.network.sizes == (2, *whole.architecture.quantile(0.999).values(), 1)
    assert small.model.size < whole.model.size
    a, b = (it.predict(X, draws=2_000, seed=s) for s, it in enumerate((whole, small)))
    error = np.sqrt((a.epistemic**2 + b.epistemic**2) / 2_000)
    assert (np.abs(a.mean - b.mean) < 5.0 * error).all()
    assert error.max() < 0.015


def test_where_there_is_no_width_to_learn() -> None:
    model = mf.BayesianNetwork(
        mf.nets.MLP([2, 3, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli()
    )
    with pytest.raises(ValueError, match=r"mf\.priors\.AdaptiveWidth"):
        _ = posterior_at(model, 0.0, 1.0).architecture


def test_only_mean_field_posteriors_are_resized() -> None:
    model = posterior().model
    size = space(model).size
    state = FullRank().init(jnp.zeros(size), 0.1)
    other = posterior()
    other.approximation = Variational(FullRank(), state, size)
    with pytest.raises(TypeError, match="advi"):
        other.architecture.export()


@pytest.mark.parametrize("prior", [mf.priors.LearnedScale(per="unit"), mf.priors.SpikeAndSlab()])
def test_latents_of_units_go_with_them(prior: Any) -> None:
    entries = {"layers.0.weight": prior, "layers.1.weight": mf.priors.AdaptiveWidth(typical=3.0)}
    model = mf.BayesianNetwork(
        mf.nets.MLP([2, 4, 1]), {**entries, "*": mf.priors.Normal()}, mf.likelihoods.Bernoulli()
    )
    mean = np.random.default_rng(1).normal(size=space(model).size)
    mean[-1] = 0.1
    before = posterior_at(model, mean, 0.3)
    after = resized(before, 0, np.array([2, 0]), 6)
    old, new = marginals(before).mean, marginals(after).mean
    for path in (path for path in old if path.startswith("prior.layers.0.weight.")):
        if old[path].shape[0] == 4:
            assert new[path].shape[0] == 6
            np.testing.assert_array_equal(new[path][:2], old[path][[2, 0]])
        else:
            np.testing.assert_array_equal(new[path], old[path])
