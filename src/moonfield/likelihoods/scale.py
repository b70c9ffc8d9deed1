"""The three ways a likelihood can have a scale: known, learned, or from the network."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from .._core.trees import default_float, numbers_to_arrays

_FAR = 30.0  # on the unconstrained scale: close to the least number of a support
_RANGE = 3.0  # of the log of a head's factor, to either side


class Head(NamedTuple):
    """A scale that depends on the inputs: a learned one with this prior, times a head's factor."""

    prior: dist.Distribution


class Scale(eqx.Module):
    """A positive scale (sd).

    Args:
        spec: a positive number (known), a NumPyro distribution on positive numbers (learned, with
            that prior), `"learned"` (the given default prior) or `"head"` (heteroscedastic: a
            learned scale with the default prior, times `exp(3 tanh(output / 3))` for each of the
            second half of the outputs: a factor between 1/20 and 20, without which one row's scale
            near 0 outweighs all others while a fit begins), or `Head(prior)`.
    """

    known: Array | None
    prior: dist.Distribution | None
    head: bool = eqx.field(static=True)

    def __init__(self, spec: Any, default_prior: dist.Distribution, name: str = "sd"):
        self.known, self.prior, self.head = None, None, False
        if isinstance(spec, str) and spec == "learned":
            self.prior = numbers_to_arrays(default_prior)
        elif isinstance(spec, str) and spec == "head":
            self.head, self.prior = True, numbers_to_arrays(default_prior)
        elif isinstance(spec, Head):
            self.head, self.prior = True, _positive(spec.prior, name)
        elif isinstance(spec, dist.Distribution):
            self.prior = _positive(spec, name)
        elif isinstance(spec, str) or not jnp.isscalar(spec) or isinstance(spec, bool):
            raise TypeError(
                f"{name} must be a positive number, a NumPyro distribution, 'learned' or 'head'; "
                f"got {spec!r}."
            )
        elif not float(spec) > 0:
            raise ValueError(f"{name} must be positive, got {spec}.")
        else:
            self.known = jnp.asarray(spec, default_float())

    def priors(self, name: str) -> dict[str, dist.Distribution]:
        """The prior of a learned scale under its name; empty otherwise."""
        return {} if self.prior is None else {name: self.prior}

    def targets(self, outputs: int) -> int:
        """How many targets that many outputs serve."""
        if self.head and outputs % 2:
            raise ValueError(
                f"A scale from a head needs an even number of outputs (locations, then scales); "
                f"the network has {outputs}."
            )
        targets = outputs // 2 if self.head else outputs
        shape = () if self.prior is None else self.prior.batch_shape
        if shape and shape != (targets,):
            raise ValueError(
                f"The prior of a scale is of shape {shape}, for {targets} targets: give it one "
                "entry, or one for each target where there are several."
            )
        if shape == (1,):
            raise ValueError("The prior of the scale of one target has no axes, got shape (1,).")
        return targets

    def split(
        self, own: dict[str, Array], name: str, outputs: Float[Array, "... outputs"]
    ) -> tuple[Array, Array]:
        """Location outputs and scale."""
        if self.head:
            location, raw = jnp.split(outputs, 2, axis=-1)
            return location, own[name] * jnp.exp(_RANGE * jnp.tanh(raw / _RANGE))
        return outputs, own[name] if self.known is None else self.known

    def __str__(self) -> str:
        if self.head:
            return f"head, {type(self.prior).__name__} prior"
        if self.known is not None:
            return f"{float(self.known):.4g}"
        return f"learned, {type(self.prior).__name__} prior"


def _positive(prior: Any, name: str) -> dist.Distribution:
    """A distribution that allows no number below 0."""
    if not isinstance(prior, dist.Distribution):
        raise TypeError(
            f"The prior of {name} must be a NumPyro distribution, got {type(prior).__name__}."
        )
    least = -jnp.inf
    if not prior.event_shape:
        zeros = jnp.zeros(prior.batch_shape, default_float())
        least = jnp.min(dist.biject_to(prior.support)(zeros - _FAR))
    if not least >= 0.0:
        raise ValueError(
            f"The prior of {name} must be of positive numbers, such as HalfNormal or LogNormal; "
            f"got {type(prior).__name__}, which allows others."
        )
    return numbers_to_arrays(prior)
