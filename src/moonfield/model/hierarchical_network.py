"""A network for each of several groups, that learn from one another."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import PyTree

from .._core.trees import numbers_to_arrays, path_name
from ..data import Dataset, as_inputs, dataset
from ..likelihoods import AbstractLikelihood
from ..networks import Grouped, check_network
from ..priors import AbstractPrior, Entry, Hierarchy, Latents, as_prior, check_positive
from .base import warn_if_badly_scaled
from .groups import Groups, groups_of
from .network_model import AbstractNetworkModel, outputs_of_row


class Rows(NamedTuple):
    """Rows and the names of their groups, as one argument: `Rows(X, groups)`."""

    X: Any
    groups: Any


class HierarchicalNetwork(AbstractNetworkModel):
    """A Bayesian neural network for each group of rows, with weights from a common population.

    Weights of a group are `w_g = mu + s z_g`, `z_g ~ N(0, 1)`: the population's mean mu has the
    network's prior, and s, how much groups differ, is learned (non-centred; one term for each level
    of nested groups). With `level`, arrays of weights are shared by all groups, or separate.

    `mf.fit(model, X, y, groups=names_of_rows)`; `posterior.predict(X, groups=names)`, where None
    stands for a group that was not seen: its weights are drawn from the population.

    Args:
        network: as of `BayesianNetwork`.
        prior: of the population's weights, as of `BayesianNetwork`; or a whole
            `mf.priors.Hierarchy` for these groups, in place of `level`, `spread` and `per`.
        likelihood: one of `mf.likelihoods`; its own parameters are shared.
        groups: how many groups (named 0, 1, ...), or their names: a list, or a table with a column
            for each level of nested groups, coarse first (maker, model). Repetitions do not matter,
            so that the column of the training rows serves.
        level: pattern of a parameter path -> `"shared"`, `"partial"` or `"separate"`; the first
            that matches wins, all others are partial.
        spread: prior of s, on positive numbers; half-normal with sd 0.5 by default.
        per: whether there is one s for each `"weight"`, `"unit"` or `"layer"`.

    Raises:
        TypeError, ValueError: as `BayesianNetwork`; fewer than two groups; a level that is none, or
            a pattern that matches nothing.

    Example:
        >>> import moonfield as mf
        >>> model = mf.HierarchicalNetwork(
        ...     mf.nets.MLP([2, 5, 1]),
        ...     mf.priors.Normal(0.0, 1.0),
        ...     mf.likelihoods.Bernoulli(),
        ...     groups=["north", "south"],
        ...     level={"layers.0.*": "shared"},
        ... )
        >>> model.size
        21
    """

    network: eqx.Module
    prior: AbstractPrior
    likelihood: AbstractLikelihood
    groups: Groups = eqx.field(static=True)

    def __init__(
        self,
        network: eqx.Module,
        prior: AbstractPrior | Entry | Mapping,
        likelihood: AbstractLikelihood,
        groups: Any,
        level: Mapping[str, str] | None = None,
        spread: dist.Distribution | None = None,
        per: str = "weight",
    ):
        check_network(network)
        if not isinstance(likelihood, AbstractLikelihood):
            raise TypeError(
                f"likelihood must be one of mf.likelihoods, got {type(likelihood).__name__}."
            )
        self.network = network
        self.groups = groups if isinstance(groups, Groups) else groups_of(groups)
        self.prior = self._hierarchy(prior, level, spread, per)
        self.likelihood = numbers_to_arrays(likelihood)
        self.prior.check(self.shapes)

    def _hierarchy(self, prior: Any, level: Any, spread: Any, per: str) -> Hierarchy:
        parents = self.groups.parents
        if not isinstance(prior, Hierarchy):
            spread = check_positive(spread, dist.HalfNormal(0.5), "spread")
            return Hierarchy(as_prior(prior), level or {}, parents, spread, per)
        same = len(prior.parents) == len(parents)
        same = same and all(map(np.array_equal, prior.parents, parents))
        if not same or level or spread:
            raise ValueError("A Hierarchy as prior comes with its levels, for the same groups.")
        return prior

    @property
    def hierarchy(self) -> Hierarchy:
        """The prior."""
        return cast(Hierarchy, self.prior)

    @property
    def is_plain(self) -> bool:
        return False

    def with_params(self, params: PyTree) -> eqx.Module:
        weights = self.prior.transform(Latents(params["network"], params["prior"]))
        return Grouped(self.network, weights, self.hierarchy.apart(self.shapes))

    def output_size(self, inputs: Any) -> int:
        return outputs_of_row(self.network, jnp.shape(inputs["x"])[1:])

    def prepare(
        self, X: Any, y: Any, data: Any = None, weights: Any = None
    ) -> tuple["HierarchicalNetwork", Dataset]:
        if data is not None:
            raise ValueError("data is for programs; give this model X, y and groups.")
        inputs = self.check_inputs(X)
        rows = dataset(X.X, y, self.target_shape(inputs), weights)
        self.check_targets(inputs, rows.targets)
        warn_if_badly_scaled(inputs["x"], rows.columns)
        self.warn_of_targets(rows.targets)
        return self, rows._replace(inputs=inputs)

    def check_inputs(self, X: Any) -> PyTree:
        if isinstance(X, dict) and set(X) == {"x", "group"}:  # checked before
            return X
        if not isinstance(X, Rows):
            raise ValueError(
                "This model needs the group of each row: groups=..., or mf.Rows(X, groups) for X. "
                "None stands for a group that was not seen."
            )
        x = np.array(as_inputs(X.X).values)
        inputs = {"x": x, "group": self.groups.encode(X.groups, len(x))}
        self.target_shape(inputs)  # raises where the network does not accept such rows
        return inputs

    def of_group(self, weights: PyTree, number: int) -> PyTree:
        """One group's weights, of draws of all groups' (draws, groups, ...)."""
        apart = self.hierarchy.apart(self.shapes)

        def one(path: tuple, leaf: Any) -> Any:
            return leaf[:, number] if path_name(path) in apart else leaf

        return jax.tree_util.tree_map_with_path(one, weights)

    def extended(self) -> "HierarchicalNetwork":
        """With a new group of every known one, and of all: for names that end in None."""
        it = self.hierarchy
        options = {"level": dict(it.levels), "spread": it.spread, "per": it.per}
        groups = self.groups.extended()
        return HierarchicalNetwork(self.network, it.base, self.likelihood, groups, **options)
