"""One file: tensors and a JSON header, in the safetensors format.

The header is one entry of safetensors' metadata, `moonfield`:

    {"format_version": 1, "sha256": ..., "versions": {"jax": ..., ...}, "content": {...}}

`sha256` covers all else of the header and every tensor's name, type, shape and bytes. It finds
damage and edits; it is no signature, so what is read is checked as if anybody had written it.
"""

import contextlib
import hashlib
import json
import os
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from .._core.errors import FileFormatError
from .._core.files import replace_file
from .strict_json import decode, encode, parse, to_text
from .versions import library_versions

FORMAT_VERSION = 1

_KEY = "moonfield"
_LARGEST_HEADER = 100_000_000  # safetensors' own limit, bytes
_DTYPES = {
    "BOOL": np.dtype(bool),
    "I32": np.dtype(np.int32),
    "I64": np.dtype(np.int64),
    "U32": np.dtype(np.uint32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(jnp.bfloat16),
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
}


class Document(NamedTuple):
    """What a file holds: JSON content, arrays by name, versions of the libraries that wrote it."""

    content: Any
    tensors: dict[str, np.ndarray]
    versions: dict[str, str]


def write_file(path: str | os.PathLike, content: Any, tensors: Mapping[str, Any]) -> None:
    """Write content (JSON values) and arrays (NumPy or JAX) to one file.

    It is written beside and renamed: whoever reads `path` meets the old file or the new one, whole.

    Raises:
        TypeError: the content is not JSON, or an array has a type that files do not keep.
        OSError: the file system refuses; an old file is left as it was.
    """
    arrays = {name: _plain(name, tensor) for name, tensor in sorted(tensors.items())}
    header = {
        "format_version": FORMAT_VERSION,
        "versions": library_versions(),
        "content": encode(content),
    }
    header["sha256"] = _digest(header, arrays)
    replace_file(path, safetensors.numpy.save(arrays, {_KEY: to_text(header)}))


def read_file(path: str | os.PathLike) -> Document:
    """Read and check a file.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is not a Moonfield file, is damaged, was edited, or was written by a
            newer version; the message names the file and says what to do.
    """
    data, length = _bytes_of(path)
    with reading(path):
        tensors = {name: _array(view) for name, view in safetensors.deserialize(data)}
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    if _KEY not in metadata:
        raise FileFormatError(
            f"{os.fspath(path)} is a safetensors file, but not one of Moonfield's. Give the path "
            "of a file that posterior.save wrote."
        )
    with reading(path):
        header = parse(metadata[_KEY])
        _check_version(path, header)
        if header.pop("sha256") != _digest(header, tensors):
            raise ValueError("its contents do not match its checksum")
        return Document(decode(header["content"]), tensors, dict(header["versions"]))


@contextlib.contextmanager
def reading(path: str | os.PathLike) -> Iterator[None]:
    """Whatever goes wrong while contents are understood becomes a `FileFormatError`."""
    try:
        yield
    except FileFormatError:
        raise
    except Exception as error:  # whatever strange contents can bring about
        raise FileFormatError(
            f"{os.fspath(path)} is damaged or was edited: {_reason(error)}. Save the posterior "
            "again, or restore the file from a copy."
        ) from error


def _reason(error: Exception) -> str:
    """What an error says, on one line."""
    text = f"{error} is missing" if isinstance(error, KeyError) else str(error) or repr(error)
    return textwrap.shorten(text, 200, placeholder=" ...").rstrip(".")


def _bytes_of(path: str | os.PathLike) -> tuple[bytes, int]:
    """The bytes of a file, and the length of its safetensors header, checked before all is read."""
    name = os.fspath(path)
    if os.path.exists(name) and not os.path.isfile(name):
        raise FileFormatError(
            f"{name} is not a file. Give the path of a file that posterior.save wrote."
        )
    with open(name, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _LARGEST_HEADER):
            raise FileFormatError(
                f"{name} is cut off or not a Moonfield file: its {size:,} bytes cannot hold the "
                "header that it announces. Save the posterior again, or restore it from a copy."
            )
        file.seek(0)
        return file.read(size), length


def _check_version(path: str | os.PathLike, header: dict[str, Any]) -> None:
    version = header["format_version"]
    if type(version) is not int or version < 1:
        raise ValueError(f"its format version is {version!r}")
    if version > FORMAT_VERSION:
        raise FileFormatError(
            f"{os.fspath(path)} was written by a newer Moonfield (file format {version}; this one "
            f"reads up to {FORMAT_VERSION}). Update with: pip install --upgrade moonfield"
        )


def _digest(header: dict[str, Any], tensors: dict[str, np.ndarray]) -> str:
    """SHA-256 of the header (without its checksum) and the tensors, in a fixed order."""
    digest = hashlib.sha256(to_text(header).encode())
    for name, array in sorted(tensors.items()):
        digest.update(to_text([name, array.dtype.name, list(array.shape)]).encode())
        digest.update(np.atleast_1d(array).view(np.uint8).data if array.size else b"")
    return digest.hexdigest()


def _plain(name: str, tensor: Any) -> np.ndarray:
    """A contiguous little-endian array of a type that files keep."""
    array = np.asarray(tensor, order="C")
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    if array.dtype not in _DTYPES.values():
        kept = ", ".join(dtype.name for dtype in _DTYPES.values())
        raise TypeError(f"{name} has type {array.dtype}; a file keeps {kept}.")
    return array


def _array(view: dict[str, Any]) -> np.ndarray:
    if view["dtype"] not in _DTYPES:
        raise ValueError(f"a tensor has type {view['dtype']}")
    dtype = _DTYPES[view["dtype"]].newbyteorder("<")
    return np.frombuffer(view["data"], dtype).reshape(view["shape"])
