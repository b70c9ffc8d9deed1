"""A network with priors on its weights and a likelihood for its outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import PyTree

from .._core.trees import named_leaves, numbers_to_arrays
from ..likelihoods import AbstractLikelihood
from ..networks import Expanded, Modes, check_network, chosen, with_weights
from ..priors import AbstractPrior, Entry, Latents, as_prior
from .network_model import AbstractNetworkModel, outputs_of_row


class BayesianNetwork(AbstractNetworkModel):
    """A Bayesian neural network: `w ~ prior`, `y_row ~ likelihood(network(x_row; w))`.

    Args:
        network: any callable `equinox.Module` that maps one row to a vector of outputs, e.g.
            `mf.nets.MLP`. All its floating-point arrays get a posterior.
        prior: a NumPyro distribution for all weights, one of `mf.priors`, a mapping from path
            patterns to these (`{"layers.*.weight": Normal(0, 1), "*": Normal(0, 10)}`), or an
            `AbstractPrior`.
        likelihood: one of `mf.likelihoods`.
        bayesian: path patterns of the parameters that get a distribution, e.g. `"layers.-1.*"` for
            the last layer (negative numbers count from the end); all other weights are learned as
            numbers, the most probable under their prior and what the data say. None: all. Methods:
            `"advi"` with any family, `"laplace"`, `"map"`, and ensembles of these.

    Raises:
        TypeError, ValueError: the network keeps state or has randomness of its own, a pattern
            matches nothing or a parameter has no prior, or the likelihood is none.

    Example:
        >>> import moonfield as mf
        >>> model = mf.BayesianNetwork(
        ...     network=mf.nets.MLP([2, 5, 1]),
        ...     prior=mf.priors.Normal(0.0, 1.0),
        ...     likelihood=mf.likelihoods.Bernoulli(),
        ... )
        >>> model.size
        21
    """

    network: eqx.Module
    prior: AbstractPrior
    likelihood: AbstractLikelihood
    bayesian: tuple[str, ...] | None = eqx.field(static=True)
    expansion: PyTree | Modes | None  # weights about which the network is expanded to first order

    def __init__(
        self,
        network: eqx.Module,
        prior: AbstractPrior | Entry | Mapping,
        likelihood: AbstractLikelihood,
        bayesian: str | Sequence[str] | None = None,
    ):
        check_network(network)
        if not isinstance(likelihood, AbstractLikelihood):
            raise TypeError(
                f"likelihood must be one of mf.likelihoods, got {type(likelihood).__name__}."
            )
        self.network = network
        self.prior = as_prior(prior)
        self.likelihood = numbers_to_arrays(likelihood)
        self.bayesian = (bayesian,) if isinstance(bayesian, str) else _as_tuple(bayesian)
        self.expansion = None
        self.prior.check(self.shapes)
        if self.points.issuperset(named_leaves(self.shapes)):
            raise ValueError("bayesian names no parameter. Leave it out, or use method='map'.")

    @property
    def points(self) -> frozenset[str]:
        """Paths of weights without a distribution, and of what their priors have of their own."""
        if self.bayesian is None:
            return frozenset()
        paths = list(named_leaves(self.shapes))
        points = frozenset(paths) - chosen(self.bayesian, paths)
        own = self.prior.supports(self.shapes).prior
        latents = (f"prior.{path}.{name}" for path in points for name in own.get(path, ()))
        return points | frozenset(latents)

    def with_params(self, params: PyTree) -> eqx.Module:
        weights = self.prior.transform(Latents(params["network"], params["prior"]))
        network = with_weights(self.network, weights)
        if self.expansion is None:
            return network
        several = isinstance(self.expansion, Modes)
        return Expanded(network, self.expansion.nearest(weights) if several else self.expansion)

    def linearised(self, weights: PyTree | Modes) -> "BayesianNetwork":
        """The model whose network is its own first-order expansion about these weights."""
        return eqx.tree_at(
            lambda it: it.expansion, self, weights, is_leaf=lambda node: node is None
        )

    def output_size(self, inputs: Any) -> int:
        return outputs_of_row(self.network, jnp.shape(inputs)[1:])

    @property
    def remark(self) -> str:
        return "" if self.expansion is None else ", to first order about its mode"


def _as_tuple(patterns: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if patterns is None else tuple(patterns)
