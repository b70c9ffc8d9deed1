"""What uncertainty is good for: applications of posteriors and predictions."""

from . import active, growing

__all__ = ["active", "growing"]
