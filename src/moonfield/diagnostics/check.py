"""What a user should be told about a fit."""

from typing import Any

import numpy as np

from .khat import Importance

_KHAT, _MEAN, _LOG_SD, _R_HAT = 0.7, 0.3, 0.3, 1.01
_NATS = 5.0  # between the best and the worst restart
_ENOUGH_CHAINS, _ENOUGH_DRAWS = 400.0, 100.0


def check_approximation(
    facts: dict[str, Any],
    weighed: Importance | None = None,
    restart_elbos: tuple[float, ...] = (),
) -> list[str]:
    """Sentences on why an approximation should not be trusted; none where nothing speaks against.

    Args:
        facts: what the method says: R-hat, effective sample sizes and divergences of chains.
        weighed: importance-weighted draws of an approximation that has a density.
        restart_elbos: the ELBO that each restart reached, nats.

    An approximation is doubted for k-hat above 0.7 (Yao, Vehtari, Simpson & Gelman, 2018, "Yes, but
    did it work?", ICML), or where its moments differ from the weighted draws' by more than 0.3 sds
    or 0.3 in the log of a sd and these are worth enough draws to tell; chains for R-hat above 1.01
    or fewer than 400 effective draws (Vehtari et al., 2021).
    """
    of_weights = [] if weighed is None else _of_weights(weighed)
    return [*_of_chains(facts), *of_weights, *_of_restarts(restart_elbos)]


def _of_chains(facts: dict[str, Any]) -> list[str]:
    found = []
    if facts.get("r_hat", 1.0) > _R_HAT:
        found.append(
            f"The chains disagree: R-hat is {facts['r_hat']:.3f} (1.01 is the limit). Run them "
            "longer, or look for several modes or a funnel."
        )
    ess = min(facts.get("ess_bulk", np.inf), facts.get("ess_tail", np.inf))
    if ess < _ENOUGH_CHAINS:
        found.append(f"The chains are worth {ess:.0f} independent draws only. Ask for more draws.")
    return found


def _of_restarts(elbos: tuple[float, ...]) -> list[str]:
    """Restarts that reached a clearly worse ELBO found another mode, or did not arrive."""
    spread = max(elbos, default=0.0) - min(elbos, default=0.0)
    if not spread > _NATS:
        return []
    return [
        f"Restarts disagree: their ELBOs differ by {spread:.1f} nats. There may be several modes "
        "(take method='mixture_advi'), or more steps are needed."
    ]


def _of_weights(weighed: Importance) -> list[str]:
    if weighed.khat > _KHAT:
        return [
            f"The approximation is far from the posterior: k-hat is {weighed.khat:.2f} (0.7 is the "
            "limit). Take a richer family, or method='nuts'."
        ]
    if weighed.effective_draws < _ENOUGH_DRAWS:
        return []
    found = []
    off = np.abs(weighed.mean - weighed.corrected_mean) / weighed.corrected_sd
    if off.max() > _MEAN:
        found.append(f"A mean is off by {off.max():.1f} sds, says importance sampling.")
    ratio = np.abs(np.log(weighed.sd / weighed.corrected_sd))
    if ratio.max() > _LOG_SD:
        found.append(
            f"A sd is off by a factor of {np.exp(ratio.max()):.2f}, says importance sampling."
        )
    remedy = " Take a richer family, or `posterior.resample()`."
    return [sentence + remedy for sentence in found]
