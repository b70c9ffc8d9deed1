"""What a described object is: JSON facts and arrays by name."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


class Part(NamedTuple):
    """A described object. The arrays of its children carry the child's name: `prior.scale`."""

    facts: Any
    tensors: dict[str, np.ndarray]

    def child(self, name: str) -> "Part | None":
        """The part that was gathered under this name; None where it could not be described."""
        facts = self.facts[name]
        if facts is None:
            return None
        prefix = f"{name}."
        found = {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}
        return Part(facts, found)

    def known_child(self, name: str) -> "Part":
        """The part under this name, which must be there."""
        part = self.child(name)
        if part is None:
            raise ValueError(f"{name} is missing")
        return part

    def number(self, name: str) -> np.ndarray:
        """The array of this name, which must hold real numbers."""
        array = self.tensors[name]
        if array.dtype.kind not in "fiuV":  # V: bfloat16
            raise ValueError(f"{name} has type {array.dtype}")
        return array


def gather(children: Mapping[str, Part | None], **facts: Any) -> Part:
    """One part of several; a child that could not be described is None."""
    found = {name: None if part is None else part.facts for name, part in children.items()}
    tensors = {
        f"{name}.{key}": array
        for name, part in children.items()
        if part is not None
        for key, array in part.tensors.items()
    }
    return Part({**facts, **found}, tensors)
