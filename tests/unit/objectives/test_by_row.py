"""Draws for each row: local reparameterisation and Flipout."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.data import Batch
from moonfield.families import MeanField, MeanFieldState
from moonfield.model import space
from moonfield.networks import plan_rows
from moonfield.objectives import log_joint_of
from tests.helpers import all_rows, in_units_of_error, linear_model, regression_rows

each = pytest.mark.parametrize("name", ["LocalReparameterisation", "Flipout"])
X, y = regression_rows(12, 3)
PRIOR = mf.priors.Normal(0.3, 0.7)
INFORMED = {"*.weight": mf.priors.Informed(np.ones((1, 3)), 0.5), "*": PRIOR}


class Twice(eqx.Module):
    """A network that uses one layer twice, and a matrix in a way of its own."""

    first: mf.nets.Linear
    mixing: jax.Array

    def __init__(self) -> None:
        self.first = mf.nets.Linear(3, 3)
        self.mixing = jnp.zeros((3, 1))

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.mixing.T @ jnp.tanh(self.first(jnp.tanh(self.first(x))))


class Places(eqx.Module):
    """A layer for each of three places of a row, the same for all, and one for their sum."""

    one: mf.nets.Linear
    last: mf.nets.Linear

    def __init__(self) -> None:
        self.one, self.last = mf.nets.Linear(1, 4), mf.nets.Linear(4, 1, bias=False)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(jnp.sum(jnp.tanh(jax.vmap(self.one)(x[:, None])), axis=0))


class Looped(eqx.Module):
    """Elman's network over the numbers of a row: one matrix for all steps of a scan."""

    inner: mf.nets.Linear
    outer: mf.nets.Linear
    last: mf.nets.Linear

    def __init__(self) -> None:
        self.inner, self.outer = mf.nets.Linear(4, 4), mf.nets.Linear(1, 4, bias=False)
        self.last = mf.nets.Linear(4, 1, bias=False)

    def __call__(self, x: jax.Array) -> jax.Array:
        def step(state: jax.Array, one: jax.Array) -> tuple[jax.Array, None]:
            return jnp.tanh(self.inner(state) + self.outer(one)), None

        return self.last(jax.lax.scan(step, jnp.zeros(4, x.dtype), x[:, None])[0])


class Parts(eqx.Module):
    """A matrix of which a row is used, and one whose product is divided before its bias."""

    matrix: jax.Array
    layer: eqx.nn.Linear

    def __init__(self) -> None:
        self.matrix = jnp.zeros((1, 3))
        self.layer = eqx.nn.Linear(3, 1, key=jax.random.key(0))

    def __call__(self, x: jax.Array) -> jax.Array:
        assert self.layer.bias is not None
        return self.matrix[0] @ x + self.layer.weight @ x / 3.0**0.5 + self.layer.bias


def model_of(network: Any, likelihood: Any = None) -> mf.BayesianNetwork:
    return mf.BayesianNetwork(network, PRIOR, likelihood or mf.likelihoods.Normal())


def state_for(model: mf.BayesianNetwork) -> MeanFieldState:
    rng = np.random.default_rng(0)
    size = space(model).size
    return MeanFieldState(
        jnp.asarray(0.8 * rng.normal(size=size)), jnp.asarray(0.3 * rng.normal(size=size) - 0.7)
    )


