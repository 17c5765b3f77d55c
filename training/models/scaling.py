"""Parts of a likeness made comparable, and the nearest films by their sum, in one pass over all pairs of films.

At 60,000 films the products of all pairs are what fitting costs; made once for the scale and once more for the
nearest films, they would cost twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from recommender.specs import SimilarityPart
from training.kernels.threads import Scratch
from training.kernels.topk import top_k
from training.models.nearest import Nearest, nearest

SCALE_RANK = 10  # rows are scaled by their tenth-best value: about what fits on a page

Arrays = dict[str, NDArray[Any]]
Block = NDArray[np.float32]


def scale_rows(parts: Sequence[SimilarityPart], arrays: Arrays, canonical: NDArray[np.int32]) -> Nearest:
    """Divide the query gains of each part by each film's tenth-best likeness; the nearest films by the sum of `parts`.

    The film itself does not count for the tenth-best; a row whose tenth-best is not above 0 stays as it is. Every part
    has an embedding and gains for queries, which are overwritten in `arrays`, and for candidates.
    """
    terms = [_Term(part, arrays) for part in parts]
    scratch = Scratch()

    def likeness(rows: NDArray[np.int64]) -> Block:
        total, product = (scratch.block(name, len(rows), len(canonical)) for name in ("total", "product"))
        total.fill(0)
        for term in terms:
            _add(total, product, term.scaled(rows, product))
        return total

    return nearest(likeness, canonical)


class _Term:
    """One term of the sum."""

    def __init__(self, part: SimilarityPart, arrays: Arrays) -> None:
        self._weight = np.float32(part.weight)
        self._embedding = arrays[str(part.embedding)]
        self._candidates = self._embedding * arrays[str(part.candidate_gain)][:, None]
        self._gain = arrays[str(part.query_gain)]

    def scaled(self, rows: NDArray[np.int64], product: Block) -> NDArray[np.float32]:
        """Scale the gains of `rows` (b,), and give them (b,) times the part's weight.

        `product` (b, n) is overwritten by the likeness before that gain.
        """
        np.matmul(self._embedding[rows], self._candidates.T, out=product)
        product[np.arange(len(rows)), rows] = 0
        self._gain[rows] /= tenth_best(product, len(self._gain) - 1)
        return np.asarray(self._weight * self._gain[rows])


def tenth_best(block: Block, others: int) -> NDArray[np.float32]:
    """(b,) tenth-best value of each row of `block` (b, n), or the last of fewer `others`; 1 where it is not above 0."""
    tenth = top_k(block, max(1, min(SCALE_RANK, others)))[1][:, -1]
    return np.where(tenth > 0, tenth, np.float32(1))


@njit(cache=True, nogil=True)
def _add(total: Any, block: Any, gain: Any) -> None:
    """total (b, n) += gain (b,) * block (b, n), without a block in between."""
    for line in range(len(total)):
        row, values, times = total[line], block[line], gain[line]
        for column in range(len(row)):
            row[column] += times * values[column]
