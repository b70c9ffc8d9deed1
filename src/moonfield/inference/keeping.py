"""How a fit has itself kept while it runs, and goes on from where it was."""

from typing import Any, Protocol, runtime_checkable

from .._core.results import Result
from .snapshot import Mark, Snapshot, controller_of, is_finite, restored, snapshot_of


@runtime_checkable
class Saver(Protocol):
    """Keeps snapshots; the facade passes one in."""

    def due(self, step: int) -> bool:
        """Whether a snapshot should be taken after this many steps."""
        ...

    def save(self, step: int, snapshot: Snapshot) -> None:
        """Keep it. A full disk must not end the fit."""
        ...


class Keeping:
    """A fit's dealings with its saver, if it has one."""

    def __init__(self, driver: Any, saver: Saver | None):
        self._driver, self._saver = driver, saver
        self._latest: tuple[Mark, Snapshot] | None = None  # which is not saved, and its controller

    def is_due(self, step: int) -> bool:
        """Whether to save after this many steps, all of which must then be checked."""
        return self._saver is not None and self._saver.due(step)

    def mark(self, step: int, controller: Any, result: Result | None, save: bool) -> None:
        """Remember where the fit stands after a chunk, without waiting; save it if that is due."""
        if self._saver is None:
            return
        self._latest = self._driver.mark(step, result), controller.memory()
        if save and result is None:
            self._save()

    def end(self) -> None:
        """Save where the fit stood after its last chunk, however it ended."""
        if self._latest is not None:
            mark = self._latest[0]
            if is_finite(mark, self._driver.history(mark.step)):
                self._save()

    def _save(self) -> None:
        assert self._saver is not None
        assert self._latest is not None
        mark, controller = self._latest
        self._saver.save(mark.step, snapshot_of(mark, controller, self._driver.history(mark.step)))
        self._latest = None  # not before: the keyboard may interrupt a save


def begun(driver: Any) -> Snapshot:
    """The state in which a fit begins."""
    return snapshot_of(driver.mark(0, None), Snapshot({}, {}), driver.history(0))


def go_on(driver: Any, controller: Any, snapshot: Snapshot) -> None:
    """Put a started fit where a snapshot of the same fit was taken.

    Raises:
        ValueError, KeyError, TypeError: it is none of such a fit; nothing has changed then.
    """
    found = restored(snapshot, driver.mark(0, None), *driver.kind)
    controller.recall(controller_of(snapshot))
    driver.go_to(*found)
