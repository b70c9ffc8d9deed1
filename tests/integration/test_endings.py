"""Why fits end: steps, callbacks, the keyboard, numbers that are not finite."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import moonfield as mf
from moonfield.inference import driver, supply
from moonfield.inference.processes import Alone
from tests.helpers import Split, linear_model, state_of

from .fits import is_finite, look_in_always


def test_a_callback_stops(
    model: mf.BayesianNetwork, moons: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_in_always(monkeypatch)
    seen: list[int] = []

    def callback(step: int, posterior: mf.Posterior) -> bool:
        seen.append(step)
        return step >= 750

    fit = mf.fit(model, moons.X, moons.y, steps=50_000, callbacks=[callback])
    assert fit.result is mf.Result.stopped_by_callback
    assert 750 <= fit.diagnostics.steps < 5_000
    assert len(fit.elbo) == fit.diagnostics.steps == seen[-1]
    assert is_finite(state_of(fit))


def test_all_callbacks_are_called(
    model: mf.BayesianNetwork, moons: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_in_always(monkeypatch)
    seen: list[str] = []

    def first(step: int, posterior: mf.Posterior) -> bool:
        seen.append("first")
        return True

    def second(step: int, posterior: mf.Posterior) -> None:
        seen.append("second")

    fit = mf.fit(model, moons.X, moons.y, steps=2_000, callbacks=[first, second])
    assert seen == ["first", "second"]
    assert fit.result is mf.Result.stopped_by_callback


def test_a_callback_sees_a_posterior_that_predicts(
    model: mf.BayesianNetwork, moons: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_in_always(monkeypatch)
    accuracy: list[float] = []

    def callback(step: int, posterior: mf.Posterior) -> None:
        label = posterior.predict(moons.X_test, draws=20).label
        accuracy.append(float((label == moons.y_test).mean()))
        assert len(posterior.elbo) == step

    mf.fit(model, moons.X, moons.y, steps=1_000, callbacks=[callback])
    assert accuracy[-1] > 0.9


def test_a_tracker_records(
    model: mf.BayesianNetwork, moons: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_in_always(monkeypatch)
    tracker = mf.Tracker(
        sd=lambda q: float(q.approximation.moments()[1].mean()), result=lambda q: q.result
    )
    mf.fit(model, moons.X, moons.y, steps=1_000, callbacks=[tracker])
    assert tracker["step"] == sorted(set(tracker["step"]))
    assert len(tracker["step"]) == len(tracker["sd"]) >= 3
    assert tracker["sd"][-1] != tracker["sd"][0]
    assert tracker.history["sd"] is tracker["sd"]


def test_the_keyboard_returns_what_there_is(
    model: mf.BayesianNetwork, moons: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_in_always(monkeypatch)

    def callback(step: int, posterior: mf.Posterior) -> None:
        if step >= 500:
            raise KeyboardInterrupt

    fit = mf.fit(model, moons.X, moons.y, steps=50_000, callbacks=[callback])
    assert fit.result is mf.Result.interrupted
    assert 500 <= fit.diagnostics.steps < 5_000
    assert len(fit.elbo) == fit.diagnostics.steps
    assert is_finite(state_of(fit))
    assert is_finite(fit.elbo)
    assert (fit.predict(moons.X_test, draws=20).label == moons.y_test).mean() > 0.9


def test_an_error_of_a_callback_is_not_swallowed(
    model: mf.BayesianNetwork, moons: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_in_always(monkeypatch)

    def callback(step: int, posterior: mf.Posterior) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        mf.fit(model, moons.X, moons.y, steps=500, callbacks=[callback])


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("batch_size", [None, 50])
def test_a_huge_step_raises_and_keeps_the_last_finite_state(
    model: mf.BayesianNetwork, moons: Split, batch_size: int | None, large: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if large:  # blocks of one step, each of which is checked before the next
        monkeypatch.setattr(supply, "_BLOCK_STEPS", 1)
        monkeypatch.setattr(driver, "_FLYING_BYTES", 0)
    method = mf.ADVI(optimizer=optax.sgd(1e30))
    with pytest.raises(mf.NonFiniteError, match="became non-finite at step") as caught:
        mf.fit(model, moons.X, moons.y, method=method, steps=2_000, batch_size=batch_size)
    error = caught.value
    assert f"at step {error.step} in `{error.path}`" in str(error)
    assert "learning rate" in str(error)
    assert error.path in [path for path, _, _ in model.describe()["weights"]]
    assert 0 <= error.step < 5
    assert error.posterior.result is mf.Result.nonfinite
    assert is_finite(state_of(error.posterior))
    assert is_finite(error.posterior.elbo[: error.step])


@pytest.mark.parametrize("ending", ["callback", "keyboard"])
def test_what_was_lost_is_said_whoever_ends_the_fit(
    ending: str, model: mf.BayesianNetwork, moons: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks are on their way when a callback is asked: it must not end a fit in nan."""
    look_in_always(monkeypatch)

    def callback(step: int, posterior: mf.Posterior) -> bool:
        if ending == "keyboard":
            raise KeyboardInterrupt
        return True

    method = mf.ADVI(optimizer=optax.sgd(1e30))
    with pytest.raises(mf.NonFiniteError) as caught:
        mf.fit(model, moons.X, moons.y, method=method, steps=2_000, callbacks=[callback])
    assert is_finite(state_of(caught.value.posterior))


