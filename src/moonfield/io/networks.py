"""Networks of `mf.nets` as parts, and back."""

import math
from typing import Any

import equinox as eqx
import jax

from ..networks import build, describe
from .part import Part

_MOST_SIZES = 1_000


def describe_network(network: eqx.Module) -> Part | None:
    """The arguments of a network of `mf.nets`; None for any other."""
    description = describe(network)
    return None if description is None else Part(description, {})


def build_network(part: Part, numbers: int) -> eqx.Module:
    """The network of a part, for a file that holds this many numbers.

    Raises:
        ValueError: it would have more weights than the file has numbers; seen before any is made.
    """
    _check_sizes(part.facts.get("sizes"))
    abstract = eqx.filter_eval_shape(lambda: build(part.facts))
    size = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(abstract))
    if size > numbers:
        raise ValueError(f"its network needs {size:,} weights, but it holds {numbers:,} numbers")
    network = build(part.facts)
    if describe(network) != part.facts:
        raise ValueError("its network's description is not consistent")
    return network


def _check_sizes(sizes: Any) -> None:
    """Whole numbers, and not so many that making the layers would take minutes."""
    if not isinstance(sizes, list) or not all(type(size) is int for size in sizes):
        raise ValueError(f"its network has the sizes {sizes!r}")
    if len(sizes) > _MOST_SIZES:
        raise ValueError(f"its network has {len(sizes):,} sizes; files keep up to {_MOST_SIZES:,}")
