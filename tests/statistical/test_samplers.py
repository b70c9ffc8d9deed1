"""Batches that favour some rows: unbiased by construction, and seen to be."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import moonfield as mf
from moonfield.data import full_batch, weighted, weighted_rows
from moonfield.families import MeanFieldState
from moonfield.inference import Driver, Sampling
from moonfield.model import space
from tests.helpers import Split, linear_model, regression_rows

ROWS = 300
CHANCES = {
    "equal": np.ones(ROWS),
    "unequal": np.random.default_rng(0).gamma(0.3, size=ROWS) + 0.01,
    "one": np.eye(ROWS)[7] + 1e-12,
}


@pytest.mark.parametrize("name", CHANCES)
def test_weights_undo_chances_exactly(name: str) -> None:
    plan = weighted(jax.random.key(0), CHANCES[name], np.float64)
    edges = np.append(plan.edges.astype(np.int64), 2**32)
    assert (np.diff(edges) >= 1).all()
    assert edges[0] == 0
    np.testing.assert_allclose(np.diff(edges) / 2**32 * plan.factors * ROWS, 1.0, rtol=1e-15)
    shares = np.diff(edges) / 2**32
    np.testing.assert_allclose(shares, CHANCES[name] / CHANCES[name].sum(), atol=1e-7)


def test_rows_come_as_often_as_they_should() -> None:
    plan = weighted(jax.random.key(0), CHANCES["unequal"], np.float32)
    rows = np.asarray(jax.jit(weighted_rows, static_argnums=2)(plan, jnp.arange(5_000), 40))
    assert rows.shape == (5_000, 40)
    count = np.bincount(rows.ravel(), minlength=ROWS)
    p = CHANCES["unequal"] / CHANCES["unequal"].sum()
    z = (count - rows.size * p) / np.sqrt(rows.size * p * (1 - p))
    assert np.abs(z).max() < 4.5
    assert 0.8 < z.std() < 1.2
    again = np.asarray(weighted_rows(plan, jnp.arange(7, 9), 40))
    np.testing.assert_array_equal(again, rows[7:9])


def gradients(chances: np.ndarray | None, steps: int) -> np.ndarray:
    """Gradients of the log-likelihood at one point, from the batches of so many steps."""
    X, y = regression_rows(ROWS, 2)
    model, rows = linear_model(2, mf.likelihoods.Normal(sd=0.5)).prepare(X, y)
    method = mf.ADVI().bind(model)
    batch_size = None if chances is None else 20
    sampling = None if chances is None else Sampling(10, lambda step: chances)
    driver = Driver(model, method, rows, batch_size, 1, 0, 0, sampling)
    it, z = space(model), jnp.full(space(model).size, 0.3)

    def total(z: Any, batch: Any, scale: Any) -> Any:
        params, _ = it.constrain(z)
        return scale * jnp.sum(batch.weights * model.log_likelihood(params, batch))

    if chances is None:
        return np.asarray(jax.grad(total)(z, jax.device_put(full_batch(rows)), 1.0))[None]
    driver._deal(chances)
    found = []
    for block in range(-(-steps // driver.shape.steps)):
        supply = driver._supply(block)
        batches = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, -1, 1), supply.batches)
        each = jax.vmap(jax.grad(total), (None, 0, 0))
        found.append(np.asarray(each(z, batches, supply.scales)))
    return np.concatenate(found)


@pytest.mark.parametrize("name", ["equal", "unequal"])
def test_the_gradient_is_unbiased(name: str) -> None:
    exact = gradients(None, 1)[0]
    found = gradients(CHANCES[name], 5_000)
    error = found.std(axis=0, ddof=1) / len(found) ** 0.5
    assert np.abs((found.mean(axis=0) - exact) / error).max() < 4.0
    assert (error < 0.05 * np.abs(exact).max()).all()


def test_a_fit_ends_where_the_usual_one_does() -> None:
    X, y = regression_rows(ROWS, 2)
    model = linear_model(2, mf.likelihoods.Normal(sd=0.5))
    options: dict[str, Any] = {"method": "advi", "steps": 4_000, "batch_size": 30, "seed": 0}
    usual = mf.fit(model, X, y, **options)
    favoured = mf.fit(model, X, y, sampler=mf.UncertainRows(refresh=500), **options)
    for posterior in (usual, favoured):
        assert isinstance(posterior.approximation.state, MeanFieldState)
    one, other = (posterior.approximation.moments() for posterior in (usual, favoured))
    np.testing.assert_allclose(one[0], other[0], atol=0.5 * float(one[1].max()))
    np.testing.assert_allclose(one[1], other[1], rtol=0.1)


def test_uncertain_rows_are_favoured_and_a_fit_repeats(moons: Split, model: Any) -> None:
    options: dict[str, Any] = {"method": "advi", "steps": 1_000, "batch_size": 50, "seed": 3}
    sampler = mf.UncertainRows(uniform=0.3, refresh=250, draws=10)
    one, same = (mf.fit(model, moons.X, moons.y, sampler=sampler, **options) for _ in range(2))
    assert one.elbo.tobytes() == same.elbo.tobytes()
    chances = sampler.chances(one)
    u = one.predict(moons.X, draws=10).epistemic
    assert np.corrcoef(chances, u)[0, 1] > 0.999
    assert chances.min() >= 0.3 / len(chances)
    np.testing.assert_allclose(chances.sum(), 1.0)


def test_a_fit_that_fails_says_so_whatever_the_sampler(moons: Split, model: Any) -> None:
    """The sampler is never asked about parameters that are not finite."""

    class Watched(mf.UncertainRows):
        def chances(self, posterior: mf.Posterior) -> np.ndarray:
            found = super().chances(posterior)
            assert np.isfinite(found).all()
            return found

    options: dict[str, Any] = {"steps": 1_000, "batch_size": 50, "seed": 0}
    method = mf.ADVI(optimizer=optax.sgd(1e30))
    with pytest.raises(mf.NonFiniteError) as usual:
        mf.fit(model, moons.X, moons.y, method=method, **options)
    sampler = Watched(refresh=250)
    with pytest.raises(mf.NonFiniteError) as caught:
        mf.fit(model, moons.X, moons.y, method=method, sampler=sampler, **options)
    assert caught.value.step <= usual.value.step + 250


def test_mistakes_are_named(moons: Split, model: Any) -> None:
    with pytest.raises(ValueError, match="give a batch_size"):
        mf.fit(model, moons.X, moons.y, sampler=mf.UncertainRows())
    with pytest.raises(TypeError, match=r"must be mf\.UncertainRows"):
        mf.fit(model, moons.X, moons.y, batch_size=50, sampler=lambda posterior: 1.0)
    with pytest.raises(ValueError, match="uniform must lie above 0"):
        mf.UncertainRows(uniform=0.0)
    with pytest.raises(ValueError, match="not negative"):
        weighted(jax.random.key(0), -np.ones(3), np.float32)


@pytest.mark.parametrize(
    "chances", [np.ones(ROWS // 2), np.ones(2 * ROWS), np.ones((ROWS, 1)), 1.0]
)
def test_there_is_one_chance_for_each_row(chances: Any) -> None:
    class Other(mf.AbstractSampler):
        refresh = 10

        def chances(self, posterior: mf.Posterior) -> Any:
            return chances

    model = linear_model(2, mf.likelihoods.Normal(sd=0.5))
    options: dict[str, Any] = {"steps": 20, "batch_size": 20, "progress": False}
    with pytest.raises(ValueError, match="one chance for each of the 300 training rows"):
        mf.fit(model, *regression_rows(ROWS, 2), method="advi", sampler=Other(), **options)
