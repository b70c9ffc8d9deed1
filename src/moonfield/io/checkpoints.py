"""Checkpoints of fits: what their files hold, and what they are called in their folder.

A file is one of `file`'s whose content is

    {"kind": "checkpoint", "fingerprint": {"seed": 0, ...}, "facts": {"step": 12500, ...}}

The fingerprint says of which fit it is; a part of its digest and the step stand in the file's name.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._core.digests import digest
from .file import check_type, read_file, reading, write_file

_KIND = "checkpoint"
_NAME = re.compile(r"checkpoint-([0-9a-f]{8})-([0-9]{12})\.mf")


class Checkpointed(NamedTuple):
    """What a file of a checkpoint holds."""

    fingerprint: dict[str, Any]
    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]


def checkpoint_files(folder: Path) -> list[Path]:
    """All checkpoints in a folder, most steps first."""
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: path.name.split("-")[::-1], reverse=True)


def checkpoint_file(folder: Path, fingerprint: Mapping[str, Any], step: int) -> Path:
    """Where the checkpoint of a fit after this many steps stands."""
    return folder / f"checkpoint-{_front(fingerprint)}-{step:012d}.mf"


def is_of(path: Path, fingerprint: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is of this fit, by its name."""
    found = _NAME.fullmatch(path.name)
    return found is not None and found.group(1) == _front(fingerprint)


def step_of(path: Path) -> int:
    """The number of steps before a checkpoint, by its name."""
    return int(path.stem.split("-")[-1])


def write_checkpoint(path: Path, content: Checkpointed) -> None:
    """Write a checkpoint, whole or not at all; `OSError` where the file system refuses."""
    facts = {"kind": _KIND, "fingerprint": content.fingerprint, "facts": content.facts}
    write_file(path, facts, content.arrays)


def read_checkpoint(path: str | os.PathLike) -> Checkpointed:
    """Read and check a checkpoint.

    Raises:
        OSError: there is no such file, or it cannot be read.
        FileFormatError: it is not a checkpoint, or is damaged.
    """
    document = read_file(path)
    with reading(path):
        content = document.content
        if content["kind"] != _KIND:
            raise ValueError(f"it holds a {content['kind']!r}, not a checkpoint")
        return Checkpointed(dict(content["fingerprint"]), dict(content["facts"]), document.tensors)


def check_arrays(arrays: Mapping[str, Any]) -> None:
    """Raise `TypeError` for an array of a type that files do not keep."""
    for name, array in arrays.items():
        check_type(name, np.asarray(array).dtype)


def _front(fingerprint: Mapping[str, Any]) -> str:
    return digest(dict(fingerprint))[:8]
