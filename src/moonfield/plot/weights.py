"""The marginal posteriors of single weights."""

import fnmatch
from collections.abc import Sequence
from typing import Any, Literal

import arviz_plots
import numpy as np
import xarray as xr
from arviz_plots.plot_collection import PlotCollection
from matplotlib.axes import Axes

from ._style import COLORS, FAINT, dress, legend, new_axes

_MOST = 80


def weights(
    posterior: Any,
    kind: Literal["forest", "density"] = "forest",
    ax: Axes | None = None,
    paths: str | Sequence[str] | None = None,
) -> Axes:
    """Marginal posteriors of weights, drawn by ArviZ from `posterior.to_datatree()`.

    `"forest"`: mean, central 50% and 90% intervals. `"density"`: a ridge of kernel densities on one
    scale. Of more than 80 weights those with the largest |mean| / sd are shown.

    Args:
        posterior: a fit.
        kind: how to draw.
        ax: axes to draw on.
        paths: patterns of parameter paths (`"layers.0.*"`, shell wildcards); None for all.

    Raises:
        ValueError: another kind, or a pattern that matches nothing.
    """
    if kind not in ("forest", "density"):
        raise ValueError(f"kind must be 'forest' or 'density', got {kind!r}.")
    table = _table(posterior.to_datatree()["posterior"].to_dataset(), paths)
    total = table.sizes["entry"]
    table = _strongest(table)
    shown = table.sizes["entry"]
    ax = new_axes(ax, 6.4, 1.4 + 0.17 * shown)
    _draw(table, kind, ax)
    what = "mean, 50% and 90% intervals" if kind == "forest" else "densities"
    count = (
        f"{total:,} weights" if shown == total else f"{shown} of {total:,} weights, by |mean| / sd"
    )
    dress(ax, f"{count}: {what}", "value", "")
    return _label(table, ax)


def _table(posterior: xr.Dataset, paths: str | Sequence[str] | None) -> xr.Dataset:
    """One variable over (chain, draw, entry), with path and index of each entry."""
    chosen = _matching([str(name) for name in posterior.data_vars], paths)
    columns, path, index = [], [], []
    for name in chosen:
        values = posterior[name].transpose("chain", "draw", ...)
        shape = values.shape[2:]
        columns.append(values.to_numpy().reshape(*values.shape[:2], -1))
        path += [name] * columns[-1].shape[-1]
        index += [", ".join(map(str, place)) for place in np.ndindex(*shape)]
    dims = ("chain", "draw", "entry")
    values = np.concatenate(columns, axis=-1)
    coords = {"entry": np.arange(len(path)), "path": ("entry", path), "index": ("entry", index)}
    return xr.Dataset({"weight": (dims, values)}, coords)


def _matching(names: list[str], paths: str | Sequence[str] | None) -> list[str]:
    if paths is None:
        return names
    patterns = [paths] if isinstance(paths, str) else list(paths)
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise ValueError(f"paths: {pattern!r} matches nothing. There are {', '.join(names)}.")
    return [name for name in names if any(fnmatch.fnmatchcase(name, p) for p in patterns)]


def _strongest(table: xr.Dataset) -> xr.Dataset:
    values = table["weight"].to_numpy()
    ratio = np.abs(values.mean(axis=(0, 1))) / np.maximum(values.std(axis=(0, 1)), 1e-30)
    keep = np.sort(np.argsort(-ratio, kind="stable")[:_MOST])
    return table.isel(entry=keep)


def _draw(table: xr.Dataset, kind: str, ax: Axes) -> None:
    """ArviZ's forest or ridge on one axes: entries from top to bottom, a colour for each path."""
    plot, column = {
        "forest": (arviz_plots.plot_forest, "forest"),
        "density": (arviz_plots.plot_ridge, "ridge"),
    }[kind]
    count = table.sizes["entry"]
    data = table[["weight"]].drop_vars(["path", "index"])
    targets = xr.Dataset(
        {"figure": ax.figure, "plot": ("column", np.array([ax], object)), "row": 0, "col": 0},
        {"column": [column]},
    )
    collection = PlotCollection(
        data,
        xr.DataTree(targets),
        aes={"y": ["entry"], "color": ["entry"], "overlay": ["entry"]},
        backend="matplotlib",
        y=list(range(count))[::-1],
        color=list(_colours(table)),
    )
    options: dict[str, Any] = {"labels": [], "combined": True, "plot_collection": collection}
    options["visuals"] = {"ticklabels": False, "remove_axis": False}
    if kind == "density":
        options |= {"ridge_height": 1.6}
    else:
        options |= {"ci_kind": "eti", "ci_probs": (0.5, 0.9), "point_estimate": "mean"}
        options["visuals"] |= {"point_estimate": {"size": 22}}
    plot(xr.DataTree.from_dict({"posterior": data}), **options)


def _colours(table: xr.Dataset) -> list[str]:
    paths = list(dict.fromkeys(table["path"].to_numpy().tolist()))
    return [COLORS[paths.index(path) % len(COLORS)] for path in table["path"].to_numpy().tolist()]


def _label(table: xr.Dataset, ax: Axes) -> Axes:
    """Indices on the axis, paths in the legend."""
    count = table.sizes["entry"]
    ax.axvline(0.0, color=FAINT, linewidth=0.8, zorder=0)
    ax.set_yticks(range(count)[::-1], [f"[{i}]" if i else "" for i in table["index"].to_numpy()])
    ax.tick_params(axis="y", labelsize=7)
    ax.set_ylim(-1.2, count + 0.2)
    for path, colour in dict(
        zip(table["path"].to_numpy().tolist(), _colours(table), strict=True)
    ).items():
        ax.plot([], [], color=colour, linewidth=2.5, label=path)
    legend(ax, loc="best")
    return ax
