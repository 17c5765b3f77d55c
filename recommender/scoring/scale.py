"""The scale of item similarity: parts are weighed so that no similarity exceeds 1, whatever the embeddings hold.

Cosines are at most 1, so the similarity of items i and j is at most the sum over the parts of the gain of i as a query
times the gain of j as a candidate: j's reception, where the gains of each query add up to 1. Dividing all parts by the
largest such sum of a version keeps their order and their sum, and nothing is clipped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recommender.scoring.blocks import Arrays
from recommender.scoring.specs import ItemSpec, SimilarityPart, SimilaritySpec

_ROUNDING = 1e-6  # by what the product of two float32 vectors of length 1 may exceed 1

Gains = NDArray[np.float64]


def scale_of(spec: ItemSpec, arrays: Arrays) -> float:
    """Return the factor, at most 1, that brings every similarity to at most 1; 1 where `scaled` did so already."""
    bound = _bound(spec, arrays) * (1 + _ROUNDING)
    return 1 / bound if bound > 1 + _ROUNDING / 1000 else 1.0


def scaled(spec: ItemSpec, factor: float) -> ItemSpec:
    """Return a spec whose similarities are those of `spec` times `factor`."""
    if not isinstance(spec, SimilaritySpec) or factor == 1:
        return spec
    parts = [part.model_copy(update={"weight": part.weight * factor}) for part in spec.parts]
    return spec.model_copy(update={"parts": parts})


def _bound(spec: ItemSpec, arrays: Arrays) -> float:
    """Return a number that no similarity exceeds; 0 for a spec whose scores are shares of users."""
    if not isinstance(spec, SimilaritySpec):
        return 0.0
    stored = sum(_largest_entry(part, arrays) for part in spec.parts if part.sparse)
    cosines = [part for part in spec.parts if part.embedding]
    if not cosines:
        return stored
    queries = [abs(part.weight) * _gain(part, part.query_gain, arrays) for part in cosines]
    candidates = [_gain(part, part.candidate_gain, arrays) for part in cosines]
    return stored + float(np.max(np.stack(queries, axis=1) @ _undominated(np.stack(candidates, axis=1)).T, initial=0))


def _largest_entry(part: SimilarityPart, arrays: Arrays) -> float:
    return abs(part.weight) * float(np.max(np.abs(arrays[f"{part.sparse}_data"]), initial=0))


def _gain(part: SimilarityPart, name: str | None, arrays: Arrays) -> Gains:
    """Return the gain of each item, (n,)."""
    return np.abs(arrays[name].astype(np.float64)) if name else np.ones(len(arrays[str(part.embedding)]))


def _undominated(gains: Gains) -> Gains:
    """Return the rows of `gains` (n, parts) than which no other is larger in one part and as large in all."""
    rows = []
    while len(gains):
        rows.append(gains[np.argmax(gains.sum(axis=1))])
        gains = gains[(gains > rows[-1]).any(axis=1)]
    return np.array(rows).reshape(len(rows), gains.shape[1])
