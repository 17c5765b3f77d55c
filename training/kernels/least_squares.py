"""Many small ridge systems, solved exactly: of each row in alternating least squares, of each column in EASE."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit
from numpy.typing import NDArray

from training.kernels.threads import Map, thread_map

ROWS = 64  # per task where there are several threads
COLUMNS = 256  # per task


def solve_rows(
    confidence: sp.csr_matrix, other: NDArray[np.float32], ridge: NDArray[np.float32], unobserved: float, run: Map
) -> NDArray[np.float32]:
    """Return the exact factors (m, d) of each row, given the other side's factors.

    x_r = (g O'O + sum_j (c_rj - g) o_j o_j' + ridge_r I)^-1 sum_j c_rj o_j for each row r. A negative c_rj, a dislike,
    counts in the last sum alone.

    `confidence`: (m, n) float32 c; `other`: (n, d) float32 rows o_j; `ridge`: (m,); `unobserved`: g. A row without
    entries gives zeros. The result does not depend on how `run` spreads the tasks.
    """
    gram = np.float32(unobserved) * (other.T @ other)
    factors = np.zeros((confidence.shape[0], other.shape[1]), dtype=np.float32)
    rows = (confidence.indptr, confidence.indices, confidence.data)

    step = ROWS if run.threads > 1 else max(len(factors), 1)

    def solve_block(start: int) -> None:
        _solve(rows, other, gram, ridge, np.float32(unobserved), start, factors[start : start + step])

    run.each(solve_block, range(0, len(factors), step))
    return factors


@njit(cache=True, nogil=True)
def _solve(rows: Any, other: Any, gram: Any, ridge: Any, unobserved: Any, start: int, out: Any) -> None:
    indptr, indices, confidence = rows
    for row in range(len(out)):
        first, last = indptr[start + row], indptr[start + row + 1]
        if first == last:
            continue
        rated = other[indices[first:last]]
        weights = confidence[first:last]
        weighted = rated * np.where(weights > 0, weights - unobserved, np.float32(0)).reshape(-1, 1)
        system = gram + np.dot(rated.T, weighted)
        for factor in range(len(system)):
            system[factor, factor] += ridge[start + row]
        solution = np.dot(rated.T, weights)
        _cholesky_solve(system, solution)
        out[row] = solution


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _cholesky_solve(system: Any, vector: Any) -> None:
    """Replace `vector` by system^-1 vector; the symmetric positive definite system is overwritten by its factor."""
    d = len(vector)
    for row in range(d):
        for column in range(row + 1):
            total = system[row, column]
            for inner in range(column):
                total -= system[row, inner] * system[column, inner]
            system[row, column] = np.sqrt(total) if row == column else total / system[column, column]
        total = vector[row]
        for inner in range(row):
            total -= system[row, inner] * vector[inner]
        vector[row] = total / system[row, row]
    for row in range(d - 1, -1, -1):
        vector[row] /= system[row, row]
        for inner in range(row):
            vector[inner] -= system[row, inner] * vector[row]


def regress_columns(
    gram: sp.csr_matrix, diagonal: NDArray[np.float32], predictors: NDArray[np.int32], regularization: float
) -> NDArray[np.float32]:
    """Return the weights (n, m) by which the m `predictors` (n, m) of each column predict it; -1 among them is none.

    b_j = (G_SS + regularization I)^-1 G_Sj for the predictors S of column j. `gram`: symmetric (n, n) without its
    `diagonal` (n,), and without small entries, which count as 0. The weights do not depend on the number of threads.
    """
    weights = np.zeros(predictors.shape, dtype=np.float32)
    rows = (gram.indptr, gram.indices, gram.data, diagonal)

    def solve(start: int) -> None:
        places = np.full(len(predictors), -1, dtype=np.int32)
        block = slice(start, start + COLUMNS)
        _regress(rows, start, predictors[block], np.float32(regularization), places, weights[block])

    with thread_map() as run:
        run.each(solve, range(0, len(predictors), COLUMNS))
    return weights


@njit(cache=True, nogil=True)
def _regress(rows: Any, start: int, predictors: Any, ridge: Any, places: Any, out: Any) -> None:
    """Solve for the columns from `start` on; `places` (n,) holds -1 and is left so."""
    indptr, indices, values, diagonal = rows
    for line in range(len(out)):
        columns = predictors[line]
        columns = columns[columns >= 0]
        for place in range(len(columns)):
            places[columns[place]] = place
        system = np.zeros((len(columns), len(columns)), dtype=np.float32)
        for place in range(len(columns)):
            column = columns[place]
            system[place, place] = diagonal[column] + ridge
            for entry in range(indptr[column], indptr[column + 1]):
                other = places[indices[entry]]
                if other >= 0:
                    system[place, other] = values[entry]
        solution = np.zeros(len(columns), dtype=np.float32)
        for entry in range(indptr[start + line], indptr[start + line + 1]):
            if places[indices[entry]] >= 0:
                solution[places[indices[entry]]] = values[entry]
        places[columns] = -1
        _cholesky_solve(system, solution)
        out[line, : len(columns)] = solution
