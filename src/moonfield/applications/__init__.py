"""What uncertainty is good for: applications of posteriors and predictions."""

from . import active, pruning

__all__ = ["active", "pruning"]
