"""What the processes of one fit tell one another.

All of them run the same steps, and every step sums over the rows of all: a process that took
another turn would leave the others waiting. What may differ between them (their rows, clocks and
keyboards, what a callback answers) is exchanged before any of them acts on it.
"""

import contextlib
import signal
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

_LOST = (
    "A step that all processes of this fit take together failed in this one: most likely another "
    "process has ended or cannot be reached. Start all of them again."
)


_PERHAPS = (
    "This fit runs in several processes. Perhaps another process has ended or cannot be reached: "
    "then start all of them again."
)


@contextlib.contextmanager
def losses_told() -> Iterator[None]:
    """Within: a failure of what processes do together says so."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        raise RuntimeError(f"{_LOST} JAX says: {str(error).splitlines()[0]}") from error
    except Exception as error:
        if _LOST not in str(error):
            error.add_note(_PERHAPS)
        raise


def gathered(*numbers: int) -> np.ndarray:
    """These whole numbers of every process: (processes, numbers). All processes must call it."""
    with losses_told():
        return multihost_utils.process_allgather(np.asarray(numbers, np.int32))


class OwnRows:
    """Around the checks of this process' rows; then how many rows there are, by process.

    Where the checks fail in one process, all of them stop.

    Raises:
        RuntimeError: the checks of another process failed.
    """

    def __init__(self, several: bool):
        self._several = several
        self.rows = 0
        self.counts: tuple[int, ...] = ()

    def __enter__(self) -> "OwnRows":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if not self._several:
            self.counts = (self.rows,)
            return
        counts = gathered(-1 if error is not None else self.rows)[:, 0]
        if error is None and (counts < 0).any():
            raise RuntimeError(
                f"Process {int(np.argmin(counts))} of this fit cannot begin; see its own message."
            )
        self.counts = tuple(int(count) for count in counts)


def check_same(described: Mapping[str, Any]) -> None:
    """All processes must be given the same things.

    Raises:
        ValueError: in all processes; names what differs.
    """
    marks = [zlib.crc32(repr(value).encode()) >> 1 for value in described.values()]
    every = gathered(*marks)
    differ = [name for name, marks in zip(described, every.T, strict=True) if len({*marks}) > 1]
    if differ:
        raise ValueError(
            f"The processes of this fit differ in {', '.join(differ)}. Only rows are each "
            "process' own: give all of them the same model and options."
        )


def check_same_step(step: int) -> None:
    """All processes must go on from the same checkpoint.

    Raises:
        ValueError: in all processes, if they do not.
    """
    found = gathered(step)[:, 0]
    if len({*found.tolist()}) > 1:
        raise ValueError(
            f"The processes of this fit would go on from checkpoints after {found.tolist()} steps. "
            "Give all of them one folder, which all of them see."
        )


class Alone:
    """One process decides for itself."""

    several = False

    def __enter__(self) -> "Alone":
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def look(self, due: bool) -> tuple[bool, bool]:
        """Whether to look in, and whether to end."""
        return due, False

    def ask(self, callbacks: Callable[[], bool]) -> bool:
        """Whether any process' callbacks want to end the fit."""
        return callbacks()


class Together:
    """Several processes: what one of them wants, all of them do, after the same chunk.

    So is Ctrl-C: the first one in any process ends the fit in all of them; a second one is Python's
    own.
    """

    several = True

    def __init__(self) -> None:
        self._interrupted = False
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> "Together":
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGINT, self._interrupt)
            self._exits.callback(signal.signal, signal.SIGINT, before)
        self._exits.enter_context(losses_told())
        return self

    def __exit__(self, *error: Any) -> None:
        self._exits.__exit__(*error)

    def _interrupt(self, *_: Any) -> None:
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True

    def look(self, due: bool) -> tuple[bool, bool]:
        """Whether to look in, and whether to end."""
        flags = gathered(due, self._interrupted)
        return bool(flags[:, 0].any()), bool(flags[:, 1].any())

    def ask(self, callbacks: Callable[[], bool]) -> bool:
        """Whether any process' callbacks want to end the fit.

        Raises:
            RuntimeError: they failed in another process.
        """
        try:
            answer = int(callbacks())
        except BaseException:
            gathered(-1)
            raise
        answers = gathered(answer)[:, 0]
        if (answers < 0).any():
            raise RuntimeError(
                f"A callback failed in process {int(np.argmin(answers))}; see its own message."
            )
        return bool(answers.any())
