"""Pruning: networks without the weights that the posterior is least sure of."""

from .curve import PruningCurve, curve
from .prune import prune

__all__ = ["PruningCurve", "curve", "prune"]
