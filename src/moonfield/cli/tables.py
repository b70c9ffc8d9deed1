"""Tables out of files: whole, or some columns of a few rows at a time.

CSV has no types: a whole table gets those that suit all its values, and blocks of rows come as
text, so that what a column is does not depend on where a file was cut.
"""

import codecs
import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from ..data import PANDAS_INDEX
from .errors import BadInput
from .formats import check_input

_KINDS = {str: "text", int: "a number", float: "a number", bool: "true or false", type(None): ""}
_CODE = pc.MatchSubstringOptions(r"^[-+]?0[0-9xX]")
_LINES = 8_192  # of JSON that are parsed together
_BYTES = 4 * 2**20  # of CSV that are parsed together
_GZIP = b"\x1f\x8b"
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_OTHERS = {
    b";": "semicolons. Write commas between them, and points in numbers",
    b"\t": "tabs. Call it .tsv",
}
_PARQUET = {"pre_buffer": False, "buffer_size": 2**16}  # else whole groups of rows are held


def read_table(path: Path, without: Sequence[str] = ()) -> pa.Table:
    """All rows, with all columns but some and an index of pandas.

    Raises:
        BadInput: there is no such file, it is not what its suffix says, has no rows, or a column
            twice, or lacks one of those to leave out.
    """
    kind = check_input(path)
    names = None if kind == "jsonl" else names_of(path)
    _check_names(path, names or (), names or ())
    with _reading(path):
        if kind in _DELIMITERS:
            layout = _layout(kind, names or ())
            table = pyarrow.csv.read_csv(path, parse_options=layout, **_options(None))
            table = _without_blanks(table, typed=True)
            if codes := _codes(path, kind, table, layout):
                table = _with_text(table, path, codes, layout)
        elif kind == "parquet":
            table = pyarrow.parquet.ParquetFile(path).read(columns=_kept(path, without))
        elif kind == "arrow":
            with _arrow(path) as reader:
                table = reader.read_all()
        else:
            pieces = _json(path, None, without)
            table = pa.concat_tables(pieces, promote_options="permissive")
    names = table.column_names if names is None else names
    check_present(path, names, without)
    if table.num_rows == 0:
        raise BadInput(f"{path} has no rows.")
    left_out = [n for n in table.column_names if n in without or PANDAS_INDEX.fullmatch(n)]
    return table.drop_columns(left_out)


def names_of(path: Path) -> list[str]:
    """Names of a file's columns; errors as `read_table`."""
    kind = check_input(path)
    with _reading(path):
        if kind in _DELIMITERS:
            _check_header(path, _DELIMITERS[kind].encode())
            layout = _layout(kind, ())
            with pyarrow.csv.open_csv(path, parse_options=layout, **_options(None)) as reader:
                return reader.schema.names
        if kind == "parquet":
            return pyarrow.parquet.read_schema(path).names
        if kind == "arrow":
            with _arrow(path) as reader:
                return reader.schema.names
        return next(_json(path, None)).column_names


def read_blocks(path: Path, wanted: Sequence[str], rows: int) -> Iterator[pa.Table]:
    """These columns, so many rows at a time; those of CSV as text.

    Raises:
        BadInput: as `read_table`; or a column is not there.
    """
    kind = check_input(path)
    present = names_of(path)
    if kind == "jsonl" and not set(wanted) <= set(present):  # a line may leave names out
        with _reading(path):
            present = list(
                {name: None for piece in _json(path, None) for name in piece.schema.names}
            )
    _check_names(path, present, wanted)
    check_present(path, present, wanted)
    count = 0
    with _reading(path):
        layout = _layout(kind, present) if kind in _DELIMITERS else None
        for block in _cut(_pieces(path, kind, list(wanted), layout), rows):
            count += block.num_rows
            yield block
    if count == 0:
        raise BadInput(f"{path} has no rows.")


def rows_of(path: Path) -> int | None:
    """The number of rows, where the file says it."""
    if check_input(path) != "parquet":
        return None
    with _reading(path):
        return pyarrow.parquet.read_metadata(path).num_rows


