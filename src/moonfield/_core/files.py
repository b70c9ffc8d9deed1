"""Files that are whole or not there.

Whatever happens, and be it `kill -9`, the old file or the new one stands at the path. What a killed
process leaves beside it is locked by nobody, and the next one that writes there removes it.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # not a POSIX system: what is left behind stays
    fcntl = None


def replace_file(path: str | os.PathLike, data: bytes) -> None:
    """Write these bytes; see `replacing`."""
    with replacing(path) as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[IO[bytes]]:
    """A file to write to, which becomes `path` when the block ends without an error.

    It stands beside, is forced to disk and renamed; on failure nothing is left behind. A link is
    followed.

    Raises:
        FileNotFoundError: there is no such folder.
        OSError: the file system refuses; an old file is left as it was.
    """
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} to.")
    _sweep(path)
    file, beside = _beside(path)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _beside(path: Path) -> tuple[IO[bytes], Path]:
    """A new file, locked; another one if it was swept away before it was."""
    while True:
        beside = path.with_name(f"{_front(path)}{secrets.token_hex(6)}.part")
        file = open(beside, "xb")  # noqa: SIM115  the caller closes it
        with contextlib.suppress(OSError):  # a file system without locks
            _lock(file)
        if beside.exists():
            return file, beside
        file.close()


def _front(path: Path) -> str:
    return f".{path.name[:100]}."


def _sweep(path: Path) -> None:
    """Remove what was left of a file by processes that were killed."""
    remove_leftovers(path.parent, _front(path))


def remove_leftovers(folder: Path, front: str) -> None:
    """Remove what killed processes left beside files; those that still write hold a lock.

    `front` is a dot and how the names of these files begin.
    """
    if fcntl is None:
        return
    for left in folder.iterdir():
        if not (left.name.startswith(front) and left.name.endswith(".part")):
            continue
        with contextlib.suppress(OSError), open(left, "rb") as file:
            _lock(file, wait=False)
            left.unlink()


def _lock(file: IO[bytes], wait: bool = True) -> None:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sync_folder(folder: Path) -> None:
    """Force the rename to disk, where folders can be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
