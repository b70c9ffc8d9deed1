"""What the engine sees of data: rows and their weights."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float, PyTree


class Batch(NamedTuple):
    """Some rows.

    Attributes:
        inputs: arrays with a leading axis of rows.
        targets: arrays with a leading axis of rows.
        weights: (rows,) factor of each row's log-likelihood: 0 for padding (the mask), else the
            row's weight (1 without weights).
    """

    inputs: PyTree
    targets: PyTree
    weights: Float[Array | np.ndarray, " rows"]
