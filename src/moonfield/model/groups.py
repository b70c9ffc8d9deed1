"""Names of groups, nested or not, and their numbers."""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import narwhals.stable.v1 as nw
import numpy as np

from .._core.missing import is_missing

Name = tuple[Hashable, ...]


class Groups(NamedTuple):
    """The finest groups, each named by all its levels from coarse to fine: `(maker, model)`.

    A name that ends in None stands for a group that has not been seen: a new one of the population
    that the names before it lead to.
    """

    names: tuple[Name, ...]

    @property
    def depth(self) -> int:
        """How many levels there are."""
        return len(self.names[0])

    @property
    def parents(self) -> tuple[np.ndarray, ...]:
        """For each level the number of its group that holds each of the finest ones."""
        return tuple(_numbers([name[: level + 1] for name in self.names])
                     for level in range(self.depth))  # fmt: skip

    def extended(self) -> "Groups":
        """With a new group of every known one, and of all."""
        known = {name[:level]: None for level in range(self.depth) for name in self.names}
        return Groups(self.names + tuple(name + (None,) * (self.depth - len(name))
                                         for name in known))  # fmt: skip

    def new(self, within: Name = ()) -> int:
        """The number of a group not seen, of the known coarser ones of these names.

        Raises:
            TypeError, ValueError: no tuple, none of these names, or no level is left open.
        """
        if not isinstance(within, tuple):
            raise TypeError(f"within must be a tuple of names of groups, got {within!r}.")
        if len(within) >= self.depth:
            raise ValueError(
                f"within names the groups above a new one: at most {self.depth - 1} here, "
                f"got {within}."
            )
        return int(self.encode([within + (None,) * (self.depth - len(within))], 1)[0])

    def encode(self, ids: Any, rows: int) -> np.ndarray:
        """Numbers of the finest groups (rows,), int32, for their names.

        Raises:
            ValueError: another number of rows, or a name that is not there.
        """
        names = _names(ids)
        if len(names) != rows:
            raise ValueError(f"X has {rows} rows, but groups has {len(names)}.")
        number = {name: i for i, name in enumerate(self.names)}
        for row, name in enumerate(names):
            if name not in number and set(name) == {None}:
                raise ValueError(
                    f"groups[{row}] is missing; a fit needs the group of each row. Drop such rows, "
                    "or give them a group of their own."
                )
            if name not in number:
                raise ValueError(
                    f"groups[{row}] is {_shown(name)}, which was not in the model's groups "
                    f"({', '.join(_shown(known) for known in self.names[:5])}, ...). "
                    "For a group that has not been seen, use None in its place."
                )
        return np.array([number[name] for name in names], np.int32)


def groups_of(spec: Any) -> Groups:
    """The groups of a number of them, or of their names.

    Raises:
        TypeError, ValueError: fewer than two groups, doubles, None, or names of different depths.
    """
    if isinstance(spec, int | np.integer) and not isinstance(spec, bool):
        spec = range(int(spec))
    names = list(dict.fromkeys(_names(spec)))
    if len(names) < 2:
        raise ValueError(f"groups needs two groups or more, got {len(names)}.")
    if len({len(name) for name in names}) > 1:
        raise ValueError("Nested groups need names of the same depth: (coarse, ..., fine) each.")
    if any(part is None for name in names for part in name):
        raise ValueError(
            "A group is missing (None or NaN), which stands for one not seen. Drop such rows, or "
            "give them a group of their own."
        )
    return Groups(tuple(names))


def _names(ids: Any) -> list[Name]:
    """Group names of rows as tuples of plain Python values, None where one is missing."""
    frame = nw.from_native(ids, eager_only=True, pass_through=True, allow_series=True)
    if isinstance(frame, nw.DataFrame):
        ids = frame.rows()
    elif isinstance(frame, nw.Series):
        ids = frame.to_list()
    elif hasattr(ids, "tolist"):
        ids = np.asarray(ids).tolist()
    if isinstance(ids, str) or not isinstance(ids, Sequence | range):
        raise TypeError(
            f"groups must be names of groups, one a row, got {type(ids).__name__}: a list, an "
            "array, or a table with a column for each level."
        )
    names = (name if isinstance(name, tuple | list) else (name,) for name in ids)
    return [tuple(None if is_missing(part) else part for part in name) for name in names]


def _numbers(keys: list[Name]) -> np.ndarray:
    order = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    return np.array([order[key] for key in keys], np.int32)


def _shown(name: Name) -> str:
    return repr(name[0]) if len(name) == 1 else repr(name)
