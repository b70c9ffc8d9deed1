"""The residual convolutional network."""

import math
from collections.abc import Callable, Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._core.checks import whole
from .activations import activation as activation_function
from .image import Convolution, as_image, check_channels, check_image, halved
from .mlp import Linear
from .normalisation import GroupNorm

_GROUP = 8  # about so many channels are normalised together


class Block(eqx.Module):
    """`shortcut(x) + convolutions_1(f(norms_1(convolutions_0(f(norms_0(x))))))`, x halved first
    where a stage begins; the shortcut is x itself or, to another number of channels, a 1 x 1
    convolution.
    """

    norms: list[GroupNorm]
    convolutions: list[Convolution]
    shortcut: Convolution | None
    halve: bool = eqx.field(static=True)
    activation: str | Callable = eqx.field(static=True)

    def __init__(self, inputs: int, outputs: int, halve: bool, activation: str | Callable):
        self.norms = [norm(inputs), norm(outputs)]
        self.convolutions = [Convolution(i, outputs) for i in (inputs, outputs)]
        self.shortcut = None if inputs == outputs else Convolution(inputs, outputs, 1, bias=False)
        self.halve, self.activation = halve, activation

    def __call__(
        self, x: Float[Array, "inputs height width"]
    ) -> Float[Array, "outputs rows columns"]:
        function = activation_function(self.activation)
        x = halved(x) if self.halve else x
        change = x
        for normalise, convolve in zip(self.norms, self.convolutions, strict=True):
            change = convolve(function(normalise(change)))
        return change + (x if self.shortcut is None else self.shortcut(x))


class ResNet(eqx.Module):
    """A small residual network of one image (He et al., 2016, "Identity mappings in deep residual
    networks", figure 4e), with group normalisation, which looks at no other row.

    `first` is a convolution; stages of `depth` residual blocks follow, the image halved between
    stages (means of 2 x 2 pixels); `last` is an affine layer of the means over all places.

    Args:
        image: as of `ConvNet`.
        channels: numbers of channels of the stages, e.g. `[16, 32, 64]`.
        outputs: how many outputs.
        depth: blocks a stage, of two convolutions each.
        activation: as of `MLP`.

    Raises:
        ValueError: a number out of range, an image too small to be halved between stages, or an
            unknown activation.

    Example:
        >>> import moonfield as mf
        >>> network = mf.nets.ResNet((3, 32, 32), [16, 32, 64], outputs=10)
        >>> len(network.blocks), network.last.weight.shape
        (3, (10, 64))
    """

    first: Convolution
    blocks: list[Block]
    norm: GroupNorm
    last: Linear
    image: tuple[int, ...] = eqx.field(static=True)
    channels: tuple[int, ...] = eqx.field(static=True)
    outputs: int = eqx.field(static=True)
    depth: int = eqx.field(static=True)
    activation: str | Callable = eqx.field(static=True)

    def __init__(
        self,
        image: Sequence[int],
        channels: Sequence[int],
        outputs: int,
        depth: int = 1,
        activation: str | Callable = "relu",
    ):
        activation_function(activation)
        self.channels = check_channels(channels)
        self.image = check_image(image, len(self.channels) - 1)
        self.outputs, self.depth = whole(outputs, "outputs"), whole(depth, "depth")
        self.activation = activation
        before = self.channels[0]
        self.first = Convolution(1 if len(self.image) == 2 else self.image[0], before)
        self.blocks = []
        for stage, number in enumerate(self.channels):
            for i in range(self.depth):
                self.blocks.append(Block(before, number, stage > 0 and i == 0, activation))
                before = number
        self.norm = norm(before)
        self.last = Linear(before, self.outputs)

    def __call__(self, x: Array) -> Float[Array, " outputs"]:
        x = self.first(as_image(x, self.image))
        for block in self.blocks:
            x = block(x)
        x = activation_function(self.activation)(self.norm(x))
        return self.last(jnp.mean(x, axis=(1, 2)))


def norm(channels: int) -> GroupNorm:
    """Group normalisation of about eight channels a group."""
    return GroupNorm(math.gcd(channels, max(1, channels // _GROUP)), channels)
