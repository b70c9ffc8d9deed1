"""Steps that are dispatched together, and the ELBOs that they leave."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array

from .block import Carry


class Chunk(NamedTuple):
    """Steps that were dispatched together, and the carry before them."""

    carry: Carry
    step: int
    end: int
    sizes: np.ndarray


class Estimates(NamedTuple):
    """The ELBOs of a chunk: a block's buffer, and which of its entries they are."""

    buffer: Array | np.ndarray
    begin: int
    stop: int

    def fetch(self) -> np.ndarray:
        """(restarts, steps); waits for them."""
        return np.atleast_2d(np.asarray(self.buffer))[:, self.begin : self.stop]
