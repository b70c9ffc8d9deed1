"""Weights of which every row sees a draw of its own, without a matrix for each row.

Both stand where a layer's matrix stands and know `weight @ x`, which is all that `linear` asks of
it; what `convolution` asks besides is in `Flipped`. They are no sequences: a network that indexes a
weight is told so, not given a part of the stand-in.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class Propagated(eqx.Module):
    """Independent normals: `weight @ x` is a draw of the normals that they make of a vector x.

    `mean @ x + sqrt(variance @ x^2 + bias_variance) * noise` (Kingma, Salimans & Welling, 2015,
    "Variational dropout and the local reparameterization trick", eq. 6), exactly as if the weights
    and a bias added afterwards had been drawn for this x. Not for a second x: their draws would be
    independent, those of `weight @ x1` and `weight @ x2` are not.
    """

    mean: Float[Array, "outputs inputs"]
    variance: Float[Array, "outputs inputs"]
    bias_variance: Float[Array, " outputs"] | None
    noise: Float[Array, " outputs"]

    def __matmul__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        variance = self.variance @ x**2
        if self.bias_variance is not None:
            variance = variance + self.bias_variance
        # Inputs that are all 0 leave nothing to draw, and the root no derivative.
        least = jnp.finfo(variance.dtype).tiny
        return self.mean @ x + jnp.sqrt(jnp.maximum(variance, least)) * self.noise


class Flipped(eqx.Module):
    """`mean + deviation * outer(left, right)`, left and right of random signs.

    A draw of any independent normals if `mean + deviation` is one, because they are symmetric; a
    matrix as whole, so that it may be used any number of times for a row (Wen, Vicol, Ba, Tran &
    Grosse, 2018, "Flipout", eqs 3-4).
    """

    mean: Float[Array, "outputs ..."]
    deviation: Float[Array, "outputs ..."]
    left: Float[Array, " outputs"]
    right: Float[Array, " inputs"]  # as many as numbers an output

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array in whose place it stands."""
        return self.mean.shape

    @property
    def ndim(self) -> int:
        """Axes of that array."""
        return self.mean.ndim

    def reshape(self, outputs: int, rest: int) -> "Flipped":
        """As a matrix with a row for each output."""
        if outputs != len(self.left) or rest not in (-1, len(self.right)):
            raise TypeError("weights with random signs can only become a matrix, outputs first")
        mean, deviation = (part.reshape(outputs, -1) for part in (self.mean, self.deviation))
        return Flipped(mean, deviation, self.left, self.right)

    def __matmul__(self, x: Float[Array, "inputs ..."]) -> Float[Array, "outputs ..."]:
        left, right = (signs.reshape(-1, *[1] * (x.ndim - 1)) for signs in (self.left, self.right))
        return self.mean @ x + left * (self.deviation @ (right * x))
