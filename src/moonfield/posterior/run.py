"""What a fit leaves beside its posterior."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..inference import AbstractStepping


class Run(NamedTuple):
    """A fit by steps: its method, and where every restart ended; files do not keep it."""

    method: AbstractStepping
    parameters: Float[np.ndarray, "restarts parameters"]
    best: int  # the restart that is the posterior
