"""The step sizes of a fit of a given number of steps."""

import numpy as np
import pytest

from moonfield.inference.automatic import Automatic
from moonfield.inference.stopping import FixedSteps


def sizes(controller: FixedSteps | Automatic, count: int) -> np.ndarray:
    """Asked for in pieces, as blocks do."""
    pieces = [controller.step_sizes(start, min(7, count - start)) for start in range(0, count, 7)]
    return np.concatenate(pieces)


def test_a_tuned_step_size_falls_and_stays() -> None:
    found = sizes(FixedSteps(1_000, tuned=True), 1_000)
    np.testing.assert_array_equal(found[:500], 1.0)
    np.testing.assert_allclose(found[500:785], np.arange(300, 15, -1) / 300)
    np.testing.assert_array_equal(found[785:], 0.05)


@pytest.mark.parametrize(("steps", "over"), [(5_000, 100), (200, 20), (5, 1)])
def test_the_step_size_of_a_fit_that_goes_on_rises_first(steps: int, over: int) -> None:
    found = sizes(FixedSteps(steps, tuned=True, goes_on=True), steps)
    fresh = sizes(FixedSteps(steps, tuned=True), steps)
    np.testing.assert_allclose(found[:over], np.arange(1, over + 1) / over)
    np.testing.assert_array_equal(found[over:], fresh[over:])


def test_so_does_that_of_one_that_stops_by_itself() -> None:
    found = sizes(Automatic(goes_on=True), 500)
    np.testing.assert_allclose(found[:100], np.arange(1, 101) / 100)
    np.testing.assert_array_equal(found[100:], 1.0)
    np.testing.assert_array_equal(sizes(Automatic(), 500), 1.0)


def test_an_optimiser_of_ones_own_is_left_alone() -> None:
    np.testing.assert_array_equal(sizes(FixedSteps(1_000, tuned=False), 1_000), 1.0)
