"""Networks that find out how many units they need."""

import numpy as np
import pytest

import moonfield as mf

growing = mf.applications.growing


def steps_of(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """A step up and a step down: two hidden units are needed, and two are enough."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2.0, 2.0, (rows, 1))
    signs = np.tanh(6.0 * (x[:, 0] + 1.0)) - np.tanh(6.0 * (x[:, 0] - 1.0))
    return x, signs + 0.1 * rng.normal(size=rows)


def model(units: int) -> mf.BayesianNetwork:
    prior = {"layers.1.weight": mf.priors.AdaptiveWidth(sd=2.0), "*": mf.priors.Normal(0.0, 4.0)}
    return mf.BayesianNetwork(mf.nets.MLP([1, units, 1]), prior, mf.likelihoods.Normal())


@pytest.mark.slow
def test_about_two_units_are_found_from_one() -> None:
    """From many as well: the example's short form, in tests/docs."""
    x, y = steps_of(300)
    found = growing.grow(model(1), x, y, steps=1_000, seed=0)
    units = found.widths["layers.0"]
    assert 2 <= units <= 3  # a third may survive at a local optimum: seeds differ, and so do CPUs
    assert found.posterior.model.network.sizes == (1, units, 1)
    # The search has arrays of the first size or of 4 to 32 units; each last fit has its own.
    last = sum(stage.steps != 1_000 for stage in found.stages)
    assert len(found.arrays) <= 5 + last
    assert len(found.stages) > 4
    assert found.steps == sum(stage.steps for stage in found.stages)
    kept = [stage.elbo for stage in found.stages[:-1] if stage.kept]
    assert kept == sorted(kept)
    # The noise is 0.1: -log(0.1) - (1 + log(2 pi)) / 2 = 0.88 nats a row at best.
    assert found.posterior.predict(x).log_prob(y).mean() > 0.8


def test_a_layer_must_learn_its_width() -> None:
    fixed = mf.BayesianNetwork(
        mf.nets.MLP([1, 3, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal()
    )
    x, y = steps_of(10)
    with pytest.raises(ValueError, match=r"mf\.priors\.AdaptiveWidth"):
        growing.grow(fixed, x, y)
    it = model(2)
    partly = mf.BayesianNetwork(it.network, it.prior, it.likelihood, bayesian="layers.1.*")
    with pytest.raises(ValueError, match="leave bayesian out"):
        growing.grow(partly, x, y)
    with pytest.raises(ValueError, match="steps"):
        growing.grow(model(2), x, y, steps=0)
