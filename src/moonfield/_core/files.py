"""Files that are whole or not there."""

import os
import secrets
from pathlib import Path


def replace_file(path: str | os.PathLike, data: bytes) -> None:
    """Write beside, force to disk, rename; on failure nothing is left behind.

    A link is followed. Readers see the old file or the new one, never half of one.

    Raises:
        FileNotFoundError: there is no such folder.
        OSError: the file system refuses; an old file is left as it was.
    """
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} to.")
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Force the rename to disk, where folders can be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
