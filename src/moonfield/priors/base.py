"""What a prior is."""

import abc
from typing import Any, NamedTuple

import equinox as eqx
from jaxtyping import Array, Float, PyTree


class Latents(NamedTuple):
    """The latent variables of a prior: weight-shaped ones, and others (scales, inclusions)."""

    network: PyTree
    prior: dict[str, Any]


class AbstractPrior(eqx.Module):
    """A joint distribution over all weights of a network, through latents of its own.

    `shapes` is always the network's tree of weights with `jax.ShapeDtypeStruct` leaves. The weights
    are `transform(latents)`; `log_prob` is the joint log-density of the *latents*, in nats. A plain
    distribution per weight has its weights as latents; a horseshoe adds scales; learned layer
    scales, group hierarchies and a full-rank posterior of yesterday fit the same four verbs.
    """

    @abc.abstractmethod
    def check(self, shapes: PyTree) -> None:
        """Raise `ValueError` where this prior does not fit a network with these weights."""

    @abc.abstractmethod
    def init(self, key: Array, shapes: PyTree) -> Latents:
        """A bounded random starting value, on the constrained scale."""

    @abc.abstractmethod
    def sample(self, key: Array, shapes: PyTree) -> Latents:
        """One draw of the latents."""

    @abc.abstractmethod
    def log_prob(self, latents: Latents) -> Array:
        """Joint log-density of the latents; scalar, nats."""

    @abc.abstractmethod
    def transform(self, latents: Latents) -> PyTree:
        """The network's weights for given latents."""

    @abc.abstractmethod
    def supports(self, shapes: PyTree) -> Latents:
        """A NumPyro constraint for each latent, in the structure of `Latents`."""

    def normals(self, shapes: PyTree) -> dict[str, tuple[Array, Array]]:
        """Means and sds of the weights, by path, that are latents and independently normal."""
        return {}

    def is_plain(self, path: str) -> bool:
        """Whether weights at this path are their latent itself: `transform` leaves them alone."""
        return False

    def depth(self, latents: Latents) -> Float[Array, " depths"] | None:
        """The probability, or a 1, of each depth of the network; None where it has one."""
        return None

    @abc.abstractmethod
    def describe(self, path: str, shape: tuple[int, ...]) -> str:
        """The prior of one weight array, in words."""
