"""A normal prior whose sd shrinks with the number of inputs of a layer."""

import math

import equinox as eqx
import numpy as np
import numpyro.distributions as dist
from jax.core import Tracer
from jaxtyping import Array


def fan_in(shape: tuple[int, ...]) -> int:
    """How many inputs feed one unit: the product of all axes but the first; 1 for vectors."""
    return max(1, math.prod(shape[1:])) if len(shape) > 1 else 1


class Scaled(eqx.Module):
    """`Normal(0, sd / sqrt(fan_in))`: pre-activations keep their prior sd in layers of any width.

    `fan_in` is the product of all but the first axis of a weight array (Neal, 1996, section 2.1);
    vectors (biases) have `fan_in` 1. Use it for all weights or as an entry of a path table.

    Args:
        sd: prior sd of a pre-activation of unit-sized inputs.

    Raises:
        ValueError: `sd` is not positive.
    """

    sd: float | Array = 1.0

    def __check_init__(self) -> None:
        if not isinstance(self.sd, Tracer) and not np.all(np.asarray(self.sd) > 0.0):
            raise ValueError(f"sd must be positive, got {self.sd}.")

    def distribution(self, shape: tuple[int, ...]) -> dist.Distribution:
        """The prior of one entry of an array of this shape."""
        return dist.Normal(0.0, self.sd / math.sqrt(fan_in(shape)))
