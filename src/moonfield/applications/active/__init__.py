"""Active learning: asking for the labels that would teach most."""

from .acquisition import as_acquisition
from .loop import ActiveLearning, Round, learn, settled

__all__ = ["ActiveLearning", "Round", "as_acquisition", "learn", "settled"]
