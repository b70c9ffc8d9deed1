"""Networks of `mf.nets` as plain JSON, and back."""

from typing import Any

import equinox as eqx

from .mlp import MLP
from .recurrent import Recurrent
from .residual import ResidualMLP

_BUILDERS = {"MLP": MLP, "Recurrent": Recurrent, "ResidualMLP": ResidualMLP}


def describe(network: eqx.Module) -> dict[str, Any] | None:
    """The arguments that rebuild a network of `mf.nets`; None for any other network."""
    if type(network) is Recurrent:
        return {
            "type": "Recurrent",
            "sizes": list(network.sizes),
            "cell": network.cell,
            "bias": network.bias,
        }
    if not isinstance(network, MLP | ResidualMLP) or type(network) not in _BUILDERS.values():
        return None  # also where a class of your own is made of one of these
    if not isinstance(network.activation, str):
        return None
    return {
        "type": type(network).__name__,
        "sizes": list(network.sizes),
        "activation": network.activation,
        "bias": network.bias,
    }


def build(description: dict[str, Any]) -> eqx.Module:
    """The network of a description.

    Raises:
        ValueError: no network of `mf.nets` has that type.
    """
    arguments = dict(description)
    kind = arguments.pop("type", None)
    if kind not in _BUILDERS:
        raise ValueError(f"No network type {kind!r} in mf.nets; there are {', '.join(_BUILDERS)}.")
    return _BUILDERS[kind](**arguments)
