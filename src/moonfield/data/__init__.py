"""Data: arrays, tables and streams to checked rows, batches and masks.

Users find here what makes a stream of rows that do not fit in memory.
"""

from .batch import Batch as Batch
from .dataset import (
    Dataset as Dataset,
    Epochs as Epochs,
    batch_rows as batch_rows,
    dataset as dataset,
    dealt as dealt,
    epochs as epochs,
    full_batch as full_batch,
    in_slices as in_slices,
    rows_first as rows_first,
    rows_last as rows_last,
    take as take,
)
from .feed import Feed as Feed
from .labels import label_numbers as label_numbers
from .parquet import parquet
from .reiterable import batches
from .scaling import badly_scaled as badly_scaled
from .shuffle import ROUNDS as ROUNDS
from .sliceable import arrays
from .stream import AbstractReader, AbstractStream, Slice
from .streamed import Streamed as Streamed, first_rows as first_rows
from .table_files import PANDAS_INDEX as PANDAS_INDEX
from .tables import (
    Table as Table,
    as_array as as_array,
    as_inputs as as_inputs,
    as_targets as as_targets,
    as_weights as as_weights,
)
from .weighted import Weighted as Weighted, weighted as weighted, weighted_rows as weighted_rows

__all__ = ["AbstractReader", "AbstractStream", "Slice", "arrays", "batches", "parquet"]
