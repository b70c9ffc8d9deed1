"""The facade: `fit`, `Posterior`, `load`, `Tracker`, `Checkpoint`."""

from .architecture import Architecture
from .checkpoint import Checkpoint
from .exporting import Ends, Wish, write_artefact_of
from .fit import fit
from .loading import build_posterior, load, set_reader
from .posterior import Posterior
from .record import Diagnostics
from .replacing import replaced
from .resizing import adaptive_layers, resized, signal_to_noise, sizes_of, with_units
from .sampling import AbstractSampler, UncertainRows
from .saving import describe_posterior
from .summary import Summary
from .tracker import Tracker

__all__ = [
    "AbstractSampler",
    "Architecture",
    "Checkpoint",
    "Diagnostics",
    "Ends",
    "Posterior",
    "Summary",
    "Tracker",
    "UncertainRows",
    "Wish",
    "adaptive_layers",
    "build_posterior",
    "describe_posterior",
    "fit",
    "load",
    "replaced",
    "resized",
    "set_reader",
    "signal_to_noise",
    "sizes_of",
    "with_units",
    "write_artefact_of",
]
