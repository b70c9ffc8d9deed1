"""Images as rows, and what networks do to them between convolutions."""

import math
from collections.abc import Sequence

import equinox as eqx
from jaxtyping import Array, Float

from .._core.trees import zeros
from .convolution import convolution


class Convolution(eqx.Module):
    """A convolution with zero padding, see `convolution`; `weight` (outputs, inputs, k, k)."""

    weight: Array
    bias: Array | None

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, bias: bool = True):
        self.weight = zeros(outputs, inputs, kernel, kernel)
        self.bias = zeros(outputs) if bias else None

    def __call__(
        self, x: Float[Array, "inputs height width"]
    ) -> Float[Array, "outputs height width"]:
        return convolution(self.weight, self.bias, x)


def check_image(image: Sequence[int], halvings: int) -> tuple[int, ...]:
    """The shape of an image, (height, width) or (channels, height, width), that can be halved so.

    Raises:
        ValueError: anything else.
    """
    shape = tuple(int(size) for size in image)
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise ValueError(
            f"image must be (height, width) or (channels, height, width), got {shape}."
        )
    if min(shape[-2:]) < 2**halvings:
        raise ValueError(
            f"An image of {shape[-2]} x {shape[-1]} pixels cannot be halved {halvings} times. Give "
            "fewer channels, which are one number for each size of the image."
        )
    return shape


def check_channels(channels: Sequence[int]) -> tuple[int, ...]:
    """At least one number of channels of 1 or more; `ValueError` for anything else."""
    numbers = tuple(int(number) for number in channels)
    if not numbers or min(numbers) < 1:
        raise ValueError(f"channels needs numbers of 1 or more, got {numbers}.")
    return numbers


def as_image(x: Array, image: tuple[int, ...]) -> Float[Array, "channels height width"]:
    """A row of this shape, or a flat one of as many numbers, with its channels first.

    Raises:
        ValueError: a row of another shape.
    """
    if x.shape not in (image, (math.prod(image),)):
        raise ValueError(
            f"the network is for images of shape {image} (or flat, {math.prod(image)} numbers)"
        )
    return x.reshape(*((1,) if len(image) == 2 else ()), *image)


def halved(x: Float[Array, "channels height width"]) -> Float[Array, "channels rows columns"]:
    """Means of 2 x 2 pixels; a last row or column without a partner is left out."""
    channels, height, width = x.shape[0], x.shape[1] // 2, x.shape[2] // 2
    even = x[:, : 2 * height, : 2 * width]
    return even.reshape(channels, height, 2, width, 2).mean(axis=(2, 4))
