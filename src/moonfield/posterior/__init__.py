"""The facade: `fit`, `Posterior`, `load`, `Tracker`."""

from .fit import fit
from .loading import load
from .posterior import Posterior
from .record import Diagnostics
from .summary import Summary
from .tracker import Tracker

__all__ = ["Diagnostics", "Posterior", "Summary", "Tracker", "fit", "load"]