def estimates(
    name: str, model: mf.BayesianNetwork, batch: Batch, state: MeanFieldState, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Values, and gradients (count, parameters)."""
    objective = getattr(mf.objectives, name)()
    density = log_joint_of(model, space(model), batch, 2.0)
    width = objective.noise_size(MeanField(), space(model).size)

    def one(noise: jax.Array) -> Any:
        return jax.value_and_grad(lambda s: objective.estimate(MeanField(), s, density, noise))(
            state
        )

    noise = jax.random.normal(jax.random.key(1), (count, 1, width), float)
    values, gradients = jax.jit(lambda rows: jax.lax.map(one, rows, batch_size=500))(noise)
    return np.asarray(values), np.concatenate(gradients, axis=1)


@each
def test_a_linear_model_in_closed_form(name: str, x64: None) -> None:
    """Expected log-likelihood, divergence and their gradient."""
    model = linear_model(3, mf.likelihoods.Normal(sd=0.5), bias=True)
    batch, state = all_rows(model, X, y, np.arange(12.0)), state_for(model)

    @jax.value_and_grad
    def exact(state: MeanFieldState) -> jax.Array:
        mean, sd = state.mean, jnp.exp(state.log_sd)
        inputs = jnp.column_stack([X, jnp.ones(12)])
        squares = (y - inputs @ mean) ** 2 + inputs**2 @ sd**2
        rows = -0.5 * squares / 0.25 - jnp.log(0.5) - 0.5 * jnp.log(2.0 * jnp.pi)
        divergence = jnp.sum(0.5 * (mean**2 + sd**2) - 0.5 - state.log_sd)
        return 2.0 * jnp.dot(batch.weights[:12], rows) - divergence

    values, gradients = estimates(name, model, batch, state, 10_000)
    want, slope = exact(state)
    assert abs(in_units_of_error(values, want)) < 4.5
    assert (np.abs(in_units_of_error(gradients, np.concatenate(slope))) < 4.5).all()


@each
@pytest.mark.parametrize(
    "make",
    [
        Places,
        Parts,
        pytest.param(Twice, marks=pytest.mark.slow),
        pytest.param(Looped, marks=pytest.mark.slow),
        pytest.param(lambda: mf.nets.MLP([3, 4, 1]), marks=pytest.mark.slow),
    ],
    ids=["Places", "Parts", "Twice", "Looped", "MLP"],
)
def test_agrees_with_draws_of_the_weights(name: str, make: Any, x64: None) -> None:
    """Value and gradient, also where a row uses weights several times; with a learned sd."""
    model = model_of(make())
    batch, state = all_rows(model, X, y), state_for(model)
    ours = estimates(name, model, batch, state, 4_000)
    plain = estimates("AnalyticKL", model, batch, state, 16_000)
    for one, other in zip(ours, plain, strict=True):
        error = np.hypot(one.std(axis=0) / 4_000**0.5, other.std(axis=0) / 16_000**0.5)
        assert (np.abs(one.mean(axis=0) - other.mean(axis=0)) < 4.5 * error + 1e-9).all()


def test_how_weights_enter() -> None:
    row = jax.ShapeDtypeStruct((3,), jnp.result_type(float))

    def kinds(network: eqx.Module, propagate: bool = True) -> tuple[str, ...]:
        return plan_rows(network, row, propagate).kinds

    assert kinds(mf.nets.MLP([3, 4, 1])) == ("propagated", "merged") * 2
    assert kinds(mf.nets.MLP([3, 4, 1]), propagate=False) == ("flipped", "each") * 2
    assert kinds(mf.nets.ResidualMLP([3, 4, 4, 1], bias=False)) == ("propagated",) * 3
    assert kinds(Twice()) == ("flipped", "each", "shared")
    assert kinds(Places()) == ("flipped", "each", "propagated")
    assert kinds(Looped()) == ("flipped", "each", "flipped", "propagated")
    assert kinds(Parts()) == ("shared", "propagated", "each")
    equinox = eqx.nn.MLP(3, 1, 4, 1, key=jax.random.key(0))
    assert kinds(equinox) == ("propagated", "merged") * 2
    steps = jax.ShapeDtypeStruct((5, 3), row.dtype)
    recurrent = plan_rows(mf.nets.Recurrent([2, 4, 1]), steps, True).kinds
    assert recurrent.count("propagated") == 1  # the last layer's, outside the loop
    assert "flipped" in recurrent


def test_how_weights_enter_is_the_same_inside_a_compiled_step() -> None:
    """Where the network's arrays are an outer function's."""
    found = []

    def step(network: eqx.Module, x: jax.Array) -> jax.Array:
        found.append(plan_rows(network, jax.ShapeDtypeStruct((3,), x.dtype), True))
        return x

    network = mf.nets.MLP([3, 4, 1])
    eqx.filter_jit(step)(network, jnp.zeros(3))
    assert found[0].kinds == ("propagated", "merged") * 2


@each
def test_its_gradient_is_less_noisy(name: str) -> None:
    """By ten times for 64 rows of a network of width 50."""
    model = model_of(mf.nets.MLP([3, 50, 50, 1]), mf.likelihoods.Normal(sd=0.5))
    rows = regression_rows(64, 3)
    batch, size = all_rows(model, *rows), space(model).size
    state = MeanField().init(0.1 * jax.random.normal(jax.random.key(0), (size,)), 0.1)
    ours, plain = (
        estimates(it, model, batch, state, 100)[1].var(axis=0).sum() for it in (name, "AnalyticKL")
    )
    assert ours < 0.1 * plain


@each
def test_inputs_of_zeros_have_a_gradient(name: str) -> None:
    model = model_of(mf.nets.MLP([3, 4, 1], "relu", bias=False))
    batch = all_rows(model, np.zeros((4, 3)), np.zeros(4))
    assert np.isfinite(estimates(name, model, batch, state_for(model), 2)[1]).all()


@each
@pytest.mark.parametrize(
    ("family", "prior", "message"),
    [
        (mf.families.FullRank(), PRIOR, "needs the family mf.families.MeanField"),
        (MeanField(), mf.priors.Laplace(0.0, 1.0), "needs a normal prior for each weight"),
        (MeanField(), mf.priors.LearnedScale(), "needs a normal prior for each weight"),
        (MeanField(), INFORMED, "needs a normal prior for each weight"),
    ],
)
def test_says_what_it_does_not_suit(name: str, family: Any, prior: Any, message: str) -> None:
    model = mf.BayesianNetwork(mf.nets.MLP([3, 1]), prior, mf.likelihoods.Normal())
    method = mf.ADVI(family, getattr(mf.objectives, name)())
    with pytest.raises(ValueError, match=f"{name} does not suit this fit: it {message}"):
        mf.fit(model, X, y, method=method, steps=10)


def test_chosen_for_wide_networks_in_small_batches() -> None:
    row = jax.ShapeDtypeStruct((3,), jnp.result_type(float))
    wide, narrow = (model_of(mf.nets.MLP([3, width, width, 1])) for width in (100, 50))
    laplace = mf.BayesianNetwork(
        mf.nets.MLP([3, 100, 100, 1]), mf.priors.Laplace(0.0, 1.0), mf.likelihoods.Normal()
    )

    informed = mf.BayesianNetwork(wide.network, mf.priors.Informed(0.0, 0.5), wide.likelihood)

    def chosen(method: mf.ADVI, model: mf.BayesianNetwork, rows: int) -> str:
        return type(method.suited(model, row, rows).objective).__name__

    assert chosen(mf.ADVI(), wide, 13) == "LocalReparameterisation"
    assert chosen(mf.ADVI(), wide, 14) == "Reparameterised"
    assert chosen(mf.ADVI(), narrow, 1) == "Reparameterised"
    assert chosen(mf.ADVI(), laplace, 13) == "Reparameterised"
    assert chosen(mf.ADVI(), informed, 13) == "Reparameterised"
    assert chosen(mf.ADVI(mf.families.LowRank(2)), wide, 13) == "Reparameterised"
    assert chosen(mf.ADVI(objective=mf.objectives.AnalyticKL()), wide, 13) == "AnalyticKL"


def test_a_fit_takes_it() -> None:
    fit = mf.fit(
        model_of(mf.nets.MLP([3, 100, 100, 1])), X, y, method="advi", steps=3, batch_size=6
    )
    assert fit.run is not None
    assert isinstance(fit.run.method, mf.ADVI)
    assert isinstance(fit.run.method.objective, mf.objectives.LocalReparameterisation)
    assert np.isfinite(fit.elbo).all()
