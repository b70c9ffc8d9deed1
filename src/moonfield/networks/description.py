"""Networks of `mf.nets` as plain JSON, and back."""

from typing import Any

import equinox as eqx

from .autoencoder import Autoencoder
from .conv_net import ConvNet
from .mlp import MLP
from .recurrent import Recurrent
from .res_net import ResNet
from .residual import ResidualMLP
from .transformer import Transformer

_SIZES = ("sizes", "activation", "bias")
_IMAGE = ("image", "channels", "outputs", "depth")
_PARTS = ("features", "width", "outputs", "depth", "heads", "activation")

# Every network, with the arguments that make it, which are also its attributes.
NETWORKS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "Autoencoder": (Autoencoder, _SIZES),
    "ConvNet": (ConvNet, (*_IMAGE, "kernel", "activation", "bias")),
    "MLP": (MLP, _SIZES),
    "Recurrent": (Recurrent, ("sizes", "cell", "bias")),
    "ResNet": (ResNet, (*_IMAGE, "activation")),
    "ResidualMLP": (ResidualMLP, _SIZES),
    "Transformer": (Transformer, _PARTS),
}

_MOST_LAYERS = 1_000


def describe(network: eqx.Module) -> dict[str, Any] | None:
    """The arguments that rebuild a network of `mf.nets`; None for any other network."""
    name = type(network).__name__
    cls, arguments = NETWORKS.get(name, (None, ()))
    if cls is not type(network):
        return None  # also where a class of your own is made of one of these
    values = {argument: getattr(network, argument) for argument in arguments}
    if not isinstance(values.get("activation", ""), str):
        return None
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
    return {"type": name, **plain}


def build(description: dict[str, Any]) -> eqx.Module:
    """The network of a description.

    Raises:
        TypeError, ValueError: no network of `mf.nets` has that type or such arguments.
    """
    arguments = dict(description)
    kind = arguments.pop("type", None)
    if kind not in NETWORKS:
        raise ValueError(f"No network type {kind!r} in mf.nets; there are {', '.join(NETWORKS)}.")
    return NETWORKS[kind][0](**arguments)


def check_description(description: dict[str, Any]) -> None:
    """Raise `ValueError` where to make the network would take minutes, before it is made."""
    layers = 1
    for name, value in description.items():
        if name in ("sizes", "channels", "image"):
            if not isinstance(value, list) or not all(type(size) is int for size in value):
                raise ValueError(f"its network has the {name} {value!r}")
            layers *= 1 if name == "image" else max(1, len(value))
        elif name == "depth":
            if type(value) is not int:
                raise ValueError(f"its network has the depth {value!r}")
            layers *= max(1, value)
    if layers > _MOST_LAYERS:
        raise ValueError(f"its network has {layers:,} layers; files keep up to {_MOST_LAYERS:,}")
