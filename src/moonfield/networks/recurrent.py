"""Recurrent networks of padded sequences."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .cells import CELLS, GRU, LSTM
from .mlp import Linear
from .padding import check_padded


class Encoder(eqx.Module):
    """The state of the last of some cells after the last step of a padded sequence."""

    cells: list[GRU | LSTM]
    units: tuple[int, ...] = eqx.field(static=True)
    carried: int = eqx.field(static=True)  # arrays that a cell carries from step to step

    def __call__(self, x: Float[Array, "time last"]) -> Float[Array, " units"]:
        def step(states: tuple, now: tuple[Array, Array]) -> tuple[tuple, None]:
            signal, here = now
            after = []
            for cell, state in zip(self.cells, states, strict=True):
                after.append(cell(state, signal))
                signal = after[-1][0]
            kept = jax.tree.map(lambda new, old: jnp.where(here, new, old), tuple(after), states)
            return kept, None

        start = tuple((jnp.zeros(units, x.dtype),) * self.carried for units in self.units)
        end, _ = jax.lax.scan(step, start, (x[:, :-1], x[:, -1] > 0.5))
        return end[-1][0]


class Recurrent(eqx.Module):
    """A recurrent network of one sequence: its output is an affine layer of the last state.

    Rows are sequences of any lengths, padded by `mf.nets.pad`, whose last channel is the mask.
    Steps of padding change nothing: an output does not depend on how far a row is padded.

    The weights are zeros: a Bayesian network takes their values from its prior and its posterior.

    Args:
        sizes: number of features, units of each recurrent layer, number of outputs: `[3, 16, 1]`.
        cell: `"gru"` or `"lstm"`.
        bias: whether cells and the last layer have biases.

    Raises:
        ValueError: fewer than three sizes, a size below 1, an unknown cell; when called, a row that
            is no padded sequence.

    Example:
        >>> import moonfield as mf
        >>> network = mf.nets.Recurrent([1, 8, 2], cell="lstm")
        >>> X = mf.nets.pad([[0.1, 0.2, 0.3], [0.5]])
        >>> jax.vmap(network)(X).shape
        (2, 2)
    """

    encoder: Encoder
    last: Linear
    sizes: tuple[int, ...] = eqx.field(static=True)
    bias: bool = eqx.field(static=True)
    cell: str = eqx.field(static=True)

    def __init__(self, sizes: Sequence[int], cell: str = "gru", bias: bool = True):
        sizes = tuple(int(size) for size in sizes)
        if len(sizes) < 3 or min(sizes) < 1:
            raise ValueError(
                "sizes needs numbers of features, of units of each recurrent layer, and of "
                f"outputs, each 1 or more; got {sizes}."
            )
        if cell not in CELLS:
            raise ValueError(f"No cell {cell!r}. There are {', '.join(CELLS)}.")
        self.sizes, self.cell, self.bias = sizes, cell, bool(bias)
        kind = CELLS[cell]
        cells = [kind(inputs, units, bias) for inputs, units in pairwise(sizes[:-1])]
        self.encoder = Encoder(cells, sizes[1:-1], kind.carried)
        self.last = Linear(sizes[-2], sizes[-1], bias)

    def __call__(self, x: Float[Array, "time last"]) -> Float[Array, " outputs"]:
        features = self.sizes[0]
        if jnp.ndim(x) != 2 or x.shape[1] != features + 1:
            raise ValueError(
                f"A row must be a sequence (time, {features + 1}): {features} features and the "
                f"mask. Use X = mf.nets.pad(sequences), got a row of shape {jnp.shape(x)}."
            )
        return self.last(self.encoder(x))

    def check_rows(self, X: Any) -> None:
        """Raise `ValueError` unless X (rows, time, features + 1) comes with the mask of `pad`."""
        check_padded(X)
