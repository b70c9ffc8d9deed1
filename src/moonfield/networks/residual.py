"""The residual multilayer perceptron."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .activations import activation as activation_function
from .mlp import Linear


class ResidualMLP(eqx.Module):
    """A multilayer perceptron of one row whose hidden layers but the first are residual blocks.

    `h_0 = f(first(x))`, `h_d = h_{d-1} + f(blocks_{d-1}(h_{d-1}))`, output `last(h_D)` (He et al.,
    2016, "Deep residual learning for image recognition", eq. 1, with blocks of one layer). A block
    of zero weights changes nothing, and `last` reads any h_d: so one forward pass gives the outputs
    at every depth d, the number of blocks in use (`depths`). `mf.priors.AdaptiveDepth` learns it.

    Args:
        sizes: numbers of units from inputs to outputs, all hidden layers of one width: `[2, 20, 20,
            20, 1]` has two blocks.
        activation, bias: as of `MLP`; the activation of 0 must be 0.

    Raises:
        ValueError: fewer than three sizes, a size below 1, hidden layers of several widths, or an
            activation that is unknown or not 0 at 0.

    Example:
        >>> import moonfield as mf
        >>> network = mf.nets.ResidualMLP([2] + [20] * 3 + [1])
        >>> len(network.blocks), network.depths(jnp.ones(2)).shape
        (2, (3, 1))
    """

    first: Linear
    blocks: list[Linear]
    last: Linear
    activation: str | Callable = eqx.field(static=True)

    def __init__(
        self, sizes: Sequence[int], activation: str | Callable = "tanh", bias: bool = True
    ):
        sizes = tuple(int(size) for size in sizes)
        hidden = sizes[1:-1]
        if not hidden or min(sizes) < 1 or len(set(hidden)) > 1:
            raise ValueError(
                "sizes needs numbers of inputs, of units of each hidden layer, the same for all, "
                f"and of outputs; got {sizes}."
            )
        function = activation_function(activation)
        with jax.ensure_compile_time_eval():
            if function(jnp.zeros(())) != 0.0:
                raise ValueError(
                    f"The activation {activation!r} is not 0 at 0, so that a block of zero weights "
                    "is not the identity. Take e.g. 'tanh', 'relu', 'gelu' or 'silu'."
                )
        self.activation = activation
        self.first = Linear(sizes[0], hidden[0], bias)
        self.blocks = [Linear(inputs, outputs, bias) for inputs, outputs in pairwise(hidden)]
        self.last = Linear(hidden[0], sizes[-1], bias)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of units from inputs to outputs."""
        width, inputs = self.first.weight.shape
        return (inputs, *[width] * (1 + len(self.blocks)), self.last.weight.shape[0])

    @property
    def bias(self) -> bool:
        """Whether layers have biases."""
        return self.last.bias is not None

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        return self.last(self._hidden(x)[-1])

    def depths(self, x: Float[Array, " inputs"]) -> Float[Array, "depths outputs"]:
        """The outputs with only the first 0, 1, ... blocks in use, by one forward pass."""
        return jax.vmap(self.last)(jnp.stack(self._hidden(x)))

    def _hidden(self, x: Array) -> list[Array]:
        function = activation_function(self.activation)
        states = [function(self.first(x))]
        for block in self.blocks:
            states.append(states[-1] + function(block(states[-1])))
        return states
