"""The improved variational online Newton method: natural gradients at the cost of Adam."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core.checks import whole
from ..data import Batch
from ..families import AbstractApproximation, MeanField, MeanFieldState, Variational
from ..model import AbstractModel, Space
from ..objectives import log_joint
from .method import AbstractStepping, StepInfo

_FAMILY = MeanField()
_MOST_CHANGE = 1.0  # of the precision in one step, as a share of it
_MOST_MOVE = 0.3  # of a mean in one step, in sds


class IvonState(NamedTuple):
    """Means and log sds (flat), the running sum of gradients, and the weight of all of them."""

    vector: Float[Array, " parameters"]
    momentum: Float[Array, " size"]
    weight: Float[Array, ""]


class IVON(AbstractStepping):
    """Mean-field variational inference by natural gradients.

    With `z = mean + sd * eps`, `g` the gradient of `-log p(data, z)` and the precision
    `s = 1 / sd^2`, one step is

        s_hat = g * eps / sd                                        (Price's theorem: E = E_q[H_kk])
        s    <- s + (1 - beta2) (s_hat - s) + (1 - beta2)^2 (s_hat - s)^2 / (2 s)
        mean <- mean - learning_rate * (running mean of g) / s

    that is, a stochastic Newton step whose curvature is the precision of q. The last term of the
    second line follows the geometry of positive numbers: s stays positive whatever s_hat is. The
    loss is the whole negative log joint density, whatever the prior: fixed points are those of the
    ELBO, without a weight decay or a temperature to set.

    Two additions for starts far from the optimum: in s_hat the running mean of gradients is taken
    off g (eps is independent of it: the expectation is the same, the noise less), and a step
    changes s by at most its own size and a mean by at most 0.3 sd.

    Args:
        learning_rate: the share of a Newton step that a step goes; Moonfield lowers it, and
            `1 - beta2` with it, towards the end of the fit.
        hessian_init: the precision `1 / sd^2` that q starts with, on the unconstrained scale.
        beta1: of the running mean of gradients.
        beta2: of the running mean of curvatures; nearer to 1 for noisier gradients.
        draws: draws of q per step.
        tolerance: nats of ELBO a row that more steps must be worth to the automatic stop, and 1 in
            all; left out, 1e-4 of the ELBO. A row's log score gains about as much as its ELBO, so
            0.01 is hardly seen in predictions.
        microbatch: rows of a step that are worked on at once, as of `ADVI`.

    Raises:
        ValueError: an argument is outside its range.

    Shen et al., 2024, "Variational learning is effective for large deep networks", ICML,
    algorithm 1, at `delta = 0` and `lambda = 1` for the loss summed over rows.
    """

    learning_rate: Any
    hessian_init: Any
    beta1: Any
    beta2: Any
    draws: int = eqx.field(static=True)
    microbatch: int | None = eqx.field(static=True)
    tolerance: float | None = eqx.field(static=True)
    tuned: bool = eqx.field(static=True)

    def __init__(
        self,
        learning_rate: float = 0.1,
        hessian_init: float = 100.0,
        beta1: float = 0.9,
        beta2: float = 0.99,
        draws: int = 1,
        tolerance: float | None = None,
        microbatch: int | None = None,
    ):
        # Arrays, so that changing one recompiles nothing.
        self.learning_rate = np.asarray(learning_rate, float)
        self.hessian_init = np.asarray(hessian_init, float)
        self.beta1, self.beta2 = np.asarray(beta1, float), np.asarray(beta2, float)
        self.draws, self.tuned = int(draws), True
        self.microbatch = None if microbatch is None else whole(microbatch, "microbatch")
        self.tolerance = None if tolerance is None else float(tolerance)
        above = {"learning_rate": learning_rate, "hessian_init": hessian_init}
        above |= {} if tolerance is None else {"tolerance": tolerance}
        for name, value in above.items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}.")
        for name, value in {"beta1": beta1, "beta2": beta2}.items():
            if not 0 <= value < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {value}.")
        if self.draws < 1:
            raise ValueError(f"draws must be 1 or more, got {draws}.")

    @property
    def name(self) -> str:
        return "ivon"

    @property
    def row_tolerance(self) -> float | None:
        return self.tolerance

    def noise_shape(self, size: int) -> tuple[int, int]:
        return self.draws, size

    def init(self, locate: Callable[[Array], Array], key: Array) -> IvonState:
        mean = locate(key)
        log_sd = jnp.broadcast_to(-0.5 * jnp.log(self.hessian_init), mean.shape)
        return _at(MeanFieldState(mean, log_sd.astype(mean.dtype)))

    def resume(self, approximation: AbstractApproximation) -> IvonState:
        if not isinstance(approximation, Variational) or approximation.family != _FAMILY:
            raise ValueError("start must be a posterior of the mean-field family.")
        return _at(approximation.state)

    def step(
        self,
        model: AbstractModel,
        space: Space,
        state: IvonState,
        noise: Float[Array, "draws size"],
        batch: Batch,
        scale: Any,
        step_size: Any,
    ) -> tuple[IvonState, StepInfo]:
        mean, log_sd = jnp.split(state.vector, 2)
        sd = jnp.exp(log_sd)

        def loss(z: Array) -> Array:
            return -log_joint(model, space, z, batch, scale, self.microbatch)

        new = 1.0 - self.beta1  # weight of a new gradient in the running mean
        expected = state.momentum / jnp.maximum(state.weight, new)

        def one(eps: Array) -> tuple[Array, Array, Array]:
            value, gradient = jax.value_and_grad(loss)(mean + sd * eps)
            return value, gradient, (gradient - expected) * eps

        value, gradient, product = _mean_over_draws(one, noise)
        momentum = self.beta1 * state.momentum + new * gradient
        weight = self.beta1 * state.weight + new
        change = (1.0 - self.beta2) * (product * sd - 1.0)  # of s, relative to s
        change = step_size * jnp.clip(change, -_MOST_CHANGE, _MOST_CHANGE)
        new_log_sd = log_sd - 0.5 * jnp.log1p(change + 0.5 * change**2)
        new_sd = jnp.exp(new_log_sd)
        move = jnp.clip(self.learning_rate * momentum / weight * new_sd, -_MOST_MOVE, _MOST_MOVE)
        new_mean = mean - step_size * move * new_sd
        elbo = _FAMILY.entropy(MeanFieldState(mean, log_sd)) - value
        return IvonState(jnp.concatenate([new_mean, new_log_sd]), momentum, weight), StepInfo(elbo)

    def approximation(self, vector: np.ndarray, size: int) -> Variational:
        state = MeanFieldState(*jax.device_put(np.split(vector, 2)))
        return Variational(_FAMILY, state, size)


def _at(state: MeanFieldState) -> IvonState:
    vector = jnp.concatenate(state)
    return IvonState(vector, jnp.zeros_like(state.mean), jnp.zeros((), vector.dtype))


def _mean_over_draws(function: Callable, noise: Array) -> Any:
    if len(noise) == 1:
        return function(noise[0])
    return jax.tree.map(lambda values: jnp.mean(values, axis=0), jax.vmap(function)(noise))
