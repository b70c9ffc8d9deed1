"""Any Equinox module is a Bayesian network."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield.priors import AbstractPrior, Latents
from tests.helpers import Split, regression_rows

KEY = jax.random.key(0)


class Wave(eqx.Module):
    """A convolution over 1 x 12 numbers, the mean over places, and an affine layer."""

    convolution: eqx.nn.Conv1d
    norm: eqx.nn.LayerNorm
    out: eqx.nn.Linear

    def __init__(self) -> None:
        self.convolution = eqx.nn.Conv1d(1, 4, kernel_size=3, key=KEY)
        self.norm = eqx.nn.LayerNorm(4)
        self.out = eqx.nn.Linear(4, 1, key=KEY)

    def __call__(self, x: jax.Array) -> jax.Array:
        hidden = jax.nn.gelu(self.convolution(x)).mean(axis=1)
        return self.out(self.norm(hidden))


def waves(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Fast and slow waves of random phase."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, rows)
    phase = rng.uniform(0, 2 * np.pi, (rows, 1))
    speed = np.where(y == 1, 2.5, 0.5)[:, None]
    return np.sin(speed * np.arange(12) + phase)[:, None], y


@pytest.mark.slow
def test_a_convolution_of_one_s_own() -> None:
    X, y = waves(400)
    assert X.shape == (400, 1, 12)
    model = mf.BayesianNetwork(Wave(), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli())
    posterior = mf.fit(model, X[:200], y[:200], steps=1_000, batch_size=64)
    prediction = posterior.predict(X[200:], draws=100)
    assert (prediction.label == y[200:]).mean() > 0.95
    names = [path for path, _, _ in model.describe()["weights"]]
    assert "convolution.weight" in names
    assert "norm.weight" in names
    assert posterior.sample(3)["network"].convolution.weight.shape == (3, 4, 1, 3)


def test_an_mlp_of_equinox(moons: Split) -> None:
    network = eqx.nn.MLP(2, "scalar", 8, 2, activation=jnp.tanh, key=KEY)
    model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli())
    posterior = mf.fit(model, moons.X, moons.y, steps=600)
    prediction = posterior.predict(moons.X_test, draws=100)
    assert (prediction.label == moons.y_test).mean() > 0.9
    logit = posterior.map(lambda params, row: params["network"](row), moons.X_test[:5], draws=10)
    assert logit.shape == (10, 5)
    assert "layers.2.weight" in str(model)


def test_weights_at_construction_are_not_the_start(moons: Split) -> None:
    """The prior and the seed decide, not what the module happened to be built with."""
    key = jax.random.key(9)
    networks = [eqx.nn.MLP(2, 1, 4, 1, activation=jnp.tanh, key=k) for k in (KEY, key)]
    fits = [
        mf.fit(
            mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli()),
            moons.X, moons.y, steps=20,
        )
        for network in networks
    ]  # fmt: skip
    assert fits[0].elbo.tobytes() == fits[1].elbo.tobytes()


def test_a_prior_table_with_constrained_weights() -> None:
    """Coefficients that must be positive stay so."""
    X, _ = regression_rows(100, 2)
    y = X @ np.asarray([2.0, -1.0])
    model = mf.BayesianNetwork(
        mf.nets.MLP([2, 1]),
        {"*.weight": mf.priors.HalfNormal(3.0), "*.bias": mf.priors.Normal(0.0, 1.0)},
        mf.likelihoods.Normal(sd=0.5),
    )
    weight = np.asarray(mf.fit(model, X, y, steps=1_500).sample(500)["network"].layers[0].weight)
    assert (weight > 0).all()
    assert abs(weight[..., 0].mean() - 2.0) < 0.7
    assert weight[..., 1].mean() < 0.2


class Scaled(AbstractPrior):
    """`weight = scale * raw`, `raw ~ Normal(0, 1)`, `scale ~ HalfNormal(1)`: latents of its own."""

    def check(self, shapes: Any) -> None:
        return None

    def init(self, key: jax.Array, shapes: Any) -> Latents:
        return Latents(self._raw(key, shapes), {"scale": jnp.ones(())})

    def sample(self, key: jax.Array, shapes: Any) -> Latents:
        one, two = jax.random.split(key)
        return Latents(self._raw(one, shapes), {"scale": jnp.abs(jax.random.normal(two, ()))})

    def log_prob(self, latents: Latents) -> jax.Array:
        raw = sum(dist.Normal().log_prob(leaf).sum() for leaf in jax.tree.leaves(latents.network))
        return raw + dist.HalfNormal(1.0).log_prob(latents.prior["scale"])

    def transform(self, latents: Latents) -> Any:
        return jax.tree.map(lambda raw: latents.prior["scale"] * raw, latents.network)

    def supports(self, shapes: Any) -> Latents:
        real = jax.tree.map(lambda _: dist.constraints.real, shapes)
        return Latents(real, {"scale": dist.constraints.positive})

    def describe(self, path: str, shape: tuple[int, ...]) -> str:
        return "scale * Normal(0, 1)"

    def _raw(self, key: jax.Array, shapes: Any) -> Any:
        leaves, treedef = jax.tree.flatten(shapes)
        keys = jax.random.split(key, len(leaves))
        draws = [jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)]
        return jax.tree.unflatten(treedef, draws)


def test_a_prior_with_latents_of_its_own() -> None:
    X, y = regression_rows(200, 3)
    model = mf.BayesianNetwork(mf.nets.MLP([3, 1], bias=False), Scaled(), mf.likelihoods.Normal())
    posterior = mf.fit(model, X, y, steps=2_000)
    draws = posterior.sample(500)
    weight = np.asarray(draws["network"].layers[0].weight).mean(axis=0)[0]
    np.testing.assert_allclose(weight, np.linspace(-1.0, 1.0, 3), atol=0.15)
    assert (np.asarray(draws["prior"]["scale"]) > 0).all()
    np.testing.assert_allclose(posterior.predict(X).mean, X @ weight, atol=0.2)
    assert posterior.summary(draws=50).name[-2:] == ["prior.scale", "likelihood.sd"]
