"""An output that is written piece by piece: beside its place, then renamed.

Whatever happens, and be it `kill -9`, the old file or the new one stands at the path, whole. What a
killed run leaves beside it is locked by nobody, and the next run removes it.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which becomes `path` when the block ends without an error.

    Raises:
        OSError: the file system refuses; an old file is left as it was.
    """
    path = Path(os.path.realpath(path))
    _sweep(path)
    beside = path.with_name(f"{_front(path)}{secrets.token_hex(6)}.part")
    try:
        with open(beside, "xb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _front(path: Path) -> str:
    return f".{path.name[:100]}."


def _sweep(path: Path) -> None:
    """Remove what runs left that were killed; those that still write hold a lock."""
    for left in path.parent.iterdir():
        if not (left.name.startswith(_front(path)) and left.name.endswith(".part")):
            continue
        with contextlib.suppress(OSError), open(left, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _sync_folder(folder: Path) -> None:
    """Force the rename to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
