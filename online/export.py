"""Write events into a file that other programs read: NDJSON or Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from online.store import EventReader
from recommender.files import require_parent, whole_file

_ROWS_AT_ONCE = 10_000
Rows = list[dict[str, Any]]


def export(reader: EventReader, path: Path, *, as_parquet: bool) -> int:
    """Write all events into a new file that only its owner reads, or replace a file; return how many.

    Raises UsageError where its directory does not exist.
    """
    require_parent(path)
    rows = _rows(reader)
    count = 0
    with whole_file(path) as fresh:
        fresh.touch(mode=0o600)
        with _parquet(fresh) if as_parquet else _ndjson(fresh) as write:
            while chunk := list(islice(rows, _ROWS_AT_ONCE)):
                write(chunk)
                count += len(chunk)
    return count


def _rows(reader: EventReader) -> Iterator[dict[str, Any]]:
    for number, event in reader.events():
        yield {"number": number, **event._asdict()}


@contextmanager
def _ndjson(path: Path) -> Iterator[Callable[[Rows], None]]:
    with path.open("wb") as file:
        yield lambda rows: file.writelines(orjson.dumps(row) + b"\n" for row in rows)


@contextmanager
def _parquet(path: Path) -> Iterator[Callable[[Rows], None]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = ("visitor", "user_id")
    schema = pa.schema(
        [
            ("number", pa.int64()),
            ("kind", pa.string()),
            *((name, pa.string()) for name in texts),
            ("items", pa.list_(pa.string())),
            ("rating", pa.float64()),
            ("recommendation", pa.string()),
            ("time", pa.float64()),
            ("received", pa.float64()),
            ("event_id", pa.string()),
            ("position", pa.int32()),
        ]
    )
    with pq.ParquetWriter(path, schema) as file:
        yield lambda rows: file.write_table(pa.Table.from_pylist(rows, schema))
