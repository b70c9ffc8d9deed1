"""R-hat and effective sample sizes are ArviZ's; networks are compared by what they answer."""

import numpy as np
import pytest
from arviz_stats.base.array import array_stats

import moonfield as mf
from moonfield._core.trees import split
from moonfield.data import dataset
from moonfield.diagnostics import check_chains
from moonfield.inference.chains.convergence import agreement, convergence
from moonfield.posterior.judging import target_of


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


def test_a_number_that_never_moves_hides_nothing() -> None:
    """The log-likelihood of a row that is surely right is 0 in every draw."""
    for case in ("good", "not where the others are", "slow"):
        draws = CASES[case]
        with_zeros = np.concatenate([draws, np.zeros_like(draws[..., :1])], axis=-1)
        assert convergence(with_zeros) == convergence(draws)
    facts = convergence(np.zeros((4, 50, 2)))
    assert np.isnan(facts["r_hat"])
    assert "cannot be compared" in " ".join(check_chains(facts))


def test_networks_with_permuted_units_agree() -> None:
    """Four chains over a 2-2-1 network; two of them with units exchanged and mirrored."""
    network = mf.nets.MLP([2, 2, 1], activation="tanh", bias=False)
    model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli())
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(250, 2)), rng.integers(0, 2, 250)
    structure, arrays = split(target_of(model, dataset(X, y, ())))
    draws = np.asarray([1.0, 2.0, 3.0, 4.0, 1.0, -1.0]) + 0.3 * rng.normal(size=(4, 500, 6))
    permuted = draws.copy()  # weights (2, 2), a row for each unit, then the output's
    permuted[:2] = -draws[:2][..., [2, 3, 0, 1, 5, 4]]
    assert convergence(permuted)["r_hat"] > 1.1
    expected = agreement(structure, arrays, draws)
    found = agreement(structure, arrays, permuted)
    assert expected["r_hat"] < 1.01
    assert found == pytest.approx(expected, rel=1e-3)
    other = draws.copy()
    other[0, ..., 4:] *= -1.0  # answers the opposite
    assert agreement(structure, arrays, other)["r_hat"] > 1.1
