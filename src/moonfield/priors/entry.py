"""What the prior of one array of weights is."""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array

from .._core.trees import default_float

WEIGHT = "weight"
PER = ("layer", "unit", "input")

Shape = tuple[int, ...]


class AbstractEntry(eqx.Module):
    """The prior of one array of weights, through latent variables of its own.

    One latent, `"weight"`, has the array's shape; others (scales, say) have any. All are
    independent given the entry's numbers; `transform` makes the weights of them.
    """

    standardised: ClassVar[bool] = False  # whether "weight" starts with an sd of 1
    is_plain: ClassVar[bool] = False  # whether "weight" is the weights

    @abc.abstractmethod
    def latents(self, shape: Shape) -> dict[str, dist.Distribution]:
        """The distribution of every latent for an array of this shape, `"weight"` among them."""

    @abc.abstractmethod
    def transform(self, values: dict[str, Array]) -> Array:
        """The weights for given latents."""

    @abc.abstractmethod
    def __str__(self) -> str:
        """The prior in words: `Name(numbers)`."""


def check_per(per: str) -> str:
    """One of "layer", "unit" and "input"; `ValueError` for anything else."""
    if per not in PER:
        raise ValueError(f"per must be one of {', '.join(map(repr, PER))}; got {per!r}.")
    return per


def groups(shape: Shape, per: str) -> Shape:
    """The shape of one number per layer, unit (first axis) or input (second), to broadcast.

    A vector (a bias) has a number for each unit, or one in all.
    """
    kept = {"layer": (), "unit": (0,), "input": (1,)}[per]
    return tuple(n if axis in kept else 1 for axis, n in enumerate(shape))


def check_positive(
    scale: Any, default: dist.Distribution | None = None, name: str = "scale"
) -> dist.Distribution:
    """A distribution of one positive number; the default for None."""
    scale = default if scale is None else scale
    if not isinstance(scale, dist.Distribution):
        raise TypeError(f"{name} must be a NumPyro distribution, got {type(scale).__name__}.")
    if scale.shape() or scale.support not in (
        dist.constraints.positive,
        dist.constraints.nonnegative,
    ):
        raise ValueError(f"{name} must be a distribution of one positive number, got {scale}.")
    return scale


def positive(value: float, name: str) -> Array:
    """A positive number as an array; `ValueError` for any other."""
    if not float(value) > 0.0:
        raise ValueError(f"{name} must be positive, got {value}.")
    return jnp.asarray(value, default_float())


def middle(distribution: dist.Distribution) -> Array:
    """The point that the bijection of the support maps from 0: 1 for a positive number."""
    zeros = jnp.zeros(distribution.shape(), default_float())
    return dist.biject_to(distribution.support)(zeros)