def test_an_interrupt_before_a_check_hides_nothing(
    model: mf.BayesianNetwork, moons: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while three chunks are on their way, none of them seen."""

    def interrupt(self: Any, due: bool) -> tuple[bool, bool]:
        raise KeyboardInterrupt

    monkeypatch.setattr(Alone, "look", interrupt)
    method = mf.ADVI(optimizer=optax.sgd(1e30))
    with pytest.raises(mf.NonFiniteError):
        mf.fit(model, moons.X, moons.y, method=method, steps=2_000)
    fine = mf.fit(model, moons.X, moons.y, method="advi", steps=2_000)
    assert fine.result is mf.Result.interrupted
    assert is_finite(state_of(fine))


def test_the_quantity_has_its_name(model: mf.BayesianNetwork, moons: Split) -> None:
    names = {}
    for method in (mf.SVGD(3), mf.Ensemble(2), mf.Ensemble(2, "advi")):
        fit = mf.fit(model, moons.X, moons.y, method=method, steps=20)
        names[f"{method.name} {len(names)}"] = fit.diagnostics.quantity
    assert [*names.values()] == ["log joint density", "log joint density", "ELBO"]


def test_the_step_that_is_named_is_the_first_bad_one(moons: Split) -> None:
    """Overflow that comes after a while: the log rate and its sd grow at every step."""

    def grow(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return jax.tree.map(lambda leaf: jnp.full_like(leaf, 0.5), updates), state

    method = mf.ADVI(optimizer=optax.GradientTransformation(lambda params: (), grow))
    model = linear_model(1, mf.likelihoods.Poisson())
    X, y = np.ones((20, 1)), np.ones(20)
    with pytest.raises(mf.NonFiniteError) as caught:
        mf.fit(model, X, y, method=method, steps=2_000)
    step = caught.value.step
    assert 5 < step < 250
    fine = mf.fit(model, X, y, method=method, steps=step)  # one step fewer: nothing is wrong
    assert is_finite(fine.elbo)
    assert is_finite(state_of(caught.value.posterior))
    with pytest.raises(mf.NonFiniteError) as again:
        mf.fit(model, X, y, method=method, steps=step + 1)
    assert again.value.step == step


class Root(eqx.Module):
    """A network with one weight whose gradient is not finite below zero, though its value is."""

    safe: jax.Array
    rooted: jax.Array

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.safe * x + jnp.sqrt(jnp.maximum(self.rooted, 0.0))


@pytest.fixture(scope="module")
def rooted() -> mf.NonFiniteError:
    """What a fit raises whose `rooted` is drawn below zero sooner or later."""
    network = Root(jnp.ones(1), jnp.ones(1))
    model = mf.BayesianNetwork(network, mf.priors.Normal(), mf.likelihoods.Normal(sd=1.0))
    with pytest.raises(mf.NonFiniteError) as caught:
        mf.fit(model, np.ones((20, 1)), -np.ones(20), steps=1_000)
    return caught.value


def test_the_path_that_is_named_is_the_culprit(rooted: mf.NonFiniteError) -> None:
    """The first gradient that is not finite is one of this parameter alone."""
    assert rooted.path == "rooted"


def test_a_gradient_that_is_not_finite_spoils_nothing(rooted: mf.NonFiniteError) -> None:
    """The ELBO of that step is finite still, but not the state after it."""
    assert is_finite(state_of(rooted.posterior))
    assert np.isfinite(rooted.posterior.predict([[1.0]], draws=5).mean).all()


def test_a_last_step_that_is_not_finite_raises_too(model: mf.BayesianNetwork, moons: Split) -> None:
    """No later ELBO can tell: the state itself must be looked at."""

    def spoil(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return jax.tree.map(lambda leaf: jnp.full_like(leaf, jnp.nan), updates), state

    method = mf.ADVI(optimizer=optax.GradientTransformation(lambda params: (), spoil))
    with pytest.raises(mf.NonFiniteError) as caught:
        mf.fit(model, moons.X, moons.y, method=method, steps=1)
    assert is_finite(state_of(caught.value.posterior))


def test_one_bad_restart_does_not_spoil_the_others(moons: Split) -> None:
    """Some starts meet the gradient that is not finite; the best of the others is returned."""
    network = Root(jnp.ones(1), jnp.ones(1))
    model = mf.BayesianNetwork(network, mf.priors.Normal(), mf.likelihoods.Normal(sd=1.0))
    X, y = np.ones((20, 1)), 3.0 * np.ones(20)
    fit = mf.fit(model, X, y, steps=300, restarts=8)
    elbos = np.asarray(fit.diagnostics.restart_elbos)
    assert np.isnan(elbos).any()
    assert fit.diagnostics.elbo == np.nanmax(elbos)
    assert is_finite(state_of(fit))


def test_the_automatic_stop_heeds_the_restarts_that_are_left() -> None:
    """More than a tenth of the parameters are lost for ever; the others come to rest."""
    network = Root(jnp.ones(1), jnp.ones(1))
    model = mf.BayesianNetwork(network, mf.priors.Normal(), mf.likelihoods.Normal(sd=0.1))
    fit = mf.fit(model, np.zeros((20, 1)), 3.0 * np.ones(20), restarts=8)
    lost = np.isnan(fit.diagnostics.restart_elbos)
    assert lost.any()
    assert not lost.all()
    assert fit.result is mf.Result.converged
    assert fit.diagnostics.steps < 20_000  # it looks at what is not at rest after 30,000 alone


def test_restarts_are_compared_where_a_block_is_one_step(
    model: mf.BayesianNetwork, moons: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the noise or the batch of a single step fills the memory of a block."""
    options: Any = {"restarts": 2, "steps": 300, "seed": 1}
    usual = mf.fit(model, moons.X, moons.y, **options).diagnostics
    monkeypatch.setattr(supply, "_BLOCK_BYTES", 1)
    found = mf.fit(model, moons.X, moons.y, **options).diagnostics
    assert found.elbo == max(found.restart_elbos)
    assert 0 < found.elbo_se < 10.0
    for few, many in zip(found.restart_elbos, usual.restart_elbos, strict=True):
        assert abs(few - many) < 5.0 * found.elbo_se + 5.0


@pytest.mark.parametrize("batch_size", [None, 50])
@pytest.mark.parametrize("steps", [300, None])
def test_fits_whose_steps_draw_their_noise(
    steps: int | None, batch_size: int | None, model: mf.BayesianNetwork, moons: Split,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """As where it is large: the same fit with other noise, and one carry at a time."""
    options: Any = {"steps": steps, "batch_size": batch_size, "restarts": 2, "seed": 1}
    usual = mf.fit(model, moons.X, moons.y, **options).diagnostics
    monkeypatch.setattr(supply, "_LATE_BYTES", 0)
    monkeypatch.setattr(supply, "_PIECE", 64)
    monkeypatch.setattr(driver, "_FLYING_BYTES", 0)
    fit = mf.fit(model, moons.X, moons.y, **options)
    found = fit.diagnostics
    assert fit.result in (mf.Result.converged, mf.Result.steps_exhausted)
    assert not np.array_equal(found.restart_elbos, usual.restart_elbos)
    error = np.hypot(found.elbo_se, usual.elbo_se)
    assert abs(found.elbo - usual.elbo) < 5.0 * error + 5.0
    again = mf.fit(model, moons.X, moons.y, **options)
    np.testing.assert_array_equal(again.elbo, fit.elbo)


def test_the_automatic_stop_says_why(model: mf.BayesianNetwork, moons: Split) -> None:
    fit = mf.fit(model, moons.X, moons.y)
    assert fit.result in (mf.Result.converged, mf.Result.not_converged)
    long = mf.fit(model, moons.X, moons.y, steps=20_000)
    assert fit.diagnostics.elbo > long.diagnostics.elbo - 2.0
    assert len(fit.elbo) == fit.diagnostics.steps


def test_the_automatic_stop_with_batches_and_restarts(
    model: mf.BayesianNetwork, moons: Split
) -> None:
    fit = mf.fit(model, moons.X, moons.y, batch_size=50, restarts=2)
    assert fit.result in (mf.Result.converged, mf.Result.not_converged)
    assert len(fit.diagnostics.restart_elbos) == 2
    assert fit.diagnostics.elbo > -125
