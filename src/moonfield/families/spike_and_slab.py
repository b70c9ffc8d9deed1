"""The mean-field family of a spike-and-slab prior."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..priors import GATE, gate_of
from .base import AbstractFamily
from .mean_field import MeanField, MeanFieldState


class Gated(NamedTuple):
    """Where one array of weights stands in z, and where its gates do."""

    begin: int
    shape: tuple[int, ...]
    gate_begin: int
    gate_shape: tuple[int, ...]


class SpikeAndSlab(AbstractFamily):
    """Independent normals, but weights behind a closed gate follow their prior.

    For the gates v of `mf.priors.SpikeAndSlab` and all that has no gate, `q = N(mean, sd^2)`; for a
    weight z behind a gate `g = min(max(1 + v, 0), 1)`, `q(z | v) = N(g mean, (g sd + 1 - g)^2)`:
    where the gate is closed the weight does not matter, q is its prior N(0, 1), and it costs
    nothing. So a group costs the divergence of its weights only as far as it is in use, as in the
    paired family of Titsias & Lázaro-Gredilla, 2011, "Spike and slab variational inference for
    multi-task and multiple kernel learning", section 3. A gate is open with probability
    `Phi((1 + mean) / sd)`.

    It must know which gate belongs to which weight: `mf.fit` calls `bind(space)`, which finds them
    by their paths. Without such a prior it is `MeanField`.

    Args:
        gated: the arrays that have gates; left out, `bind` sets them.
    """

    gated: tuple[Gated, ...] = eqx.field(static=True, default=(), metadata={"bound": True})

    def bind(self, space: Any) -> "SpikeAndSlab":
        return SpikeAndSlab(tuple(_gated(space.paths, space.shapes)))

    def init(self, location: Float[Array, " size"], sd: float) -> MeanFieldState:
        return MeanFieldState(location, jnp.full_like(location, math.log(sd)))

    def noise_size(self, size: int) -> int:
        return size

    def sample(self, state: MeanFieldState, noise: Float[Array, " size"]) -> Float[Array, " size"]:
        free = MeanField().sample(state, noise)
        return MeanField().sample(self._given(state, free), noise)

    def log_prob(self, state: MeanFieldState, z: Float[Array, " size"]) -> Float[Array, ""]:
        return MeanField().log_prob(self._given(state, z), z)

    def entropy(self, state: MeanFieldState) -> None:
        return None

    def moments(self, state: MeanFieldState) -> None:
        return None

    def _given(self, state: MeanFieldState, z: Float[Array, " size"]) -> MeanFieldState:
        """The normals of all numbers given the gates in z; those of gates are never changed."""
        mean, log_sd = state
        for begin, shape, gate_begin, gate_shape in self.gated:
            v = z[gate_begin : gate_begin + math.prod(gate_shape)].reshape(gate_shape)
            g = jnp.broadcast_to(gate_of(v), shape).ravel()
            own = slice(begin, begin + math.prod(shape))
            mean = mean.at[own].multiply(g)
            log_sd = log_sd.at[own].set(jnp.log(g * jnp.exp(log_sd[own]) + (1.0 - g)))
        return MeanFieldState(mean, log_sd)


def _gated(paths: tuple[str, ...], shapes: tuple[tuple[int, ...], ...]) -> list[Gated]:
    """Arrays that have gates, by the paths of both."""
    begins = np.cumsum([0, *map(math.prod, shapes)]).tolist()
    places = {path: (begins[i], tuple(shapes[i])) for i, path in enumerate(paths)}
    return [
        Gated(*places[path], *places[gate])
        for path in paths
        if (gate := f"prior.{path}.{GATE}") in places
    ]
