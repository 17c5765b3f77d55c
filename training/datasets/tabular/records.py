"""Read columns of CSV, TSV, Parquet and JSON Lines files, also compressed, as text, with DuckDB."""

from __future__ import annotations

import codecs
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from recommender.errors import DataError, MissingInputError, UsageError
from training.datasets.quarantine import Quarantine
from training.datasets.readers.layout import refuse_foreign
from training.datasets.tables import Table
from training.datasets.tabular.source import SourceConfig

COMPRESSION = {".gz": "gzip", ".zst": "zstd"}
_BROKEN = "row cannot be split into the columns of the header"
_SHOWN = 200  # characters of what a file holds, in an error
_CHUNK = 1 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

FileKind = Literal["csv", "parquet", "json"]
_KINDS: dict[str, FileKind] = {
    ".parquet": "parquet", ".pq": "parquet", ".jsonl": "json", ".ndjson": "json", ".json": "json"
}  # fmt: skip


@dataclass
class File:
    """A file as DuckDB sees it: `relation` is the SQL that reads it, with the types that DuckDB guesses."""

    path: Path
    kind: FileKind
    options: str = ""
    types: dict[str, str] = field(default_factory=dict)  # column -> type
    separator: str | None = None
    time_format: str | None = None
    repeated: set[str] = field(default_factory=set)  # names that several columns of a text file have

    @property
    def shown(self) -> str:
        """Return the names of the columns for an error: one row of a file read wrongly can be the whole file."""
        names = ", ".join(self.types)
        return names if len(names) <= _SHOWN else f"{names[:_SHOWN]} ..."

    @property
    def relation(self) -> str:
        """Return the SQL of a relation with guessed types."""
        if self.kind == "parquet":
            return "compressed_parquet" if self.path.suffix in COMPRESSION else f"read_parquet({_file(self.path)})"
        return f"read_{self.kind}({_file(self.path)}{self.options}, ignore_errors=true)"

    def as_text(self, columns: Sequence[str]) -> str:
        """Return the SQL of a relation with these columns as text: lists as JSON, nothing guessed."""
        if self.kind == "parquet":
            return f"SELECT {', '.join(_text_of(name, self.types[name]) for name in columns)} FROM {self.relation}"
        names = ", ".join(map(quoted, columns))
        if self.kind == "csv":
            options = f"{self.options}, all_varchar=true, ignore_errors=true, store_rejects=true, rejects_limit=0"
        else:
            types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
            options = f"{self.options}, columns={{{types}}}, ignore_errors=true"
        return f"SELECT {names} FROM read_{self.kind}({_file(self.path)}{options})"


def connect() -> duckdb.DuckDBPyConnection:
    """Return a database in memory that takes times without a zone for UTC."""
    connection = duckdb.connect(config={"temp_directory": tempfile.gettempdir(), "autoinstall_known_extensions": False})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def open_file(connection: duckdb.DuckDBPyConnection, path: Path, config: SourceConfig | None = None) -> File:
    """Look at a file and return it with its columns; how a text file is written is guessed where `config` is silent.

    Raises MissingInputError or DataError.
    """
    kind = _kind(path)
    if not path.is_file():
        raise MissingInputError(f"Expected a file at {path}; there is none. Name the right one.")
    if path.stat().st_size == 0:
        raise DataError(f"Expected rows in {path}; the file is empty.")
    file = File(path, kind)
    with _readable(path):
        if kind == "csv":
            _sniff(connection, file, config)
        elif kind == "json":
            file.options = ", sample_size=-1"  # a key may come late
        elif path.suffix in COMPRESSION:
            with pa.input_stream(str(path), compression=COMPRESSION[path.suffix]) as stream:
                connection.register("compressed_parquet", parquet.read_table(pa.BufferReader(stream.read())))
        described = connection.execute(f"DESCRIBE SELECT * FROM {file.relation}").fetchall()
    file.types = {name: kind for name, kind, *_ in described}
    return file


def read_records(path: Path, columns: Sequence[str], config: SourceConfig, quarantine: Quarantine) -> Records:
    """Read these columns of a file as text; broken rows go to `quarantine`.

    Raises UsageError, which names the columns that exist, for an unknown one.
    """
    connection = connect()
    file = open_file(connection, path, config)
    if unknown := [name for name in columns if name not in file.types]:
        raise UsageError(f"Expected the column {', '.join(unknown)} in {path.name}, found {file.shown}.")
    if repeated := sorted(file.repeated.intersection(columns)):
        raise UsageError(
            f"Expected one column {', '.join(repeated)} in {path.name}, found several of that name. Rename all but one."
        )
    distinct = list(dict.fromkeys(columns))
    with _readable(path):
        connection.execute(f"CREATE TEMP TABLE records AS {file.as_text(distinct)}")
    rejects: list[tuple[int, str]] = []
    if file.kind == "csv":
        query = "SELECT line, first(csv_line) FROM reject_errors GROUP BY line ORDER BY line"
        rejects = [(int(line), text or "") for line, text in connection.execute(query).fetchall()]
        for line, text in rejects:
            quarantine.add(path, line, _BROKEN, text)
    first_line = 2 if file.kind == "csv" and "header=true" in file.options else 1
    return Records(path, connection, first_line, [line for line, _ in rejects])


