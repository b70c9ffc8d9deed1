"""Networks of `mf.nets` as parts, and back."""

import math

import equinox as eqx
import jax

from ..networks import build, check_description, describe
from .part import Part


def describe_network(network: eqx.Module) -> Part | None:
    """The arguments of a network of `mf.nets`; None for any other."""
    description = describe(network)
    return None if description is None else Part(description, {})


def build_network(part: Part, numbers: int) -> eqx.Module:
    """The network of a part, for a file that holds this many numbers.

    Raises:
        ValueError: it would have more weights than the file has numbers; seen before any is made.
    """
    check_description(part.facts)
    abstract = eqx.filter_eval_shape(lambda: build(part.facts))
    size = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(abstract))
    if size > numbers:
        raise ValueError(f"its network needs {size:,} weights, but it holds {numbers:,} numbers")
    network = build(part.facts)
    if describe(network) != part.facts:
        raise ValueError("its network's description is not consistent")
    return network
