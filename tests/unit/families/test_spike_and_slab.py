"""The family of the spike-and-slab prior, against its equations."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

import moonfield as mf
from moonfield.families import MeanField, MeanFieldState
from moonfield.model import space

WEIGHTS, GATES = slice(0, 6), slice(6, 9)  # a matrix (2, 3) and a gate for each of its inputs


def model(prior: object) -> mf.BayesianNetwork:
    network = mf.nets.MLP([3, 2], bias=False)
    return mf.BayesianNetwork(network, prior, mf.likelihoods.Normal(sd=1.0))


def bound(prior: object) -> mf.families.SpikeAndSlab:
    return mf.families.SpikeAndSlab().bind(space(model(prior)))


def state(gates: list[float], gate_sd: float = 0.3) -> MeanFieldState:
    mean = np.concatenate([np.linspace(-2.0, 2.0, 6), gates])
    sd = np.concatenate([np.linspace(0.1, 0.5, 6), np.full(3, gate_sd)])
    return MeanFieldState(jnp.asarray(mean), jnp.log(sd))


def test_the_density_is_that_of_its_equation(x64: None) -> None:
    family, q = bound(mf.priors.SpikeAndSlab()), state([-1.5, -0.6, 0.3])
    z = np.array([0.3, -0.2, 1.0, 0.5, 2.0, -1.0, -1.2, -0.4, 0.1])
    g = np.tile([0.0, 0.6, 1.0], 2)  # rows of the matrix share the gates of their columns
    mean, sd = np.asarray(q.mean), np.exp(np.asarray(q.log_sd))
    want = stats.norm.logpdf(z[GATES], mean[GATES], sd[GATES]).sum()
    want += stats.norm.logpdf(z[WEIGHTS], g * mean[WEIGHTS], g * sd[WEIGHTS] + 1.0 - g).sum()
    np.testing.assert_allclose(family.log_prob(q, jnp.asarray(z)), want, rtol=1e-12)


def test_weights_behind_closed_gates_cost_nothing(x64: None) -> None:
    """There q is the prior, draw by draw, whatever the variational parameters."""
    it = model(mf.priors.SpikeAndSlab())
    family, q = bound(it.prior), state([-9.0, -9.0, -9.0])
    z, log_q = family.sample_and_log_prob(q, jnp.linspace(-1.0, 1.0, 9))
    params, _ = space(it).constrain(z)
    gates = stats.norm.logpdf(z[GATES], q.mean[GATES], np.exp(q.log_sd[GATES])).sum()
    prior = stats.logistic.logpdf(z[GATES], -1.0, 1.0).sum()
    np.testing.assert_allclose(it.log_prior(params) - log_q, prior - gates, rtol=1e-9)
    assert not np.any(it.weights(params)["network"].layers[0].weight)


def test_behind_open_gates_it_is_mean_field(x64: None) -> None:
    family, q = bound(mf.priors.SpikeAndSlab()), state([5.0, 5.0, 5.0])
    noise = jnp.linspace(-1.0, 1.0, 9)
    z = family.sample(q, noise)
    np.testing.assert_allclose(z, MeanField().sample(q, noise), rtol=1e-14)
    np.testing.assert_allclose(family.log_prob(q, z), MeanField().log_prob(q, z), rtol=1e-14)


def test_without_gates_it_is_mean_field() -> None:
    family = bound(mf.priors.Normal(0.0, 1.0))
    q = jax.tree.map(lambda leaf: leaf[WEIGHTS], state([0.0, 0.0, 0.0]))
    noise = jnp.linspace(-1.0, 1.0, 6)
    np.testing.assert_array_equal(family.sample(q, noise), MeanField().sample(q, noise))
