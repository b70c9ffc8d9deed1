"""One file: tensors and a JSON header, in the safetensors format.

The header is one entry of safetensors' metadata, `moonfield`:

    {"format_version": 1, "sha256": ..., "versions": {"jax": ..., ...}, "content": {...}}

`sha256` covers all else of the header and every tensor's name, type, shape and bytes. It finds
damage and edits; it is no signature, so what is read is checked as if anybody had written it.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

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
    replace_file(path, file_bytes(content, tensors))


def file_bytes(content: Any, tensors: Mapping[str, Any]) -> bytes:
    """What `write_file` writes.

    Raises:
        TypeError: as `write_file`.
    """
    arrays = {name: _plain(name, tensor) for name, tensor in sorted(tensors.items())}
    header = {
        "format_version": FORMAT_VERSION,
        "versions": library_versions(),
        "content": encode(content),
    }
    header["sha256"] = _digest(header, arrays)
    return safetensors.numpy.save(arrays, {_KEY: to_text(header)})


def read_file(path: str | os.PathLike) -> Document:
    """Read and check a file.

    Nothing of it is executed or looked up by name, and no more memory is taken than a few times
    the file's size.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is not a Moonfield file, is damaged, was edited, or was written by a
            newer version; the message names the file and says what to do.
    """
    with reading(path), _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        front, found = _front(path, file, size)
        data = front + file.read(size - len(front))
        tensors = {name: _array(view) for name, view in safetensors.deserialize(data)}
        metadata = found.get("__metadata__") or {}
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
    except (FileFormatError, OSError):
        raise
    except Exception as error:  # whatever strange contents can bring about
        raise FileFormatError(
            f"{os.fspath(path)} is damaged or was edited: {_reason(error)}. Save the posterior "
            "again, or restore the file from a copy."
        ) from error


def one_line(text: str) -> str:
    """Text out of a file as messages may show it: short, without control characters."""
    words = " ".join(text[:1_000].split())
    words = words if len(words) <= 200 else f"{words[:196]} ..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)


def _reason(error: Exception) -> str:
    """What an error says, on one line."""
    text = f"{error} is missing" if isinstance(error, KeyError) else str(error) or repr(error)
    return one_line(text).rstrip(".")


def _opened(path: str | os.PathLike) -> BinaryIO:
    name = os.fspath(path)
    if os.path.exists(name) and not os.path.isfile(name):
        raise FileFormatError(
            f"{name} is not a file. Give the path of a file that posterior.save wrote."
        )
    return open(name, "rb")  # the caller closes it


def _front(path: str | os.PathLike, file: BinaryIO, size: int) -> tuple[bytes, dict[str, Any]]:
    """The bytes before the tensors and the header in them; all else must be what it announces."""
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if size < 8 or length > min(size - 8, _LARGEST_HEADER):
        raise FileFormatError(
            f"{os.fspath(path)} is cut off or not a Moonfield file: its {size:,} bytes cannot hold "
            "the header that it announces. Save the posterior again, or restore it from a copy."
        )
    front = start + file.read(length)
    header = parse(front[8:].decode())
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    if max(ends, default=0) != size - len(front):
        raise ValueError(f"its {size:,} bytes are not as many as its header announces")
    return front, header


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
    check_type(name, array.dtype)
    return array


def check_type(name: str, dtype: np.dtype) -> None:
    """Raise `TypeError` for a type of array that files do not keep."""
    if dtype not in _DTYPES.values():
        kept = ", ".join(each.name for each in _DTYPES.values())
        raise TypeError(f"{name} has type {dtype}; a file keeps {kept}.")


def _array(view: dict[str, Any]) -> np.ndarray:
    if view["dtype"] not in _DTYPES:
        raise ValueError(f"a tensor has type {view['dtype']}")
    dtype = _DTYPES[view["dtype"]].newbyteorder("<")
    return np.frombuffer(view["data"], dtype).reshape(view["shape"])
