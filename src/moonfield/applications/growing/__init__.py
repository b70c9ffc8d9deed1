"""Networks that find out how many units they need."""

from .loop import Growth, Stage, grow

__all__ = ["Growth", "Stage", "grow"]
