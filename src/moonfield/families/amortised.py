"""Local latent variables by an encoder, all others by another family."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..networks import check_network, weights_of, with_weights
from .base import AbstractFamily, LocalDraws
from .mean_field import MeanField
from .standard_normal import standard_log_density

_UNIT = 0.1  # of the encoder's weights: step sizes that suit means are too large for them


class AmortisedState(NamedTuple):
    """The variational parameters of the global sites, and the encoder's weights."""

    family: PyTree
    encoder: PyTree  # in units of 0.1


class Amortised(AbstractFamily):
    """`q(z) prod_rows N(local_row; mean(row), diag(sd(row))^2)`, an encoder giving mean and log sd.

    For programs with latent sites inside their data plate, one value a row: variational
    autoencoders, factor models. The encoder's weights are variational parameters, trained by the
    ELBO from where they stand; batches scale a row's local terms with its likelihood (Kingma &
    Welling, 2014, "Auto-encoding variational Bayes", eq. 10). All other sites follow `family`.

    The encoder sees one row of the arrays that are rows of the data: the array itself where there
    is one, else a dict of them by argument name. It returns `2 * size` numbers, the means of all
    local sites on their unconstrained scale in the program's order, then their log sds.

    Predictions for rows with their data draw local sites by the encoder (reconstruction), without
    the program's target by their prior: `posterior.predict({}).sample(9)` are nine new rows. Rows
    of a prediction share the noise of a draw, so that each depends on itself alone; `sample` draws
    them independently. A row's evidence is bounded by `posterior.row_elbo`; `log_prob` of a
    reconstruction, whose encoder has seen the row, is none.

    Args:
        encoder: any callable equinox module without state, of one row.
        family: of the sites outside the data plate; `mf.families.MeanField()` by default.

    Raises:
        TypeError, ValueError: `encoder` is no such module; `family` is none, or amortised itself.
            At the fit: the encoder returns something else, or the program has no local sites.

    Example:
        >>> import equinox as eqx, jax, moonfield as mf
        >>> encoder = eqx.nn.MLP(64, 4, 32, 1, key=jax.random.key(0))  # 64 pixels, a code of two
        >>> method = mf.ADVI(family=mf.Amortised(encoder))
        >>> method.name
        'amortised_advi'
    """

    encoder: Any = eqx.field(metadata={"given": True})
    family: AbstractFamily
    local_size: int = eqx.field(static=True, metadata={"bound": True})

    def __init__(
        self, encoder: Any, family: AbstractFamily = MeanField(), local_size: int | None = None
    ):
        check_network(encoder, "encoder")
        _check_start(encoder)
        if not isinstance(family, AbstractFamily) or isinstance(family, Amortised):
            raise TypeError(f"family must be one of mf.families but Amortised, got {family!r}.")
        self.encoder, self.family = encoder, family
        self.local_size = 0 if local_size is None else local_size

    @property
    def fusible(self) -> bool:
        return self.family.fusible

    def bind(self, space: Any) -> "Amortised":
        model = space.model
        if not model.local_sites:
            raise ValueError(
                f"Amortised needs a program with latent sites of every row, which {model} lets no "
                "encoder give. Give it to mf.ADVI(family=...) itself, and fit an mf.Program."
            )
        _check_encoder(self.encoder, model.row, model.local_size)
        return Amortised(self.encoder, self.family.bind(space), model.local_size)

    def init(self, location: Float[Array, " size"], sd: float) -> AmortisedState:
        weights = jax.tree.map(
            lambda leaf: leaf.astype(location.dtype) / _UNIT, weights_of(self.encoder)
        )
        return AmortisedState(self.family.init(location, sd), weights)

    def noise_size(self, size: int) -> int:
        return self.family.noise_size(size)

    def sample(self, state: AmortisedState, noise: Float[Array, " noise"]) -> Float[Array, " size"]:
        return self.family.sample(state.family, noise)

    def strata(
        self, state: AmortisedState, noise: Float[Array, " noise"]
    ) -> tuple[Float[Array, " strata"], Float[Array, "strata size"]]:
        return self.family.strata(state.family, noise)

    def log_prob(self, state: AmortisedState, z: Float[Array, " size"]) -> Float[Array, ""]:
        return self.family.log_prob(state.family, z)

    def sample_and_log_prob(
        self, state: AmortisedState, noise: Float[Array, " noise"]
    ) -> tuple[Float[Array, " size"], Float[Array, ""]]:
        return self.family.sample_and_log_prob(state.family, noise)

    def entropy(self, state: AmortisedState) -> Float[Array, ""] | None:
        return self.family.entropy(state.family)

    def moments(self, state: AmortisedState) -> tuple[Array, Array] | None:
        return self.family.moments(state.family)

    def local(
        self, state: AmortisedState, rows: PyTree, noise: Float[Array, "rows local"]
    ) -> LocalDraws:
        weights = jax.tree.map(lambda leaf: _UNIT * leaf, state.encoder)
        encoder: Any = with_weights(self.encoder, weights)
        mean, log_sd = jnp.split(jax.vmap(encoder)(rows), 2, axis=1)
        log_density = jax.vmap(standard_log_density)(noise) - jnp.sum(log_sd, axis=1)
        return LocalDraws(mean + jnp.exp(log_sd) * noise, log_density)


def _check_start(encoder: Any) -> None:
    """Raise `ValueError` for layers of zeros, whose gradients are zero or alike for all units."""
    weights = [leaf for leaf in jax.tree.leaves(weights_of(encoder)) if leaf.ndim > 1]
    if len(weights) > 1 and not any(np.any(leaf) for leaf in weights):
        raise ValueError(
            "The encoder's weights are all zero and would not learn. Give one with initial "
            "weights, as equinox.nn.MLP(..., key=key); networks of mf.nets have none of their own."
        )


def _check_encoder(encoder: Any, row: PyTree, size: int) -> None:
    """Raise `ValueError` unless the encoder gives mean and log sd of each local number."""
    seen = jax.tree.map(lambda leaf: leaf.shape, row)
    try:
        out = jax.eval_shape(encoder, row)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"The encoder does not run on a row of shape {seen}: {error}") from error
    if getattr(out, "shape", None) != (2 * size,):
        got = jax.tree.map(lambda leaf: leaf.shape, out)
        raise ValueError(
            f"The encoder must return {2 * size} numbers for a row (mean and log sd of the {size} "
            f"unconstrained numbers of its local sites), got shape {got}. Change its last layer."
        )
