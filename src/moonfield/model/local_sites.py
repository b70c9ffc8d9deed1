"""Latent sites that every row has for itself, where an encoder gives them: see `mf.Amortised`."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .layout import Layout
from .sites import transform_of


def without_local(layout: Layout) -> Layout:
    """The layout whose latents are those outside the data plate alone."""
    kept = [i for i, (name, _) in enumerate(layout.latents) if name not in layout.local]
    latents = tuple(layout.latents[i] for i in kept)
    return layout._replace(latents=latents, dims=tuple(layout.dims[i] for i in kept))


def amortised_layout(layout: Layout) -> Layout:
    """The layout of a program whose local sites an encoder gives.

    Raises:
        ValueError: there are none, or their rows are not their first axis.
    """
    if not layout.local:
        raise ValueError(
            "Amortised needs latent sites inside the data plate (one value a row), and the program "
            "has none. Sample them inside the plate that holds the observed sites, or give the "
            "family of the other sites itself, such as mf.families.MeanField()."
        )
    for (name, shape), dims in zip(layout.latents, layout.dims, strict=True):
        if name in layout.local and dims[0] != layout.plate:
            raise ValueError(
                f"Amortised needs rows as the first axis of local sites, but {name!r} has shape "
                f"{shape} with axes {dims}. Make {layout.plate!r} the outermost plate."
            )
    return without_local(layout)


class RowValues:
    """Chooses the values of local sites from unconstrained rows, in the program's own order.

    `local` is (rows, local size); `log_det` (rows,) adds up the log-determinants of the bijections.
    All other sites take their values from `params`.
    """

    def __init__(
        self, names: tuple[str, ...], params: dict[str, Array], local: Float[Array, "rows size"]
    ):
        self.names, self.params, self.local = names, params, local
        self.log_det = jnp.zeros(local.shape[:1], local.dtype)
        self._taken = 0

    def __call__(self, site: dict[str, Any]) -> Array | None:
        if site["name"] not in self.names:
            return self.params.get(site["name"])
        transform = transform_of(site)
        shape = transform.inverse_shape(site["fn"].shape())
        begin, self._taken = self._taken, self._taken + math.prod(shape[1:])
        z = self.local[:, begin : self._taken].reshape(shape)
        value = transform(z)
        self.log_det = self.log_det + by_row(transform.log_abs_det_jacobian(z, value))
        return value


def local_size(names: tuple[str, ...], run: Callable[[Callable], Any]) -> int:
    """How many unconstrained numbers a row's local sites have; `run(choose)` runs the program."""
    if not names:
        return 0
    sizes: dict[str, int] = {}

    def choose(site: dict[str, Any]) -> None:
        if site["name"] in names:
            shape = transform_of(site).inverse_shape(site["fn"].shape())
            sizes[site["name"]] = math.prod(shape[1:])

    def look() -> tuple:
        run(choose)
        return ()

    jax.eval_shape(look)
    return sum(sizes.values())


def by_row(value: Float[Array, "rows ..."]) -> Float[Array, " rows"]:
    """The sum over all axes but the first."""
    return jnp.sum(value, axis=range(1, value.ndim))
