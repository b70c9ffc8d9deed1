"""Columns that should be standardised are named."""

import numpy as np
import pytest

import moonfield as mf
from moonfield.data import badly_scaled
from tests.helpers import linear_model

RNG = np.random.default_rng(0)
GOOD = RNG.normal(size=(50, 3)).astype(np.float32)


def test_unit_columns_and_constants_are_fine() -> None:
    constant = np.concatenate([GOOD, np.full((50, 1), 7e4, np.float32)], axis=1)
    assert badly_scaled(GOOD, None) is None
    assert badly_scaled(constant, None) is None
    assert badly_scaled(np.arange(50) * 10_000, None) is None  # whole numbers are names or counts


def test_a_rare_exception_needs_no_standardising() -> None:
    """A mask of padding, say: nearly always 1."""
    rare = np.ones((20_000, 2), np.float32)
    rare[0] = 0.0, 0.9
    words = badly_scaled(rare, ("indicator", "number"))
    assert words is not None
    assert "column 'number'" in words


@pytest.mark.parametrize(
    ("scale", "shift", "words"),
    [(1e4, 0.0, "column 'b' has mean"), (1.0, 2_000.0, "column 'b' has mean 2000 and sd")],
)
def test_large_and_far_columns_are_named(scale: float, shift: float, words: str) -> None:
    bad = GOOD.copy()
    bad[:, 1] = scale * bad[:, 1] + shift
    assert words in badly_scaled(bad, ("a", "b", "c"))


def test_a_badly_scaled_regression_in_single_precision_warns_to_standardise() -> None:
    X = GOOD.astype(np.float64) * 1e5
    with pytest.warns(mf.MoonfieldWarning, match="column 0 has .*standardise"):
        mf.fit(linear_model(3, mf.likelihoods.Normal(sd=1.0)), X, 1e-5 * X[:, 0], steps=10)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_targets_in_odd_units_are_named(unit: float) -> None:
    model = linear_model(3, mf.likelihoods.Normal())
    with pytest.warns(mf.MoonfieldWarning, match="y: target 0 has mean .* standardise it"):
        model.prepare(GOOD, unit * GOOD[:, 0])


def test_counts_and_usual_targets_are_fine() -> None:
    """Warnings are errors here."""
    linear_model(3, mf.likelihoods.Normal()).prepare(GOOD, 20.0 + 5.0 * GOOD[:, 0])
    linear_model(3, mf.likelihoods.Normal()).prepare(GOOD, np.zeros(50))
    linear_model(3, mf.likelihoods.Poisson()).prepare(GOOD, np.full(50, 1e6))
