"""What a model is: log-densities on a tree of parameters."""

import abc
import warnings
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, PyTree
from numpyro.distributions.constraints import Constraint

from .._core.errors import MoonfieldWarning
from ..data import Batch, Dataset, as_inputs, badly_scaled, dataset
from .coordinates import Coordinates

_LEAST = 1e-4  # root mean square of targets, below which units are too large


class AbstractModel(eqx.Module):
    """A joint density `p(params) * prod_rows p(y_row | x_row, params)`.

    `log_likelihood` is per row and never scaled; the engine alone knows about batches. Parameters
    are one tree on the constrained scale; `supports()` gives a NumPyro constraint for each leaf.
    """

    @property
    @abc.abstractmethod
    def minibatchable(self) -> bool:
        """Whether rows are exchangeable, so that a batch of them is an unbiased picture of all."""

    @property
    def reason(self) -> str | None:
        """Why not, where it is not minibatchable."""
        return None

    @property
    def points(self) -> frozenset[str]:
        """Paths of the parameters that have no distribution: each is learned as a number."""
        return frozenset()

    @property
    def coordinates(self) -> Coordinates | None:
        """Where its unconstrained vector is measured from, and in what units; None: 0 and 1."""
        return None

    @abc.abstractmethod
    def init(self, key: Array) -> PyTree:
        """A bounded random starting value of the parameters."""

    @abc.abstractmethod
    def sample_prior(self, key: Array) -> PyTree:
        """One draw of the parameters from the prior."""

    @abc.abstractmethod
    def supports(self) -> PyTree:
        """The constraint of each parameter, in the parameters' structure."""

    def constrain(self, unconstrained: PyTree) -> tuple[PyTree, Float[Array, ""]]:
        """Parameters from their unconstrained tree, and the log-determinant of that bijection."""
        leaves, treedef = jax.tree.flatten(unconstrained)
        values, log_det = [], jnp.zeros((), jnp.result_type(*leaves))
        for support, leaf in zip(_constraints(self), leaves, strict=True):
            transform = dist.biject_to(support)
            value = leaf if is_real(support) else transform(leaf)
            values.append(value)
            if not is_real(support):
                log_det = log_det + jnp.sum(transform.log_abs_det_jacobian(leaf, value))
        return jax.tree.unflatten(treedef, values), log_det

    def unconstrain(self, params: PyTree) -> PyTree:
        """The unconstrained tree of parameters: the same structure, each leaf without bounds."""
        leaves, treedef = jax.tree.flatten(params)
        values = [
            leaf if is_real(support) else dist.biject_to(support).inv(leaf)
            for support, leaf in zip(_constraints(self), leaves, strict=True)
        ]
        return jax.tree.unflatten(treedef, values)

    @abc.abstractmethod
    def log_prior(self, params: PyTree) -> Float[Array, ""]:
        """Log-density of the parameters under the prior, nats."""

    @abc.abstractmethod
    def log_likelihood(self, params: PyTree, batch: Batch) -> Float[Array, " rows"]:
        """Log-density of each row's target, nats; unscaled, without row weights."""

    @property
    def local_sites(self) -> tuple[str, ...]:
        """Latent variables of each row that an encoder gives; parameters do not hold them."""
        return ()

    @property
    def local_size(self) -> int:
        """How many unconstrained numbers a row's local latent variables have."""
        return 0

    @property
    def row(self) -> PyTree:
        """Shapes and types of what an encoder sees of one row."""
        return None

    def seen(self, inputs: PyTree) -> PyTree | None:
        """What an encoder sees of rows (the same for rows as `row` for one); None without data."""
        return None

    def log_local(
        self, params: PyTree, local: Float[Array, "rows size"], batch: Batch
    ) -> tuple[Float[Array, " rows"], Float[Array, " rows"]]:
        """Log-likelihood and log prior of each row's local latent variables, nats; unscaled.

        `local` holds them unconstrained; the prior includes the log-determinant of the bijection.
        Without any of them it is 0.
        """
        return self.log_likelihood(params, batch), jnp.zeros(local.shape[:1], local.dtype)

    def local_values(
        self, params: PyTree, local: Float[Array, "rows size"], inputs: PyTree
    ) -> dict[str, Array]:
        """Values of local latent variables by site, rows first, from unconstrained numbers."""
        return {}

    def sample_local(self, params: PyTree, inputs: PyTree, key: Array) -> dict[str, Array]:
        """Draws of local latent variables by site, rows first, from their prior."""
        return {}

    @abc.abstractmethod
    def predictive(self, params: PyTree, inputs: PyTree) -> dist.Distribution:
        """Distribution of the targets of these rows, batch shape `(rows, ...)`."""

    @abc.abstractmethod
    def moments(self, params: PyTree, inputs: PyTree) -> tuple[Array, Array]:
        """Mean and variance of each row's target (of its one-hot target for K > 2 classes)."""

    @property
    @abc.abstractmethod
    def kind(self) -> str:
        """What a target is: "classes" or "numbers"."""

    @property
    @abc.abstractmethod
    def binary(self) -> bool:
        """Whether `moments` of a class target speak of class 1 alone."""

    @property
    @abc.abstractmethod
    def discrete(self) -> bool:
        """Whether targets are whole numbers."""

    def prepare(
        self, X: Any, y: Any, data: Any = None, weights: Any = None
    ) -> tuple["AbstractModel", Dataset]:
        """The model to fit and its checked rows; `TypeError` or `ValueError` for bad input."""
        if data is not None:
            raise ValueError("data is for programs; give this model X and y.")
        table = as_inputs(X)
        rows = dataset(X, y, self.target_shape(table.values), weights)
        self.check_targets(rows.inputs, rows.targets)
        warn_if_badly_scaled(rows.inputs, rows.columns)
        self.warn_of_targets(rows.targets)
        return self, rows

    def warn_of_targets(self, y: np.ndarray) -> None:
        """Warn of numbers in units that priors and step sizes are not made for."""
        if self.kind == "numbers" and not self.discrete:
            _warn_of(badly_scaled(y, None, "y: target", _LEAST))

    def check_inputs(self, X: Any) -> PyTree:
        """Checked rows to predict for: arrays with rows first, copied."""
        inputs = np.array(as_inputs(X).values)
        self.target_shape(inputs)  # raises where the network does not accept such rows
        return inputs

    def count(self, inputs: PyTree) -> int:
        """How many rows there are to predict for."""
        return jax.tree.leaves(inputs)[0].shape[0]

    def row_log_prob(self, params: PyTree, inputs: PyTree, y: Array) -> Float[Array, " rows"]:
        """Log-density of given targets of rows, nats."""
        return self.log_likelihood(params, Batch(inputs, y, jnp.ones(y.shape[:1])))

    def observed(self, data: Dataset) -> dict[str, np.ndarray]:
        """The observed values of a fit's data, by name."""
        return {"y": data.targets}

    def arguments(self, data: Dataset) -> dict[str, Any]:
        """A program's arguments in a fit, by name; none for other models."""
        return {}

    def training_inputs(self, data: Dataset) -> PyTree:
        """Of a fit's data what `predict` takes."""
        return data.inputs

    def as_start(self, params: PyTree) -> PyTree:
        """Parameters as `start=` of a fit spells them."""
        return params

    def from_start(self, start: PyTree) -> PyTree:
        """The inverse of `as_start`."""
        return start

    def normal_leaves(self) -> dict[str, tuple[Array, Array]]:
        """Prior means and sds of those leaves of z that are independent normals, by path."""
        return {}

    @property
    def identified(self) -> bool:
        """Whether single parameters mean something: not so for weights, which may be permuted."""
        return False

    @abc.abstractmethod
    def named(self, params: PyTree) -> dict[str, Any]:
        """Arrays of `weights(params)` by the names that tables and files use, in order."""

    @abc.abstractmethod
    def dims(self, name: str, axes: int) -> list[str]:
        """Names of the axes of one of these arrays."""

    def observed_dims(self, name: str, axes: int) -> list[str]:
        """Names of the axes of observed values, rows first."""
        return ["row", "target", "part"][:axes]

    @property
    def coords(self) -> dict[str, list[Any]]:
        """Labels along these axes, by the axis' name."""
        return {}

    @abc.abstractmethod
    def target_shape(self, inputs: Any) -> tuple[int, ...]:
        """Shape of one row's target; `ValueError` where the model does not accept such inputs."""

    @abc.abstractmethod
    def check_targets(self, inputs: Any, y: Any) -> None:
        """Raise `ValueError` for targets outside the likelihood's support."""

    @property
    @abc.abstractmethod
    def is_plain(self) -> bool:
        """Whether `weights(constrain(z))` is z itself, leaf by leaf and in the same order."""

    @abc.abstractmethod
    def weights(self, params: PyTree) -> PyTree:
        """Parameters with the network's weights in place of the prior's latents; arrays only."""

    @abc.abstractmethod
    def present(self, params: PyTree) -> PyTree:
        """Parameters as users see them: `params["network"]` can be called on a row."""

    @abc.abstractmethod
    def describe(self) -> dict[str, Any]:
        """For readers: (path, shape, prior) of each weight array, the likelihood, the size."""

    def prior_predictive(self, X: Any, draws: int = 500, seed: int = 0) -> Any:
        """What the model says about rows before it has seen any target: a `Prediction`."""
        return _hooks["prior_predictive"](self, X, draws, seed)


def warn_if_badly_scaled(inputs: np.ndarray, columns: tuple[str, ...] | None) -> None:
    """Warn of a column of X that should be standardised."""
    _warn_of(badly_scaled(inputs, columns, "X: column"))


def _warn_of(found: str | None) -> None:
    if found is not None:
        warnings.warn(f"{found}.", MoonfieldWarning, stacklevel=6)


def is_real(support: Constraint) -> bool:
    """Whether a constraint is no constraint."""
    return isinstance(support, type(dist.constraints.real))


def _constraints(model: AbstractModel) -> list[Constraint]:
    return jax.tree.leaves(model.supports(), is_leaf=lambda node: isinstance(node, Constraint))


_hooks: dict[str, Callable] = {}


def set_prior_predictive(function: Callable) -> None:
    """Called once by the predictive layer, which stands above this one."""
    _hooks["prior_predictive"] = function
