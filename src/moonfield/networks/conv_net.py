"""The convolutional network."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import equinox as eqx
from jaxtyping import Array, Float

from .._core.checks import whole
from .activations import activation as activation_function
from .image import Convolution, as_image, check_channels, check_image, halved
from .mlp import Linear


class ConvNet(eqx.Module):
    """Convolutions of one image, halved from stage to stage, and an affine layer (LeCun et al.,
    1998, "Gradient-based learning applied to document recognition").

    Every stage is `depth` convolutions (zero padding, stride 1), each followed by the activation,
    and then means of 2 x 2 pixels: no state, nothing that looks at other rows. `layers` are all
    convolutions in order and last the affine layer, so that `layers.-1.*` are its parameters.

    Args:
        image: the shape of a row, (height, width) or (channels, height, width); a flat row of as
            many numbers is one too.
        channels: numbers of channels of the stages, e.g. `[16, 32]`.
        outputs: how many outputs.
        depth: convolutions a stage.
        kernel: their height and width, an odd number.
        activation, bias: as of `MLP`.

    Raises:
        ValueError: a number out of range, an image too small to be halved once for each stage, or
            an unknown activation.

    Example:
        >>> import jax.numpy as jnp, moonfield as mf
        >>> network = mf.nets.ConvNet((8, 8), [16, 32], outputs=10)
        >>> [layer.weight.shape for layer in network.layers]
        [(16, 1, 3, 3), (32, 16, 3, 3), (10, 128)]
        >>> network(jnp.ones((8, 8))).shape
        (10,)
    """

    layers: list[Convolution | Linear]
    image: tuple[int, ...] = eqx.field(static=True)
    channels: tuple[int, ...] = eqx.field(static=True)
    outputs: int = eqx.field(static=True)
    depth: int = eqx.field(static=True)
    kernel: int = eqx.field(static=True)
    activation: str | Callable = eqx.field(static=True)
    bias: bool = eqx.field(static=True)

    def __init__(
        self,
        image: Sequence[int],
        channels: Sequence[int],
        outputs: int,
        depth: int = 1,
        kernel: int = 3,
        activation: str | Callable = "relu",
        bias: bool = True,
    ):
        activation_function(activation)
        self.channels = check_channels(channels)
        self.image = check_image(image, len(self.channels))
        self.outputs, self.depth = whole(outputs, "outputs"), whole(depth, "depth")
        self.kernel = whole(kernel, "kernel")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, so that it has a centre; got {kernel}.")
        self.activation, self.bias = activation, bool(bias)
        before = 1 if len(self.image) == 2 else self.image[0]
        widths = [before, *(number for number in self.channels for _ in range(self.depth))]
        self.layers = [Convolution(i, o, self.kernel, bias) for i, o in pairwise(widths)]
        pixels = [size // 2 ** len(self.channels) for size in self.image[-2:]]
        self.layers.append(Linear(self.channels[-1] * pixels[0] * pixels[1], self.outputs, bias))

    def __call__(self, x: Array) -> Float[Array, " outputs"]:
        function = activation_function(self.activation)
        x = as_image(x, self.image)
        for i, layer in enumerate(self.layers[:-1], start=1):
            x = function(layer(x))
            x = halved(x) if i % self.depth == 0 else x
        return self.layers[-1](x.ravel())
