"""What a program observes, against what it could observe."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.core import Tracer

from .sites import Trace, base_of, is_observed


class Observed(NamedTuple):
    """A site whose value is an argument."""

    site: str
    data: str  # the argument
    kind: str  # of the distribution
    support: Any  # None where it depends on parameters
    shape: tuple[int, ...]  # of the distribution's draws


def observed_in(trace: Trace, arrays: dict[str, Any]) -> list[Observed]:
    """The sites of a trace whose value is one of the arrays that the model was run on."""
    found = []
    for site in filter(is_observed, trace.values()):
        data = argument_of(site, arrays)
        if data is not None:
            fn = site["fn"]
            kind, shape = type(base_of(fn)).__name__, fn.shape()
            found.append(Observed(site["name"], data, kind, _fixed_support(fn), shape))
    return found


def argument_of(site: dict[str, Any], arrays: dict[str, Any]) -> str | None:
    """Which argument a site's value is, if it is one."""
    return next((name for name, array in arrays.items() if array is site["value"]), None)


def check_observed(sites: list[Observed], arrays: dict[str, Any]) -> None:
    """Raise `ValueError` for data that a site cannot have, whatever the parameters are."""
    for site in sites:
        value = arrays[site.data]
        if not isinstance(value, np.ndarray):
            continue
        try:
            joint = np.broadcast_shapes(value.shape, site.shape)
        except ValueError as error:
            raise ValueError(
                f"data[{site.data!r}] has shape {value.shape}, but site {site.site!r} has shape "
                f"{site.shape}."
            ) from error
        if math.prod(joint) > max(value.size, math.prod(site.shape)):
            raise ValueError(
                f"data[{site.data!r}] has shape {value.shape}, but site {site.site!r} has shape "
                f"{site.shape}: each of its entries would be compared with each of those. Reshape "
                f"it to {site.shape}."
            )
        if site.support is None:
            continue
        bad = np.argwhere(~np.asarray(site.support(jnp.asarray(value))))
        if len(bad):
            place = tuple(bad[0].tolist())
            raise ValueError(
                f"data[{site.data!r}] is {value[place]} at {place}, which {site.kind} of site "
                f"{site.site!r} cannot be: its support is {site.support}."
            )


def _fixed_support(fn: Any) -> Any:
    """Where each number can be, if no parameter and no mask changes that; None for vectors.

    Simplexes and the like are equations, which data meet up to rounding.
    """
    inner, support = fn, fn.support
    while hasattr(inner, "base_dist"):
        if isinstance(inner, dist.MaskedDistribution):
            return None
        inner = inner.base_dist
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    fixed = not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(support))
    return support if fixed and support.event_dim == 0 else None
