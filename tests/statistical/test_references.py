"""Pathfinder and the samplers without an accept-reject step, on posteriors in closed form."""

import jax
import numpy as np
import pytest

import moonfield as mf
from tests.helpers import same_bytes
from tests.targets import gaussian


@pytest.fixture(autouse=True)
def standard_promotion():
    """BlackJAX mixes types and ranks."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def test_pathfinder_is_close_on_a_gaussian() -> None:
    target, mean, sd = gaussian(3)
    outcome = mf.Pathfinder(paths=4, draws=2_000).run(target, 0)
    points = np.asarray(outcome.approximation.points, np.float64)
    error = 1.0 / np.sqrt(outcome.facts["effective_draws"])
    assert outcome.facts["khat"] < 0.7
    assert error < 0.05
    assert (np.abs(points.mean(axis=0) - mean) < 4.5 * error * sd).all()
    assert (np.abs(np.log(points.std(axis=0) / sd)) < 4.5 * error).all()
    again = mf.Pathfinder(paths=4, draws=2_000).run(target, 0)
    assert same_bytes(again.approximation, outcome.approximation)


@pytest.mark.slow
@pytest.mark.parametrize("method", [mf.MCLMC(), mf.SGHMC()], ids=lambda method: method.name)
def test_unadjusted_chains_on_a_gaussian(method) -> None:
    """To within Monte Carlo error and a bias of a twentieth of a sd."""
    target, mean, sd = gaussian(4)
    outcome = method.run(target, 0)
    points = np.asarray(outcome.approximation.points, np.float64)
    error = 1.0 / np.sqrt(outcome.facts["ess_bulk"])
    assert outcome.facts["r_hat"] < 1.01
    assert error < 0.03
    assert (np.abs(points.mean(axis=0) - mean) < 4.5 * error * sd).all()
    assert (np.abs(np.log(points.std(axis=0) / sd)) < 4.5 * error + 0.05).all()


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="two parameters"):
        mf.MCLMC().run(gaussian(1)[0], 0)
    with pytest.raises(ValueError, match="positive"):
        mf.SGHMC(friction=0.0)
    with pytest.raises(ValueError, match="paths"):
        mf.Pathfinder(paths=0)
