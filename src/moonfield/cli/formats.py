"""The kinds of files with tables in them, by suffix."""

import os
from pathlib import Path

from .errors import BadInput

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_SUFFIXES = ".csv, .tsv, .parquet, .arrow, .feather, .jsonl"


def format_of(path: Path) -> str:
    """`csv`, `tsv`, `parquet`, `arrow` or `jsonl`; `BadInput` for any other suffix."""
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise BadInput(
            f"{path}: the suffix tells the format of a table, and {path.suffix!r} is none of "
            f"{_SUFFIXES}. Rename or convert it."
        )
    return found


def check_input(path: Path) -> str:
    """The format of a file that must be there."""
    if not path.exists():
        raise BadInput(f"{path}: there is no such file.")
    if not path.is_file():
        raise BadInput(f"{path} is not a file.")
    if path.stat().st_size == 0:
        raise BadInput(f"{path} is empty.")
    return format_of(path)


def check_output(path: Path, force: bool, *inputs: Path) -> None:
    """Before anything is read: an output that may be written; `BadInput` for any other."""
    if not path.parent.is_dir():
        raise BadInput(f"{path}: there is no folder {path.parent}. Make it first.")
    if not os.access(path.parent, os.W_OK):
        raise BadInput(f"{path}: nothing may be written into {path.parent}.")
    if path.is_dir():
        raise BadInput(f"{path} is a folder; give the path of a file.")
    if not path.exists():
        return
    for source in inputs:
        if source.exists() and path.samefile(source):
            raise BadInput(f"{path} is read by this command; write to another file.")
    if not force:
        raise BadInput(f"{path} is there already: choose another path, or --force to replace it.")
