"""A mixture of members of one family."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm
from jaxtyping import Array, Float, PyTree

from .._core.checks import whole
from .adaptive_depth import AdaptiveDepth
from .amortised import Amortised
from .base import AbstractFamily
from .mean_field import MeanField

_SPREAD = 0.5  # sd of the first means of the components, as a part of the sd asked for


class MixtureState(NamedTuple):
    """The components' states, with a leading axis, and the logits of their weights."""

    components: PyTree
    logits: Float[Array, " components"]


class Mixture(AbstractFamily):
    """`q(z) = sum_k softmax(logits)_k q_k(z)`, every q_k of the same family.

    The entropy has no closed form, and choosing a component has no derivative in the weights.
    Objectives therefore take one draw of each component, by the same noise, and weigh what they
    find (Morningstar et al., 2021, "Automatic differentiation variational inference with mixtures",
    section 3): exact gradients in means, widths and weights. A step costs as many log joint
    densities as there are components.

    Args:
        components: how many.
        family: what each is; `mf.families.MeanField()` by default.

    Raises:
        TypeError, ValueError: `components` is not a whole number of 1 or more, or `family` is none
            or is a mixture itself.
    """

    components: int = eqx.field(static=True)
    family: AbstractFamily

    def __init__(self, components: int = 3, family: AbstractFamily = MeanField()):
        self.components = whole(components, "components")
        self.family = family
        apart = Mixture | Amortised | AdaptiveDepth
        if not isinstance(family, AbstractFamily) or isinstance(family, apart):
            raise TypeError(
                "family must be one of mf.families but Mixture and Amortised (which may hold a "
                f"Mixture) and AdaptiveDepth, got {family!r}."
            )

    def bind(self, space: object) -> "Mixture":
        return Mixture(self.components, self.family.bind(space))

    @property
    def affine(self) -> bool:
        return self.family.affine

    @property
    def fusible(self) -> bool:
        return self.family.fusible

    def init(self, location: Float[Array, " size"], sd: float) -> MixtureState:
        spread = _SPREAD * sd if self.components > 1 else 0.0
        means = location[None] + spread * _directions(self.components, location)
        width = math.sqrt(sd**2 - spread**2)
        components = jax.vmap(lambda mean: self.family.init(mean, width))(means)
        return MixtureState(components, jnp.zeros(self.components, location.dtype))

    def noise_size(self, size: int) -> int:
        return self.family.noise_size(size) + 1

    def sample(self, state: MixtureState, noise: Float[Array, " noise"]) -> Float[Array, " size"]:
        """A draw of a component chosen by the last noise; no derivative in the weights."""
        edges = jnp.cumsum(jax.nn.softmax(state.logits))[:-1]
        chosen = jnp.sum(norm.cdf(noise[-1]) > edges)
        component = jax.tree.map(lambda leaf: leaf[chosen], state.components)
        return self.family.sample(component, noise[:-1])

    def strata(
        self, state: MixtureState, noise: Float[Array, " noise"]
    ) -> tuple[Float[Array, " strata"], Float[Array, "strata size"]]:
        draws = jax.vmap(self.family.sample, (0, None))(state.components, noise[:-1])
        return jax.nn.log_softmax(state.logits), draws

    def log_prob(self, state: MixtureState, z: Float[Array, " size"]) -> Float[Array, ""]:
        each = jax.vmap(self.family.log_prob, (0, None))(state.components, z)
        return logsumexp(jax.nn.log_softmax(state.logits) + each)

    def entropy(self, state: MixtureState) -> None:
        return None

    def moments(self, state: MixtureState) -> tuple[Array, Array] | None:
        # whether there are any is the same for all components
        moments = jax.vmap(self.family.moments)(state.components)
        if moments is None:
            return None
        means, sds = moments
        weights = jax.nn.softmax(state.logits)
        mean = weights @ means
        return mean, jnp.sqrt(weights @ (sds**2 + (means - mean[None]) ** 2))


def _directions(components: int, location: Array) -> Float[Array, "components size"]:
    """Fixed numbers with mean 0 and sd 1 over the components, so that these are not all alike."""
    shape = (components, location.size)
    raw = jax.random.normal(jax.random.key(0), shape, location.dtype)
    if components == 1:
        return raw
    centred = raw - jnp.mean(raw, axis=0, keepdims=True)
    return centred / jnp.std(raw, axis=0, keepdims=True)
