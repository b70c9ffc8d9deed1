"""Which parameters a pattern of paths means."""

import fnmatch
import re
from collections.abc import Iterable, Sequence

_FROM_THE_END = re.compile(r"-\d+")


def chosen(patterns: Iterable[str], paths: Sequence[str]) -> frozenset[str]:
    """The paths that match one of the patterns (`layers.*.weight`, shell wildcards).

    A negative number counts from the end of the layers that have parameters: of `layers.0.weight`,
    `layers.1.weight` and `layers.1.bias`, `"layers.-1.*"` are the last two.

    Raises:
        ValueError: a pattern matches nothing.
    """
    found: set[str] = set()
    for pattern in patterns:
        matches = fnmatch.filter(paths, _from_the_start(pattern, paths))
        if not matches:
            raise ValueError(
                f"The pattern {pattern!r} matches no parameter. The network has {', '.join(paths)}."
            )
        found.update(matches)
    return frozenset(found)


def _from_the_start(pattern: str, paths: Sequence[str]) -> str:
    """The pattern with its negative numbers replaced; one beyond the first layer stays."""
    parts = pattern.split(".")
    for place, part in enumerate(parts):
        if not _FROM_THE_END.fullmatch(part):
            continue
        split = (path.split(".") for path in paths)
        before = ".".join(parts[:place])
        numbers = {
            int(names[place])
            for names in split
            if len(names) > place
            and names[place].isdigit()
            and fnmatch.fnmatchcase(".".join(names[:place]), before)
        }
        if int(part) >= -len(numbers):
            parts[place] = str(sorted(numbers)[int(part)])
    return ".".join(parts)
