"""Where axes of a layer's arrays stand: outputs last in Flax, outputs first in Moonfield."""

import math
from typing import Any, NamedTuple, cast

from flax import nnx
from jaxtyping import Array

Path = tuple[Any, ...]
Axes = tuple[int, ...]


class Layout(NamedTuple):
    """Axes of Flax in Moonfield's order, the shapes there and here."""

    order: Axes
    flax: tuple[int, ...]
    ours: tuple[int, ...]

    def here(self, array: Array) -> Array:
        """Flax's array as Moonfield holds it."""
        return array.transpose(self.order).reshape(self.ours)

    def there(self, array: Array) -> Array:
        """The inverse of `here`."""
        moved = array.reshape(tuple(self.flax[axis] for axis in self.order))
        return moved.transpose(tuple(self.order.index(axis) for axis in range(len(self.order))))


def layouts(module: nnx.Module) -> dict[Path, Layout]:
    """The layout of every array, by path, that is not held as Flax holds it."""
    found: dict[Path, Layout] = {}
    for path, layer in nnx.iter_modules(module):
        for name in ("kernel", "bias"):
            array = getattr(layer, name, None)
            if isinstance(array, nnx.Param):
                shape = tuple(cast(Any, array).shape)
                order = _order(layer, name, len(shape))
                if order is not None:
                    found[(*path, name)] = _layout(shape, *order)
    return found


def _layout(shape: tuple[int, ...], axes: Axes, outputs: Axes, inputs: Axes) -> Layout:
    """Outputs as one axis, inputs as the next one, all other axes behind."""
    ours = [math.prod(shape[axis] for axis in outputs)]
    ours += [math.prod(shape[axis] for axis in inputs)] if inputs else []
    ours += [shape[axis] for axis in axes[len(outputs) + len(inputs) :]]
    return Layout(axes, shape, tuple(ours))


def _order(layer: nnx.Module, name: str, ndim: int) -> tuple[Axes, Axes, Axes] | None:
    """All axes in our order, outputs and inputs first; those of outputs, and of inputs."""
    axes = tuple(range(ndim))
    if isinstance(layer, nnx.LinearGeneral) and not layer.batch_axis:
        outputs = axes[-len(layer.out_features) :]
        inputs = axes[: -len(layer.out_features)]
    elif name == "kernel" and isinstance(layer, nnx.Linear | nnx.Conv | nnx.ConvTranspose):
        outputs, inputs = axes[-1:], axes[-2:-1]
        if getattr(layer, "transpose_kernel", False):
            outputs, inputs = inputs, outputs
    else:
        return None
    rest = tuple(axis for axis in axes if axis not in outputs + inputs)
    return outputs + inputs + rest, outputs, inputs
