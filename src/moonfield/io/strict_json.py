"""JSON that any parser reads: numbers that are not finite are spelled out."""

import json
import math
from typing import Any, NoReturn

import numpy as np

_NONFINITE = "nonfinite"


def encode(value: Any) -> Any:
    """Plain JSON values; NaN and infinities become `{"nonfinite": "nan"}`.

    Raises:
        TypeError: something is not a JSON value.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else {_NONFINITE: repr(value)}
    if isinstance(value, dict):
        return {_key(key): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    raise TypeError(f"A file keeps JSON values only, got {type(value).__name__}.")


def decode(value: Any) -> Any:
    """The inverse of `encode` (tuples come back as lists)."""
    if isinstance(value, dict):
        if value.keys() == {_NONFINITE}:
            return float(value[_NONFINITE])
        return {key: decode(item) for key, item in value.items()}
    return [decode(item) for item in value] if isinstance(value, list) else value


def to_text(value: Any) -> str:
    """One text for one value: keys in order, no spaces."""
    return json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"))


def parse(text: str) -> Any:
    """The value of a text; `ValueError` for what is not strict JSON, or has a key twice."""
    return json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"JSON keys must be text, got {type(key).__name__}.")
    return key


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key of its JSON comes twice")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
