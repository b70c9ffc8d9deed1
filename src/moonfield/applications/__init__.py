"""What uncertainty is good for: applications of posteriors and predictions."""

from . import active, growing, pruning

__all__ = ["active", "growing", "pruning"]
