"""One small ridge regression for each column of a sparse Gram matrix, on the columns most like it."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit
from numpy.typing import NDArray

from training.kernels.least_squares import _cholesky_solve
from training.kernels.threads import thread_map

STEP = 256  # columns per task


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
        block = slice(start, start + STEP)
        _regress(rows, start, predictors[block], np.float32(regularization), places, weights[block])

    with thread_map() as run:
        for _ in run(solve, range(0, len(predictors), STEP)):
            pass
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
