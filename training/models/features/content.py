"""Content similarity: genres, era, credits, texts and tags of the films, compressed by TruncatedSVD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.about import About, Paper
from recommender.scoring.specs import SimilarityPart, SimilaritySpec
from training.datasets.dataset import TagMatrix
from training.datasets.features.tag_matrix import VIEWERS, weighed_blocks, without_blocks
from training.models.arrays import unit_rows
from training.models.base import Configured, FittedModel, TrainingData
from training.models.parameters import ContentConfig
from training.progress import Progress

QUERY_GAIN, CANDIDATE_GAIN = "content_query_gain", "content_candidate_gain"
COMMON = 0.9  # share of the films from which on a block counts as complete

Matrix = NDArray[np.float32]


class Content(Configured[ContentConfig]):
    """Latent semantic analysis (Deerwester et al., 1990) of the films x features matrix; scores are cosines.

    Blocks that nearly all films have are compressed together. A block that many films lack, such as a tag genome of
    few films, is compressed by itself and counts by how far it differs from what the others predict: a film without it
    counts at its expected value, neither similar nor dissimilar. With the common part b and the differences r,
    score(i, j) = scale(i) * (b_i . b_j + r_i . r_j) / (|b_i| |b_j|), so a film without blocks has the same scores
    whatever is known of others. scale(i) = sqrt(mean |b|^2 / (mean |b|^2 + mean |r|^2)), r of the blocks that i has,
    gives all films scores of about the same spread.
    """

    config_type = ContentConfig
    about = About(
        label="Content",
        sentence="Compares what films are about: genres, era, makers and tags. Needs no ratings.",
        share="content",
        papers=(
            Paper(url="https://doi.org/10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9"),
            Paper(url="https://doi.org/10.1145/2362394.2362395"),
        ),
    )
    uses_ratings = False

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Compress the features. Arrays: unit-length embedding of each film, zeros for a film without features.

        Where blocks are missing, also the gains (n,) of each film as query and as candidate.
        """
        return self.fit_trusting(data, np.ones(data.tags.matrix.shape[0]), seed=seed, progress=progress)

    def fit_trusting(
        self, data: TrainingData, trust: NDArray[np.float64], *, seed: int, progress: Progress
    ) -> FittedModel:
        """Fit the model with each film's user-given features weighted by its `trust` (n,), from 0 to 1.

        A film whose trust is 0 has the same scores whatever they say.
        """
        arrays = self._arrays(without_blocks(data.tags, trust == 0, VIEWERS), trust, seed)
        progress("content", 1.0)
        query_gain, candidate_gain = (name if name in arrays else None for name in (QUERY_GAIN, CANDIDATE_GAIN))
        part = SimilarityPart(
            name="content", embedding="content_embedding", query_gain=query_gain, candidate_gain=candidate_gain
        )
        spec = SimilaritySpec(parts=[part], like=data.feedback.like_stars)
        return FittedModel(
            "content", self.config.model_dump(), arrays, spec, spec, content_embedding="content_embedding"
        )

    def _arrays(self, tags: TagMatrix, trust: NDArray[np.float64], seed: int) -> dict[str, NDArray[np.float32]]:
        common, _ = split_by_coverage(weighed_blocks(tags, trust, VIEWERS))
        _, partial_blocks = split_by_coverage(tags)  # of these the differences are weighed
        base = self._compress(common, min(self.config.factors, min(common.shape) - 1), seed)
        if not partial_blocks:
            return {"content_embedding": unit_rows(base)}
        parts, trusts = [base], []
        for name, block in partial_blocks.items():
            has = np.diff(block.indptr) > 0
            factors = self._compress(block[has], min(self.config.block_factors, int(has.sum())), seed)
            parts.append(residuals(base, factors, has, self.config.block_regularization))
            trusts.append(trust if name in VIEWERS else np.ones(len(base)))
        return with_gains(parts, trusts)

    def _compress(self, matrix: sp.csr_matrix, factors: int, seed: int) -> NDArray[np.float32]:
        """Return the (n, factors) coordinates of the rows; a matrix with no more columns than that as it is.

        A column of zeros stands for the features that are not there.
        """
        if factors >= matrix.shape[1] or factors < 1:
            rows = np.asarray(matrix.toarray(), dtype=np.float32)
            return rows if rows.shape[1] else np.zeros((len(rows), 1), dtype=np.float32)
        from sklearn.decomposition import TruncatedSVD  # takes a second to import

        solver = TruncatedSVD(factors, n_iter=self.config.iterations, random_state=seed)
        return np.asarray(solver.fit_transform(matrix), dtype=np.float32)


