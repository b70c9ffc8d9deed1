"""When the automatic stop ends a stage, on iterates that are made up."""

from typing import Any, NamedTuple

import numpy as np
import pytest

import moonfield as mf
from moonfield.inference import Automatic, Snapshot
from moonfield.io.strict_json import decode, encode, parse, to_text

BLOCK, SIZE, NOISE = 250, 20, 0.01


class Record(NamedTuple):
    mean: np.ndarray
    m2: np.ndarray
    records: np.ndarray


class Wanderer:
    """Parameters that drift by many times their noise from segment to segment, without an end."""

    def __init__(self, elbo: Any):
        self._elbo, self.step = elbo, 0

    def tail(self) -> Record:
        mean = np.full(SIZE, self.step / 1_000.0)
        return Record(mean, np.full(SIZE, 20.0 * NOISE**2), np.asarray(20.0))

    def last(self) -> np.ndarray:
        return np.zeros(SIZE, np.float32)

    def evaluate(self, vector: np.ndarray) -> np.ndarray:
        """The ELBO at the step that a mean of parameters stands for."""
        return np.full(4, self._elbo(1_000.0 * float(vector[0])))


def steps_of(elbo: Any, tolerance: float | None = None) -> tuple[int, mf.Result]:
    """The steps after which a fit ends, and why."""
    stop, fit, step = Automatic(tolerance), Wanderer(elbo), 0
    while True:
        step += BLOCK
        fit.step = step
        verdict = stop.after(step, BLOCK, fit)
        if verdict.result is not None:
            return step, verdict.result


def test_a_fit_that_wanders_at_one_elbo_ends() -> None:
    steps, result = steps_of(lambda step: -100.0 - 1e3 * np.exp(-step / 1_000.0))
    assert result is mf.Result.converged
    assert 30_000 < steps < 60_000


def test_a_fit_that_still_gains_goes_on() -> None:
    steps, result = steps_of(lambda step: -1e3 + step / 1_000.0)
    assert (steps, result) == (Automatic.most, mf.Result.not_converged)


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_a_gain_between_looks_counts_where_it_is_a_nat(gain: float) -> None:
    """The second look comes when the stage is 1.5 times as long: 45,000 steps after 30,000."""
    steps, _ = steps_of(lambda step: -100.0 + (gain if step > 30_000 else 0.0))
    assert (steps > 60_000) == (gain > 1.0)


@pytest.mark.parametrize("tolerance", [5.0, 50.0])
def test_a_tolerance_of_ones_own_is_looked_at_early(tolerance: float) -> None:
    """A gain of 1 nat every 10 steps, up to 10,000 of them, is worth going on for; then it ends."""
    steps, result = steps_of(lambda step: -1e3 + min(step, 10_000.0) / 10.0, tolerance)
    assert result is mf.Result.converged
    assert 10_000 < steps < 25_000
    steps, result = steps_of(lambda step: -100.0, tolerance)
    assert result is mf.Result.converged
    assert steps < 2_500


@pytest.mark.slow
def test_a_tolerance_a_row_is_of_the_rows_of_the_fit() -> None:
    """A fit that asks for 2 nats a row ends before one that asks for a hundredth."""
    X = np.random.default_rng(0).normal(size=(200, 2))
    model = mf.BayesianNetwork(mf.nets.MLP([2, 3, 1]), mf.priors.Normal(), mf.likelihoods.Normal())
    steps = [
        len(mf.fit(model, X, X[:, 0], method=mf.IVON(tolerance=worth), progress=False).elbo)
        for worth in (2.0, 0.01)
    ]
    assert steps[0] < steps[1]


@pytest.mark.parametrize("tolerance", [0.0, -1.0, float("nan")])
def test_a_tolerance_that_is_not_positive(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance must be above 0"):
        mf.IVON(tolerance=tolerance)


class Recalled(Wanderer):
    """Parameters that become stationary, at an ELBO that is noisy."""

    def tail(self) -> Record:
        rng = np.random.default_rng(self.step)
        mean = np.exp(-self.step / 2_000.0) + NOISE * rng.normal(size=SIZE)
        return Record(mean, np.full(SIZE, 20.0 * NOISE**2), np.asarray(20.0))


@pytest.mark.parametrize(
    ("kind", "tolerance"), [(Wanderer, 2.0), (Recalled, None), (Recalled, 0.5)]
)
def test_a_fit_that_is_gone_on_with_after_every_block_ends_alike(
    kind: type[Wanderer], tolerance: float | None
) -> None:
    """Its memory goes through a file's text each time."""

    def elbo(step: float) -> float:
        return -100.0 - 1e3 * np.exp(-abs(step) / 1_000.0)

    ends = []
    for forgets in (False, True):
        stop, fit, step, sizes = Automatic(tolerance), kind(elbo), 0, []
        while True:
            sizes.append(stop.step_sizes(step, BLOCK).sum())
            step += BLOCK
            fit.step = step
            verdict = stop.after(step, BLOCK, fit)
            if verdict.result is not None:
                break
            if forgets:
                memory = stop.memory()
                facts = decode(parse(to_text(encode(memory.facts))))
                arrays = {name: np.asarray(array) for name, array in memory.arrays.items()}
                stop = Automatic(tolerance)
                stop.recall(Snapshot(facts, arrays))
        average = np.asarray(stop.average(step, BLOCK, fit))
        ends.append((step, verdict.result, sizes, average.tobytes()))
    assert ends[0] == ends[1]
    assert ends[0][0] >= 2_000
