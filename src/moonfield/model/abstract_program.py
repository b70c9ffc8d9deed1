"""What turns data into a model and its rows."""

import abc
from typing import Any

from ..data import Dataset
from .base import AbstractModel


class AbstractProgram(abc.ABC):
    """A model in another language: `mf.fit(program, data={...})` binds it to data."""

    @abc.abstractmethod
    def bind(self, data: Any, weights: Any = None) -> tuple[AbstractModel, Dataset]:
        """The model under this data, and the rows that the engine takes batches of."""
