"""What turns data into a model and its rows."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Array, PyTree

from ..data import Dataset, as_weights
from .base import AbstractModel
from .coordinates import Coordinates


class Binding(NamedTuple):
    """What of its data is part of a bound program: never the rows of a fit."""

    whole: Mapping[str, Any]  # arrays that are not rows
    static: Mapping[str, Any]  # what is compiled in
    by_row: Sequence[tuple[str, tuple[int, ...], str]]  # name, shape of one row, type
    rows: int | None
    amortised: bool = False


class AbstractProgram(abc.ABC):
    """A model in another language: `mf.fit(program, data={...})` binds it to data."""

    @abc.abstractmethod
    def bind(self, data: Any, weights: Any = None) -> tuple[AbstractModel, Dataset]:
        """The model under this data, and the rows that the engine takes batches of."""

    @abc.abstractmethod
    def rebuild(self, binding: Binding) -> AbstractModel:
        """The bound program of a file, without its rows.

        Raises:
            ValueError: this program does not take such arguments.
        """


class AbstractBoundProgram(AbstractModel):
    """A program under given data. Its parameters are a dict by the names of its variables."""

    whole: eqx.AbstractVar[dict[str, Array]]  # arguments that are not rows
    refusal: eqx.AbstractVar[str | None]  # why it cannot take batches
    measured_in: eqx.AbstractVar[Coordinates | None]  # its coordinates

    @property
    @abc.abstractmethod
    def binding(self) -> Binding:
        """What `rebuild` makes the same model of."""

    @property
    def coordinates(self) -> Coordinates | None:
        return self.measured_in

    def within(self, coordinates: Coordinates | None) -> "AbstractBoundProgram":
        """The same model, its unconstrained vector measured in these coordinates."""
        return eqx.tree_at(
            lambda model: model.measured_in, self, coordinates, is_leaf=lambda node: node is None
        )

    @property
    @abc.abstractmethod
    def site_names(self) -> tuple[str, ...]:
        """What `sites` gives: deterministic, observed, and local sites."""

    def check_site_inputs(self, X: Any) -> PyTree:
        """Checked inputs of `sites`; `TypeError` or `ValueError` where one is missing or wrong."""
        return self.check_inputs(X)

    @abc.abstractmethod
    def sites(
        self, params: PyTree, inputs: PyTree, names: tuple[str, ...], key: Array
    ) -> dict[str, Array]:
        """Values of these sites under parameters, for other inputs; observed ones are drawn."""

    @property
    def minibatchable(self) -> bool:
        return self.refusal is None

    @property
    def reason(self) -> str | None:
        return self.refusal

    @property
    def identified(self) -> bool:
        return True

    def arguments(self, data: Dataset) -> dict[str, Any]:
        return {**self.whole, **data.inputs}

    def prepare(
        self, X: Any, y: Any, data: Any = None, weights: Any = None
    ) -> tuple[AbstractModel, Dataset]:
        raise ValueError("This model is bound to its data: fit the program that it came from.")

    def named(self, params: PyTree) -> dict[str, Any]:
        return dict(params)

    def present(self, params: PyTree) -> PyTree:
        return self.weights(params)

    def __repr__(self) -> str:
        return str(self)


def checked_weights(weights: Any, count: int, refusal: str | None) -> np.ndarray | None:
    """Row weights of a bound program; `refusal` says why it has no rows of its own."""
    if weights is None:
        return None
    if refusal is not None:
        raise ValueError(f"weights need rows, but {refusal}.")
    return as_weights(weights, count)