@dataclass
class Records:
    """The rows of one file in the DuckDB table `records`, all columns as text, in file order."""

    path: Path
    connection: duckdb.DuckDBPyConnection
    first_line: int
    rejected_lines: list[int]

    @cached_property
    def count(self) -> int:
        """Return the number of rows."""
        return int(self.value("count(*)"))

    def value(self, expression: str) -> float:
        """Return the value of one aggregate, 0 where it has none."""
        [(value,)] = self.connection.execute(f"SELECT {expression} FROM records").fetchall()
        return value or 0

    def texts(self, expression: str) -> pa.Array:
        """Return one text for each row (n,); null where there is none or an empty one."""
        return self._column(f"nullif({expression}, '')").cast(pa.string())

    def numbers(self, expression: str) -> NDArray[np.float64]:
        """Return one number for each row (n,), NaN where there is none."""
        column = self._column(f"CAST({expression} AS DOUBLE)")
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)

    def counts(self, expression: str) -> dict[str, int]:
        """Return how often each value occurs, the most frequent first."""
        query = f"SELECT {expression} AS value, count(*) FROM records WHERE value IS NOT NULL GROUP BY 1"
        return dict(self.connection.execute(f"{query} ORDER BY 2 DESC, 1").fetchall())

    def table(self, frame: pd.DataFrame) -> Table:
        """Return a frame of these rows as a table that knows each row's line, for the quarantine."""
        lines = np.arange(self.first_line, self.first_line + self.count + len(self.rejected_lines))
        lines = np.setdiff1d(lines, self.rejected_lines)[: self.count] if self.rejected_lines else lines
        return Table(frame, self.path, self.first_line, lines, row_texts=self._row_texts)

    def _row_texts(self, rows: NDArray[np.int64]) -> list[str]:
        """Return the values of these rows with the names of their columns."""
        numbers = ", ".join(map(str, rows.tolist())) or "-1"
        relation = self.connection.sql(f"SELECT * FROM records WHERE rowid IN ({numbers}) ORDER BY rowid")
        return [
            ", ".join(f"{name}={value}" for name, value in zip(relation.columns, row, strict=True))
            for row in relation.fetchall()
        ]

    def _column(self, expression: str) -> pa.Array:
        column = self.connection.sql(f"SELECT {expression} AS value FROM records").to_arrow_table()["value"]
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def quoted(name: str) -> str:
    """Return a column's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _file(path: Path) -> str:
    """Return a path as an SQL literal with glob characters escaped."""
    return literal("".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path)))


def _text_of(name: str, kind: str) -> str:
    column = quoted(name)
    nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))
    return f"{f'to_json({column})' if nested else column}::VARCHAR AS {column}"


def _kind(path: Path) -> FileKind:
    suffix = path.with_suffix("").suffix if path.suffix in COMPRESSION else path.suffix
    return _KINDS.get(suffix.lower(), "csv")


def _sniff(connection: duckdb.DuckDBPyConnection, file: File, config: SourceConfig | None) -> None:
    """Detect the format of a text file where `config` does not state it, and add it to the file's options."""
    stated_form = (config.separator, config.encoding, config.header) if config else (None, None, None)
    stated_separator, stated_encoding, stated_header = stated_form
    encoding = stated_encoding or _encoding(file.path)
    stated = f", encoding={literal(encoding)}"
    stated += f", delim={literal(stated_separator)}" if stated_separator else ""
    stated += f", header={str(stated_header).lower()}" if stated_header is not None else ""
    query = (
        "SELECT Delimiter, Quote, Escape, HasHeader, DateFormat, TimestampFormat, len(Columns) "
        f"FROM sniff_csv({_file(file.path)}{stated}"
    )
    [row] = connection.execute(f"{query}, ignore_errors=true)").fetchall()
    if row[-1] == 1 and not stated_separator:  # a blank is none of the separators that DuckDB tries
        with suppress(duckdb.Error):
            [row] = connection.execute(f"{query}, delim=' ', ignore_errors=true)").fetchall()
    file.separator, quote, escape, header, date_format, time_format, _ = row
    quote, escape = ("" if mark in (None, "(empty)") else mark for mark in (quote, escape))
    file.time_format = time_format or date_format
    file.options = (
        f", encoding={literal(encoding)}, delim={literal(file.separator or ',')}, quote={literal(quote)}, "
        f"escape={literal(escape)}, header="
    )
    if header:
        first = f"SELECT * FROM read_csv({_file(file.path)}{file.options}false, all_varchar=true, ignore_errors=true)"
        [names] = connection.execute(f"{first} LIMIT 1").fetchall()
        file.repeated = {name for name, count in Counter(names).items() if count > 1}
    file.options += str(header).lower()


def _encoding(path: Path) -> str:
    """Return UTF-16 or UTF-8 where a text file is one of them, else latin-1."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with pa.input_stream(str(path), compression=COMPRESSION.get(path.suffix)) as stream:
        start = stream.read(_CHUNK)
        if start.startswith(_UTF16):
            return "utf-16"
        refuse_foreign(path, start)
        chunk = start
        try:
            while chunk:
                decoder.decode(chunk)
                chunk = stream.read(_CHUNK)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        reason = str(error).strip().splitlines()[0][:_SHOWN]
        if "not latin-1 encoded" in reason:  # bytes 128 to 159: quotes, dashes and euros of Windows
            name = path.name.removesuffix(path.suffix) if path.suffix in COMPRESSION else path.name
            reason = f"it is neither UTF-8 nor latin-1. Save it as UTF-8, or: iconv -f cp1252 -t utf-8 {name} > NEW"
        raise DataError(f"{path} cannot be read as what its name says it is: {reason}") from error
