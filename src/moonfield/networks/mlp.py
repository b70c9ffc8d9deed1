"""The multilayer perceptron."""

import itertools
from collections.abc import Callable, Sequence

import equinox as eqx
from jaxtyping import Array, Float

from .._core.trees import zeros
from .activations import activation as activation_function
from .linear import linear


class Linear(eqx.Module):
    """An affine layer `weight @ x + bias` on one row; `weight` (outputs, inputs)."""

    weight: Array
    bias: Array | None

    def __init__(self, inputs: int, outputs: int, bias: bool = True):
        self.weight = zeros(outputs, inputs)
        self.bias = zeros(outputs) if bias else None

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        return linear(self.weight, self.bias, x)


class MLP(eqx.Module):
    """A multilayer perceptron of one row: affine layers with an activation between them.

    The weights are zeros: a Bayesian network takes their values from its prior and its posterior.

    Args:
        sizes: numbers of units from inputs to outputs, e.g. `[2, 5, 5, 1]`.
        activation: a name (`tanh`, `relu`, `gelu`, `silu`, `elu`, `softplus`, `sigmoid`, `sin`,
            `identity`) or a function. Networks with a function of your own need `model=` at load.
        bias: whether layers have biases.

    Raises:
        ValueError: fewer than two sizes, a size below 1, or an unknown activation.

    Example:
        >>> import moonfield as mf
        >>> mf.nets.MLP([2, 5, 5, 1], activation="tanh", bias=False).layers[0].weight.shape
        (5, 2)
    """

    layers: list[Linear]
    sizes: tuple[int, ...] = eqx.field(static=True)
    activation: str | Callable = eqx.field(static=True)
    bias: bool = eqx.field(static=True)

    def __init__(
        self, sizes: Sequence[int], activation: str | Callable = "tanh", bias: bool = True
    ):
        sizes = tuple(int(size) for size in sizes)
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(
                f"sizes needs at least two numbers of units of 1 or more, got {sizes}."
            )
        activation_function(activation)
        self.sizes, self.activation, self.bias = sizes, activation, bool(bias)
        self.layers = [Linear(i, o, bias) for i, o in itertools.pairwise(sizes)]

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        function = activation_function(self.activation)
        for layer in self.layers[:-1]:
            x = function(layer(x))
        return self.layers[-1](x)
