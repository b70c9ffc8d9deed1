"""Weights that are exactly zero with a known probability."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import moonfield as mf
from moonfield.priors import Latents
from tests.helpers import in_units_of_error


def model(entry: mf.priors.SpikeAndSlab) -> mf.BayesianNetwork:
    network = mf.nets.MLP([3, 4], bias=False)
    return mf.BayesianNetwork(network, entry, mf.likelihoods.Normal(sd=1.0))


def draws(entry: mf.priors.SpikeAndSlab, count: int = 4_000) -> np.ndarray:
    """Draws of the weights (draws, 4, 3)."""
    it = model(entry)
    keys = jax.random.split(jax.random.key(0), count)
    weights = jax.jit(jax.vmap(lambda key: it.weights(it.sample_prior(key))))(keys)
    return np.asarray(weights["network"].layers[0].weight)


@pytest.mark.parametrize("sharpness", [0.1, 3.0])
def test_groups_are_zero_as_often_as_it_says(sharpness: float) -> None:
    found = draws(mf.priors.SpikeAndSlab(0.3, sharpness=sharpness))
    used = (found != 0.0).any(axis=1)  # (draws, inputs)
    assert (np.abs(in_units_of_error(1.0 * used, 0.3)) < 4.5).all()
    np.testing.assert_array_equal(used[:, None] & np.ones_like(found, bool), found != 0.0)


@pytest.mark.parametrize(
    ("per", "shape"),
    [("weight", (4, 3)), ("input", (1, 3)), ("unit", (4, 1)), ("layer", (1, 1))],
)
def test_there_is_a_gate_for_what_was_asked(per: str, shape: tuple[int, int]) -> None:
    own = model(mf.priors.SpikeAndSlab(per=per)).init(jax.random.key(0))["prior"]
    assert own["layers.0.weight"]["gate"].shape == shape


def test_sharp_gates_leave_a_normal_slab() -> None:
    found = draws(mf.priors.SpikeAndSlab(0.5, slab=2.0, sharpness=1e4))[:, 0, 0]
    full = found[found != 0.0]
    assert stats.kstest(full, stats.norm(scale=2.0).cdf).pvalue > 1e-3
    warm = draws(mf.priors.SpikeAndSlab(0.5, slab=2.0))[:, 0, 0]  # the ramp makes smaller ones
    assert stats.kstest(warm[warm != 0.0], stats.norm(scale=2.0).cdf).pvalue < 1e-6


def test_the_density_is_that_of_its_equation(x64: None) -> None:
    entry = mf.priors.SpikeAndSlab(0.2, sharpness=0.5)
    z, v = np.linspace(-2.0, 2.0, 12).reshape(4, 3), np.array([[-5.0, -0.5, 1.0]])
    centre = 0.5 * np.log(0.2 / 0.8) - 1.0
    want = stats.norm.logpdf(z).sum() + stats.logistic.logpdf(v, centre, 0.5).sum()
    latents = Latents({"w": jnp.asarray(z)}, {"w": {"gate": jnp.asarray(v)}})
    prior = mf.priors.Independent(entry)
    np.testing.assert_allclose(prior.log_prob(latents), want, rtol=1e-9)
    np.testing.assert_allclose(prior.transform(latents)["w"], z * [[0.0, 0.5, 1.0]])


def test_numbers_out_of_range_are_refused() -> None:
    for bad in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match="inclusion must lie strictly between 0 and 1"):
            mf.priors.SpikeAndSlab(bad)
    with pytest.raises(ValueError, match="sharpness must be positive"):
        mf.priors.SpikeAndSlab(sharpness=0.0)
    with pytest.raises(ValueError, match="per must be one of"):
        mf.priors.SpikeAndSlab(per="column")
