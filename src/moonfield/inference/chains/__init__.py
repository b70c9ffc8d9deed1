"""Markov chains: the references."""

from .library import blackjax
from .mclmc import MCLMC
from .nuts import NUTS
from .sghmc import SGHMC

__all__ = ["MCLMC", "NUTS", "SGHMC", "blackjax"]
