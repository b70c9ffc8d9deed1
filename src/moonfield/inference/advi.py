"""Automatic differentiation variational inference: the method's own mathematics."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, PyTree

from .._core.trees import unravel
from ..data import Batch
from ..families import AbstractApproximation, AbstractFamily, MeanField, Variational
from ..model import AbstractModel, Space, space as space_of
from ..objectives import AbstractObjective, Reparameterised, log_joint_of
from .method import AbstractStepping, StepInfo

ADAM = optax.adam(
    0.05
)  # one object: fits that leave the optimiser to Moonfield share a compiled step
_START_SD = 0.1


class AdviState(NamedTuple):
    """What the loop carries: the variational parameters, flat, the optimiser's state, the step."""

    vector: Float[Array, " parameters"]
    optimizer: PyTree
    step: Int[Array, ""]


class ADVI(AbstractStepping):
    """Variational inference by stochastic gradients of the ELBO.

    Args:
        family: what q can be; `mf.families.MeanField()` by default.
        objective: how the ELBO is estimated; `mf.objectives.Reparameterised()` by default.
        optimizer: any optax transformation that descends. Left out, Adam at 0.05, which Moonfield
            lowers towards the end of the fit; one of yours is used as it is for a fixed number of
            steps, and its updates are scaled down by the automatic stop.
        draws: estimates of the objective per step, averaged; each takes `objective.draws` of q.

    Raises:
        TypeError: an argument is not of its kind.
        ValueError: `draws` is below 1.

    Kucukelbir, Tran, Ranganath, Gelman & Blei, 2017, "Automatic differentiation variational
    inference", JMLR 18.
    """

    family: AbstractFamily
    objective: AbstractObjective
    optimizer: Any
    draws: int = eqx.field(static=True)
    tuned: bool = eqx.field(static=True)  # whether the optimiser is ours to schedule

    def __init__(
        self,
        family: AbstractFamily | None = None,
        objective: AbstractObjective | None = None,
        optimizer: Any = None,
        draws: int = 1,
    ):
        self.family = MeanField() if family is None else family
        self.objective = Reparameterised() if objective is None else objective
        self.tuned = optimizer is None
        self.optimizer = ADAM if optimizer is None else optimizer
        self.draws = int(draws)
        if not isinstance(self.family, AbstractFamily):
            raise TypeError(f"family must be one of mf.families, got {family!r}.")
        if not isinstance(self.objective, AbstractObjective):
            raise TypeError(f"objective must be one of mf.objectives, got {objective!r}.")
        if not hasattr(self.optimizer, "init") or not hasattr(self.optimizer, "update"):
            raise TypeError(f"optimizer must be an optax transformation, got {optimizer!r}.")
        if self.draws < 1:
            raise ValueError(f"draws must be 1 or more, got {draws}.")

    @property
    def name(self) -> str:
        """Mean-field is "advi"; other families come with their name: "fullrank_advi"."""
        family = type(self.family)
        return "advi" if family is MeanField else f"{family.__name__.lower()}_advi"

    @property
    def quantity(self) -> str:
        return self.objective.quantity

    def bind(self, model: AbstractModel) -> "ADVI":
        family = self.family.bind(space_of(model))
        return eqx.tree_at(lambda method: method.family, self, family)

    def noise_shape(self, size: int) -> tuple[int, int]:
        return self.draws * self.objective.draws, self.family.noise_size(size)

    def init(self, locate: Callable[[Array], Array], key: Array) -> AdviState:
        return self._at(self.family.init(locate(key), _START_SD))

    def resume(self, approximation: AbstractApproximation) -> AdviState:
        if not isinstance(approximation, Variational) or approximation.family != self.family:
            raise ValueError("start must be a posterior of the same variational family.")
        return self._at(approximation.state)

    def approximation(self, vector: np.ndarray, size: int) -> Variational:
        state = jax.device_put(self.family_state(vector, size))
        return Variational(self.family, state, size)

    def _at(self, family_state: PyTree) -> AdviState:
        """The state at given variational parameters, with a fresh optimiser."""
        vector, _ = ravel_pytree(family_state)
        return AdviState(vector, self.optimizer.init(vector), jnp.zeros((), jnp.int32))

    def family_state(self, vector: Float[Array | np.ndarray, " parameters"], size: int) -> PyTree:
        """The family's state that a flat vector holds, for z of `size` numbers."""
        location = jax.ShapeDtypeStruct((size,), vector.dtype)
        shapes = jax.eval_shape(lambda z: self.family.init(z, _START_SD), location)
        return unravel(vector, shapes)

    def elbo(
        self,
        model: AbstractModel,
        space: Space,
        state: PyTree,
        noise: Float[Array, "draws noise"],
        batch: Batch,
        scale: Any,
    ) -> Float[Array, ""]:
        """The mean of the objective's estimates."""
        density = log_joint_of(model, space, batch, scale)

        def one(draws: Array) -> Array:
            return self.objective.estimate(self.family, state, density, draws)

        if self.draws == 1:
            return one(noise)
        return jnp.mean(
            jax.vmap(one)(noise.reshape(self.draws, self.objective.draws, noise.shape[1]))
        )

    def step(
        self,
        model: AbstractModel,
        space: Space,
        state: AdviState,
        noise: Float[Array, "draws noise"],
        batch: Batch,
        scale: Any,
        step_size: Any,
    ) -> tuple[AdviState, StepInfo]:
        now = eqx.tree_at(lambda method: method.objective, self, self.objective.at(state.step))

        def loss(vector: Array) -> Array:
            family_state = self.family_state(vector, space.size)
            return -now.elbo(model, space, family_state, noise, batch, scale)

        value, gradient = jax.value_and_grad(loss)(state.vector)
        update, optimizer = self.optimizer.update(gradient, state.optimizer, state.vector)
        vector = optax.apply_updates(state.vector, step_size * update)
        return AdviState(jnp.asarray(vector), optimizer, state.step + 1), StepInfo(-value)

    def gradient(
        self,
        model: AbstractModel,
        space: Space,
        vector: Float[Array, " parameters"],
        noise: Float[Array, "draws noise"],
        batch: Batch,
        scale: Any,
        step: Int[Array, ""],
    ) -> Float[Array, " parameters"]:
        now = eqx.tree_at(lambda method: method.objective, self, self.objective.at(step))

        def elbo(vector: Array) -> Array:
            family_state = self.family_state(vector, space.size)
            return now.elbo(model, space, family_state, noise, batch, scale)

        return jax.grad(elbo)(vector)
