"""Laplace's approximation predicts by the network's first-order expansion."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield.io import read_file, write_file
from tests.helpers import Split, linear_model, regression_rows, same_bytes

X, y = regression_rows(60, 3)
OTHERS = ["full", "diagonal", "last_layer"]


def laplace(model: mf.BayesianNetwork, **options) -> mf.Posterior:
    return mf.fit(model, X, y, method=mf.Laplace(starts=1, **options))


@pytest.fixture(scope="module")
def moons_posteriors(model: mf.BayesianNetwork, moons: Split) -> dict[tuple, mf.Posterior]:
    """By Hessian and whether linearised."""
    return {
        (hessian, linearised): mf.fit(
            model, moons.X, moons.y, method=mf.Laplace(hessian, 2, linearised)
        )
        for hessian in ("full", "kronecker")
        for linearised in (False, True)
    }


@pytest.mark.parametrize(
    "hessian", ["kronecker", *(pytest.param(it, marks=pytest.mark.slow) for it in OTHERS)]
)
def test_a_network_linear_in_its_weights_predicts_the_same(hessian: str, x64: None) -> None:
    model = linear_model(3, mf.likelihoods.Normal(sd=0.5), bias=True)
    plain, expanded = (laplace(model, hessian=hessian, linearised=it) for it in (False, True))
    for field in ("mean", "sd", "epistemic"):
        one, other = (getattr(it.predict(X, draws=50), field) for it in (plain, expanded))
        np.testing.assert_allclose(one, other, rtol=1e-7)


@pytest.mark.parametrize("hessian", ["full", "kronecker"])
def test_the_moons_are_predicted_far_better(
    hessian: str, moons_posteriors: dict[tuple, mf.Posterior], moons: Split
) -> None:
    """Nats a row; measured -0.17 and -0.58 by the network itself, -0.10 by its expansion."""
    plain, expanded = (
        np.asarray(moons_posteriors[hessian, it].predict(moons.X_test).log_prob(moons.y_test))
        for it in (False, True)
    )
    gain = expanded - plain
    assert gain.mean() > 3.0 * gain.std() / np.sqrt(len(gain))
    assert gain.mean() > 0.05
    assert expanded.mean() > -0.12


@pytest.mark.slow
def test_the_posterior_of_the_expansion_is_the_nearer_one(
    moons_posteriors: dict[tuple, mf.Posterior],
) -> None:
    plain, expanded = (moons_posteriors["kronecker", it].khat for it in (False, True))
    assert expanded < plain


def test_outputs_are_linear_in_the_weights(moons_posteriors: dict[tuple, mf.Posterior]) -> None:
    """Mean and variance over draws are those of a linear map of a Gaussian."""
    posterior = moons_posteriors["full", True]
    rows = jnp.asarray([[0.3, -0.7], [2.0, 2.0]], jnp.result_type(float))
    logits = posterior.map(lambda params, x: params["network"](x), rows, draws=4_000)[..., 0]
    network = posterior.model.network
    mode = posterior.model.expansion
    vector, unravel = jax.flatten_util.ravel_pytree(mode)
    jacobian = jax.jacobian(
        lambda w: jax.vmap(mf.nets.with_weights(network, unravel(w)))(rows)[:, 0]
    )(vector)
    sd = np.linalg.norm(jacobian @ posterior.approximation.scale_tril, axis=1)
    error = logits.std(axis=0, ddof=1) / np.sqrt(len(logits))
    at_mode = jax.vmap(mf.nets.with_weights(network, mode))(rows)[:, 0]
    assert (np.abs(logits.mean(axis=0) - at_mode) < 4.5 * error).all()
    np.testing.assert_allclose(logits.std(axis=0, ddof=1), sd, rtol=4.5 / np.sqrt(2 * 4_000))


@pytest.mark.parametrize("linearised", [False, True])
def test_saved_and_loaded(
    linearised: bool, moons_posteriors: dict[tuple, mf.Posterior], moons: Split, tmp_path: Path
) -> None:
    posterior = moons_posteriors["kronecker", linearised]
    posterior.save(tmp_path / "posterior.mf")
    loaded = mf.load(tmp_path / "posterior.mf")
    assert same_bytes(loaded.model.expansion, posterior.model.expansion)
    rows = moons.X_test[:10]
    assert same_bytes(loaded.predict(rows, draws=20).mean, posterior.predict(rows, draws=20).mean)
    assert ("to first order" in str(loaded)) == linearised


class Own(eqx.Module):
    """A network that files cannot rebuild."""

    layer: eqx.nn.Linear

    def __init__(self):
        self.layer = eqx.nn.Linear(3, 1, key=jax.random.key(0))

    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.sinh(self.layer(x))


@pytest.mark.slow
def test_loaded_with_a_network_of_ones_own(tmp_path: Path) -> None:
    prior, likelihood = mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal()
    model = mf.BayesianNetwork(Own(), prior, likelihood)
    posterior = laplace(model, hessian="kronecker")
    posterior.save(tmp_path / "posterior.mf")
    loaded = mf.load(tmp_path / "posterior.mf", model=mf.BayesianNetwork(Own(), prior, likelihood))
    assert same_bytes(loaded.predict(X, draws=20).mean, posterior.predict(X, draws=20).mean)


def test_the_model_of_the_fit_is_left_alone(
    model: mf.BayesianNetwork, moons_posteriors: dict[tuple, mf.Posterior]
) -> None:
    assert model.expansion is None
    assert moons_posteriors["full", False].model is model
    assert moons_posteriors["full", True].model.expansion is not None


def test_programs_are_not_expanded() -> None:
    def coin(flips):
        p = numpyro.sample("p", dist.Beta(1.0, 1.0))
        with numpyro.plate("rows", len(flips)):
            numpyro.sample("y", dist.Bernoulli(p), obs=flips)

    data = {"flips": np.asarray([1.0, 0.0, 1.0])}
    with pytest.raises(ValueError, match="is no network; leave linearised out"):
        mf.fit(mf.Program(coin), data=data, method=mf.Laplace(linearised=True))


@pytest.mark.parametrize(
    "wrong", [np.zeros((5, 3), np.float32), np.zeros((5, 2), bool)], ids=["shape", "type"]
)
def test_damaged_expansions_are_refused(
    wrong: np.ndarray, moons_posteriors: dict[tuple, mf.Posterior], tmp_path: Path
) -> None:
    path = tmp_path / "posterior.mf"
    moons_posteriors["full", True].save(path)
    content, tensors, _ = read_file(path)
    name = "expansion.layers.0.weight"
    assert tensors[name].shape == (5, 2)
    write_file(path, content, {**tensors, name: wrong})
    with pytest.raises(mf.FileFormatError, match=r"posterior\.mf is damaged"):
        mf.load(path)


@pytest.mark.usefixtures("wrong_types")
def test_wrong_options(moons_posteriors: dict[tuple, mf.Posterior], moons: Split) -> None:
    with pytest.raises(ValueError, match="linearised must be True, False or None, got 'yes'"):
        mf.Laplace(linearised="yes")
    expanded = moons_posteriors["full", True].model
    with pytest.raises(ValueError, match="expanded about a mode; give fit the model itself"):
        mf.fit(expanded, moons.X, moons.y, method=mf.Laplace("kronecker"))
