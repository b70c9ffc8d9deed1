"""Files as an attacker would make them: damaged bytes, hostile headers, contents with a checksum.

Everything is drawn by fixed keys, so that a file that once got through can be made again.
"""

import functools
import gzip
import io
import json
import operator
import pickle
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from moonfield.io import Document, file_bytes

HOSTILE_VALUES: tuple[Any, ...] = (
    "os.system", "../../etc/passwd", "__import__('os').system('id')", "", "\x1b[2J\ud800",
    -1, 0, 7, 10**9, 2**63, 10**4_000, 1e308, float("nan"), True, None,
    [], {}, [[]] * 3, [10**9, 10**9], [1] * 100_000, ["*"] * 1_000,
    {"type": "os.system"}, {"pairs": [[[], 1]]}, {"nonfinite": "os.system"}, "a" * 100_000,
)  # fmt: skip
HOSTILE_ARRAYS: tuple[Any, ...] = (
    np.zeros(0, np.float32),
    np.float64("nan"),
    np.full((3, 5), np.inf, np.float32),
    np.array([True, False]),
    np.array([-1, 2**31 - 1], np.int32),
    np.array([2**63 - 1]),
    np.zeros((1,) * 30, np.float16),
    np.full(7, 1e300),
)


class Payload:
    """Unpickled, it writes a file of this name."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self) -> tuple:
        return (Path.write_text, (self.marker, "executed"))


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Flipped bits, cuts, edited lengths, bytes put in or taken out."""
    out, place = bytearray(data), int(rng.integers(len(data)))
    match int(rng.integers(6)):
        case 0:
            out[place] ^= 1 << int(rng.integers(8))
        case 1:  # in the header
            out[8 + place % int.from_bytes(data[:8], "little")] = int(rng.integers(256))
        case 2:
            del out[place:]
        case 3:  # another length of the header, of any magnitude
            out[:8] = (int(rng.integers(2**62)) >> int(rng.integers(62))).to_bytes(8, "little")
        case 4:
            out[place:place] = rng.bytes(1 + int(rng.integers(8)))
        case 5:
            del out[place : place + 1 + int(rng.integers(8))]
    return bytes(out)


def cuts(data: bytes) -> Iterator[bytes]:
    """The file cut off at, before and after every boundary, and with something behind its end."""
    length = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:length])
    header.pop("__metadata__")
    ends = {length + place for entry in header.values() for place in entry["data_offsets"]}
    near = {edge + step for edge in (0, 8, length, *ends) for step in (-1, 0, 1)}
    yield from (data[:place] for place in sorted(near) if 0 <= place < len(data))
    yield from (data + tail for tail in (b"\0", data, pickle.dumps({})))


def with_header(data: bytes, header: str | bytes) -> bytes:
    """The same tensors behind another safetensors header."""
    length = 8 + int.from_bytes(data[:8], "little")
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header)) + header + data[length:]


def hostile_headers(data: bytes) -> Iterator[bytes]:
    """Strange offsets, shapes, types and names of tensors; JSON that is deep or doubled."""
    length = 8 + int.from_bytes(data[:8], "little")
    text = data[8:length].decode()
    metadata = json.loads(text)["__metadata__"]
    for entry in _entries():
        yield with_header(data, json.dumps({"__metadata__": metadata, **entry}))
    for name in [name for name in json.loads(text) if name != "__metadata__"]:
        for edit in _edits():
            header = json.loads(text)
            header[name] |= edit
            yield with_header(data, json.dumps(header))
        header = json.loads(text)
        header["../../etc/passwd"] = header.pop(name)
        yield with_header(data, json.dumps(header))
    yield from (with_header(data, other) for other in _odd_texts(text))
    yield from (with_header(data, _inner(text, edit)) for edit in _odd_documents(text))


def _edits() -> list[dict[str, Any]]:
    places = [[-4, 4], [4, 0], [0, 2**64 - 1], [2**63, 2**63 + 4], [0.5, 4], [0], "0:4", None]
    shapes = [[2**32, 2**32], [2**63, 2], [-1], [10**30], [1.5], [[1]], None, [0] * 1_000]
    types = ["F8_E4M3", "O", "os.system", 7, None]
    return [
        *({"data_offsets": place} for place in places),
        *({"shape": shape} for shape in shapes),
        *({"dtype": kind} for kind in types),
    ]


def _entries() -> list[dict[str, Any]]:
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    return [
        {},
        {"a": one, "b": one},
        {"a": one, "b": {**one, "data_offsets": [2, 6]}},
        {"a": {**one, "shape": [10**18], "data_offsets": [0, 4 * 10**18]}},
        {"a": {**one, "shape": [0, 2**63], "data_offsets": [0, 0]}},
        {"a": "os.system"},
        {str(i): {**one, "shape": [0], "data_offsets": [0, 0]} for i in range(20_000)},
    ]


