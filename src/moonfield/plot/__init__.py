"""Figures. Each function draws on matplotlib axes, its own or the given `ax`, and returns them.

Nothing here shows a figure or changes matplotlib's global settings: use `plt.show()` or
`ax.figure.savefig(...)`.
"""

from . import _libraries as _libraries  # first: the error that names the extra
from .data import data
from .elbo import elbo
from .predictions import predictions
from .pruning import pruning
from .relevance import relevance
from .representations import similarity, units
from .surface import surface
from .weights import weights

__all__ = [
    "data",
    "elbo",
    "predictions",
    "pruning",
    "relevance",
    "similarity",
    "surface",
    "units",
    "weights",
]
