"""Where output goes."""

from pathlib import Path


def folder(path: Path) -> Path:
    """Make a folder, and its parents.

    Raises:
        NotADirectoryError: a file stands there.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{path} is a file; choose a folder with --out.")
    path.mkdir(parents=True, exist_ok=True)
    return path
