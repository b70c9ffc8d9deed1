"""A bar of rows on the standard error stream, where somebody can see it."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextlib.contextmanager
def rows_bar(total: int | None, wanted: bool) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of rows done."""
    console = Console(stderr=True)
    columns = (
        TextColumn("predict"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeElapsedColumn(),
    )
    visible = wanted and console.is_terminal
    with Progress(*columns, console=console, disable=not visible) as progress:
        task = progress.add_task("predict", total=total)
        yield lambda rows: progress.update(task, completed=rows)
