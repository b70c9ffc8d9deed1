"""Where and when a fit keeps what it needs to go on after its process has died."""

import os
import re
from pathlib import Path
from typing import Any

from .._core.checks import whole

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_TIME = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(s|min|h)\s*")


class Checkpoint:
    """Checkpoints of a fit, in a folder of its own.

    Called again with the same arguments, the fit goes on from the newest and ends in the same bytes
    as if it had never been interrupted; one that had ended returns its result at once. One is
    written now and then, when the fit ends and on Ctrl-C, and is a whole file or none. One that is
    damaged is left out, with a warning. On a full disk the fit goes on, warns, and tries again.

    A fit with other arguments (steps, rows, model, method, seed, ...) or of another version of a
    library is another fit, and meeting its checkpoints is an error: to train on for more steps,
    pass the posterior as `start`, with another folder. A sampler of one's own must be a function of
    the posterior alone.

    Args:
        folder: made if it is not there.
        every: time from one to the next, such as `"60s"`, `"10min"` or `"2h"`, or a number of
            steps.
        keep: so many of the newest are kept.
        resume: False begins anew, and replaces all checkpoints in the folder by the first.

    Raises:
        TypeError, ValueError: an argument is not of this kind.

    Example:
        >>> import moonfield as mf
        >>> mf.Checkpoint("run-1", every="10min")
        Checkpoint('run-1', every='10min', keep=3, resume=True)
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        every: str | int = "60s",
        keep: int = 3,
        resume: bool = True,
    ):
        if not isinstance(folder, str | os.PathLike):
            raise TypeError(f"folder must be the path of a folder, got {folder!r}.")
        if not isinstance(resume, bool):
            raise TypeError(f"resume must be True or False, got {resume!r}.")
        self.folder, self.every = Path(folder), every
        self.seconds, self.steps = _interval(every)
        self.keep, self.resume = whole(keep, "keep"), resume

    def __repr__(self) -> str:
        shown = f"every={self.every!r}, keep={self.keep}, resume={self.resume}"
        return f"Checkpoint({str(self.folder)!r}, {shown})"


def as_checkpoint(value: Any) -> Checkpoint | None:
    """A folder's name is all defaults; `TypeError` for what is neither."""
    if value is None or isinstance(value, Checkpoint):
        return value
    if not isinstance(value, str | os.PathLike):
        raise TypeError(
            f"checkpoint must be a folder or mf.Checkpoint(folder), got {type(value).__name__}."
        )
    return Checkpoint(value)


def _interval(every: Any) -> tuple[float, int]:
    """Seconds and steps from one checkpoint to the next; one of both sets no limit (0)."""
    if not isinstance(every, str):
        return 0.0, whole(every, "every, if it is no time such as '60s',")
    found = _TIME.fullmatch(every)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0.0:
        raise ValueError(
            f"every must be a time such as '60s', '10min' or '2h', or a number of steps, "
            f"got {every!r}."
        )
    return seconds, 0
