"""Variational families: what q can be."""

from .adaptive_depth import AdaptiveDepth, AdaptiveDepthState, has_depth
from .amortised import Amortised, AmortisedState
from .approximation import AbstractApproximation, Variational
from .base import AbstractFamily, LocalDraws
from .enlarged import Enlarged
from .flow import Flow, FlowState
from .full_rank import FullRank, FullRankState, full_rank_state
from .gaussian import Conditional, Gaussian
from .importance import Smoothed, psis, systematic, weighted_moments
from .kronecker import Kronecker, KroneckerState
from .kronecker_gaussian import KroneckerBlock, KroneckerGaussian
from .low_rank import LowRank, LowRankState
from .mean_field import MeanField, MeanFieldState
from .members import Members
from .mixture import Mixture, MixtureState
from .partial import Partial, PartialState
from .particles import Particles
from .point import Point, PointState
from .sampler import Sampler, SamplerState, first_sampler, push
from .spike_and_slab import SpikeAndSlab
from .student_t import StudentT, StudentTState

FAMILIES = {  # by the name that files use
    "AdaptiveDepth": AdaptiveDepth,
    "Amortised": Amortised,
    "Flow": Flow,
    "FullRank": FullRank,
    "Kronecker": Kronecker,
    "LowRank": LowRank,
    "MeanField": MeanField,
    "Mixture": Mixture,
    "Partial": Partial,
    "Point": Point,
    "SpikeAndSlab": SpikeAndSlab,
    "StudentT": StudentT,
}

__all__ = [
    "FAMILIES",
    "AbstractApproximation",
    "AbstractFamily",
    "AdaptiveDepth",
    "AdaptiveDepthState",
    "Amortised",
    "AmortisedState",
    "Conditional",
    "Enlarged",
    "Flow",
    "FlowState",
    "FullRank",
    "FullRankState",
    "Gaussian",
    "Kronecker",
    "KroneckerBlock",
    "KroneckerGaussian",
    "KroneckerState",
    "LocalDraws",
    "LowRank",
    "LowRankState",
    "MeanField",
    "MeanFieldState",
    "Members",
    "Mixture",
    "MixtureState",
    "Partial",
    "PartialState",
    "Particles",
    "Point",
    "PointState",
    "Sampler",
    "SamplerState",
    "Smoothed",
    "SpikeAndSlab",
    "StudentT",
    "StudentTState",
    "Variational",
    "first_sampler",
    "full_rank_state",
    "has_depth",
    "psis",
    "push",
    "systematic",
    "weighted_moments",
]
