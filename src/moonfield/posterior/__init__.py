"""The facade: `fit`, `Posterior`, `load`, `Tracker`."""

from .fit import fit
from .posterior import Posterior
from .record import Diagnostics
from .storage import load
from .summary import Summary
from .tracker import Tracker

__all__ = ["Diagnostics", "Posterior", "Summary", "Tracker", "fit", "load"]
