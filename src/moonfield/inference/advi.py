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

from .._core.checks import whole
from .._core.trees import default_float, named_leaves, unravel
from ..data import Batch
from ..families import (
    AbstractApproximation,
    AbstractFamily,
    Amortised,
    MeanField,
    Partial,
    Variational,
)
from ..model import AbstractModel, Space, row_numbers, space as space_of
from ..objectives import (
    AbstractObjective,
    LocalReparameterisation,
    Reparameterised,
    log_joint_of,
)
from .method import AbstractStepping, Placing, StepInfo

ADAM = optax.adam(
    0.05
)  # one object: fits that leave the optimiser to Moonfield share a compiled step
_START_SD = 0.1
_WIDE = 8_192  # weights from which on rows may have draws of their own
_FEW = 0.25  # of the random numbers that weights take: then twice the products cost no more time


class AdviState(NamedTuple):
    """What the loop carries: the variational parameters, flat, the optimiser's state, the step."""

    vector: Float[Array, " parameters"]
    optimizer: PyTree
    step: Int[Array, ""]


class ADVI(AbstractStepping):
    """Variational inference by stochastic gradients of the ELBO.

    Args:
        family: what q can be; `mf.families.MeanField()` by default.
        objective: how the ELBO is estimated. Left out, `mf.objectives.Reparameterised()`; for
            mean-field networks of 8,192 weights or more with normal priors
            `mf.objectives.LocalReparameterisation()`, where a step's rows then take at most a
            quarter of the random numbers: it is exact too, about as quick, and less noisy.
        optimizer: any optax transformation that descends. Left out, Adam at 0.05, which Moonfield
            lowers towards the end of the fit, and which it lets find a program's parameters in
            units of their own; one of yours is used as it is for a fixed number of steps, and its
            updates are scaled down by the automatic stop.
        draws: estimates of the objective per step, averaged; each takes `objective.draws` of q.
        microbatch: rows of a step that are worked on at once, where all would not fit into memory:
            the gradient is summed over slices of at most so many, and what they computed on the way
            is computed twice. The same result but for the order of sums. None: all at once.

    Raises:
        TypeError: an argument is not of its kind.
        ValueError: `draws` or `microbatch` is below 1, or the objective does not suit an
            `Amortised` family.

    Kucukelbir, Tran, Ranganath, Gelman & Blei, 2017, "Automatic differentiation variational
    inference", JMLR 18.
    """

    family: AbstractFamily
    objective: AbstractObjective
    optimizer: Any
    draws: int = eqx.field(static=True)
    microbatch: int | None = eqx.field(static=True)
    tuned: bool = eqx.field(static=True)  # whether the optimiser is ours to schedule
    chooses: bool = eqx.field(static=True)  # whether the objective is ours to choose

    def __init__(
        self,
        family: AbstractFamily | None = None,
        objective: AbstractObjective | None = None,
        optimizer: Any = None,
        draws: int = 1,
        microbatch: int | None = None,
    ):
        self.family = MeanField() if family is None else family
        self.objective = Reparameterised() if objective is None else objective
        self.tuned, self.chooses = optimizer is None, objective is None
        self.optimizer = ADAM if optimizer is None else optimizer
        self.draws = int(draws)
        self.microbatch = None if microbatch is None else whole(microbatch, "microbatch")
        if not isinstance(self.family, AbstractFamily):
            raise TypeError(f"family must be one of mf.families, got {family!r}.")
        if not isinstance(self.objective, AbstractObjective):
            raise TypeError(f"objective must be one of mf.objectives, got {objective!r}.")
        if not hasattr(self.optimizer, "init") or not hasattr(self.optimizer, "update"):
            raise TypeError(f"optimizer must be an optax transformation, got {optimizer!r}.")
        if self.draws < 1:
            raise ValueError(f"draws must be 1 or more, got {draws}.")
        if self.amortised and self.objective.draws != 1:
            raise ValueError(
                f"{type(self.objective).__name__} bounds the evidence of all rows at once, by "
                f"{self.objective.draws} draws; with an encoder that says nothing useful. Use "
                "Reparameterised, StickingTheLanding or Tempered."
            )

    @property
    def name(self) -> str:
        """Mean-field is "advi"; other families come with their name: "fullrank_advi"."""
        family = type(self.family.inner if isinstance(self.family, Partial) else self.family)
        return "advi" if family is MeanField else f"{family.__name__.lower()}_advi"

    @property
    def quantity(self) -> str:
        return self.objective.quantity

    @property
    def placing(self) -> Placing | None:
        if not self.tuned or self.amortised:
            return None
        return "whitened" if self.family.affine else "scaled"

    @property
    def amortised(self) -> bool:
        return isinstance(self.family, Amortised)

    @property
    def row_noise(self) -> int:
        return self.family.local_size if isinstance(self.family, Amortised) else 0

    @property
    def fusible(self) -> bool:
        return self.family.fusible

    def bind(self, model: AbstractModel) -> "ADVI":
        self.objective.check(self.family, model)
        family = self.family.bind(space_of(model))
        return eqx.tree_at(lambda method: method.family, self, family)

    def suited(self, model: AbstractModel, row: PyTree, rows: int) -> "ADVI":
        size = space_of(model).size
        if not self.chooses or type(self.family) is not MeanField or size < _WIDE:
            return self
        numbers = row_numbers(model, row, rows)
        if numbers is None or numbers > _FEW * size:
            return self
        chosen = LocalReparameterisation()
        return eqx.tree_at(lambda method: method.objective, self, chosen)

    def noise_shape(self, size: int) -> tuple[int, int]:
        return self.draws * self.objective.draws, self.objective.noise_size(self.family, size)

    def init(self, locate: Callable[[Array], Array], key: Array) -> AdviState:
        return self._at(self.family.init(locate(key), _START_SD))

    def resume(self, approximation: AbstractApproximation) -> AdviState:
        if not isinstance(approximation, Variational) or approximation.family != self.family:
            raise ValueError("start must be a posterior of the same variational family.")
        return self._at(approximation.state)

    def approximation(self, vector: np.ndarray, size: int) -> Variational:
        state = jax.device_put(self.family_state(vector, size))
        return Variational(self.family, state, size)

    def path_of(self, space: Space, index: int) -> str:
        left = index
        if isinstance(self.family, Partial):
            return self.family.path_of(space, index)
        for name, leaf in named_leaves(self._shapes(space.size, default_float())).items():
            if left < leaf.size:
                encoder = self.amortised and name.startswith("encoder.")
                return name if encoder else space.path_of(index % space.size)
            left -= leaf.size
        raise IndexError(index)

    def _at(self, family_state: PyTree) -> AdviState:
        """The state at given variational parameters, with a fresh optimiser."""
        vector, _ = ravel_pytree(family_state)
        return AdviState(vector, self.optimizer.init(vector), jnp.zeros((), jnp.int32))

    def family_state(self, vector: Float[Array | np.ndarray, " parameters"], size: int) -> PyTree:
        """The family's state that a flat vector holds, for z of `size` numbers."""
        return unravel(vector, self._shapes(size, vector.dtype))

    def _shapes(self, size: int, dtype: Any) -> PyTree:
        location = jax.ShapeDtypeStruct((size,), dtype)
        return jax.eval_shape(lambda z: self.family.init(z, _START_SD), location)

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
        size = self.objective.noise_size(self.family, space.size)

        def one(draws: Array) -> Array:
            rows = draws[0, size:].reshape(len(batch.weights), self.row_noise)
            local = self.family.local(state, model.seen(batch.inputs), rows)
            density = log_joint_of(model, space, batch, scale, local, self.microbatch)
            return self.objective.estimate(self.family, state, density, draws[:, :size])

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
        given = (model, space, state.vector, noise, batch, scale, state.step)
        value, gradient = self._loss_and_gradient(*given)
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
        given = (model, space, vector, noise, batch, scale, step)
        return -self._loss_and_gradient(*given)[1]

    def _loss_and_gradient(
        self,
        model: AbstractModel,
        space: Space,
        vector: Array,
        noise: Array,
        batch: Batch,
        scale: Any,
        step: Array,
    ) -> tuple[Array, Array]:
        """Minus the ELBO's estimate at a step, and its gradient in the flat vector."""
        now = eqx.tree_at(lambda method: method.objective, self, self.objective.at(step))

        def loss(vector: Array) -> Array:
            family_state = self.family_state(vector, space.size)
            return -now.elbo(model, space, family_state, noise, batch, scale)

        return jax.value_and_grad(loss)(vector)
