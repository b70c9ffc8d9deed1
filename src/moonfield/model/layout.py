"""What is in a NumPyro model, found by tracing it once without computing anything."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpyro.distributions as dist
from jaxtyping import PyTree

from .observed import Observed, argument_of, check_observed, observed_in
from .sites import Trace, base_of, is_factor, is_latent, is_observed, run, start_of

_OF_MODULES = "$params"  # ends the names of those that NumPyro's random modules give priors
_CLASSES = (
    dist.BernoulliProbs,
    dist.BernoulliLogits,
    dist.CategoricalProbs,
    dist.CategoricalLogits,
)


class Target(NamedTuple):
    """The observed site that predictions are about."""

    site: str
    data: str | None  # the argument whose value it is
    shape: tuple[int, ...]  # of one row's target
    axis: int  # batch axis of its rows, negative; 0 without rows
    classes: bool
    binary: bool
    discrete: bool

    @property
    def categorical(self) -> bool:
        """Whether it is the number of one of several classes, which NumPyro indexes by."""
        return self.classes and not self.binary


class Layout(NamedTuple):
    """The sites of a model under given data. Hashable: it keys compiled functions."""

    latents: tuple[tuple[str, tuple[int, ...]], ...]  # continuous, and their shapes
    dims: tuple[tuple[str, ...], ...]  # names of the axes of each latent site
    discrete: tuple[str, ...]  # latent sites to enumerate
    observed: tuple[tuple[str, int], ...]  # and the batch axis of their rows; 0 without rows
    local: tuple[str, ...]  # latent sites inside the data plate
    deterministic: tuple[str, ...]
    factors: tuple[str, ...]  # outside the data plate
    row_factors: tuple[tuple[str, int], ...]  # inside it, and the batch axis of their rows
    targets: tuple[Target, ...]
    plate: str | None  # the data plate
    rows: int | None  # its size


def layout_of(fn: Callable, arrays: dict[str, Any], static: dict[str, Any]) -> Layout:
    """The layout under this data.

    Raises:
        ValueError: the model has no observed site, subsamples a plate itself, or has a latent site
            whose support has no bijection to the real line and is not discrete, or a
            `numpyro.param`; what it observes is outside a site's support, or of another shape.
    """
    found: list[Layout] = []
    observed: list[list[Observed]] = []

    def look(arrays: dict[str, Any]) -> PyTree:
        key = jax.random.key(0)

        def choose(site: dict) -> Any:
            return None if site["fn"].support.is_discrete else start_of(site, key)

        trace = run(fn, {**arrays, **static}, choose, key)
        found.append(_read(trace, arrays))
        observed.append(observed_in(trace, arrays))
        return ()

    jax.eval_shape(look, arrays)
    check_observed(observed[-1], arrays)
    return found[-1]


def _read(trace: Trace, arrays: dict[str, Any]) -> Layout:
    sites = list(trace.values())
    observed = [site for site in sites if is_observed(site)]
    if not observed and not any(is_factor(site) for site in sites):
        raise ValueError("The program observes nothing: give a site obs=..., or a factor.")
    for site in sites:
        if site["type"] == "param" and not site["name"].endswith(_OF_MODULES):
            raise ValueError(
                f"The program has the numpyro.param {site['name']!r}, which has no posterior and "
                "would keep its first value. Give it a prior with numpyro.sample, or a number."
            )
        if is_latent(site) and site["fn"].support.is_discrete and not _enumerable(site["fn"]):
            raise ValueError(
                f"The discrete site {site['name']!r} ({type(site['fn']).__name__}) has no finite "
                "list of values to sum over. Replace it by a continuous one, or sum by hand."
            )
    plate, rows = _data_plate(trace, observed, arrays)
    latent = [site for site in sites if is_latent(site)]
    return Layout(
        tuple((s["name"], s["fn"].shape()) for s in latent if not s["fn"].support.is_discrete),
        tuple(_dims(s) for s in latent if not s["fn"].support.is_discrete),
        tuple(s["name"] for s in latent if s["fn"].support.is_discrete),
        tuple((s["name"], _row_axis(s, plate)) for s in observed),
        tuple(s["name"] for s in latent if _row_axis(s, plate) != 0),
        tuple(s["name"] for s in sites if s["type"] == "deterministic"),
        tuple(s["name"] for s in sites if is_factor(s) and _row_axis(s, plate) == 0),
        tuple(
            (s["name"], _row_axis(s, plate)) for s in sites if is_factor(s) and _row_axis(s, plate)
        ),
        tuple(_target(s, arrays, _row_axis(s, plate)) for s in observed),
        plate,
        rows,
    )


def _data_plate(
    trace: Trace, observed: list[dict], arrays: dict[str, Any]
) -> tuple[str | None, int | None]:
    """The plate, of all that hold every observed site, whose size is that of most arrays."""
    lengths = [array.shape[0] for array in arrays.values() if array.ndim]
    if not observed:
        return None, None
    shared = set.intersection(*({f.name for f in s["cond_indep_stack"]} for s in observed))
    sizes = {f.name: f.size for s in observed for f in s["cond_indep_stack"] if f.name in shared}
    for name, size in sizes.items():
        full = trace[name]["args"][0] if name in trace else size
        if full != size:
            raise ValueError(
                f"The program subsamples its plate {name!r}; leave that to batch_size=... of fit."
            )
    best = max(sizes, key=lambda name: lengths.count(sizes[name]), default=None)
    if best is None or sizes[best] not in lengths:
        return None, None
    return best, sizes[best]


def _row_axis(site: dict[str, Any], plate: str | None) -> int:
    for frame in site["cond_indep_stack"]:
        if frame.name == plate:
            return frame.dim
    return 0


def _enumerable(fn: dist.Distribution) -> bool:
    while isinstance(fn, dist.ExpandedDistribution | dist.Independent):
        fn = fn.base_dist
    return bool(fn.has_enumerate_support)


def _dims(site: dict[str, Any]) -> tuple[str, ...]:
    """A plate's name for each axis that it makes, else the site's name and the axis' number."""
    batch, shape = len(site["fn"].batch_shape), site["fn"].shape()
    plates = {batch + frame.dim: frame.name for frame in site["cond_indep_stack"]}
    return tuple(plates.get(axis, f"{site['name']}_dim_{axis}") for axis in range(len(shape)))


def _target(site: dict[str, Any], arrays: dict[str, Any], axis: int) -> Target:
    fn, value = site["fn"], site["value"]
    base = base_of(fn)
    binary = isinstance(base, dist.BernoulliProbs | dist.BernoulliLogits)
    return Target(
        site["name"],
        argument_of(site, arrays),
        tuple(value.shape[1:]) if axis else (),
        axis,
        isinstance(base, _CLASSES),
        binary,
        bool(fn.support.is_discrete),
    )
