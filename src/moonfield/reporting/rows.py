"""The rows of a user's table or array: some of them, and one column in the order of others."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v1 as nw
import numpy as np


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows of a table (pandas, polars, Arrow) or an array; tables keep their types.

    Attributes:
        source: the table as narwhals sees it, or an array with rows first.
    """

    source: Any

    @property
    def count(self) -> int:
        """How many rows."""
        return len(self.source)

    @property
    def native(self) -> Any:
        """As the user's library has it."""
        return self.source.to_native() if isinstance(self.source, nw.DataFrame) else self.source

    @property
    def columns(self) -> int:
        """How many columns; 0 where a row is not a line of numbers (an image)."""
        return self.source.shape[1] if len(self.source.shape) == 2 else 0

    @property
    def names(self) -> list[str]:
        """Of the columns; `column 0`, ... for an array."""
        if isinstance(self.source, nw.DataFrame):
            return [str(name) for name in self.source.columns]
        return [f"column {place}" for place in range(self.columns)]

    def take(self, index: np.ndarray) -> "Rows":
        """The rows of these numbers, in this order; one may come twice."""
        picked = index.tolist() if isinstance(self.source, nw.DataFrame) else index
        return Rows(self.source[picked])

    def column(self, place: int) -> list[Any]:
        """The values of one column, as Python has them."""
        if isinstance(self.source, nw.DataFrame):
            return self.source[:, place].to_list()
        return np.asarray(self.source[:, place]).tolist()

    def with_column(self, place: int, index: np.ndarray, other: "Rows") -> "Rows":
        """These rows, of which one column is that of other rows of the same table."""
        if isinstance(self.source, nw.DataFrame):
            name = self.source.columns[place]
            column = other.source[:, place][index.tolist()]
            return Rows(self.source.with_columns(column.alias(name)))
        changed = np.array(self.source)
        changed[:, place] = other.source[index, place]
        return Rows(changed)


def rows_of(X: Any, columns: Sequence[str] | None = None) -> Rows:
    """Rows of user input; a table's columns are those of the training, where their names are known.

    Raises:
        TypeError: X is missing.
        ValueError: X is no rectangular array or has no rows and columns.
    """
    if X is None:
        raise TypeError("X_test is missing.")
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        there = [str(name) for name in frame.columns]
        if columns is None or not set(columns) <= set(there):
            return Rows(frame)  # what is missing is named when it is predicted
        return Rows(frame[:, [there.index(name) for name in columns]])
    if hasattr(X, "toarray"):
        raise TypeError("X_test is a sparse matrix. Use X_test.toarray().")
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise ValueError(f"X_test is not a rectangular array: {error}") from error
    if array.ndim < 2:
        raise ValueError(
            f"X_test must have rows and at least one column, got shape {array.shape}. "
            "For one column use X_test.reshape(-1, 1)."
        )
    return Rows(array)
