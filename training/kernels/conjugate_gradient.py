"""One half-step of implicit's ALS: a few conjugate-gradient steps towards the solution of each row's ridge system."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit
from numpy.typing import NDArray

from training.kernels.threads import Map, Scratch

SPANS = 64  # tasks for several threads, with about as many entries each
CONVERGED = 1e-20  # squared length of a residual that is small enough: implicit's own bound
FAST = {"reassoc", "contract", "nsz"}  # sums in any order, for vector instructions; otherwise the usual arithmetic


def improve_rows(
    confidence: sp.csr_matrix,
    other: NDArray[np.float32],
    factors: NDArray[np.float32],
    regularization: float,
    steps: int,
    run: Map,
    scratch: Scratch,
) -> None:
    """Move each row of `factors` (m, d), in place, some conjugate-gradient steps towards its least-squares solution.

    Row x_r solves (O'O + sum_j (c_rj - 1) o_j o_j' + regularization I) x_r = sum_j c_rj o_j.

    `confidence`: (m, n) float32 c > 0; `other`: (n, d) float32 rows o_j. A row without entries becomes zeros. The
    result does not depend on how `run` spreads the tasks.

    The arithmetic of implicit's solver (Takács, Pilászy and Tikk, 2011, "Applications of the conjugate gradient
    method for implicit feedback collaborative filtering"). What makes it faster: the rows o_j of a system are copied
    together once instead of being fetched from all over the memory in every step, and used four at a time.
    """
    gram = other.T @ other
    gram[np.diag_indices(len(gram))] += np.float32(regularization)
    rows = (confidence.indptr, confidence.indices, confidence.data)
    spans = SPANS if run.threads > 1 else 1
    cuts = np.searchsorted(confidence.indptr, np.linspace(0, confidence.nnz, spans + 1))
    cuts[-1] = confidence.shape[0]  # rows without entries at the end belong to the last span

    def improve_span(span: int) -> None:
        first, last = cuts[span], cuts[span + 1]
        fullest = np.diff(confidence.indptr[first : last + 1]).max(initial=0)
        gathered = scratch.block("gathered", int(fullest), other.shape[1])
        _improve(rows, other, gram, steps, first, factors[first:last], gathered)

    run.each(improve_span, range(spans))


@njit(cache=True, nogil=True, fastmath=FAST)
def _improve(rows: Any, other: Any, gram: Any, steps: int, start: int, factors: Any, room: Any) -> None:
    indptr, indices, confidence = rows
    direction, residual, image = np.empty_like(gram[0]), np.empty_like(gram[0]), np.empty_like(gram[0])
    for row in range(len(factors)):
        first, last = indptr[start + row], indptr[start + row + 1]
        x = factors[row]
        if first == last:
            x[:] = 0
            continue
        gathered, weights = room[: last - first], confidence[first:last]
        for entry in range(first, last):
            copy, source = gathered[entry - first], other[indices[entry]]
            for f in range(len(copy)):
                copy[f] = source[f]
        direction[:] = -x
        _apply(gram, gathered, weights, np.float32(1), direction, residual)
        direction[:] = residual
        length = _dot(residual, residual)
        for _ in range(steps):
            if length < CONVERGED:
                break
            _apply(gram, gathered, weights, np.float32(0), direction, image)
            step = length / _dot(direction, image)
            _add(step, direction, x)
            _add(-step, image, residual)
            shorter = _dot(residual, residual)
            momentum = shorter / length
            for f in range(len(direction)):
                direction[f] = residual[f] + momentum * direction[f]
            length = shorter


@njit(cache=True, nogil=True, fastmath=FAST)
def _apply(gram: Any, gathered: Any, weights: Any, target: Any, p: Any, out: Any) -> None:
    """Compute out = gram p + sum_j (c_j - 1) (o_j'p) o_j + target * sum_j c_j o_j."""
    out[:] = np.dot(gram, p)
    whole = len(gathered) // 4 * 4
    for entry in range(0, whole, 4):  # loads `p` and `out` once for four rows
        o0, o1, o2, o3 = gathered[entry], gathered[entry + 1], gathered[entry + 2], gathered[entry + 3]
        s0 = s1 = s2 = s3 = np.float32(0)
        for f in range(len(p)):
            s0 += o0[f] * p[f]
            s1 += o1[f] * p[f]
            s2 += o2[f] * p[f]
            s3 += o3[f] * p[f]
        s0 = _pull(weights[entry], s0, target)
        s1 = _pull(weights[entry + 1], s1, target)
        s2 = _pull(weights[entry + 2], s2, target)
        s3 = _pull(weights[entry + 3], s3, target)
        for f in range(len(p)):
            out[f] += s0 * o0[f] + s1 * o1[f] + s2 * o2[f] + s3 * o3[f]
    for entry in range(whole, len(gathered)):
        _add(_pull(weights[entry], _dot(gathered[entry], p), target), gathered[entry], out)


@njit(cache=True, nogil=True, fastmath=FAST)
def _pull(weight: Any, product: Any, target: Any) -> Any:
    return target * weight + (weight - np.float32(1)) * product


@njit(cache=True, nogil=True, fastmath=FAST)
def _add(factor: Any, vector: Any, out: Any) -> None:
    for f in range(len(out)):
        out[f] += factor * vector[f]


@njit(cache=True, nogil=True, fastmath=FAST)
def _dot(a: Any, b: Any) -> Any:
    total = np.float32(0)
    for f in range(len(a)):
        total += a[f] * b[f]
    return total
