"""What models of networks share."""

import abc
from collections.abc import Callable
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, PyTree
from numpyro.distributions.constraints import Constraint

from .._core.trees import named_leaves, shapes_of
from ..data import Batch
from ..likelihoods import AbstractLikelihood
from ..networks import check_rows, weights_of
from ..priors import AbstractPrior, Latents, middle
from .base import AbstractModel


class AbstractNetworkModel(AbstractModel):
    """`y_row ~ likelihood(network(x_row; w))`, `w ~ prior`; not yet how a row becomes outputs."""

    network: eqx.AbstractVar[eqx.Module]
    prior: eqx.AbstractVar[AbstractPrior]
    likelihood: eqx.AbstractVar[AbstractLikelihood]

    @abc.abstractmethod
    def with_params(self, params: PyTree) -> eqx.Module:
        """The network with the weights that these parameters stand for: a function of one row."""

    @abc.abstractmethod
    def output_size(self, inputs: Any) -> int:
        """Number of outputs for rows of this shape.

        Raises:
            ValueError: the network does not accept such rows, or its output is not a vector.
        """

    @property
    def minibatchable(self) -> bool:
        return True

    @property
    def identified(self) -> bool:
        return False

    @property
    def shapes(self) -> PyTree:
        """Shapes and types of the network's weights."""
        return shapes_of(weights_of(self.network))

    @property
    def size(self) -> int:
        """Number of weights of the network."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.shapes))

    def init(self, key: Array) -> PyTree:
        latents = self.prior.init(key, self.shapes)
        own = {name: middle(prior) for name, prior in self.likelihood.priors().items()}
        return _tree(latents, own)

    def sample_prior(self, key: Array) -> PyTree:
        network_key, own_key = jax.random.split(key)
        own = {
            name: prior.sample(jax.random.fold_in(own_key, i))
            for i, (name, prior) in enumerate(self.likelihood.priors().items())
        }
        return _tree(self.prior.sample(network_key, self.shapes), own)

    def supports(self) -> PyTree:
        own = {name: prior.support for name, prior in self.likelihood.priors().items()}
        return _tree(self.prior.supports(self.shapes), own)

    def log_prior(self, params: PyTree) -> Float[Array, ""]:
        total = self.prior.log_prob(Latents(params["network"], params["prior"]))
        for name, prior in self.likelihood.priors().items():
            total = total + jnp.sum(prior.log_prob(params["likelihood"][name]))
        return total

    def normal_leaves(self) -> dict[str, tuple[Array, Array]]:
        return self.prior.normals(self.shapes)

    def log_likelihood(self, params: PyTree, batch: Batch) -> Float[Array, " rows"]:
        own, targets = params["likelihood"], batch.targets
        depth = self.prior.depth(Latents(params["network"], params["prior"]))
        if depth is None:
            return self.likelihood.log_prob(own, self.outputs(params, batch.inputs), targets)
        outputs = jax.vmap(cast(Any, self.with_params(params)).depths)(batch.inputs)
        each = jax.vmap(lambda it: self.likelihood.log_prob(own, it, targets), 1, 1)(outputs)
        return each @ depth  # its expectation over depths

    def predictive(self, params: PyTree, inputs: PyTree) -> dist.Distribution:
        return self.likelihood.distribution(params["likelihood"], self.outputs(params, inputs))

    def moments(self, params: PyTree, inputs: PyTree) -> tuple[Array, Array]:
        return self.likelihood.moments(params["likelihood"], self.outputs(params, inputs))

    @property
    def kind(self) -> str:
        return self.likelihood.kind

    @property
    def binary(self) -> bool:
        return self.likelihood.binary

    @property
    def discrete(self) -> bool:
        return self.likelihood.discrete

    def target_shape(self, inputs: Any) -> tuple[int, ...]:
        outputs = self.output_size(inputs)
        check_rows(self.network, inputs["x"] if isinstance(inputs, dict) else inputs)
        return self.likelihood.target_shape(outputs)

    def check_targets(self, inputs: Any, y: Any) -> None:
        self.likelihood.check_targets(y, self.output_size(inputs))

    def normal_weights(self) -> bool:
        """Whether each weight is itself a latent, and independently normal."""
        known = self.normal_leaves()
        return all(
            path in known and self.prior.is_plain(path) for path in named_leaves(self.shapes)
        )

    @property
    def is_plain(self) -> bool:
        supports = self.prior.supports(self.shapes)
        leaves = jax.tree.leaves(supports, is_leaf=lambda node: isinstance(node, Constraint))
        own = supports.prior or self.likelihood.priors()
        return (
            not own
            and all(self.prior.is_plain(path) for path in named_leaves(self.shapes))
            and all(isinstance(leaf, type(dist.constraints.real)) for leaf in leaves)
        )

    def weights(self, params: PyTree) -> PyTree:
        latents = Latents(params["network"], params["prior"])
        return {**params, "network": self.prior.transform(latents)}

    def named(self, params: PyTree) -> dict[str, Any]:
        others = {
            f"{group}.{path}": leaf
            for group in ("prior", "likelihood")
            for path, leaf in named_leaves(params[group]).items()
        }
        return {**named_leaves(params["network"]), **others}

    def dims(self, name: str, axes: int) -> list[str]:
        weight = not name.startswith(("prior.", "likelihood.")) and axes <= 2
        plain = [f"{name}_dim_{axis}" for axis in range(axes)]
        return [f"{name}_out", f"{name}_in"][:axes] if weight else plain

    def present(self, params: PyTree) -> PyTree:
        return {**params, "network": self.with_params(params)}

    def outputs(self, params: PyTree, inputs: PyTree) -> Float[Array, "rows outputs"]:
        """The network's outputs, before the likelihood."""
        outputs = jax.vmap(cast(Callable, self.with_params(params)))(inputs)
        return outputs[:, None] if outputs.ndim == 1 else outputs

    def describe(self) -> dict[str, Any]:
        points = self.points
        weights = []
        for path, leaf in named_leaves(self.shapes).items():
            shape = tuple(leaf.shape)
            prior = self.prior.describe(path, shape)
            weights.append((path, shape, f"{prior}, at a point" if path in points else prior))
        return {"weights": weights, "likelihood": str(self.likelihood), "size": self.size}

    def __str__(self) -> str:
        facts = self.describe()
        kind, network = type(self).__name__, type(self.network).__name__
        lines = [f"{kind} of {network}, {facts['size']:,} weights{self.remark}"]
        width = max(len(path) for path, _, _ in facts["weights"])
        lines += [
            f"  {path:<{width}}  {shape!s:<12} ~ {prior}" for path, shape, prior in facts["weights"]
        ]
        return "\n".join([*lines, f"  y ~ {facts['likelihood']}"])

    def __repr__(self) -> str:
        return str(self)

    @property
    def remark(self) -> str:
        """What else there is to say after the number of weights."""
        return ""


def outputs_of_row(network: eqx.Module, shape: tuple[int, ...]) -> int:
    """Number of outputs of a network for a row of this shape; `ValueError` as `output_size`."""
    row = jax.ShapeDtypeStruct(shape, jnp.result_type(float))
    try:
        out = eqx.filter_eval_shape(cast(Callable, network), row)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The network does not accept a row of shape {row.shape}: {error}"
        ) from error
    if not hasattr(out, "shape") or len(out.shape) > 1:
        raise ValueError(f"The network must map a row to a vector or a number, got {out}.")
    return out.shape[0] if out.shape else 1


def _tree(latents: Latents, own: dict[str, Any]) -> PyTree:
    return {"network": latents.network, "prior": latents.prior, "likelihood": own}
