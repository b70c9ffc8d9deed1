"""Tables into files, some rows at a time."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from .._core.files import replacing
from .formats import format_of

Write = Callable[[pa.Table], None]


@contextlib.contextmanager
def table_sink(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """A function that takes one table of rows after another; the file is there at the end.

    Raises:
        OSError: the file system refuses; an old file is left as it was.
    """
    with replacing(path) as file, _WRITERS[format_of(path)](file, schema) as write:
        yield write


@contextlib.contextmanager
def _csv(file: IO[bytes], schema: pa.Schema, delimiter: str = ",") -> Iterator[Write]:
    options = pyarrow.csv.WriteOptions(delimiter=delimiter, quoting_style="needed")
    with pyarrow.csv.CSVWriter(file, schema, write_options=options) as writer:
        yield writer.write_table


def _tsv(file: IO[bytes], schema: pa.Schema) -> Any:
    return _csv(file, schema, "\t")


@contextlib.contextmanager
def _parquet(file: IO[bytes], schema: pa.Schema) -> Iterator[Write]:
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        yield writer.write_table


@contextlib.contextmanager
def _arrow(file: IO[bytes], schema: pa.Schema) -> Iterator[Write]:
    with pyarrow.ipc.new_file(file, schema) as writer:
        yield writer.write_table


@contextlib.contextmanager
def _jsonl(file: IO[bytes], schema: pa.Schema) -> Iterator[Write]:
    def write(table: pa.Table) -> None:
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist())
        file.write("".join(lines).encode())

    yield write


_WRITERS: dict[str, Callable[[IO[bytes], pa.Schema], Any]] = {
    "csv": _csv,
    "tsv": _tsv,
    "parquet": _parquet,
    "arrow": _arrow,
    "jsonl": _jsonl,
}
