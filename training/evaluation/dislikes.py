"""What people think of the items that their lists show: those that they rated in the test part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from training.evaluation.metrics import Lists, Values, quotient
from training.kernels.hits import find_hits

DISLIKED, SHOWN_RATING, RATED_SHOWN = "disliked_share", "shown_rating", "rated_shown"


def dislike_metrics(lists: Lists, test: sp.csr_matrix, like: float, ks: Sequence[int]) -> dict[str, Values]:
    """Return three metrics at each list length, as `<name>_at_<k>` -> one value per list (m,).

    `rated_shown_at_k`: number of items shown that the user rated in the test part. Of those, `disliked_share_at_k`: the
    share rated under `like`, and `shown_rating_at_k`: the mean rating; both NaN for a list without any. `test`:
    (m, n_movies) test ratings of each list's user.
    """
    is_rated = find_hits(lists, test)
    rows, ranks = np.nonzero(is_rated)
    ratings = np.zeros(lists.shape)
    ratings[rows, ranks] = np.asarray(test[rows, lists[rows, ranks]]).ravel()
    counts = np.cumsum(is_rated, axis=1, dtype=np.float64)
    disliked = np.cumsum(is_rated & (ratings < np.float32(like)), axis=1)
    sums = np.cumsum(ratings, axis=1)
    metrics: dict[str, Values] = {}
    for k in ks:
        count = counts[:, k - 1]
        metrics[f"{DISLIKED}_at_{k}"] = quotient(disliked[:, k - 1], count)
        metrics[f"{SHOWN_RATING}_at_{k}"] = quotient(sums[:, k - 1], count)
        metrics[f"{RATED_SHOWN}_at_{k}"] = count
    return metrics
