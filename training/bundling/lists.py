"""Write lists for all users or all items to one file, in bounded memory; a stopped run can be resumed.

Parts of the file are written whole beside it, to FILE.parts/, and joined at the end, so the same file comes out however
often the run was stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from recommender.errors import UsageError
from recommender.files import named, remove_directory, require_parent, whole_file, write_bytes, write_text
from recommender.films.ids import IdMap
from recommender.model import Model
from training.kernels.threads import thread_map
from training.kernels.topk import BLOCK_CELLS, top_k
from training.progress import Progress

Format = Literal["parquet", "csv", "ndjson"]
Subject = Literal["users", "items"]
Rows = NDArray[np.int64]
PART = 8192  # users or items of a part
BLOCK = 256  # of them that a thread scores at a time
PLAN = "plan.json"
_PARTS = named(r"plan\.json|part-\d{6}")


@dataclass(frozen=True)
class Lists:
    """Options of an export: the best `n` items for all users, or the `n` items most similar to every item."""

    subject: Subject
    n: int
    format: Format


def write_lists(model: Model, target: Path, lists: Lists, progress: Progress) -> None:
    """Write the lists to the new file `target`.

    Raises UsageError if it exists, its directory does not, or parts of other lists do.
    """
    require_parent(target)
    if os.path.lexists(target):
        raise UsageError(f"{target} exists already; name another file.")
    parts = target.with_name(f"{target.name}.parts")
    _begin(parts, model, lists)
    ids = model.user_ids if lists.subject == "users" else model.movie_ids
    paths = []
    for start in range(0, max(len(ids), 1), PART):
        paths.append(parts / f"part-{start // PART:06d}")
        if not paths[-1].is_file():
            rows = np.arange(start, min(start + PART, len(ids)))
            table = _table(model, ids, rows, lists)
            write_bytes(paths[-1], _encoded(table, lists.format, is_first=start == 0))
        progress(f"lists for {lists.subject}", min((start + PART) / max(len(ids), 1), 1.0))
    with whole_file(target) as fresh:
        _join(paths, fresh, lists.format)
    remove_directory(parts, _PARTS)


def best_for_users(model: Model, rows: Rows, n: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the best `n` unseen items for the users `rows` (b,), padded with -1, and their scores: both (b, n)."""
    canonical = model.catalog.canonical
    second_entries = np.flatnonzero(canonical != np.arange(len(canonical)))

    def rank(start: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        block = rows[start : start + step]
        history = model.history.ratings(block)
        scores = model.user_scorer.known(block, model.stars(history))
        scores[:, second_entries] = -np.inf
        scores[np.repeat(np.arange(len(block)), np.diff(history.indptr)), canonical[history.indices]] = -np.inf
        return top_k(scores, n)

    step = int(np.clip(BLOCK_CELLS // max(len(canonical), 1), 1, BLOCK))
    with thread_map() as run:
        blocks = list(run(rank, range(0, len(rows), step)))
    items, scores = (
        zip(*blocks, strict=True) if blocks else ([np.empty((0, n), np.int32)], [np.empty((0, n), np.float32)])
    )
    return np.concatenate(items), np.concatenate(scores)


def _begin(parts: Path, model: Model, lists: Lists) -> None:
    """Record the options of the parts. Raises UsageError if a stopped run wrote parts with other options."""
    plan = json.dumps({"model": _hash_of(model), "part": PART, **asdict(lists)})
    if not os.path.lexists(parts):
        write_text(parts / PLAN, plan)
    elif not (parts / PLAN).is_file() or (parts / PLAN).read_text() != plan:
        raise UsageError(
            f"{parts} holds parts of other lists, by another model or of other options. Name another file."
        )


def _hash_of(model: Model) -> str:
    """Return a hash of a model: of its manifest, which has those of all files, or of the arrays of one in memory."""
    digest = hashlib.sha256(model.manifest.model_dump_json().encode())
    if not model.manifest.files:
        for name in sorted(model.arrays):
            digest.update(np.ascontiguousarray(model.arrays[name]).tobytes())
    return digest.hexdigest()


def _table(model: Model, ids: IdMap, rows: Rows, lists: Lists) -> pa.Table:
    if lists.subject == "users":
        items, scores = best_for_users(model, rows, lists.n)
        names = ["user_id", "rank", "movie_id", "score"]
    else:
        items, scores = (model.arrays[f"neighbour_{name}"][rows, : lists.n] for name in ("rows", "scores"))
        names = ["movie_id", "rank", "similar_id", "score"]
    is_item = items >= 0
    positions, ranks = np.nonzero(is_item)
    columns = [ids.values(rows[positions]), (ranks + 1).astype(np.int32), model.movie_ids.values(items[is_item])]
    return pa.table([*map(pa.array, columns), pa.array(scores[is_item])], names=names)


def _encoded(table: pa.Table, form: Format, *, is_first: bool) -> bytes:
    """Return a table as the bytes of a part; only the first part of a CSV file has a header."""
    if form == "ndjson":
        text: str = table.to_pandas().to_json(orient="records", lines=True, double_precision=6)
        return text.encode()
    with BytesIO() as out:
        if form == "parquet":
            pq.write_table(table, out)
        else:
            pc.write_csv(table, out, pc.WriteOptions(include_header=is_first))
        return out.getvalue()


def _join(paths: list[Path], target: Path, form: Format) -> None:
    """Write the parts one after the other; in Parquet each is a row group."""
    if form == "parquet":
        with pq.ParquetWriter(target, pq.read_schema(paths[0])) as writer:
            for path in paths:
                writer.write_table(pq.read_table(path))
        return
    with target.open("wb") as out:
        for path in paths:
            with path.open("rb") as source:
                shutil.copyfileobj(source, out)
