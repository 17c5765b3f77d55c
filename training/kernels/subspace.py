"""Truncated SVD of a sparse matrix by randomised subspace iteration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from training.kernels.spans import row_spans
from training.kernels.threads import thread_map
from training.progress import Progress

OVERSAMPLING = 16  # vectors beyond those asked for: the last ones converge slowly
_SMALLEST = 1e-10  # of the largest eigenvalue: directions below it are rounding errors

Matrix = NDArray[np.float32]


def right_singular_vectors(
    matrix: sp.csr_matrix, k: int, iterations: int, progress: Progress
) -> tuple[NDArray[np.float32], Matrix]:
    """Return the k largest singular values (k,) of `matrix` (m, n), descending, and their right vectors (n, k).

    Halko, Martinsson and Tropp (2011), "Finding structure with randomness", algorithm 4.4, on M'M. Blocks of vectors
    are made orthogonal through their small Gram matrix, for QR of a tall matrix costs several times as much. The
    first block is always the same, and so are the results, on any number of threads.
    """
    width = min(k + OVERSAMPLING, *matrix.shape)
    basis = np.random.default_rng(0).standard_normal((matrix.shape[1], width), dtype=np.float32)
    with thread_map() as parallel:
        there, back = ([m[rows] for rows in row_spans(m.indptr, parallel.threads)] for m in (matrix, matrix.T.tocsr()))

        def product(blocks: Sequence[sp.csr_matrix], vectors: Matrix) -> Matrix:
            return np.concatenate(list(parallel(lambda block: block @ vectors, blocks)))

        for iteration in range(iterations):
            basis = _orthonormal(product(back, product(there, basis)))
            progress("subspace iteration", (iteration + 1) / iterations)
        image = product(there, basis)
        squares, rotation = np.linalg.eigh((image.T @ image).astype(np.float64))
        largest = slice(None, -k - 1, -1)
        vectors = basis @ np.ascontiguousarray(rotation[:, largest], dtype=np.float32)
    return np.sqrt(np.maximum(squares[largest], 0)).astype(np.float32), vectors


def _orthonormal(vectors: Matrix) -> Matrix:
    """Return an orthonormal basis (n, d) of the span of `vectors` (n, d); twice, for float32 loses half the digits."""
    for _ in range(2):
        squares, rotation = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
        lengths = np.sqrt(np.maximum(squares, squares[-1] * _SMALLEST or 1))  # all are 0 where nobody liked anything
        vectors = vectors @ (rotation / lengths).astype(np.float32)
    return vectors