def _odd_texts(text: str) -> list[str | bytes]:
    deep = 100_000
    return [
        "[" * deep + "]" * deep,
        '{"a":' * deep + "1" + "}" * deep,
        "NaN",
        "null",
        '"' + "a" * deep,
        "\ud800".encode("utf-8", "surrogatepass"),
        text.encode("utf-16"),
        text + " " * 1_000_000,
        text[:-1] + ',"__metadata__":{"moonfield":"{}"}}',
        text[:-1] + ',"__metadata__":{}}',
        text[:-1] + ',"__metadata__":[]}',
    ]


def _odd_documents(text: str) -> list[str]:
    inner = json.loads(text)["__metadata__"]["moonfield"]
    deep = 100_000
    nested = "[" * deep + "]" * deep
    return [
        nested,
        '{"a":' * deep + "1" + "}" * deep,
        inner[:-1] + ',"format_version":1}',
        inner[:-1] + ',"content":{"kind":"os.system"}}',
        inner[:-1] + f',"extra":{nested}}}',
        inner.replace('"format_version":1', '"format_version":' + "9" * 5_000),
        inner.replace('"format_version":1', '"format_version":1e999'),
        inner.replace('"format_version":1', '"format_version":Infinity'),
        inner.replace('"format_version":1', '"format_version":-1'),
        inner.replace('"sha256":"', '"sha256":"' + "\\u0000"),
        json.dumps({"format_version": 1, "sha256": None, "content": {}, "versions": {}}),
    ]


def _inner(text: str, document: str) -> str:
    header = json.loads(text)
    header["__metadata__"]["moonfield"] = document
    return json.dumps(header)


def other_formats(data: bytes, marker: Path) -> Iterator[bytes]:
    """What is no safetensors file: pickles that would write a file, archives, pages, gigabytes."""
    archive = io.BytesIO()
    np.savez(archive, payload=np.array([Payload(marker)], dtype=object), allow_pickle=True)
    array = io.BytesIO()
    np.save(array, np.array([Payload(marker)], dtype=object), allow_pickle=True)
    pickles = [pickle.dumps(Payload(marker), protocol) for protocol in range(6)]
    page = f"<html><script>{data[8:40]!r}</script></html>".encode()
    yield from (*pickles, archive.getvalue(), array.getvalue(), page, gzip.compress(data))
    yield from (with_header(data, found) for found in pickles)
    for announced in (10**9, 2**31, 2**32, 2**63, 2**64 - 1, 100_000_001):
        yield struct.pack("<Q", announced) + data[8:]


def hostile_contents(
    document: Document, count: int, rng: np.random.Generator
) -> Iterator[tuple[str, bytes]]:
    """Files with a valid checksum: values, keys or arrays of a good one replaced by hostile ones.

    Each with the place that was attacked.
    """
    places = list(_places(document.content))
    names = sorted(document.tensors)
    for i in range(count):
        content = json.loads(json.dumps(document.content))
        tensors = dict(document.tensors)
        if i % 4 == 0:
            place = names[int(rng.integers(len(names)))]
            what = _attack_array(tensors, place, rng)
        else:
            *folders, last = places[int(rng.integers(len(places)))]
            place = ".".join(map(str, [*folders, last]))
            what = _attack_value(functools.reduce(operator.getitem, folders, content), last, rng)
        yield f"{place} {what}", file_bytes(content, tensors)


def _places(value: Any, above: tuple = ()) -> Iterator[tuple]:
    """The path of every value within JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*above, key)
        if isinstance(item, dict | list):
            yield from _places(item, (*above, key))


def _attack_value(folder: Any, last: Any, rng: np.random.Generator) -> str:
    choice = int(rng.integers(len(HOSTILE_VALUES) + 2))
    if choice < len(HOSTILE_VALUES):
        folder[last] = HOSTILE_VALUES[choice]
        return f"= {HOSTILE_VALUES[choice]!a:.40}"
    if choice == len(HOSTILE_VALUES):
        del folder[last]
        return "deleted"
    if isinstance(folder, dict):
        folder["../../" + last] = folder[last]
    else:
        folder.append(folder[last])
    return "twice"


def _attack_array(tensors: dict[str, Any], name: str, rng: np.random.Generator) -> str:
    choice = int(rng.integers(len(HOSTILE_ARRAYS) + 3))
    array = tensors.pop(name)
    if choice < len(HOSTILE_ARRAYS):
        tensors[name] = HOSTILE_ARRAYS[choice]
        return f"= array {choice}"
    if choice == len(HOSTILE_ARRAYS):
        tensors["../../etc/passwd"] = array
        return "renamed"
    if choice == len(HOSTILE_ARRAYS) + 1:
        tensors[name] = np.zeros((*array.shape, 1_000), array.dtype)
        return "with another axis"
    return "deleted"
