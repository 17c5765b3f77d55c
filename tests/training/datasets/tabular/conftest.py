"""Interactions of two groups of users with different tastes, and books that they read; written in any format."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from training.datasets.store import ProcessedDataset, prepare
from training.datasets.tabular.source import build_source

N_USERS, N_ITEMS, SECOND = 40, 24, 1_600_000_000


def pairs(seed: int = 0) -> pd.DataFrame:
    """Each user has met 16 items, mostly of the parity that is theirs, in a random order in time; `liked` says how."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(N_USERS):
        own = np.arange(N_ITEMS) % 2 == user % 2
        weights = np.where(own, 5.0, 1.0)
        items = rng.choice(N_ITEMS, 16, replace=False, p=weights / weights.sum())
        rows += [(user, item, bool(own[item])) for item in items.tolist()]
    frame = pd.DataFrame(rows, columns=["user", "item", "liked"])
    return frame.assign(second=SECOND + rng.permutation(len(frame)) * 1000)


def books() -> pd.DataFrame:
    """Books of two authors and publishers each, with a description; the last has nothing but its id."""
    genre = np.array(["space", "love"])[np.arange(N_ITEMS) % 2]
    frame = pd.DataFrame(
        {
            "isbn": [f"978-{item:04d}-X" for item in range(N_ITEMS)],
            "title": [f"The {kind} of {item}; a book" for item, kind in enumerate(genre)],
            "published": [f"{1950 + item}-03-01" for item in range(N_ITEMS)],
            "authors": [f"Ann {kind}|Bob {item % 3}" for item, kind in enumerate(genre)],
            "publisher": np.where(np.arange(N_ITEMS) % 4 < 2, "Ace", "Orbit"),
            "description": [f"A story of {kind}, told in many and long chapters." for kind in genre],
            "pages": 100 + 10 * np.arange(N_ITEMS),
        }
    ).astype({"pages": "object"})
    frame.loc[N_ITEMS - 1, frame.columns[1:]] = None
    return frame


def write_rows(path: Path, frame: pd.DataFrame, separator: str = ",", encoding: str = "utf-8") -> Path:
    """Write a frame as the suffixes of `path` say: CSV, JSON Lines or Parquet, plain or compressed."""
    kind = next(suffix for suffix in path.suffixes if suffix not in (".gz", ".zst"))
    buffer = io.BytesIO()
    if kind == ".parquet":
        frame.to_parquet(buffer)
    elif kind == ".jsonl":
        records = frame.to_dict("records")
        buffer.write("".join(json.dumps(record) + "\n" for record in records).encode(encoding))
    else:
        text = frame.to_csv(index=False, sep=separator, quoting=csv.QUOTE_MINIMAL)
        buffer.write(text.encode(encoding))
    compress: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": _zstd}
    path.write_bytes(compress.get(path.suffix, bytes)(buffer.getvalue()))
    return path


def _zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


Prepare = Callable[..., ProcessedDataset]


@pytest.fixture
def prepare_source(tmp_path) -> Prepare:
    """Prepare a data set from the keys of a description."""

    def prepared(name: str = "own", max_bad_share: float | None = None, **keys: Any) -> ProcessedDataset:
        source = build_source(keys, "the options")
        return prepare(name, source=source, processed_root=tmp_path / "processed", max_bad_share=max_bad_share)

    return prepared
