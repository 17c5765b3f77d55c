"""Arithmetic on blocks of scores, (b, n) for b users or query films and n films, and on sparse histories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
Block = NDArray[np.float32]
Rows = NDArray[np.int64]


def z_scores(block: Block, history: sp.csr_matrix) -> Block:
    """Return `block` (b, n) with each row standardised over the films that are not in `history` (b, n)."""
    mean, deviation = unseen_statistics(block, history)
    return np.asarray((block - mean[:, None]) / deviation[:, None], dtype=np.float32)


def unseen_statistics(block: Block, history: sp.csr_matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation (b,) of each row of `block` (b, n) over the films not in `history` (b, n)."""
    seen = gather_pattern(block, history)
    count = np.maximum(block.shape[1] - np.diff(history.indptr), 1)
    mean = (block.sum(axis=1, dtype=np.float64) - seen.sum(axis=1)) / count
    square = (np.square(block, dtype=np.float64).sum(axis=1) - np.square(seen).sum(axis=1)) / count
    return mean, np.sqrt(np.maximum(square - mean**2, 1e-12))


def gather_pattern(block: Block, history: sp.csr_matrix) -> NDArray[np.float64]:
    """Return `block` (b, n) with zeros where `history` has no entry."""
    seen = np.zeros(block.shape, dtype=np.float64)
    lines = np.repeat(np.arange(len(block)), np.diff(history.indptr))
    seen[lines, history.indices] = block[lines, history.indices]
    return seen


def gather(matrix: Block, weights: sp.csr_matrix) -> Block:
    """Return weights (b, n) @ matrix (n, d), reading only the needed rows of `matrix`, which may be a mapped file."""
    needed, columns = np.unique(weights.indices, return_inverse=True)
    narrow = sp.csr_matrix((weights.data, columns, weights.indptr), shape=(weights.shape[0], len(needed)))
    return np.asarray(narrow @ matrix[needed], dtype=np.float32)


def with_data(matrix: sp.csr_matrix, data: NDArray[Any]) -> sp.csr_matrix:
    """Return a matrix with the same sparsity pattern and other values, as float32; the pattern is not copied."""
    return sp.csr_matrix((data.astype(np.float32, copy=False), matrix.indices, matrix.indptr), shape=matrix.shape)


def with_entries(matrix: sp.csr_matrix, mask: NDArray[np.bool_]) -> sp.csr_matrix:
    """Return a matrix of the stored entries (nnz,) in `mask` alone, also of those whose value is 0."""
    indptr = np.concatenate(([0], np.cumsum(mask)))[matrix.indptr]
    return sp.csr_matrix((matrix.data[mask], matrix.indices[mask], indptr), shape=matrix.shape)


def sparse_array(arrays: Arrays, prefix: str) -> sp.csr_matrix:
    """Return the square CSR matrix stored in the bundle as <prefix>_indptr, _indices and _data."""
    indptr = arrays[f"{prefix}_indptr"]
    n = len(indptr) - 1
    return sp.csr_matrix((arrays[f"{prefix}_data"], arrays[f"{prefix}_indices"], indptr), shape=(n, n), copy=False)
