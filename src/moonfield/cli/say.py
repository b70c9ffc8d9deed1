"""What a command says: lines for people, or one JSON document for machines."""

import json
import math
from typing import Any

import typer


class Voice:
    """Either lines or one document go to the standard output stream, never both."""

    def __init__(self, json_wanted: bool):
        self._json = json_wanted

    @property
    def talks(self) -> bool:
        """Whether people listen."""
        return not self._json

    def say(self, line: str) -> None:
        """A line for people."""
        if self.talks:
            typer.echo(line)

    def document(self, value: Any) -> None:
        """The document for machines."""
        if self._json:
            typer.echo(json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=2))


def _plain(value: Any) -> Any:
    """JSON has no NaN and infinities: null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
