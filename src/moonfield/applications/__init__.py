"""What uncertainty is good for: applications of posteriors and predictions."""

from . import active

__all__ = ["active"]
