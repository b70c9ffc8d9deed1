"""A second fit of the same shapes compiles nothing, counted from JAX's own log."""

import functools

import numpy as np
import optax
import pytest

import moonfield as mf
from moonfield._core.trees import split
from tests.helpers import Split, moons_model

from .fits import look_in_always, run


@pytest.fixture(autouse=True)
def warm(model: mf.BayesianNetwork, moons: Split) -> None:
    """A first fit of each kind."""
    for batch_size in (None, 50):
        mf.fit(model, moons.X, moons.y, steps=520, batch_size=batch_size)


def ready(moons: Split, sd: float = 1.0, **options) -> functools.partial:
    """A fit of a model of its own, yet to be run."""
    return functools.partial(mf.fit, moons_model(sd), moons.X, moons.y, **{"steps": 520, **options})


@pytest.mark.parametrize("batch_size", [None, 50])
@pytest.mark.parametrize(
    "options", [{}, {"seed": 77}, {"steps": 750}, {"steps": 1_111}, {"steps": 3}], ids=str
)
def test_a_second_fit(
    moons: Split, batch_size: int | None, options: dict, caplog: pytest.LogCaptureFixture
) -> None:
    assert run(ready(moons, batch_size=batch_size, **options), caplog) == []


@pytest.mark.parametrize("sd", [0.5, 3])
def test_another_prior_scale(moons: Split, sd: float, caplog: pytest.LogCaptureFixture) -> None:
    assert run(ready(moons, sd=sd), caplog) == []


def test_other_rows_of_the_same_number(moons: Split, caplog: pytest.LogCaptureFixture) -> None:
    other = Split(moons.X_test, moons.y_test, moons.X, moons.y)
    assert run(ready(other), caplog) == []


def test_weights_of_rows(moons: Split, caplog: pytest.LogCaptureFixture) -> None:
    assert run(ready(moons, weights=np.linspace(0.0, 2.0, 500)), caplog) == []


def test_callbacks(
    moons: Split, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_in_always(monkeypatch)
    assert run(ready(moons, callbacks=[lambda step, posterior: None]), caplog) == []


def test_continuing(
    posterior: mf.Posterior, moons: Split, caplog: pytest.LogCaptureFixture
) -> None:
    ready(moons, start=posterior)()
    assert run(ready(moons, start=posterior, seed=3), caplog) == []


def test_the_same_optimiser_object(moons: Split, caplog: pytest.LogCaptureFixture) -> None:
    optimizer = optax.adam(0.01)
    assert len(run(ready(moons, method=mf.ADVI(optimizer=optimizer)), caplog)) > 0
    assert run(ready(moons, method=mf.ADVI(optimizer=optimizer)), caplog) == []


def test_another_noise_has_the_same_structure() -> None:
    network = mf.nets.MLP([2, 1])
    structures = {
        split(mf.BayesianNetwork(network, mf.priors.Normal(), mf.likelihoods.Normal(sd=sd)))[0]
        for sd in (0.1, 1, 2.0)
    }
    assert len(structures) == 1


@pytest.mark.parametrize("rows", [500, 300, 1])
def test_a_second_prediction(
    posterior: mf.Posterior, moons: Split, rows: int, caplog: pytest.LogCaptureFixture
) -> None:
    def everything(rows: int, draws: int, seed: int) -> None:
        prediction = posterior.predict(moons.X_test[:rows], draws=draws, seed=seed)
        _ = prediction.sd, prediction.mutual_information, prediction.log_prob(moons.y_test[:rows])

    everything(500, 20, 0)
    assert run(lambda: everything(rows, 35, 4), caplog) == []


def test_the_counter_counts(moons: Split, caplog: pytest.LogCaptureFixture) -> None:
    """A number of rows that nobody has compiled yet."""
    few = Split(moons.X[:37], moons.y[:37], moons.X_test, moons.y_test)
    assert any("_steps" in name for name in run(ready(few, steps=3), caplog))
