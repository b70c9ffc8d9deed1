"""The three ways a likelihood can have a scale: known, learned, or from the network."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from .._core.trees import default_float, numbers_to_arrays

_FLOOR = 1e-6


class Scale(eqx.Module):
    """A positive scale (sd).

    Args:
        spec: a positive number (known), a NumPyro distribution on positive numbers (learned, with
            that prior), `"learned"` (the given default prior) or `"head"` (heteroscedastic: a
            second half of the outputs gives `softplus(output)`).
    """

    known: Array | None
    prior: dist.Distribution | None
    head: bool = eqx.field(static=True)

    def __init__(self, spec: Any, default_prior: dist.Distribution, name: str = "sd"):
        self.known, self.prior, self.head = None, None, False
        if isinstance(spec, str) and spec == "learned":
            self.prior = numbers_to_arrays(default_prior)
        elif isinstance(spec, str) and spec == "head":
            self.head = True
        elif isinstance(spec, dist.Distribution):
            self.prior = numbers_to_arrays(spec)
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
        return outputs // 2 if self.head else outputs

    def split(
        self, own: dict[str, Array], name: str, outputs: Float[Array, "... outputs"]
    ) -> tuple[Array, Array]:
        """Location outputs and scale."""
        if self.head:
            location, raw = jnp.split(outputs, 2, axis=-1)
            return location, jax.nn.softplus(raw) + _FLOOR
        return outputs, own[name] if self.known is None else self.known

    def __str__(self) -> str:
        if self.head:
            return "head"
        if self.known is not None:
            return f"{float(self.known):.4g}"
        return f"learned, {type(self.prior).__name__} prior"
