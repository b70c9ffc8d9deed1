"""The writer of a fit's checkpoints, and the reader of the one to go on from."""

import contextlib
import time
import warnings
from pathlib import Path
from typing import Any

import jax

from .._core.errors import FileFormatError, MoonfieldWarning
from .._core.files import remove_leftovers
from ..inference import Driver, Snapshot, begun, go_on
from ..io import (
    Checkpointed,
    check_arrays,
    checkpoint_file,
    checkpoint_files,
    is_of,
    read_checkpoint,
    reading,
    step_of,
    write_checkpoint,
)
from .checkpoint import Checkpoint
from .fingerprint import difference

_LEVEL = 7  # of the user's line above a warning


class Keeper:
    """Keeps the checkpoints of one fit in their folder.

    Raises:
        ValueError: there are checkpoints, all of other fits, and they are to be gone on from.
        OSError: the folder cannot be made or read.
    """

    def __init__(self, checkpoint: Checkpoint, fingerprint: dict[str, Any]):
        self._checkpoint, self._fingerprint = checkpoint, fingerprint
        self._folder = _made(checkpoint.folder)
        remove_leftovers(self._folder, ".checkpoint-")
        files = checkpoint_files(self._folder)
        self._others = [path for path in files if not is_of(path, fingerprint)]
        self._own = [path for path in files if is_of(path, fingerprint)]
        self._gone: list[Path] = []  # to be removed when a new one has been written
        self._left_out: list[Path] = []  # cannot be gone on from
        self._time, self._step = time.monotonic(), 0
        self._is_told = False
        if not checkpoint.resume:
            self._gone, self._own, self._others = files, [], []
        elif self._others and not self._own:
            raise ValueError(self._of_another_fit())

    def resume(self, driver: Driver, controller: Any) -> None:
        """Put a fit that was started where its newest whole checkpoint was taken, if any.

        Raises:
            TypeError: its optimiser's state holds arrays of a type that files do not keep.
        """
        check_arrays(begun(driver).arrays)
        found = next((path for path in self._own if self._goes_on(path, driver, controller)), None)
        self._step = 0 if found is None else step_of(found)
        if self._left_out:
            names = ", ".join(path.name for path in self._left_out)
            then = "begins anew" if found is None else f"goes on from {self._step:,} steps"
            self._warn(f"{names} in {self._folder} cannot be read or is damaged; the fit {then}.")
        if self._others:
            self._warn(
                f"{self._folder} also holds checkpoints of another fit: "
                f"{self._how_others_differ()}. They are left alone; give each fit its own folder."
            )

    @property
    def step(self) -> int:
        """Steps before the newest checkpoint, 0 if there is none."""
        return self._step

    def due(self, step: int) -> bool:
        """Whether enough time, or steps, have passed since the last attempt."""
        if self._checkpoint.steps:
            return step - self._step >= self._checkpoint.steps
        return time.monotonic() - self._time >= self._checkpoint.seconds

    def save(self, step: int, snapshot: Snapshot) -> None:
        """Write a checkpoint and remove old ones; warn once where the disk refuses."""
        if jax.process_index() == 0:
            try:
                self._write(step, snapshot)
            except OSError as error:
                self._tell(error)
        self._time, self._step = time.monotonic(), step

    def _write(self, step: int, snapshot: Snapshot) -> None:
        path = checkpoint_file(_made(self._folder), self._fingerprint, step)
        write_checkpoint(path, Checkpointed(self._fingerprint, *snapshot))
        self._left_out = [each for each in self._left_out if each != path]
        files = checkpoint_files(self._folder)
        mine = [each for each in files if is_of(each, self._fingerprint)]
        whole = [each for each in mine if each not in self._left_out + self._gone or each == path]
        for old in {*whole[self._checkpoint.keep :], *self._gone} - {path}:
            with contextlib.suppress(OSError):
                old.unlink()
        self._gone = []

    def _goes_on(self, path: Path, driver: Driver, controller: Any) -> bool:
        try:
            content = read_checkpoint(path)
            with reading(path):
                if content.fingerprint != self._fingerprint:
                    raise ValueError("it is of another fit")
                go_on(driver, controller, Snapshot(content.facts, content.arrays))
        except (OSError, FileFormatError) as error:
            self._left_out.append(path)
            if not isinstance(error, OSError):
                self._gone.append(path)
            return False
        return True

    def _how_others_differ(self) -> str:
        for path in self._others:
            with contextlib.suppress(OSError, FileFormatError):
                return difference(read_checkpoint(path).fingerprint, self._fingerprint)
        return "its files are damaged"

    def _of_another_fit(self) -> str:
        how = self._how_others_differ()
        more = " To train on for more steps, pass the posterior as start." * ("steps" in how)
        return (
            f"{self._folder} holds checkpoints of another fit: {how}. Give another folder, the "
            f"arguments of that fit, or mf.Checkpoint({str(self._folder)!r}, resume=False), which "
            f"begins anew and replaces them.{more}"
        )

    def _tell(self, error: OSError) -> None:
        if not self._is_told:
            self._is_told = True
            self._warn(
                f"No checkpoint could be written to {self._folder} ({error}). The fit goes on "
                "without, and tries again later. Make room there, or give another folder."
            )

    def _warn(self, message: str) -> None:
        warnings.warn(message, MoonfieldWarning, stacklevel=_LEVEL)


def _made(folder: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(
            f"checkpoint: {folder} is a file. Give a folder, which is made if it is not there."
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder
