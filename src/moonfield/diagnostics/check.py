"""What a user should be told about a fit."""

from typing import Any

import numpy as np

from .khat import Importance

_KHAT, _MEAN, _LOG_SD, _R_HAT = 0.7, 0.2, 0.2, 1.01
_NATS = 5.0  # between the best and the worst restart
_ENOUGH_CHAINS, _ENOUGH_DRAWS = 400.0, 100.0


def check_approximation(
    facts: dict[str, Any],
    weighed: Importance | None = None,
    restart_elbos: tuple[float, ...] = (),
) -> list[str]:
    """Sentences on why an approximation should not be trusted; none where nothing speaks against.

    Args:
        facts: what the method says: R-hat, effective sample sizes and divergences of chains, k-hat
            and effective draws of what it weighed itself, or how many modes its starts led to.
        weighed: importance-weighted draws of an approximation that has a density.
        restart_elbos: the ELBO that each restart reached, nats.

    An approximation is doubted for k-hat above 0.7 (Yao, Vehtari, Simpson & Gelman, 2018, "Yes, but
    did it work?", ICML), where the weighted draws are worth fewer than 100, or where its moments
    differ from theirs by more than 0.2 sds or 0.2 in the log of a sd; chains for R-hat above 1.01
    or fewer than 400 effective draws (Vehtari et al., 2021).
    """
    khat, draws = facts.get("khat"), facts.get("effective_draws")
    if weighed is not None:
        khat, draws = weighed.khat, weighed.effective_draws
    of_weights = _of_weights(khat, draws)
    if weighed is not None and not of_weights:
        of_weights = _of_moments(weighed)
    doubts = [*check_chains(facts), *_of_modes(facts), *of_weights]
    return [*doubts, *_of_restarts(restart_elbos)]


def check_chains(facts: dict[str, Any]) -> list[str]:
    """Sentences on why chains should not be trusted, by their R-hat and effective sample sizes."""
    found = []
    if np.isnan(facts.get("r_hat", 1.0)):
        found.append(
            "The chains cannot be compared: what they are compared by is the same in all draws, or "
            "is not a number."
        )
    if facts.get("r_hat", 1.0) > _R_HAT:
        found.append(
            f"The chains disagree: R-hat is {facts['r_hat']:.3f} (1.01 is the limit). Run them "
            "longer, or look for several modes or a funnel."
        )
    ess = min(facts.get("ess_bulk", np.inf), facts.get("ess_tail", np.inf))
    if ess < _ENOUGH_CHAINS:
        found.append(f"The chains are worth {ess:.0f} independent draws only. Ask for more draws.")
    return found


def _of_modes(facts: dict[str, Any]) -> list[str]:
    if facts.get("modes", 1) == 1:
        return []
    return [
        f"{facts['modes'] - 1} of the starts led to another place of comparable evidence, where no "
        "draws are from. There may be several modes: take method='mixture_advi'."
    ]


def _of_restarts(elbos: tuple[float, ...]) -> list[str]:
    """Restarts that reached a clearly worse ELBO found another mode, or did not arrive."""
    spread = max(elbos, default=0.0) - min(elbos, default=0.0)
    if not spread > _NATS:
        return []
    return [
        f"Restarts disagree: their ELBOs differ by {spread:.1f} nats. There may be several modes "
        "(take method='mixture_advi'), or more steps are needed."
    ]


def is_clear(weighed: Importance) -> bool:
    """Whether more draws would hardly change what `check_approximation` says."""
    if weighed.khat > _KHAT:
        return True
    worst = max(_differences(weighed))
    return weighed.effective_draws >= _ENOUGH_DRAWS and not _MEAN / 2 < worst < 2 * _MEAN


def _differences(weighed: Importance) -> tuple[float, float]:
    """The worst distance of a mean from its weighted value, in sds, and of a log sd."""
    rounding = 1e-6 * np.abs(weighed.corrected_mean) + np.finfo(np.float64).tiny
    sd, corrected = weighed.sd + rounding, weighed.corrected_sd + rounding
    off = np.abs(weighed.mean - weighed.corrected_mean) / corrected
    ratio = np.abs(np.log(sd / corrected))
    return float(off.max()), float(ratio.max())


def _of_weights(khat: float | None, draws: float | None) -> list[str]:
    if khat is not None and khat > _KHAT:
        return [
            f"The approximation is far from the posterior: k-hat is {khat:.2f} (0.7 is the limit). "
            "Take a richer family, or method='nuts'."
        ]
    if draws is not None and draws < _ENOUGH_DRAWS:
        return [
            f"The approximation is far from the posterior: its weighted draws are worth {draws:.0f}"
            " only. Take a richer family, or method='nuts'."
        ]
    return []


def _of_moments(weighed: Importance) -> list[str]:
    found, (off, ratio) = [], _differences(weighed)
    if off > _MEAN:
        found.append(f"A mean is off by {off:.1f} sds, says importance sampling.")
    if ratio > _LOG_SD:
        found.append(f"A sd is off by a factor of {np.exp(ratio):.2f}, says importance sampling.")
    remedy = " Take a richer family, or `posterior.resample()`."
    return [sentence + remedy for sentence in found]
