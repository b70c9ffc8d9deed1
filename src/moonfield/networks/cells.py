"""Cells of recurrent networks: one step of time."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .mlp import Linear

_FORGET = 1.0  # zero weights keep 73% of the memory; Jozefowicz et al., 2015, section 2.3


class GRU(eqx.Module):
    """A gated recurrent unit.

    With `a = W x + b` and `u = U h`, cut into three parts each, `r = sigmoid(a_1 + u_1)`,
    `z = sigmoid(a_2 + u_2)`, `n = tanh(a_3 + r u_3)`, the new state is `(1 - z) n + z h` (Cho et
    al., 2014, "Learning phrase representations using RNN encoder-decoder", eq. 5 to 8, with the
    reset gate after the product). `input` holds W (3 units, inputs) and b, `state` U (3 units,
    units).
    """

    input: Linear
    state: Linear
    carried: ClassVar[int] = 1  # arrays that go from step to step

    def __init__(self, inputs: int, units: int, bias: bool = True):
        self.input = Linear(inputs, 3 * units, bias)
        self.state = Linear(units, 3 * units, bias=False)

    def __call__(
        self, state: tuple[Array, ...], x: Float[Array, " inputs"]
    ) -> tuple[Float[Array, " units"], ...]:
        (h,) = state
        a, u = jnp.split(self.input(x), 3), jnp.split(self.state(h), 3)
        reset, update = jax.nn.sigmoid(a[0] + u[0]), jax.nn.sigmoid(a[1] + u[1])
        new = jnp.tanh(a[2] + reset * u[2])
        return ((1.0 - update) * new + update * h,)


class LSTM(eqx.Module):
    """A long short-term memory.

    With `W x + b + U h` cut into `i, f, g, o`, the new memory is
    `c' = sigmoid(f + 1) c + sigmoid(i) tanh(g)` and the new state `sigmoid(o) tanh(c')` (Hochreiter
    & Schmidhuber, 1997; Gers et al., 2000, "Learning to forget"). The 1 in the forget gate lets a
    network of small weights remember. `input` holds W (4 units, inputs) and b, `state` U (4 units,
    units).
    """

    input: Linear
    state: Linear
    carried: ClassVar[int] = 2

    def __init__(self, inputs: int, units: int, bias: bool = True):
        self.input = Linear(inputs, 4 * units, bias)
        self.state = Linear(units, 4 * units, bias=False)

    def __call__(
        self, state: tuple[Array, ...], x: Float[Array, " inputs"]
    ) -> tuple[Float[Array, " units"], ...]:
        h, c = state
        i, f, g, o = jnp.split(self.input(x) + self.state(h), 4)
        c = jax.nn.sigmoid(f + _FORGET) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c)


CELLS = {"gru": GRU, "lstm": LSTM}
