"""Checks in plain words: each way a check can end, by predictions whose fault is known."""

from typing import Any

import numpy as np
import pytest

import moonfield as mf
from moonfield.reporting import calibration_findings, findings, scoring
from moonfield.reporting.evaluation import Options, evaluate
from moonfield.reporting.rows import rows_of
from moonfield.reporting.subject import Subject
from tests.helpers import linear_model, posterior_at, regression_rows

N = 2_000
RNG = np.random.default_rng(5)


def judged(likelihood: Any, slope: float, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Findings on a linear network whose slope is known; the baseline is the targets' own law."""
    posterior = posterior_at(linear_model(1, likelihood), slope, 1e-6)
    options = Options(level=0.9, draws=20, seed=0, rows=N)
    target = evaluate(Subject(None, posterior), rows_of(x[:, None]), y, options).targets[0]
    lines = scoring.lines_of(target, scoring.baseline_of(target))
    return {f.name: f for f in calibration_findings.of_the_target(target, lines)}


def of_numbers(shift: float, sd: float) -> dict[str, findings.Finding]:
    """Targets of noise 1 about x, predicted by x with this sd; `shift` is added to them."""
    x = RNG.normal(size=N)
    return judged(mf.likelihoods.Normal(sd), 1.0, x, x + shift + RNG.normal(size=N))


def test_right_predictions_are_fine():
    found = of_numbers(0.0, 1.0)
    assert {f.status for f in found.values()} == {"fine"}


@pytest.mark.parametrize(("sd", "word"), [(0.8, "too narrow"), (1.25, "too wide")])
def test_wrong_sd_is_seen(sd, word):
    found = of_numbers(0.0, sd)
    for name in ("Coverage", "Calibration at all levels"):
        assert found[name].status == "look"
        assert word in found[name].words
    assert found["Bias"].status == "fine"


@pytest.mark.parametrize(("shift", "word"), [(-0.3, "too high"), (0.3, "too low")])
def test_bias_is_seen(shift, word):
    found = of_numbers(shift, 1.0)
    assert found["Bias"].status == "look"
    assert word in found["Bias"].words


def test_narrow_intervals_are_not_taken_for_bias():
    """Levels are then 0 or 1 by the toss of a coin: 2.2 standard errors off, 3.8 of a uniform's."""
    x, above = RNG.normal(size=N), N // 2 + round(1.1 * N**0.5)
    y = x + np.where(np.arange(N) < above, 1.0, -1.0)
    assert judged(mf.likelihoods.Normal(0.01), 1.0, x, y)["Bias"].status == "fine"


def of_classes(sharp: float) -> dict[str, findings.Finding]:
    """Two classes whose log-odds are stated too large by this factor."""
    x = 2.0 * RNG.normal(size=N)
    y = (RNG.logistic(size=N) < x).astype(int)
    return judged(mf.likelihoods.Bernoulli(), sharp, x, y)


def test_right_probabilities_are_fine():
    assert {f.status for f in of_classes(1.0).values()} == {"fine"}


@pytest.mark.parametrize(("sharp", "word"), [(1.5, "too sure of itself"), (0.6, "less sure than")])
def test_wrong_probabilities_are_seen(sharp, word):
    found = of_classes(sharp)["Calibration of probabilities"]
    assert found.status == "look"
    assert word in found.words


def test_useless_predictions_are_seen():
    x, y = RNG.normal(size=(2, N))
    worse = judged(mf.likelihoods.Normal(0.5), 1.0, x, y)["Better than the baseline"]
    assert (worse.status, "is worse by" in worse.words) == ("look", True)
    equal = judged(mf.likelihoods.Normal(1.0), 0.0, x, y)["Better than the baseline"]
    assert (equal.status, "not clearly better" in equal.words) == ("look", True)


def ended(**changes: Any) -> dict[str, findings.Finding]:
    """Findings on a fit with these diagnostics."""
    model = linear_model(2, mf.likelihoods.Normal(1.0))
    posterior = posterior_at(model, 0.0, 1.0)
    facts = posterior.diagnostics.to_dict() | changes
    posterior.diagnostics = mf.Diagnostics.from_dict(facts)
    return {f.name: f for f in findings.of_the_fit(posterior)}


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ("converged", "fine"), ("steps_exhausted", "unknown"), ("not_converged", "look"),
        ("interrupted", "look"), ("stopped_by_callback", "look"),
    ],
)  # fmt: skip
def test_endings(result, status):
    found = ended(result=result, steps=700)["End of the fit"]
    assert found.status == status
    assert "700 steps" in found.words


def test_skipped_steps_chains_and_khat():
    found = ended(steps=100, facts={"skipped_steps": 7, "khat": 0.9})
    assert found["Skipped steps"].status == "look"
    assert "7 steps (7.0%)" in found["Skipped steps"].words
    assert (found["Approximation"].status, "0.90" in found["Approximation"].words) == (
        "unknown", True
    )  # fmt: skip
    assert ended(facts={"khat": 0.3})["Approximation"].status == "fine"
    bad = ended(facts={"r_hat": 1.2, "ess_bulk": 50.0})["Chains"]
    assert (bad.status, "1.200" in bad.words) == ("look", True)
    assert ended(facts={"r_hat": 1.001, "ess_bulk": 900.0})["Chains"].status == "fine"


def test_gradient_of_a_fit_that_went_on_too_short():
    X, y = regression_rows(200, 2)
    model = linear_model(2, mf.likelihoods.Normal(0.5))
    short = mf.fit(model, X, y, steps=3, seed=0, progress=False)
    found = {f.name: f for f in findings.of_the_fit(short)}["Gradient"]
    assert (found.status, "leads somewhere" in found.words) == ("look", True)
