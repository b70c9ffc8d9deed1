"""R-hat and effective sample sizes are ArviZ's."""

import numpy as np
import pytest
from arviz_stats.base.array import array_stats

from moonfield.inference.chains.convergence import convergence


def chains(correlation: float, count: int = 1_000) -> np.ndarray:
    """Four autoregressive chains of three numbers, from their stationary distribution."""
    draws = np.random.default_rng(0).normal(size=(4, count, 3))
    for now in range(1, count):
        draws[:, now] *= np.sqrt(1 - correlation**2)
        draws[:, now] += correlation * draws[:, now - 1]
    return draws


NUMBERS = np.arange(1, 5)[:, None, None]
CASES = {
    "good": chains(0.5),
    "antithetic": chains(-0.5),
    "slow": chains(0.95),
    "odd": chains(0.5, 1_001),
    "few": chains(0.1, 10),
    "not where the others are": chains(0.3) + 0.3 * NUMBERS,
    "wider than the others": chains(0.3) * NUMBERS,
    "far from zero": (1_000 + chains(0.5)).astype(np.float32),
}


@pytest.mark.parametrize("case", CASES)
def test_as_arviz(case: str) -> None:
    facts = convergence(CASES[case])
    draws = np.moveaxis(CASES[case], -1, 0).astype(np.float64)
    r_hat = array_stats.rhat(draws).max()
    bulk = array_stats.ess(draws, method="bulk").min()
    tail = array_stats.ess(draws, method="tail", prob=(0.05, 0.95)).min()
    np.testing.assert_allclose(facts["r_hat"], r_hat, rtol=1e-6)
    # Geyer's sequence ends a lag or two later here
    np.testing.assert_allclose([facts["ess_bulk"], facts["ess_tail"]], [bulk, tail], rtol=0.03)


def test_chains_that_do_not_mix_are_seen() -> None:
    assert convergence(CASES["good"])["r_hat"] < 1.01
    for case in ("not where the others are", "wider than the others"):
        assert convergence(CASES[case])["r_hat"] > 1.05


def test_a_number_that_is_not_finite_is_no_agreement() -> None:
    draws = chains(0.5)
    draws[0, 5, 1] = np.nan
    assert not convergence(draws)["r_hat"] < 1.01
