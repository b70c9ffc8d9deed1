"""Data: arrays and tables to checked rows, batches and masks."""

from .arrays import Table, as_array, as_inputs, as_targets, as_weights
from .batch import Batch
from .dataset import (
    Dataset,
    Epochs,
    batch_rows,
    dataset,
    epochs,
    full_batch,
    rows_first,
    rows_last,
    take,
)
from .scaling import badly_scaled
from .shuffle import ROUNDS
from .weighted import Weighted, weighted, weighted_rows

__all__ = [
    "ROUNDS",
    "Batch",
    "Dataset",
    "Epochs",
    "Table",
    "Weighted",
    "as_array",
    "as_inputs",
    "as_targets",
    "as_weights",
    "badly_scaled",
    "batch_rows",
    "dataset",
    "epochs",
    "full_batch",
    "rows_first",
    "rows_last",
    "take",
    "weighted",
    "weighted_rows",
]
