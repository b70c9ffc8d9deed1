"""Priors: joint distributions over all weights of a network.

Any NumPyro distribution with scalar events is a prior for every weight; the common ones are
re-exported here. Entries such as `LearnedScale` and `Horseshoe` add scales that are learned with
the weights. A mapping from path patterns to distributions and entries is a prior as well.
"""

from collections.abc import Mapping

from numpyro.distributions import Cauchy, Distribution, HalfNormal, Laplace, Normal, StudentT

from .adaptive_depth import DEPTH, AdaptiveDepth, block_of, existing
from .adaptive_width import AdaptiveWidth
from .base import AbstractPrior, Latents
from .entry import AbstractEntry, check_positive, middle
from .hierarchy import Hierarchy
from .horseshoe import Horseshoe, RegularisedHorseshoe
from .independent import Entry, Independent
from .informed import Informed
from .learned_scale import LearnedScale
from .pruned import Pruned
from .scale_mixture import ScaleMixture
from .scaled import Scaled, fan_in
from .spike_and_slab import GATE, SpikeAndSlab, gate_of

__all__ = [
    "DEPTH",
    "GATE",
    "AbstractEntry",
    "AbstractPrior",
    "AdaptiveDepth",
    "AdaptiveWidth",
    "Cauchy",
    "Entry",
    "HalfNormal",
    "Hierarchy",
    "Horseshoe",
    "Independent",
    "Informed",
    "Laplace",
    "Latents",
    "LearnedScale",
    "Normal",
    "Pruned",
    "RegularisedHorseshoe",
    "ScaleMixture",
    "Scaled",
    "SpikeAndSlab",
    "StudentT",
    "as_prior",
    "block_of",
    "check_positive",
    "existing",
    "fan_in",
    "gate_of",
    "middle",
]


def as_prior(prior: AbstractPrior | Entry | Mapping) -> AbstractPrior:
    """A distribution, a table of paths or a prior, as a prior.

    Raises:
        TypeError: anything else.
    """
    if isinstance(prior, AbstractPrior):
        return prior
    if isinstance(prior, Distribution | Scaled | AbstractEntry | Mapping):
        return Independent(prior)
    raise TypeError(
        "prior must be a NumPyro distribution, one of mf.priors, a mapping from path patterns to "
        f"these, or an AbstractPrior; got {type(prior).__name__}."
    )
