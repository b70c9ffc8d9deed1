"""NumPyro models as Moonfield models."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from ..data import Dataset, as_array
from .abstract_program import AbstractProgram, Binding, checked_weights
from .bound_program import BoundProgram
from .layout import Layout, layout_of
from .local_sites import amortised_layout, without_local
from .rows_alone import why_not_alone


class Program(AbstractProgram):
    """A NumPyro model: any function of keyword data made of `numpyro.sample`, `plate` and so on.

    Fit it with `mf.fit(program, data={"x": ..., "y": ...})`. Arrays whose first axis is as long as
    the data plate (the plate that holds every observed site) are rows: they can be taken in
    batches, scaled exactly, and other rows predicted for. Other arrays go in as they are; numbers,
    strings and None are compiled in.

    Args:
        fn: the model. Arguments that are observed should default to None, so that they can be left
            out for predictions.

    Example:
        >>> import moonfield as mf, numpyro, numpyro.distributions as dist
        >>> def regression(x, y=None):
        ...     slope = numpyro.sample("slope", dist.Normal(0.0, 1.0))
        ...     sd = numpyro.sample("sd", dist.HalfNormal(1.0))
        ...     with numpyro.plate("rows", x.shape[0]):
        ...         numpyro.sample("y", dist.Normal(slope * x, sd), obs=y)
        >>> mf.Program(regression)
        Program(regression)
    """

    def __init__(self, fn: Callable):
        if not callable(fn):
            raise TypeError(f"fn must be a NumPyro model, a function, got {type(fn).__name__}.")
        self.fn = fn

    def __repr__(self) -> str:
        return f"Program({getattr(self.fn, '__name__', self.fn)})"

    def bind(
        self, data: Any, weights: Any = None, amortised: bool = False
    ) -> tuple[BoundProgram, Dataset]:
        """The model under this data, and the rows that the engine takes batches of.

        `amortised` leaves latent sites inside the data plate to an encoder (`mf.Amortised`).

        Raises:
            TypeError, ValueError: data lacks an argument, has one too many, is not finite, or the
                model observes nothing; the message names it. Amortised: there are no sites inside
                the data plate, or rows cannot be looked at one by one.
        """
        arrays, static = self._arguments(data)
        layout = layout_of(self.fn, arrays, static)
        for name in (t.data for t in layout.targets if t.categorical and t.data is not None):
            arrays[name] = arrays[name].astype(np.int32)
        layout = amortised_layout(layout) if amortised else layout
        rows, reason = self._rows(arrays, static, layout, amortised)
        if amortised and reason is not None:
            raise ValueError(
                f"Amortised looks at rows one by one, but {reason}. Change the program, or use "
                "another family, such as mf.families.MeanField()."
            )
        model = self._bound(_binding(arrays, static, rows, layout, amortised), layout, reason)
        count = layout.rows if reason is None and layout.rows else model.entries
        given = checked_weights(weights, count, reason)
        return model, Dataset(rows, (), given, None, count, reason is None)

    def _rows(
        self, arrays: dict[str, np.ndarray], static: dict[str, Any], layout: Layout, amortised: bool
    ) -> tuple[dict[str, np.ndarray], str | None]:
        """The arrays that batches are taken of; where there can be none, why."""
        reason = _why_not_in_batches(self.fn, arrays, static, layout)
        rows = {} if reason else {n: a for n, a in arrays.items() if a.shape[:1] == (layout.rows,)}
        if rows:
            binding = _binding(arrays, static, rows, layout, amortised)
            reason = why_not_alone(self._bound(binding, layout, None), rows)
        return {} if reason else rows, reason

    def _bound(self, binding: Binding, layout: Layout, refusal: str | None) -> BoundProgram:
        return BoundProgram(
            fn=self.fn,
            whole=jax.device_put(dict(binding.whole)),
            static=tuple(sorted(binding.static.items())),
            by_row=tuple(binding.by_row),
            layout=layout,
            refusal=refusal,
            amortised=binding.amortised,
        )

    def rebuild(self, binding: Binding) -> BoundProgram:
        whole, static, by_row, _, amortised = binding
        whole, static = dict(whole), dict(static)
        _check_names(self.fn, {**whole, **static, **{name: None for name, *_ in by_row}})
        rows = {n: jax.ShapeDtypeStruct((binding.rows, *s), dtype) for n, s, dtype in by_row}
        layout = layout_of(self.fn, {**whole, **rows}, static)
        layout = amortised_layout(layout) if amortised else layout
        reason = None if by_row else self._rows(whole, static, layout, amortised)[1]
        return self._bound(binding, layout, reason)

    def _arguments(self, data: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Checked arrays, and what is compiled in."""
        if data is None:
            raise ValueError("A program is fitted to data={...}: its arguments by name.")
        if not isinstance(data, Mapping):
            raise TypeError(f"data must map argument names to values, got {type(data).__name__}.")
        _check_names(self.fn, data)
        arrays, static = {}, {}
        for name, value in data.items():
            if value is None or isinstance(value, bool | int | float | str):
                static[name] = value
            else:
                arrays[name] = as_array(name, value)
        return arrays, static


def _binding(
    arrays: dict[str, np.ndarray],
    static: dict[str, Any],
    rows: dict[str, np.ndarray],
    layout: Layout,
    amortised: bool,
) -> Binding:
    whole = {name: array for name, array in arrays.items() if name not in rows}
    by_row = tuple((name, array.shape[1:], str(array.dtype)) for name, array in rows.items())
    return Binding(whole, static, by_row, layout.rows, amortised)


def _check_names(fn: Callable, data: Mapping[str, Any]) -> None:
    parameters = inspect.signature(fn).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    unknown = [name for name in data if name not in parameters]
    if unknown:
        raise ValueError(
            f"The program has no argument {unknown[0]!r}. It takes {', '.join(parameters)}."
        )
    missing = [n for n, p in parameters.items() if p.default is p.empty and n not in data]
    if missing:
        raise ValueError(f"data lacks {missing[0]!r}, which the program needs.")


def _why_not_in_batches(
    fn: Callable, arrays: dict[str, np.ndarray], static: dict[str, Any], layout: Layout
) -> str | None:
    """Why this program is not a sum over rows that can be taken in batches; None where it is."""
    if layout.rows is None:
        return "no plate of the size of its data holds all its observed sites"
    outside = "stands outside the data plate"
    obstacles = {
        "is a discrete site that is summed over": layout.discrete,
        "has a value of its own for every row": [
            site for site, _ in layout.latents if site in layout.local
        ],
        outside: [site for site, axis in layout.observed if axis == 0] + [*layout.factors],
    }
    for what, names in obstacles.items():
        if names:
            return f"its site {names[0]!r} {what}"
    return _why_not_fewer(fn, arrays, static, layout)


def _why_not_fewer(
    fn: Callable, arrays: dict[str, np.ndarray], static: dict[str, Any], layout: Layout
) -> str | None:
    """Why it does not run on half its rows; None where it does."""
    assert layout.rows is not None
    few = max(1, layout.rows // 2)
    part = {
        name: array[:few] if array.ndim and array.shape[0] == layout.rows else array
        for name, array in arrays.items()
    }
    try:
        fewer = layout_of(fn, part, static)
    except (TypeError, ValueError, IndexError) as error:
        return f"it does not run on {few} of its {layout.rows} rows ({error})"
    if fewer.rows == few and without_local(fewer).latents == without_local(layout).latents:
        return None
    return (
        f"its plate {layout.plate!r} does not shrink with the data (take its size from the data, "
        "as in x.shape[0])"
    )
