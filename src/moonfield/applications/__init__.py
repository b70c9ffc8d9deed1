"""What uncertainty is good for: applications of posteriors and predictions."""

from . import active, sparse

__all__ = ["active", "sparse"]
