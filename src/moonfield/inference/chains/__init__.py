"""Markov chains: the references."""

from .nuts import NUTS

__all__ = ["NUTS"]
