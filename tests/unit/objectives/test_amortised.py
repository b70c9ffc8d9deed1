"""The ELBO of programs with an encoder: exact densities, batches and weights."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.util import potential_energy

import moonfield as mf
from moonfield.data import full_batch
from moonfield.model import space
from moonfield.objectives import log_joint_of
from tests.factors import (
    LEVEL,
    LOADINGS,
    PRECISION,
    SD,
    exact_encoder,
    exact_means,
    factor_rows,
    factors,
    log_evidence,
)

ROWS = 40
X = factor_rows(ROWS)
Y = np.random.default_rng(1).normal(size=(ROWS, 3))


def mixed(x: Any, y: Any = None) -> None:
    """Global sites, and two local ones, of which one is positive and one depends on the other."""
    level = numpyro.sample("level", dist.Normal(0.0, 1.0).expand([3]).to_event(1))
    sd = numpyro.sample("sd", dist.LogNormal(0.0, 1.0))
    with numpyro.plate("rows", x.shape[0]):
        size = numpyro.sample("size", dist.HalfNormal(2.0))
        code = numpyro.sample(
            "code", dist.Normal(0.0, size[:, None] * jnp.ones((1, 2))).to_event(1)
        )
        mean = level[None] + size[:, None] * x[:, :3] + jnp.sum(code, axis=1, keepdims=True)
        numpyro.sample("y", dist.Normal(mean, sd).to_event(1), obs=y)


class Both(eqx.Module):
    """An encoder of rows of two arrays."""

    layer: eqx.nn.Linear

    def __call__(self, row: dict[str, jax.Array]) -> jax.Array:
        return 0.3 * self.layer(jnp.concatenate([row["x"], row["y"]]))


def encoder_of_mixed() -> Both:
    return Both(eqx.nn.Linear(8, 6, key=jax.random.key(0)))


def bound(program: Any, data: dict, encoder: Any, weights: Any = None, **options: Any) -> Any:
    model, rows = mf.Program(program).bind(data, weights, amortised=True)
    return mf.ADVI(mf.Amortised(encoder), **options).bind(model), model, full_batch(rows)


def elbo(method: Any, model: Any, batch: Any, noise: np.ndarray, scale: float = 1.0) -> float:
    size = space(model).size
    state = method.family.init(jnp.linspace(-0.5, 0.5, size), 0.3)
    fill = np.zeros((len(batch.weights) - len(noise), noise.shape[1]))  # of padded rows
    every = np.concatenate([np.full(size, 0.2), np.concatenate([noise, fill]).ravel()])[None]
    arguments = model, space(model), state, jnp.asarray(every), jax.device_put(batch), scale
    return float(eqx.filter_jit(method.elbo)(*arguments))


def noise_of(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(ROWS, size))


@pytest.mark.parametrize("seed", range(3))
def test_at_the_exact_encoder_every_draw_is_the_log_evidence(seed: int, x64: None) -> None:
    method, model, batch = bound(factors, {"x": X}, exact_encoder())
    value = elbo(method, model, batch, noise_of(2, seed))
    np.testing.assert_allclose(value, log_evidence(X).sum(), rtol=1e-10)


def test_a_batch_at_the_exact_encoder_is_its_evidence_scaled(x64: None) -> None:
    method, model, every = bound(factors, {"x": X}, exact_encoder())
    batch = jax.tree.map(lambda leaf: leaf[5:12], every)
    value = elbo(method, model, batch, noise_of(2)[5:12], ROWS / 7)
    np.testing.assert_allclose(value, ROWS / 7 * log_evidence(X[5:12]).sum(), rtol=1e-10)


def test_weights_multiply_all_that_is_a_rows_own(x64: None) -> None:
    weights = np.random.default_rng(2).uniform(0.0, 3.0, ROWS)
    method, model, batch = bound(factors, {"x": X}, exact_encoder(), weights)
    value = elbo(method, model, batch, noise_of(2))
    np.testing.assert_allclose(value, weights @ log_evidence(X), rtol=1e-10)


def test_a_tempered_elbo_tempers_local_sites_too(x64: None) -> None:
    plain, model, batch = bound(factors, {"x": X}, exact_encoder())
    noise = noise_of(2)
    tempered = [
        elbo(bound(factors, {"x": X}, exact_encoder(), objective=it)[0], model, batch, noise)
        for it in (mf.objectives.Tempered(beta) for beta in (1.0, 0.0, 0.5))
    ]
    f = exact_means(X) + noise / np.sqrt(PRECISION)
    likelihood = dist.Normal(LEVEL + f @ LOADINGS.T, SD).log_prob(X).sum()
    np.testing.assert_allclose(tempered[0], elbo(plain, model, batch, noise), rtol=1e-12)
    np.testing.assert_allclose(tempered[1], likelihood, rtol=1e-10)
    np.testing.assert_allclose(tempered[2], np.mean(tempered[:2]), rtol=1e-10)


def test_the_joint_density_is_numpyros(x64: None) -> None:
    method, model, batch = bound(mixed, {"x": X, "y": Y}, encoder_of_mixed())
    state = method.family.init(jnp.linspace(-0.5, 0.5, 4), 0.3)
    noise = jnp.concatenate([jnp.asarray(noise_of(3)), jnp.zeros((len(batch.weights) - ROWS, 3))])
    local = method.family.local(state, model.seen(batch.inputs), noise)
    z = jnp.linspace(-0.5, 0.5, 4)
    density = log_joint_of(model, space(model), jax.device_put(batch), 1.0, local)
    value = sum(jax.jit(density.parts)(z))
    sites = {"level": z[:3], "sd": z[3]}
    sites |= {"size": local.z[:ROWS, 0], "code": local.z[:ROWS, 1:]}
    data = {"x": jnp.asarray(X), "y": jnp.asarray(Y)}
    want = -jax.jit(lambda sites: potential_energy(mixed, (), data, sites))(sites)
    np.testing.assert_allclose(value, want - local.log_density[:ROWS].sum(), rtol=1e-10)


def test_local_draws_know_their_density(x64: None) -> None:
    method, *_ = bound(mixed, {"x": X, "y": Y}, encoder_of_mixed())
    state = method.family.init(jnp.zeros(4), 0.3)
    rows = {"x": jnp.asarray(X), "y": jnp.asarray(Y)}
    local = method.family.local(state, rows, jnp.asarray(noise_of(3)))
    mean, log_sd = jnp.split(jax.vmap(encoder_of_mixed())(rows), 2, axis=1)
    want = dist.Normal(mean, jnp.exp(log_sd)).log_prob(local.z).sum(axis=1)
    np.testing.assert_allclose(local.log_density, want, rtol=1e-10)


@pytest.mark.parametrize("size", [1, 7, 16])
def test_batches_average_to_the_whole(size: int, x64: None) -> None:
    """With the noise of its rows a batch is an exact share of all, the last and ragged one too."""
    method, model, every = bound(mixed, {"x": X, "y": Y}, encoder_of_mixed())
    noise, total = noise_of(3), 0.0
    for begin in range(0, ROWS, size):
        rows = np.arange(begin, min(begin + size, ROWS))
        batch = jax.tree.map(lambda leaf, r=rows: leaf[r], every)
        total += elbo(method, model, batch, noise[rows], ROWS / len(rows)) * len(rows) / ROWS
    np.testing.assert_allclose(total, elbo(method, model, every, noise), rtol=1e-10)


def test_several_draws_are_averaged(x64: None) -> None:
    several, model, batch = bound(mixed, {"x": X, "y": Y}, encoder_of_mixed(), draws=2)
    one = bound(mixed, {"x": X, "y": Y}, encoder_of_mixed())[0]
    shape = one.noise_shape(4)[1] + len(batch.weights) * one.row_noise
    noise = jnp.asarray(np.random.default_rng(3).normal(size=(2, shape)))
    state = one.family.init(jnp.zeros(4), 0.3)
    values = [
        eqx.filter_jit(method.elbo)(model, space(model), state, part, jax.device_put(batch), 1.0)
        for method, part in ((several, noise), (one, noise[:1]), (one, noise[1:]))
    ]
    np.testing.assert_allclose(values[0], (values[1] + values[2]) / 2, rtol=1e-12)
