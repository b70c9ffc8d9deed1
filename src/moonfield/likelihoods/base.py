"""What a likelihood is."""

import abc
from typing import Any, ClassVar

import equinox as eqx
import numpyro.distributions as dist
from jaxtyping import Array, Float

Own = dict[str, Array]


class AbstractLikelihood(eqx.Module):
    """The distribution of a row's target given the network's outputs for that row.

    All methods take outputs with any leading axes, `(..., outputs)`. `own` holds the likelihood's
    own parameters (a noise sd, say) on the constrained scale; their priors are `priors()`.
    A target has the shape `target_shape(outputs)`: `()` for one number or class a row.
    """

    kind: ClassVar[str]  # "classes" or "numbers"
    binary: ClassVar[bool]  # `moments` are those of class 1 alone
    discrete: ClassVar[bool]  # targets are whole numbers

    @property
    def head(self) -> bool:
        """Whether some outputs of the network say how the scale varies."""
        return False

    @abc.abstractmethod
    def priors(self) -> dict[str, dist.Distribution]:
        """Priors of the likelihood's own parameters, by name."""

    @abc.abstractmethod
    def target_shape(self, outputs: int) -> tuple[int, ...]:
        """Shape of one row's target for that many network outputs; `ValueError` if impossible."""

    @abc.abstractmethod
    def check_targets(self, y: Any, outputs: int) -> None:
        """Raise `ValueError` for targets outside the support, naming the first such row."""

    @abc.abstractmethod
    def distribution(self, own: Own, outputs: Float[Array, "... outputs"]) -> dist.Distribution:
        """Distribution of the target, batch shape `(..., *target_shape)`."""

    @abc.abstractmethod
    def log_prob(self, own: Own, outputs: Float[Array, "... outputs"], y: Array) -> Array:
        """Log-density of each row's target, summed over its entries: shape `(...)`, nats."""

    @abc.abstractmethod
    def moments(self, own: Own, outputs: Float[Array, "... outputs"]) -> tuple[Array, Array]:
        """Mean and variance of the target; of the one-hot target for more than two classes."""

    @abc.abstractmethod
    def __str__(self) -> str:
        """The likelihood in words."""


def sum_target(log_prob: Array, target_shape: tuple[int, ...]) -> Array:
    """Sum a log-density over the axes of one row's target."""
    return log_prob.sum(axis=tuple(range(-len(target_shape), 0))) if target_shape else log_prob


def squeeze_single(values: Float[Array, "... outputs"]) -> Array:
    """One output a row: drop its axis. More: keep it (as many targets)."""
    return values[..., 0] if values.shape[-1] == 1 else values
