"""All that keeps a contract: whoever adds a class adds a line, and a test fails until then."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

import moonfield as mf
from moonfield.families import AbstractFamily
from moonfield.likelihoods import AbstractLikelihood
from moonfield.objectives import AbstractObjective

# What a family that knows layers is bound to: a matrix and a vector.
SPACE = SimpleNamespace(size=7, shapes=((2, 3), (1,)), paths=("weight", "bias"))
# The same size: a number of its own, a matrix, and a gate for each of its columns.
GATED_SPACE = SimpleNamespace(
    size=7,
    shapes=((1,), (2, 2), (1, 2)),
    paths=("likelihood.sd", "layers.0.weight", "prior.layers.0.weight.gate"),
)
# The same size: a weight, those of two blocks that may not exist, and which of them do.
DEEP_SPACE = SimpleNamespace(
    size=7,
    shapes=((1,), (2, 1), (1,), (3,)),
    paths=("first.weight", "blocks.0.weight", "blocks.1.weight", "prior.depth"),
)
# The same size: a matrix and a vector, the latter at a point.
PART_SPACE = SimpleNamespace(
    size=7, shapes=((2, 3), (1,)), paths=("weight", "bias"), points=frozenset({"bias"})
)


FAMILIES: dict[str, Callable[[], AbstractFamily]] = {
    "AdaptiveDepth": lambda: mf.families.AdaptiveDepth().bind(DEEP_SPACE),
    "Amortised": lambda: mf.Amortised(eqx.nn.Linear(3, 4, key=jax.random.key(0))),
    "Flow": lambda: mf.families.Flow(layers=2, knots=3, width=8),
    "FullRank": mf.families.FullRank,
    "Kronecker": lambda: mf.families.Kronecker().bind(SPACE),
    "LowRank": lambda: mf.families.LowRank(2),
    "MeanField": mf.families.MeanField,
    "Mixture": lambda: mf.families.Mixture(3),
    "Partial": lambda: mf.families.Partial().bind(PART_SPACE),
    "Point": mf.families.Point,
    "SpikeAndSlab": lambda: mf.families.SpikeAndSlab().bind(GATED_SPACE),
    "StudentT": mf.families.StudentT,
}

OBJECTIVES: dict[str, Callable[[], AbstractObjective]] = {
    "AnalyticKL": mf.objectives.AnalyticKL,
    "Flipout": mf.objectives.Flipout,
    "ImportanceWeighted": lambda: mf.objectives.ImportanceWeighted(4),
    "KernelStein": lambda: mf.objectives.KernelStein(4),
    "LocalReparameterisation": mf.objectives.LocalReparameterisation,
    "Renyi": lambda: mf.objectives.Renyi(0.5, 4),
    "Reparameterised": mf.objectives.Reparameterised,
    "StickingTheLanding": mf.objectives.StickingTheLanding,
    "Tempered": mf.objectives.Tempered,
}


class LikelihoodCase(NamedTuple):
    """A likelihood, how many outputs it gets, some targets and values of its own parameters."""

    make: Callable[[], AbstractLikelihood]
    outputs: int
    targets: list[float]
    own: dict[str, float] = {}  # noqa: RUF012


_NUMBERS = [-1.5, 0.0, 0.25, 3.0]
_NEAR = [-0.5, 0.0, 0.25, 0.5]  # where every component of a mixture has a slope to compare
_COUNTS = [0.0, 1.0, 4.0, 30.0]

LIKELIHOODS: dict[str, LikelihoodCase] = {
    "Bernoulli": LikelihoodCase(mf.likelihoods.Bernoulli, 1, [0.0, 1.0, 1.0, 0.0]),
    "Categorical": LikelihoodCase(mf.likelihoods.Categorical, 3, [0.0, 1.0, 2.0, 2.0]),
    "Normal": LikelihoodCase(lambda: mf.likelihoods.Normal(sd=0.5), 1, _NUMBERS),
    "Normal-learned": LikelihoodCase(mf.likelihoods.Normal, 1, _NUMBERS, {"sd": 0.7}),
    "Normal-head": LikelihoodCase(
        lambda: mf.likelihoods.Normal(sd="head"), 2, _NUMBERS, {"sd": 0.7}
    ),
    "StudentT": LikelihoodCase(lambda: mf.likelihoods.StudentT(scale=0.5), 1, _NUMBERS),
    "StudentT-learned": LikelihoodCase(mf.likelihoods.StudentT, 1, _NUMBERS, {"scale": 0.7}),
    "MixtureDensity": LikelihoodCase(lambda: mf.likelihoods.MixtureDensity(2), 6, _NEAR),
    "Poisson": LikelihoodCase(mf.likelihoods.Poisson, 1, _COUNTS),
    "NegativeBinomial": LikelihoodCase(lambda: mf.likelihoods.NegativeBinomial(2.0), 1, _COUNTS),
    "NegativeBinomial-learned": LikelihoodCase(
        mf.likelihoods.NegativeBinomial, 1, _COUNTS, {"concentration": 3.0}
    ),
}


class NetworkCase(NamedTuple):
    """A network of `mf.nets`, the shape of a row that it takes, and how many outputs it has."""

    make: Callable[[], Any]
    row: tuple[int, ...]
    outputs: int
    padded: bool = False  # whether the last channel says which steps of a row are real


NETWORKS: dict[str, NetworkCase] = {
    "Autoencoder": NetworkCase(lambda: mf.nets.Autoencoder([4, 3, 2]), (4,), 4),
    "ConvNet": NetworkCase(lambda: mf.nets.ConvNet((4, 5), [2, 3], 3), (4, 5), 3),
    "ConvNet-channels": NetworkCase(
        lambda: mf.nets.ConvNet((2, 4, 5), [3], 2, depth=2, activation="tanh", bias=False),
        (2, 4, 5),
        2,
    ),
    "MLP": NetworkCase(lambda: mf.nets.MLP([3, 4, 2]), (3,), 2),
    "Recurrent": NetworkCase(lambda: mf.nets.Recurrent([2, 4, 2]), (5, 3), 2, padded=True),
    "ResNet": NetworkCase(lambda: mf.nets.ResNet((4, 4), [2, 3], 2), (4, 4), 2),
    "ResidualMLP": NetworkCase(lambda: mf.nets.ResidualMLP([3, 4, 4, 2]), (3,), 2),
    "Transformer": NetworkCase(lambda: mf.nets.Transformer(3, 4, 2, depth=1, heads=2), (5, 3), 2),
}

PRIORS: dict[str, Callable[[], Any]] = {
    "AdaptiveDepth-Normal": lambda: mf.priors.AdaptiveDepth(mf.priors.Normal(0.0, 2.0), [1, 2, 3]),
    "Hierarchy-Normal": lambda: mf.priors.Hierarchy(
        mf.priors.as_prior(mf.priors.Normal(0.0, 2.0)),
        {"*": "shared"},
        [[0, 1]],
        mf.priors.HalfNormal(1.0),
    ),
    "Independent-Normal": lambda: mf.priors.Independent(mf.priors.Normal(0.0, 2.0)),
    "Independent-Laplace": lambda: mf.priors.Independent(mf.priors.Laplace(0.0, 1.0)),
    "Independent-Cauchy": lambda: mf.priors.Independent(mf.priors.Cauchy(0.0, 1.0)),
    "Independent-HalfNormal": lambda: mf.priors.Independent(mf.priors.HalfNormal(1.0)),
    "Independent-LearnedScale": lambda: mf.priors.Independent(mf.priors.LearnedScale(per="unit")),
    "Independent-AdaptiveWidth": lambda: mf.priors.Independent(
        {"*.weight": mf.priors.AdaptiveWidth(), "*": mf.priors.Normal(0.0, 2.0)}
    ),
    "Independent-Horseshoe": lambda: mf.priors.Independent(mf.priors.Horseshoe(0.5)),
    "Independent-RegularisedHorseshoe": lambda: mf.priors.Independent(
        mf.priors.RegularisedHorseshoe(0.5)
    ),
    "Independent-Informed": lambda: mf.priors.Independent(
        {
            "layers.0.weight": mf.priors.Informed(
                np.zeros((4, 3)), 0.5, directions=np.ones((2, 4, 3))
            ),
            "*": mf.priors.Normal(0.0, 2.0),
        }
    ),
    "Independent-ScaleMixture": lambda: mf.priors.Independent(mf.priors.ScaleMixture()),
    "Independent-SpikeAndSlab": lambda: mf.priors.Independent(mf.priors.SpikeAndSlab(0.3)),
    "Independent-Scaled": lambda: mf.priors.Independent(mf.priors.Scaled(1.0)),
    "Pruned-Normal": lambda: mf.priors.Pruned(
        mf.priors.as_prior(mf.priors.Normal(0.0, 2.0)),
        {"layers.0.weight": np.arange(12).reshape(4, 3) % 2 == 0},
    ),
    "Independent-table": lambda: mf.priors.Independent(
        {"*.weight": mf.priors.Scaled(1.0), "*": mf.priors.Laplace(0.0, 1.0)}
    ),
}
