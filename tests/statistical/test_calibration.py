"""Calibration by simulation tells right posteriors from wrong ones; comparisons agree with LOO."""

from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy import stats

import moonfield as mf
from moonfield.diagnostics.calibration import _centred


class Exact:
    """The exact posterior of a normal mean, or one that is wrong on purpose."""

    def __init__(self, y: np.ndarray, shift: float = 0.0, width: float = 1.0):
        precision = 1.0 + len(y)
        self.mean, self.sd = np.sum(y) / precision + shift, width / np.sqrt(precision)

    def sample(self, n: int, seed: int = 0) -> dict[str, np.ndarray]:
        return {"level": self.mean + self.sd * np.random.default_rng(seed).normal(size=n)}


def level(y: Any = None) -> None:
    mean = numpyro.sample("level", dist.Normal(0.0, 1.0))
    with numpyro.plate("rows", 5 if y is None else y.shape[0]):
        numpyro.sample("y", dist.Normal(mean, 1.0), obs=y)


def calibration(**wrong: float) -> mf.diagnostics.Calibration:
    return mf.diagnostics.sbc(
        mf.Program(level), {"y": np.zeros(5)}, lambda data: Exact(data["y"], **wrong), 400, 39
    )


def test_the_exact_posterior_is_calibrated() -> None:
    found = calibration()
    assert found.ranks["level"].shape == (400,)
    assert found.uniform["level"] > 1e-3
    assert found.centred["level"] > 1e-3


def test_p_values_of_symmetry_are_uniform_where_ranks_are_symmetric() -> None:
    """A little large for few ranks; of two independent samples a tenth would be below 0.05."""
    rng = np.random.default_rng(0)
    p = np.array([_centred(rng.integers(0, 1_000, 200), 999) for _ in range(1_000)])
    for level in (0.05, 0.2, 0.5):
        below = int((p < level).sum())
        assert stats.binomtest(below, p.size, level, alternative="greater").pvalue > 1e-3
        assert below > 0.7 * level * p.size
    assert _centred(np.arange(200) * 4, 999) < 1e-3


@pytest.mark.parametrize("width", [0.5, 2.0])
def test_a_wrong_width_is_not_uniform_but_centred(width: float) -> None:
    found = calibration(width=width)
    assert found.uniform["level"] < 1e-6
    assert found.centred["level"] > 1e-3


def test_a_shift_is_neither() -> None:
    found = calibration(shift=0.3)
    assert found.uniform["level"] < 1e-6
    assert found.centred["level"] < 1e-6


@pytest.mark.slow
def test_a_comparison_of_two_fits() -> None:
    y = np.random.default_rng(0).normal(0.5, 1.0, size=30)
    fits = {
        f"{steps} steps": mf.fit(mf.Program(level), data={"y": y}, method="advi", steps=steps)
        for steps in (3_000, 4_000)
    }
    table = mf.diagnostics.compare(fits)
    np.testing.assert_allclose(table.mean[:, 0], y.sum() / 31, atol=0.05)
    np.testing.assert_allclose(table.sd[:, 0], 31**-0.5, rtol=0.1)
    residuals = (y - (y.sum() - y) / 30) ** 2 / (1 + 1 / 30)
    exact = np.sum(-0.5 * residuals - 0.5 * np.log(2 * np.pi * (1 + 1 / 30)))
    np.testing.assert_allclose(table.elpd, exact, atol=0.3)
    assert (table.khat < 0.7).all()
    assert "elpd" in str(table)


def test_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match="at least one"):
        mf.diagnostics.compare({})
