"""What uncertainty is good for: applications of posteriors and predictions."""

from . import active, growing, pruning, sparse

__all__ = ["active", "growing", "pruning", "sparse"]
