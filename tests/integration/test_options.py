"""Options that cannot be: an error that says what was expected, before anything compiles."""

from typing import Any

import numpy as np
import pytest

import moonfield as mf
from tests.helpers import Split

from .fits import run

BAD_VALUES = [
    ({"steps": 0}, "steps must be a whole number of 1 or more, got 0"),
    ({"steps": -5}, "steps must be a whole number of 1 or more, got -5"),
    ({"steps": 1.5}, "steps must be a whole number of 1 or more, got 1.5"),
    ({"steps": True}, "steps must be a whole number of 1 or more, got True"),
    ({"steps": "many"}, "steps must be a whole number of 1 or more, got 'many'"),
    ({"restarts": 0}, "restarts must be a whole number of 1 or more, got 0"),
    ({"restarts": 2.5}, "restarts must be a whole number of 1 or more, got 2.5"),
    ({"batch_size": 0}, "batch_size must be a whole number of 1 or more, got 0"),
    ({"batch_size": -3}, "batch_size must be a whole number of 1 or more, got -3"),
    ({"batch_size": 2.5}, "batch_size must be a whole number of 1 or more, got 2.5"),
    ({"batch_size": "half"}, "batch_size must be a whole number of 1 or more, got 'half'"),
    ({"seed": -1}, "seed must lie between 0 and"),
    ({"seed": 2**32}, "seed must lie between 0 and"),
    ({"seed": 0.5}, "seed must be an integer, got float"),
    ({"seed": None}, "seed must be an integer, got NoneType"),
    ({"method": "adam"}, r"No method 'adam'.*'auto'.*'advi'"),
    ({"method": 3}, r"method must be a name or a method such as mf.ADVI\(\), got 3"),
    ({"method": mf.ADVI}, "method must be a name or a method"),
    ({"weights": -np.ones(500)}, "weights must not be negative; row 0"),
    ({"weights": np.ones(3)}, r"X has 500 rows, but weights has shape \(3,\)"),
    ({"weights": np.zeros(500)}, "weights are all 0"),
    ({"weights": np.full(500, np.nan)}, "weights has a value that is not finite"),
    ({"groups": [1]}, "groups is not available for BayesianNetwork"),
    ({"data": {}}, "data is for programs"),
    ({"sampler": "importance"}, "sampler must be mf.UncertainRows.*got str"),
    ({"checkpoint": 3}, "checkpoint must be a folder or mf.Checkpoint.*got int"),
    ({"callbacks": [3]}, "callback"),
    ({"callbacks": print}, "callback"),
]


@pytest.mark.parametrize(("options", "message"), BAD_VALUES, ids=lambda value: str(value)[:40])
def test_bad_options(
    model: mf.BayesianNetwork,
    moons: Split,
    options: dict[str, Any],
    message: str,
    wrong_types: None,
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        mf.fit(model, moons.X, moons.y, **{"steps": 10, **options})


def test_a_model_is_needed(moons: Split, wrong_types: None) -> None:
    with pytest.raises(TypeError, match="model must be a Moonfield model, got MLP"):
        mf.fit(mf.nets.MLP([2, 1]), moons.X, moons.y, steps=1)


def test_rows_are_needed(model: mf.BayesianNetwork, moons: Split) -> None:
    with pytest.raises(TypeError, match="X is missing"):
        mf.fit(model, steps=1)
    with pytest.raises(TypeError, match="y is missing"):
        mf.fit(model, moons.X, steps=1)
    with pytest.raises(ValueError, match=r"X has 500 rows, but y has shape \(499,\)"):
        mf.fit(model, moons.X, moons.y[:-1], steps=1)


def test_a_column_is_named(model: mf.BayesianNetwork, moons: Split) -> None:
    import pandas as pd

    table = pd.DataFrame(moons.X, columns=["east", "north"])
    table.loc[[17, 40], "north"] = np.nan
    with pytest.raises(ValueError, match=r"'north'.*row 17"):
        mf.fit(model, table, moons.y, steps=1)


def test_nothing_compiles_before_the_error(
    model: mf.BayesianNetwork, moons: Split, caplog: pytest.LogCaptureFixture
) -> None:
    def bad() -> None:
        with pytest.raises(ValueError, match="row 3"):
            mf.fit(model, moons.X, np.where(np.arange(500) == 3, 5.0, moons.y), steps=1)

    assert run(bad, caplog) == []


def test_a_model_whose_rows_are_not_exchangeable_takes_no_batch(moons: Split) -> None:
    class Series(mf.BayesianNetwork):
        @property
        def minibatchable(self) -> bool:
            return False

    model = Series(mf.nets.MLP([2, 1]), mf.priors.Normal(), mf.likelihoods.Bernoulli())
    with pytest.raises(ValueError, match=r"Series is not a sum over exchangeable rows.*batch_size"):
        mf.fit(model, moons.X, moons.y, steps=1, batch_size=10)


def test_whole_numbers_of_numpy_are_whole_numbers(
    model: mf.BayesianNetwork, moons: Split, wrong_types: None
) -> None:
    fit = mf.fit(
        model, moons.X, moons.y, steps=np.int64(3), batch_size=np.int32(50), seed=np.uint8(4),
        restarts=np.int64(1),
    )  # fmt: skip
    assert len(fit.elbo) == 3
    plain = mf.fit(model, moons.X, moons.y, steps=3, batch_size=50, seed=4)
    assert fit.elbo.tobytes() == plain.elbo.tobytes()