def check_present(path: Path, names: Sequence[str], wanted: Sequence[str]) -> None:
    """`BadInput` unless all that is wanted is there."""
    for name in wanted:
        if name not in names:
            raise BadInput(f"{path} has no column {name!r}. It has {listed(names)}.")


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names for a message."""
    shown = ", ".join(map(repr, names[:most])) or "none"
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _pieces(path: Path, kind: str, wanted: list[str], layout: Any) -> Iterator[pa.Table]:
    if layout is not None:
        options = _options(wanted)
        with pyarrow.csv.open_csv(path, parse_options=layout, **options) as reader:
            for batch in reader:
                yield _without_blanks(pa.Table.from_batches([batch]))
    elif kind == "parquet":
        with pyarrow.parquet.ParquetFile(path, **_PARQUET) as file:
            for batch in file.iter_batches(columns=wanted):
                yield pa.Table.from_batches([batch]).select(wanted)
    elif kind == "arrow":
        with _arrow(path) as reader:
            for place in range(reader.num_record_batches):
                yield pa.Table.from_batches([reader.get_batch(place)]).select(wanted)
    else:
        yield from _json(path, wanted)


def _cut(pieces: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Tables of so many rows each, the last one of what is left."""
    held: list[pa.Table] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += piece.num_rows
        while count >= rows:
            table = pa.concat_tables(held, promote_options="permissive")
            yield table.slice(0, rows)
            held, count = [table.slice(rows)], count - rows
    if count:
        yield pa.concat_tables(held, promote_options="permissive")


def _codes(path: Path, kind: str, table: pa.Table, layout: Any) -> list[str]:
    """Columns of whole numbers of which some are written like 007, or in hexadecimal."""
    whole = [field.name for field in table.schema if pa.types.is_integer(field.type)]
    found: set[str] = set()
    for piece in _pieces(path, kind, whole, layout) if whole else ():
        for name in set(whole) - found:
            text = pc.call_function("utf8_trim_whitespace", [piece.column(name)])
            zero = pc.call_function("match_substring_regex", [text], _CODE)
            if pc.call_function("any", [zero]).as_py():
                found.add(name)
    return [name for name in whole if name in found]


def _with_text(table: pa.Table, path: Path, names: list[str], layout: Any) -> pa.Table:
    text = pyarrow.csv.read_csv(path, parse_options=layout, **_options(names))
    text = _without_blanks(text)
    for name in names:
        table = table.set_column(table.column_names.index(name), name, text.column(name))
    return table


def _without_blanks(table: pa.Table, typed: bool = False) -> pa.Table:
    """What is empty is missing between quotes too, and what is left may be numbers."""
    for place, column in enumerate(table.columns):
        blank = pc.call_function("equal", [column, ""]) if pa.types.is_string(column.type) else None
        if blank is not None and pc.call_function("any", [blank]).as_py():
            left = pc.call_function("if_else", [blank, None, column])
            left = _typed(left) if typed else left
            table = table.set_column(place, table.field(place).name, left)
    return table