def known_content(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Return the features (n, c) of each film in a fitted content model, for regressions on them.

    Where blocks are missing, one more column tells how much more is known of a film than of one without them: more is
    known of popular films.
    """
    embedding = np.asarray(arrays["content_embedding"], dtype=np.float32)
    if QUERY_GAIN not in arrays:
        return embedding
    gain, query_gain = arrays[CANDIDATE_GAIN], arrays[QUERY_GAIN]
    return np.column_stack([embedding, np.divide(gain, query_gain, out=np.ones_like(gain), where=query_gain > 0)])


def with_gains(parts: list[NDArray[np.float32]], trusts: list[NDArray[np.float64]]) -> dict[str, NDArray[np.float32]]:
    """Return embedding and gains for the common part (n, c) and the differences (n, d) of each further block.

    See `Content` for the formula; a film without a common part gets one of the mean length. `trusts`: (n,) for each
    further block, by how much its differences count.
    """
    squares = np.array([np.square(rows).sum(axis=1, dtype=np.float64) for rows in parts])  # (parts, n)
    means = squares.sum(axis=1) / np.maximum((squares > 0).sum(axis=1), 1)
    weights = np.array([np.ones(len(parts[0])), *trusts])
    parts = [rows * weight[:, None].astype(np.float32) for rows, weight in zip(parts, weights, strict=True)]
    squares *= np.square(weights)
    length = np.sqrt(np.where(squares[0] > 0, squares[0], means[0]))
    gain = np.sqrt(squares.sum(axis=0)) / length
    known = means[0] + means[1:] @ (np.square(weights[1:]) * (squares[1:] > 0))
    return {
        "content_embedding": unit_rows(np.hstack(parts)),
        QUERY_GAIN: (gain * np.sqrt(means[0] / known)).astype(np.float32),
        CANDIDATE_GAIN: gain.astype(np.float32),
    }


def split_by_coverage(tags: TagMatrix) -> tuple[sp.csr_matrix, dict[str, sp.csr_matrix]]:
    """Return the columns of the blocks that nearly all films have, and by name every other block that is not empty.

    Where no block is that common, the most common ones take their place.
    """
    blocks = {name: tags.matrix[:, start:stop] for name, (start, stop) in tags.blocks.items()}
    coverage = {name: float((np.diff(block.indptr) > 0).mean()) for name, block in blocks.items() if block.nnz}
    least = min(COMMON, max(coverage.values(), default=0.0))
    partial = [name for name, share in coverage.items() if share < least]
    if not partial:
        return tags.matrix, {}
    common = sp.hstack([block for name, block in blocks.items() if name not in partial], format="csr")
    return common, {name: blocks[name] for name in partial}


def residuals(base: Matrix, factors: Matrix, has: NDArray[np.bool_], regularization: float) -> Matrix:
    """Return the part (n, d) of `factors` (k, d), of the k films with a block, that `base` (n, c) does not predict.

    That is their difference from a ridge prediction from the base; rows of films without the block are zero, the
    expected difference. What is predicted is left to the base, which keeps its scale: so the differences are made
    smaller, by sqrt(v / (v + e)) with the variance v of the base and e of the prediction.
    """
    from sklearn.linear_model import Ridge  # takes a second to import

    features = base[has].astype(np.float64)
    expected = Ridge(alpha=regularization).fit(features, factors).predict(features).reshape(factors.shape)
    variance, explained = features.var(axis=0).sum(), expected.var(axis=0).sum()
    result = np.zeros((len(base), factors.shape[1]), dtype=np.float32)
    result[has] = (factors - expected) * np.sqrt(variance / (variance + explained) if explained else 1.0)
    return result
