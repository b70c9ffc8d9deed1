"""A progress bar in terminals and notebooks; silence elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress as RichProgress,
    TextColumn,
    TimeElapsedColumn,
)

_REFRESH_SECONDS = 0.2


class Progress:
    """Shows steps and the ELBO (or another quantity), at most five times a second.

    Args:
        total: number of steps, or None where the fit decides.
        enabled: False for silence; True shows a bar only where somebody can see it.
        quantity: the name of what is shown beside the steps.
    """

    def __init__(self, total: int | None, enabled: bool, quantity: str = "ELBO"):
        self._quantity = quantity
        self._bar: Any = None
        self._task: Any = None
        self._last = time.monotonic()
        self._total = total
        self._visible = bool(enabled) and _visible()

    @property
    def due(self) -> bool:
        """Whether it is time to look in and update."""
        return self._visible and time.monotonic() - self._last >= _REFRESH_SECONDS

    def update(self, step: int, elbo: float) -> None:
        """Show this step and its ELBO."""
        self._last = time.monotonic()
        if self._bar is None:
            self._bar = _bar(self._quantity)
            self._task = self._bar.add_task("fit", total=self._total, elbo="")
            self._bar.start()
        self._bar.update(self._task, completed=step, elbo=f"{elbo:,.2f}")

    def close(self, step: int) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.update(self._task, completed=step)
            self._bar.stop()


@contextlib.contextmanager
def counted(what: str, total: int, enabled: bool) -> Iterator[Callable[[int], None]]:
    """A bar for a count of things: call what it gives with how many are done."""
    if not enabled or not _visible():
        yield lambda done: None
        return
    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with RichProgress(*columns) as shown:
        task = shown.add_task(what, total=total)
        yield lambda done: shown.update(task, completed=done)


def _bar(quantity: str) -> RichProgress:
    return RichProgress(
        TextColumn("fit"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"steps   {quantity} {{task.fields[elbo]}}"),
        TimeElapsedColumn(),
    )


def _visible() -> bool:
    if sys.stdout is not None and sys.stdout.isatty():
        return True
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"
