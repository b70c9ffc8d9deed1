"""Observed distributions of PyMC as NumPyro's, for predictions."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array

from .reading import Observed


class Kind(NamedTuple):
    """How predictions treat a distribution, and how to make it of PyTensor's parameters."""

    make: Callable[..., dist.Distribution]
    classes: bool = False
    binary: bool = False
    discrete: bool = False


def _negative_binomial(n: Array, p: Array) -> dist.Distribution:
    """Failures before the n-th success of probability p."""
    return dist.NegativeBinomial2(n * (1.0 - p) / p, n)


# By the name of PyTensor's operation; its parameters are those of `op.dist_params`.
KINDS = {
    "NormalRV": Kind(dist.Normal),
    "StudentTRV": Kind(dist.StudentT),
    "LaplaceRV": Kind(dist.Laplace),
    "LogNormalRV": Kind(dist.LogNormal),
    "ExponentialRV": Kind(lambda scale: dist.Exponential(1.0 / scale)),
    "GammaRV": Kind(lambda shape, scale: dist.Gamma(shape, 1.0 / scale)),
    "BetaRV": Kind(dist.Beta),
    "BernoulliRV": Kind(dist.BernoulliProbs, classes=True, binary=True, discrete=True),
    "CategoricalRV": Kind(dist.CategoricalProbs, classes=True, discrete=True),
    "PoissonRV": Kind(dist.Poisson, discrete=True),
    "NegBinomialRV": Kind(_negative_binomial, discrete=True),
    "BinomialRV": Kind(lambda n, p: dist.BinomialProbs(p, n), discrete=True),
}


def kind_of(observed: tuple[Observed, ...]) -> Kind:
    """How to predict for the only observed variable.

    Raises:
        ValueError: there is not exactly one, or its distribution is in no table.
    """
    if len(observed) != 1:
        names = ", ".join(repr(o.name) for o in observed) or "none"
        raise ValueError(f"predict needs exactly one observed variable; this model has {names}.")
    name = type(observed[0].rv.owner.op).__name__
    if name not in KINDS:
        raise ValueError(
            f"predict does not know the distribution of {observed[0].name!r} ({name}). It knows "
            f"{', '.join(known.removesuffix('RV') for known in KINDS)}."
        )
    return KINDS[name]


def can_predict(observed: tuple[Observed, ...]) -> bool:
    """Whether `kind_of` knows how to."""
    return len(observed) == 1 and type(observed[0].rv.owner.op).__name__ in KINDS


def distribution(kind: Kind, parameters: list[Array], shape: tuple[int, ...]) -> dist.Distribution:
    """The distribution of targets of this shape."""
    made = kind.make(*(jnp.asarray(p, jnp.result_type(float)) for p in parameters))
    return made if made.batch_shape == shape else made.expand(shape)
