"""The likelihood of a Bayesian network under draws of the weights that every row has for itself."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from .._core.trees import named_leaves, unravel
from ..data import Batch
from ..networks import numbers_of, plan_rows, row_outputs
from .base import AbstractModel
from .bayesian_network import BayesianNetwork
from .space import Space, unconstrained_shapes


class RowDraws(NamedTuple):
    """Estimates of what an ELBO needs, for q of independent normals with these moments."""

    model: BayesianNetwork
    space: Space
    batch: Batch
    scale: Any
    microbatch: int | None = None

    def __call__(
        self, mean: Float[Array, " size"], sd: Float[Array, " size"], key: Array, propagate: bool
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Of the log prior and of the log-likelihood of all rows, nats.

        What the prior says of the weights is exact; parameters of the likelihood are drawn once.
        """
        shapes = unconstrained_shapes(self.model)
        means, sds = unravel(mean, shapes), unravel(sd, shapes)
        plan = plan_rows(self.model.network, row_of(self.batch.inputs), propagate)
        weights_key, own_key = jax.random.split(key)
        given = self.model.network, means["network"], sds["network"], weights_key
        outputs = row_outputs(plan, *given, self.batch.inputs, self.microbatch)
        own, own_prior = self._own(means, sds, own_key)
        rows = self.model.likelihood.log_prob(own, outputs, self.batch.targets)
        prior = own_prior + self._expected_log_prior(means["network"], sds["network"])
        return prior, self.scale * jnp.dot(self.batch.weights, rows)

    def _own(self, means: Any, sds: Any, key: Array) -> tuple[Any, Array]:
        """A draw of the likelihood's parameters, and its log prior with the bijection's part."""
        leaves, treedef = jax.tree.flatten(means["likelihood"])
        keys = jax.random.split(key, max(1, len(leaves)))
        drawn = [
            m + s * jax.random.normal(k, m.shape, m.dtype)
            for m, s, k in zip(leaves, jax.tree.leaves(sds["likelihood"]), keys, strict=False)
        ]
        params, log_det = self.model.constrain(
            {**means, "likelihood": jax.tree.unflatten(treedef, drawn)}
        )
        own = params["likelihood"]
        priors = self.model.likelihood.priors().items()
        return own, sum((jnp.sum(prior.log_prob(own[name])) for name, prior in priors), log_det)

    def _expected_log_prior(self, means: Any, sds: Any) -> Array:
        """`E_q[log p(w)]` under independent normal priors."""
        known, total = self.model.normal_leaves(), jnp.zeros((), jax.tree.leaves(means)[0].dtype)
        for (path, mean), sd in zip(named_leaves(means).items(), jax.tree.leaves(sds), strict=True):
            center, width = (jnp.asarray(it, mean.dtype) for it in known[path])
            squares = ((mean - center) / width) ** 2 + (sd / width) ** 2
            constant = jnp.log(width) + 0.5 * jnp.log(2.0 * jnp.pi).astype(mean.dtype)
            total = total - 0.5 * jnp.sum(squares)
            total = total - jnp.sum(constant) * (mean.size // constant.size)
        return total


def row_draws(
    space: Space, batch: Batch, scale: Any, microbatch: int | None = None
) -> RowDraws | None:
    """For a model whose weights can be drawn for each row; None for others."""
    model = space.model
    if not isinstance(model, BayesianNetwork) or why_not_by_row(model) is not None:
        return None
    return RowDraws(model, space, batch, scale, microbatch)


def why_not_by_row(model: AbstractModel) -> str | None:
    """What keeps a model from being fitted with draws for each row; None if nothing does."""
    if type(model) is not BayesianNetwork:
        return f"it needs an mf.BayesianNetwork, got {type(model).__name__}"
    if model.expansion is not None:
        return "the network is expanded about its mode"
    if not model.normal_weights():
        return "it needs a normal prior for each weight, e.g. mf.priors.Normal or mf.priors.Scaled"
    return None


def row_numbers(model: AbstractModel, row: Any, rows: int) -> int | None:
    """Random numbers that propagating the weights of a network to so many rows takes.

    None where that cannot be done.
    """
    if not isinstance(model, BayesianNetwork) or why_not_by_row(model) is not None:
        return None
    plan = plan_rows(model.network, row, propagate=True)
    return numbers_of(plan, [leaf.shape for leaf in jax.tree.leaves(model.shapes)], rows)


def row_of(inputs: PyTree) -> PyTree:
    """Shapes of one row's inputs."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), inputs)
