"""A fit that was interrupted and goes on ends in the same bytes as one that was not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
import pytest

import moonfield as mf
from tests.helpers import Split, linear_model, moons_model, moons_split, regression_rows

from .fits import look_in_always
from .interruptions import (
    Died,
    die_at,
    every_chunk,
    everything,
    interrupted,
    steps_kept,
)

slow = pytest.mark.slow
STEPS = 1_030  # a ragged last block
OWN = optax.chain(optax.clip(50.0), optax.adam(optax.exponential_decay(0.05, 300, 0.5)))


@pytest.fixture(autouse=True)
def looks_in_always(monkeypatch: pytest.MonkeyPatch) -> None:
    look_in_always(monkeypatch)


def moons_fit(**options: Any) -> Callable[..., mf.Posterior]:
    data, model = moons_split(), moons_model()

    def fit(**more: Any) -> mf.Posterior:
        given = {"steps": STEPS, "seed": 5, "method": "advi", "progress": False}
        return mf.fit(model, data.X, data.y, **{**given, **options, **more})

    return fit


def linear_fit(**options: Any) -> Callable[..., mf.Posterior]:
    """One that stops by itself after some thousand steps and several segments."""
    (X, y), model = regression_rows(40, 2), linear_model(2, mf.likelihoods.Normal(0.5))

    def fit(**more: Any) -> mf.Posterior:
        return mf.fit(model, X, y, **{"seed": 3, "progress": False, **options, **more})

    return fit


def program_fit(**options: Any) -> Callable[..., mf.Posterior]:
    def regression(x: Any, y: Any = None) -> None:
        slope = numpyro.sample("slope", dist.Normal(0.0, 10.0))
        sd = numpyro.sample("sd", dist.HalfNormal(1.0))
        with numpyro.plate("rows", x.shape[0]):
            numpyro.sample("y", dist.Normal(slope * x, sd), obs=y)

    X, y = regression_rows(40, 1)
    data = {"x": np.float32(X[:, 0]), "y": np.float32(y)}

    def fit(**more: Any) -> mf.Posterior:
        given = {"method": "fullrank_advi", "steps": STEPS, "progress": False}
        return mf.fit(mf.Program(regression), data=data, **{**given, **options, **more})

    return fit


def warm(step: Any) -> Any:
    return jnp.where(step < 500, 0.5, 1.0)


def continued(**options: Any) -> Callable[..., mf.Posterior]:
    before = moons_fit(steps=300)()
    return moons_fit(start=before, **options)


class Noisy:
    """An optimiser whose state holds a typed key and counts."""

    @staticmethod
    def optimizer() -> optax.GradientTransformation:
        def init(params: Any) -> Any:
            return {"key": jax.random.key(7), "count": jnp.zeros((), jnp.int32)}

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            key, now = jax.random.split(state["key"])
            noise = 0.01 * jax.random.normal(now, updates.shape, updates.dtype)
            return -0.001 * updates + noise, {"key": key, "count": state["count"] + 1}

        return optax.GradientTransformation(init, update)


CASES = [
    ("fixed", moons_fit, (250, 700, 1_000)),
    ("automatic", lambda: linear_fit(method="advi"), (1_000, 5_500)),
]
SLOW_CASES = [
    ("chances", lambda: moons_fit(batch_size=50, sampler=mf.UncertainRows(refresh=300)), (600,)),
    ("batches", lambda: moons_fit(batch_size=50), (250, 700, 1_000)),
    ("restarts", lambda: moons_fit(restarts=2), (500, 900)),
    ("restarts by itself", lambda: linear_fit(method="advi", restarts=2), (2_000, 5_000)),
    ("own optimiser", lambda: moons_fit(method=mf.ADVI(optimizer=OWN)), (500, 900)),
    ("own by itself", lambda: linear_fit(method=mf.ADVI(optimizer=OWN)), (3_000, 6_000)),
    ("keys", lambda: moons_fit(method=mf.ADVI(optimizer=Noisy.optimizer())), (500,)),
    ("keys and restarts", lambda: moons_fit(method=mf.ADVI(optimizer=Noisy.optimizer()),
                                            restarts=2), (500,)),
    ("ivon", lambda: moons_fit(method="ivon"), (500, 900)),
    ("ivon by itself", lambda: linear_fit(method=mf.IVON(tolerance=0.01)), (1_000, 1_500)),
    ("svgd", lambda: moons_fit(method="svgd"), (500,)),
    ("ensemble", lambda: moons_fit(method="ensemble", batch_size=50), (500,)),
    ("tempered", lambda: moons_fit(method=mf.ADVI(objective=mf.objectives.Tempered(warm))), (250,)),
    ("program", program_fit, (500, 900)),
    ("continued", lambda: continued(batch_size=50), (500,)),
]  # fmt: skip


def names(case: Any) -> str:
    return case if isinstance(case, str) else ""


@pytest.mark.parametrize(
    ("name", "make", "moments"),
    [*CASES, *(pytest.param(*case, marks=slow) for case in SLOW_CASES)],
    ids=names,
)
def test_the_same_bytes(
    name: str, make: Callable, moments: tuple[int, ...], tmp_path: Path
) -> None:
    fit = make()
    whole = fit()
    assert everything(interrupted(fit, tmp_path / "run", *moments)) == everything(whole)
    assert everything(fit(checkpoint=every_chunk(tmp_path / "other"))) == everything(whole)
    assert whole.diagnostics.steps > moments[-1] + 25
    assert everything(whole) != everything(fit(seed=6))


@slow
def test_in_64_bits(x64: None, tmp_path: Path) -> None:
    for fit in (moons_fit(batch_size=50), linear_fit(method="advi")):
        whole = fit()
        assert whole.elbo.dtype == np.float64
        assert everything(interrupted(fit, tmp_path / fit.__qualname__, 500)) == everything(whole)


@pytest.mark.parametrize("make", [moons_fit, lambda: linear_fit(method="advi")])
def test_a_fit_that_has_ended_takes_no_further_step(
    make: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = make()
    ended = fit(checkpoint=tmp_path / "run")
    assert steps_kept(tmp_path / "run") == [ended.diagnostics.steps]
    seen: list[int] = []
    again = fit(checkpoint=str(tmp_path / "run"), callbacks=[lambda step, _: seen.append(step)])
    assert everything(again) == everything(ended)
    assert seen == []


def test_ctrl_c_and_a_callback_that_ends_a_fit_lose_no_step(tmp_path: Path) -> None:
    fit, rarely = moons_fit(), mf.Checkpoint(tmp_path, every="10h")
    whole = fit()
    stopped = fit(checkpoint=rarely, callbacks=[lambda step, _: step >= 500])
    assert stopped.result is mf.Result.stopped_by_callback
    assert steps_kept(tmp_path) == [stopped.diagnostics.steps] == [500]
    left = fit(checkpoint=rarely, callbacks=[die_at(750, KeyboardInterrupt)])
    assert left.result is mf.Result.interrupted
    assert steps_kept(tmp_path) == [left.diagnostics.steps, 500] == [750, 500]
    assert left.elbo.tobytes() == whole.elbo[:750].tobytes()
    assert everything(fit(checkpoint=rarely)) == everything(whole)


@slow
def test_a_fit_that_becomes_not_finite_does_so_again(tmp_path: Path) -> None:
    """At the step at which it would have, whatever was kept."""

    def grows(step: Any) -> Any:
        return jnp.where(step < 600, 1e-3, 1e30)

    fit = moons_fit(method=mf.ADVI(optimizer=optax.sgd(grows)))
    with pytest.raises(mf.NonFiniteError) as first:
        fit()
    for _ in range(2):
        with pytest.raises(mf.NonFiniteError) as found:
            fit(checkpoint=every_chunk(tmp_path))
        assert str(found.value) == str(first.value)
        assert everything(found.value.posterior) == everything(first.value.posterior)
        assert steps_kept(tmp_path) == [500, 250]


def test_another_fit_of_the_same_folder_is_an_error_that_says_how(
    tmp_path: Path, moons: Split, model: mf.BayesianNetwork
) -> None:
    fit = moons_fit(steps=10)
    fit(checkpoint=tmp_path)
    flipped = np.concatenate([moons.y[:-1], 1 - moons.y[-1:]])
    others: list[tuple[dict[str, Any], str]] = [
        ({"seed": 6}, "its seed is 5, here 6"),
        ({"steps": 20}, "its number of steps is 10, here 20.*pass the posterior as start"),
        ({"steps": None}, "its number of steps is 10, here None"),
        ({"batch_size": 50}, "its batch size is None, here 50"),
        ({"restarts": 2}, "its number of restarts is 1, here 2"),
        ({"method": "ivon"}, "its method is another"),
        ({"method": mf.ADVI(optimizer=optax.adam(0.04))}, "its method is another"),
        ({"weights": np.ones(500)}, "its data is another"),
        ({"start": fit()}, "its start is another"),
        ({"batch_size": 50, "sampler": mf.UncertainRows()}, "its sampler is another"),
    ]
    for options, how in others:
        with pytest.raises(ValueError, match=rf"holds checkpoints of another fit: {how}") as said:
            fit(checkpoint=tmp_path, **options)
        assert "another folder" in str(said.value)
        assert "resume=False" in str(said.value)
    for X, y, other in (
        (moons.X, flipped, model),
        (moons.X[:, ::-1], moons.y, model),
        (moons.X, moons.y, moons_model(2.0)),
    ):
        with pytest.raises(ValueError, match=r"another fit: its (data|model) is another"):
            mf.fit(other, X, y, method="advi", steps=10, seed=5, checkpoint=tmp_path)
    with jax.enable_x64(True), pytest.raises(ValueError, match="its model is another"):
        moons_fit(steps=10)(checkpoint=tmp_path)
    assert steps_kept(tmp_path) == [10]


def test_without_resume_the_first_checkpoint_replaces_all(tmp_path: Path) -> None:
    fit = moons_fit(steps=600)
    fit(checkpoint=every_chunk(tmp_path), seed=4)
    anew = mf.Checkpoint(tmp_path, every=1, resume=False)
    with pytest.raises(Died):
        fit(checkpoint=anew, callbacks=[die_at(250)])
    assert steps_kept(tmp_path) == [250]
    assert everything(fit(checkpoint=every_chunk(tmp_path))) == everything(fit())


def test_every_so_many_steps_and_so_many_kept(tmp_path: Path) -> None:
    fit = moons_fit(steps=2_000)
    for keep in (1, 2, 10):
        fit(checkpoint=mf.Checkpoint(tmp_path / str(keep), every=400, keep=keep))
        assert steps_kept(tmp_path / str(keep)) == [2_000, 1_500, 1_000, 500][:keep]


def test_time_decides_when(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter_of(1.0)
    monkeypatch.setattr("moonfield.posterior.keeper.time.monotonic", lambda: next(seconds))
    moons_fit(steps=2_000)(checkpoint=mf.Checkpoint(tmp_path, every="3s", keep=100))
    kept = steps_kept(tmp_path)
    assert 2 < len(kept) < 8
    assert kept[0] == 2_000


def iter_of(step: float) -> Iterator[float]:
    now = 0.0
    while True:
        now += step
        yield now
