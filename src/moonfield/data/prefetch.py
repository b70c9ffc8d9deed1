"""A sequence that a thread computes ahead of its reader."""

import queue
import threading
from collections.abc import Callable
from typing import Any

_LOOK_SECONDS = 0.1  # how often a full or empty queue looks whether the other side is still there
_PATIENCE_SECONDS = 5.0  # for a source that is in the middle of something


class Prefetch:
    """`make(0), make(1), ...`, the next of which is made while the last is used.

    What `make` raises is raised by `next`, and ends the thread.

    Args:
        make: called on the thread alone.
        finish: called on the thread, once, at its end.
        stop: set by `close`, so that `make` may end early by raising.
    """

    def __init__(
        self, make: Callable[[int], Any], finish: Callable[[], None], stop: threading.Event
    ):
        self._make, self._finish, self._stop = make, finish, stop
        self._made: queue.Queue = queue.Queue(maxsize=1)
        self._thread = threading.Thread(target=self._run, name="moonfield-stream", daemon=True)
        self._thread.start()

    def next(self) -> Any:
        """Wait for the next one."""
        while True:
            try:
                made, error = self._made.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if self._thread.is_alive():
                    continue
                raise RuntimeError("The thread that reads the stream has ended.") from None
            if error is not None:
                raise error
            return made

    def close(self) -> None:
        """End the thread, and wait until it has."""
        self._stop.set()
        while not self._made.empty():
            self._made.get_nowait()
        self._thread.join(_PATIENCE_SECONDS)

    def _run(self) -> None:
        number = 0
        try:
            while not self._stop.is_set():
                self._put((self._make(number), None))
                number += 1
        except BaseException as error:
            self._put((None, error))
        finally:
            self._finish()

    def _put(self, item: tuple[Any, Any]) -> None:
        while not self._stop.is_set():
            try:
                return self._made.put(item, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
