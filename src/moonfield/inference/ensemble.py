"""Ensembles: several fits of one method, each from its own start, in one program."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..data import Batch
from ..families import AbstractApproximation, Members, Particles
from ..model import AbstractModel, Space
from .advi import ADVI
from .ivon import IVON
from .method import AbstractStepping, StepInfo
from .point import Point

_KINDS: dict[str, Callable[[], AbstractStepping]] = {"map": Point, "advi": ADVI, "ivon": IVON}
_START_SD = 0.1  # of members about their starts: also those at a given location differ


class EnsembleState(NamedTuple):
    """The members' variational parameters, flat, one member after another, and their states."""

    vector: Float[Array, " parameters"]
    members: PyTree  # members first


class Ensemble(AbstractStepping):
    """Members that differ in their random starts (and noise), see the same batches and run at once.

    Of `"map"`, each member maximises the log joint density and the posterior is the set of maxima
    (`mf.families.Particles`); of a variational method, it is the equally weighted mixture of the
    members' approximations (`mf.families.Members`). The trace is the mean over members of what each
    maximises; for a variational method that is a lower bound of the mixture's ELBO, since the
    entropy of a mixture is at least the mean of its members' entropies.

    Args:
        members: how many.
        of: `"map"`, `"advi"`, `"ivon"`, or a method that runs by steps, such as `mf.ADVI(...)`.

    Raises:
        TypeError: `of` is neither a name nor a method that runs by steps.
        ValueError: `members` is below 1, or no method has that name.

    Lakshminarayanan, Pritzel & Blundell, 2017, "Simple and scalable predictive uncertainty
    estimation using deep ensembles", NeurIPS, algorithm 1, with the prior as the regulariser.
    """

    members: int = eqx.field(static=True)
    of: AbstractStepping
    tuned: bool = eqx.field(static=True)

    def __init__(self, members: int = 5, of: str | AbstractStepping = "map"):
        self.members = int(members)
        if self.members < 1:
            raise ValueError(f"members must be 1 or more, got {members}.")
        if isinstance(of, str):
            if of not in _KINDS:
                raise ValueError(f"of must be one of {', '.join(map(repr, _KINDS))}, got {of!r}.")
            of = _KINDS[of]()
        if not isinstance(of, AbstractStepping):
            raise TypeError(f"of must be a name or a method that runs by steps, got {of!r}.")
        self.of, self.tuned = of, of.tuned

    @property
    def name(self) -> str:
        return "ensemble"

    def bind(self, model: AbstractModel) -> "Ensemble":
        return eqx.tree_at(lambda method: method.of, self, self.of.bind(model))

    @property
    def quantity(self) -> str:
        return self.of.quantity

    @property
    def climbs(self) -> bool:
        return self.of.climbs

    @property
    def row_tolerance(self) -> float | None:
        return self.of.row_tolerance

    @property
    def parts(self) -> int:
        return self.members

    @property
    def fusible(self) -> bool:
        return self.of.fusible

    def noise_shape(self, size: int) -> tuple[int, int]:
        draws, noise = self.of.noise_shape(size)
        return self.members * draws, noise

    def init(self, locate: Callable[[Array], Array], key: Array) -> EnsembleState:
        def near(key: Array) -> Array:
            location = locate(key)
            noise = jax.random.normal(jax.random.fold_in(key, 1), location.shape, location.dtype)
            return location + _START_SD * noise

        def one(key: Array) -> Any:
            return self.of.init(near, key)

        return _joined(jax.vmap(one)(jax.random.split(key, self.members)))

    def resume(self, approximation: AbstractApproximation) -> EnsembleState:
        states = [self.of.resume(part) for part in self._parts(approximation)]
        return _joined(jax.tree.map(lambda *leaves: jnp.stack(leaves), *states))

    def _parts(self, approximation: AbstractApproximation) -> list[AbstractApproximation]:
        """The approximation of each member."""
        if isinstance(approximation, Members) and approximation.count == self.members:
            return [approximation.member(index) for index in range(self.members)]
        if isinstance(approximation, Particles) and not len(approximation.points) % self.members:
            parts = jnp.split(approximation.points, self.members)
            return [Particles(points) for points in parts]
        raise ValueError(f"start must be a posterior of an ensemble of {self.members} members.")

    def step(
        self,
        model: AbstractModel,
        space: Space,
        state: EnsembleState,
        noise: Float[Array, "draws noise"],
        batch: Batch,
        scale: Any,
        step_size: Any,
    ) -> tuple[EnsembleState, StepInfo]:
        def one(member: Any, noise: Array) -> tuple[Any, StepInfo]:
            return self.of.step(model, space, member, noise, batch, scale, step_size)

        vectors = state.vector.reshape(self.members, -1)
        members = state.members._replace(vector=vectors)
        draws = len(noise) // self.members
        noises = noise.reshape(self.members, draws, noise.shape[1])
        members, info = jax.vmap(one)(members, noises)
        return _joined(members), StepInfo(jnp.mean(info.elbo))

    def path_of(self, space: Space, index: int) -> str:
        def member(key: Array) -> Any:
            return self.of.init(lambda key: jax.random.normal(key, (space.size,)), key)

        length = jax.eval_shape(member, jax.random.key(0)).vector.size
        return self.of.path_of(space, index % length)

    def approximation(self, vector: np.ndarray, size: int) -> AbstractApproximation:
        vectors = vector.reshape(self.members, -1)
        parts = [self.of.approximation(part, size) for part in vectors]
        points = [part.points for part in parts if isinstance(part, Particles)]
        return Particles(jnp.concatenate(points)) if len(points) == len(parts) else Members(parts)


def _joined(members: Any) -> EnsembleState:
    return EnsembleState(members.vector.reshape(-1), members)
