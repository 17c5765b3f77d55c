"""The movie-tag matrix: genres, decade and people of each film as sparse, block-normalised features.

Each block's rows have length sqrt(block weight), so a dot product of two rows is the weighted sum of the blocks'
cosines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import scipy.sparse as sp

from recommender.schema import ACTORS, DIRECTORS, GENRES, YEAR
from training.datasets.dataset import TagMatrix

# In column order.
BLOCKS = ("genres", "decade", "directors", "actors", "people", "user_tags", "genome")

Block = tuple[sp.csr_matrix, list[str]]


def build_tag_matrix(movies: pd.DataFrame, weights: Mapping[str, float]) -> TagMatrix:
    """The movie-tag matrix of `movies`; `weights` gives each block's weight (default 1)."""
    built: dict[str, Block] = {
        "genres": named_block("genre", movies[GENRES]),
        "decade": named_block("decade", decades(movies[YEAR])),
        "directors": named_block("director", movies[DIRECTORS]),
        "actors": named_block("actor", movies[ACTORS]),
    }
    parts: list[sp.csr_matrix] = []
    features: list[str] = []
    ranges: dict[str, tuple[int, int]] = {}
    for name in BLOCKS:
        matrix, names = built.get(name) or named_block(name, [()] * len(movies))
        ranges[name] = (len(features), len(features) + len(names))
        features.extend(names)
        parts.append(unit_rows(matrix) * np.float32(np.sqrt(weights.get(name, 1.0))))
    return TagMatrix(sp.csr_matrix(sp.hstack(parts, format="csr", dtype=np.float32)), features, ranges)


def decades(years: pd.Series) -> list[list[str]]:
    """[["1990"], [], ...]: the decade of each film, nothing for a film without a year."""
    return [[] if pd.isna(year) else [str(int(year) // 10 * 10)] for year in years]


def named_block(prefix: str, names_by_film: Iterable[Sequence[str]]) -> Block:
    """Indicator matrix of the names of each film, columns in the names' alphabetical order."""
    lists = list(names_by_film)
    lengths = np.array([len(names) for names in lists], dtype=np.int64)
    vocabulary, columns = np.unique(
        np.array([name for names in lists for name in names], dtype=object).astype("U"), return_inverse=True
    )
    rows = np.repeat(np.arange(len(lists)), lengths)
    shape = (len(lists), len(vocabulary))
    matrix = sp.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    return matrix, [f"{prefix}:{name}" for name in vocabulary]


def unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """`matrix` with every non-empty row scaled to length 1."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return sp.csr_matrix(sp.diags(scale.astype(np.float32)) @ matrix)
