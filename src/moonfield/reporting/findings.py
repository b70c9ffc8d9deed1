"""What speaks for and against a fit and its predictions, in plain words."""

import dataclasses
from typing import Any, Literal

import numpy as np

from .._core.results import Result
from ..diagnostics import Check, check_chains
from ..posterior import Posterior
from .evaluation import Evaluation
from .words import counted, number, with_error

Status = Literal["fine", "look", "unknown"]
_SIGNAL = 0.5  # of a step's gradient, in units of its noise
_LARGE_KHAT = 0.7


@dataclasses.dataclass(frozen=True)
class Finding:
    """One check: its name, how it ended, and a sentence with the figure and the remedy."""

    name: str
    status: Status
    words: str

    @property
    def sign(self) -> str:
        """The status as a reader sees it."""
        return {"fine": "✓ fine", "look": "! look here", "unknown": "? not known"}[self.status]


def of_the_fit(posterior: Posterior) -> list[Finding]:
    """How the fit went, by what it says about itself."""
    found = [
        _ending(posterior),
        *_chains(posterior),
        *_skipped(posterior),
        *_gradient(posterior),
        *_khat(posterior),
    ]
    return [*found, *_left_out({finding.name for finding in found}, posterior)]


def _left_out(names: set[str], posterior: Posterior) -> list[Finding]:
    reasons = []
    if "Gradient" not in names and "Chains" not in names:
        why = (
            "a file does not keep what it needs"
            if posterior.data is None and posterior.stream is None
            else (f"the method {posterior.diagnostics.method!r} has none to show")
        )
        reasons.append(f"The noise of the gradient: {why}.")
    if "Approximation" not in names and "Chains" not in names:
        reasons.append(
            "k-hat: of a network's weights, which may be permuted, it says little "
            "(posterior.khat computes it)."
        )
    return [Finding("Not looked at", "unknown", " ".join(reasons))] if reasons else []


def of_the_rows(evaluation: Evaluation) -> list[Finding]:
    """Training rows against the report's rows, and restarts against each other."""
    subject, options = evaluation.subject, evaluation.options
    check = subject.posterior.check(
        evaluation.prediction.inputs,
        subject.standardised(evaluation.y),
        draws=options.draws,
        seed=options.seed,
    )
    return [_against_training(check), *_restarts(check, subject.posterior)]


def _ending(posterior: Posterior) -> Finding:
    facts = posterior.diagnostics
    steps = counted(facts.steps_in_all, "step")
    name = "End of the fit"
    if facts.result is Result.converged:
        return Finding(name, "fine", f"It stopped by itself after {steps}. {facts.message}")
    if facts.result is Result.steps_exhausted:
        words = "leave steps out, and the fit decides when to stop"
        if facts.steps == 0 or "r_hat" in facts.facts or facts.evaluations is not None:
            return Finding(name, "fine", facts.message)
        return Finding(
            name,
            "unknown",
            f"It ran the {steps} that were asked for, whether or not more would help. If in doubt, "
            f"{words}.",
        )
    return Finding(name, "look", f"After {steps}: {facts.message}")


def _chains(posterior: Posterior) -> list[Finding]:
    facts = posterior.diagnostics.facts
    if "r_hat" not in facts:
        return []
    doubts = check_chains(facts)
    if doubts:
        return [Finding("Chains", "look", " ".join(doubts))]
    ess = min(facts.get("ess_bulk", np.inf), facts.get("ess_tail", np.inf))
    worth = f", worth {ess:,.0f} independent draws" if np.isfinite(ess) else ""
    return [Finding("Chains", "fine", f"They agree: R-hat is {facts['r_hat']:.3f}{worth}.")]


def _skipped(posterior: Posterior) -> list[Finding]:
    facts = posterior.diagnostics
    skipped = facts.facts.get("skipped_steps")
    if skipped is None:
        return []
    if skipped == 0:
        return [Finding("Skipped steps", "fine", "Every step's gradient was finite.")]
    share = skipped / max(1, facts.steps)
    words = (
        f"{counted(skipped, 'step')} ({share:.1%}) had gradients that were not finite and changed "
        "nothing. Lower the learning rate, or standardise the inputs."
    )
    return [Finding("Skipped steps", "look", words)]


def _gradient(posterior: Posterior) -> list[Finding]:
    noise = posterior.gradient_noise
    if noise is None or not np.isfinite(noise.signal_to_noise):
        return []
    ratio = noise.signal_to_noise
    if ratio < _SIGNAL:
        words = (
            f"At the end a step's gradient is noise: its mean is {ratio:.2f} times its noise "
            f"(below {_SIGNAL} is as it should be). More steps would find little."
        )
        return [Finding("Gradient", "fine", words)]
    words = (
        f"At the end the gradient's mean is still {ratio:.2f} times its noise (should be below "
        f"{_SIGNAL}): it leads somewhere. Take more steps, or a larger learning rate."
    )
    return [Finding("Gradient", "look", words)]


def _khat(posterior: Posterior) -> list[Finding]:
    """Only where it is known: of a network's weights it says little."""
    khat = posterior.diagnostics.facts.get("khat")
    if khat is None:
        return []
    if khat <= _LARGE_KHAT:
        words = f"k-hat is {khat:.2f} (0.7 is the limit): the approximation is close."
        return [Finding("Approximation", "fine", words)]
    words = (
        f"k-hat is {khat:.2f} (0.7 is the limit): the approximation is far from the posterior of "
        "the weights. Weights of networks may be permuted, so that this is common; go by the "
        "predictions' checks, or take a richer family."
    )
    return [Finding("Approximation", "unknown", words)]


def _against_training(check: Check) -> Finding:
    name = "Held-out against training rows"
    if check.training is None:
        words = "Not known: a file keeps no training rows. Report before saving."
        return Finding(name, "unknown", words)
    held_out: Any = check.held_out
    gap, error = held_out[0] - check.training[0], float(np.hypot(held_out[1], check.training[1]))
    if check.overfitting is not None:
        words = (
            f"These rows score {with_error(-gap, error)} nats a row worse than the training rows: "
            "the fit follows these too closely, or the rows come from elsewhere. Take more rows, a "
            "tighter prior, a smaller network, or method='ensemble'."
        )
        return Finding(name, "look", words)
    words = (
        f"These rows score {with_error(gap, error, sign=True)} nats a row against the training "
        "rows: no clear sign of overfitting."
    )
    return Finding(name, "fine", words)


def _members(posterior: Posterior) -> int:
    """How many fits from different starts the posterior joins."""
    points = getattr(posterior.approximation, "points", None)
    if points is not None and posterior.run is not None:
        return len(points)
    return getattr(posterior.approximation, "count", 1)


def _restarts(check: Check, posterior: Posterior) -> list[Finding]:
    members = _members(posterior)
    count = len(posterior.diagnostics.restart_elbos)
    if check.disagreement is None and members > 1:
        words = (
            f"The posterior joins {members} fits from different starts; how far they differ is "
            "part of the epistemic sd."
        )
        return [Finding("Restarts", "fine", words)]
    if check.disagreement is None:
        if posterior.run is None:
            return []
        words = (
            "There was one start, so that nothing is known of other modes. "
            "Use mf.fit(..., restarts=3), or method='ensemble'."
        )
        return [Finding("Restarts", "unknown", words)]
    if check.differing is not None:
        return [Finding("Restarts", "look", check.differing)]
    words = (
        f"The predictions of {count} restarts differ by {number(check.disagreement)} epistemic "
        "sds: the stated uncertainty covers it."
    )
    return [Finding("Restarts", "fine", words)]