def _typed(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """As CSV's own inference has it, by which what is empty is missing."""
    written = pa.BufferOutputStream()
    plain = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    try:
        pyarrow.csv.write_csv(pa.table({"text": text}), written, plain)
    except pa.ArrowInvalid:  # it holds delimiters, quotes or lines
        return text
    table = pyarrow.csv.read_csv(
        pa.BufferReader(written.getvalue()),
        pyarrow.csv.ReadOptions(column_names=["text"]),
        pyarrow.csv.ParseOptions(ignore_empty_lines=False),
        pyarrow.csv.ConvertOptions(null_values=[""], strings_can_be_null=True),
    )
    return table.column(0)


def _layout(kind: str, names: Sequence[str]) -> Any:
    """Of a file with these columns: an empty line of a single one is a row without its value."""
    return pyarrow.csv.ParseOptions(
        delimiter=_DELIMITERS[kind], newlines_in_values=True, ignore_empty_lines=len(names) != 1
    )


def _options(wanted: list[str] | None) -> dict[str, Any]:
    """How CSV is read: all columns by what they hold, or those wanted as text."""
    types = None if wanted is None else dict.fromkeys(wanted, pa.string())
    convert = pyarrow.csv.ConvertOptions(
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        include_columns=wanted,
        column_types=types,
    )
    return {
        "read_options": pyarrow.csv.ReadOptions(block_size=_BYTES),
        "convert_options": convert,
    }


@contextlib.contextmanager
def _arrow(path: Path) -> Iterator[Any]:
    with pa.OSFile(str(path)) as file, pyarrow.ipc.open_file(file) as reader:
        yield reader


def _json(path: Path, wanted: list[str] | None, without: Sequence[str] = ()) -> Iterator[pa.Table]:
    """JSON lines, one object a line, some lines at a time; without lines one empty table.

    Columns that are left out are there, but hold nothing.
    """
    lines: dict[int, dict[str, Any]] = {}
    empty = True
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                lines[number] = _object(path, number, line)
            if len(lines) == _LINES:
                yield _table(path, lines, wanted, without)
                lines, empty = {}, False
    if lines or empty:
        yield _table(path, lines, wanted, without)


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line, object_pairs_hook=_unique)
        if "\\ud" in line.lower():  # half a character, maybe, which is none
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError as error:
        raise BadInput(f"{path}, line {number}: it is nested too deeply.") from error
    except ValueError as error:
        raise BadInput(f"{path}, line {number}: {error}.") from error
    if not isinstance(found, dict):
        raise BadInput(
            f"{path}, line {number} is not an object. Each line must be one, such as "
            '{"age": 40, "city": "Kiel"}.'
        )
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _table(
    path: Path, lines: dict[int, dict], wanted: list[str] | None, without: Sequence[str]
) -> pa.Table:
    names = list(dict.fromkeys(name for row in lines.values() for name in row))
    columns = {}
    for name in names if wanted is None else wanted:
        values = [None if name in without else row.get(name) for row in lines.values()]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowException, OverflowError) as error:
            odd = _odd(dict(zip(lines, values, strict=True)))
            if odd is None:
                raise
            raise BadInput(f"{path}, line {odd[0]}: {name!r} is {odd[1]}.") from error
    return pa.table(columns)


def _odd(values: dict[int, Any]) -> tuple[int, str] | None:
    """The first line whose value does not go with those before, and in words why."""
    kinds = {line: _KINDS.get(type(it), "a list or object") for line, it in values.items()}
    known = {line: kind for line, kind in kinds.items() if kind}
    first = next(iter(known.values()), "")
    for line, kind in known.items():
        if kind != first:
            return line, f"{kind}, but {first} in lines before"
        if isinstance(values[line], int) and not -(2**63) <= values[line] < 2**63:
            return line, "a whole number beyond 64 bits. Write it like 1e20, or as text"
    return None


def _kept(path: Path, without: Sequence[str]) -> list[str]:
    return [name for name in pyarrow.parquet.read_schema(path).names if name not in without]


def _check_header(path: Path, delimiter: bytes) -> None:
    with open(path, "rb") as file:
        header = file.readline(2**16)
    if header.startswith(_GZIP):
        raise BadInput(f"{path} is compressed. Unpack it: gunzip.")
    if header.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BadInput(f"{path} is text in UTF-16. Convert it to UTF-8.")
    for other, said in _OTHERS.items():
        if other in header and delimiter not in header:
            raise BadInput(f"{path} has columns apart by {said}.")


def _check_names(path: Path, names: Sequence[str], wanted: Sequence[str]) -> None:
    for name in wanted:
        if names.count(name) > 1:
            raise BadInput(f"{path} has the column {name!r} twice. Rename one of them.")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What Arrow says of a file, on one line after its name."""
    try:
        yield
    except BadInput:
        raise
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} holds bytes that are no text in UTF-8. Convert it.") from error
    except (pa.ArrowException, KeyError, OverflowError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(
            f"{path} cannot be read as {path.suffix.lower()}: {said.rstrip('.')}."
        ) from error
