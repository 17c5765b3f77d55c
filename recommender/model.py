"""The loaded model: similar films and recommendations from a bundle, for evaluation, pyfunc and serving alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.bundle import Golden, Manifest, load_arrays, read_manifest, verify_bundle
from recommender.errors import BundleIntegrityError, UnknownMovieError, UnknownUserError
from recommender.films.catalog import Catalog, FilmFilter
from recommender.films.extras import Extras
from recommender.films.history import History
from recommender.films.ids import UNKNOWN, IdMap, RawId
from recommender.scoring.blocks import with_data
from recommender.scoring.ranking import diversify, mask_scores, top_n
from recommender.scoring.scale import scale_of, scaled
from recommender.scoring.scorers import Factors, ItemScorer, UserScorer, item_scorer, user_scorer
from recommender.titles.index import TitleIndex

DIVERSITY_POOL = 10  # candidates per recommended film when diversity is requested
STEERING_POOL = 300  # best films, which steering reorders
GOLDEN_TOLERANCE = 1e-3  # relative difference of scores that processors and BLAS builds may cause


@dataclass(frozen=True)
class Wanted:
    """Options of a list of recommendations: length, filter, diversity and steering."""

    n: int = 10
    filter: FilmFilter = FilmFilter()
    diversity: float = 0.0
    steer: tuple[tuple[int, float], ...] = ()  # feature columns of the extras and weights: > 0 more of it, < 0 less

    @property
    def is_plain(self) -> bool:
        """Return whether scores and filter alone decide: no diversity, no steering."""
        return not self.diversity and not self.steer


@dataclass(frozen=True)
class Ranked:
    """Recommended films, best first: rows (k,) and scores (k,)."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    steering: NDArray[np.float32] | None = None  # (k,) the share of the scores that steering added


class Model:
    """One model version, which recommends films; made from a manifest and its arrays."""

    def __init__(self, manifest: Manifest, arrays: dict[str, NDArray[Any]]) -> None:
        self._scale = scale_of(manifest.item_scorer, arrays)  # 1 but in versions of older code
        self.manifest = manifest.model_copy(update={"item_scorer": scaled(manifest.item_scorer, self._scale)})
        self.arrays = arrays
        self.feedback = manifest.feedback
        self.movie_ids = IdMap.from_arrays(arrays, "movie_ids")
        self.user_ids = IdMap.from_arrays(arrays, "user_ids")
        self.catalog = Catalog(arrays, self.movie_ids, manifest.items)
        self.titles = TitleIndex(arrays, self.catalog.canonical, self.catalog.counts, self.catalog.years)
        self.history = History(arrays, len(self.movie_ids), self.feedback)

    @classmethod
    def load(cls, path: Path, *, verify: bool = True) -> Model:
        """Load a bundle; `verify` checks the hash of every file first. Raises BundleError if it is damaged."""
        manifest = verify_bundle(path) if verify else read_manifest(path)
        return cls(manifest, load_arrays(path, manifest))

    @cached_property
    def item_scorer(self) -> ItemScorer:
        """Return the scorer of similar films."""
        return item_scorer(self.manifest.item_scorer, self.arrays)

    @cached_property
    def user_scorer(self) -> UserScorer:
        """Return the scorer of films for users."""
        return user_scorer(self.manifest.user_scorer, self.arrays)

    @cached_property
    def rating_scorer(self) -> Factors | None:
        """Return the scorer that predicts ratings, in stars, or None if the model has none."""
        spec = self.manifest.rating_scorer
        return Factors(spec, self.arrays) if spec else None

    @cached_property
    def extras(self) -> Extras | None:
        """Return data for pages and explanations; None if the model was fitted on a training split."""
        return Extras.from_arrays(self.arrays, self.feedback)

    def movie_row(self, movie_id: RawId) -> int:
        """Return the row of a film id. Raises UnknownMovieError."""
        row = self.movie_ids.row(movie_id)
        if row == UNKNOWN:
            raise UnknownMovieError("No film has this id.")
        return row

    def user_row(self, user_id: RawId) -> int:
        """Return the row of a user id. Raises UnknownUserError."""
        row = self.user_ids.row(user_id)
        if row == UNKNOWN:
            raise UnknownUserError("No user has this id.")
        return row

    def similar(self, row: int, options: Wanted) -> Ranked:
        """Return the films most similar to one film, without the film itself and its second entries."""
        prebuilt = self.neighbours(row)
        is_whole = len(prebuilt.rows) < self.arrays["neighbour_rows"].shape[1]  # no film has a similarity beyond it
        if options.filter.is_empty and options.is_plain and (is_whole or options.n <= len(prebuilt.rows)):
            return Ranked(prebuilt.rows[: options.n], prebuilt.scores[: options.n])
        allowed = self.catalog.allowed(options.filter)
        if options.is_plain:
            passing = allowed[prebuilt.rows]
            if is_whole or int(passing.sum()) >= options.n:
                return Ranked(prebuilt.rows[passing][: options.n], prebuilt.scores[passing][: options.n])
        scores = self.item_scorer.similar(np.array([row]))[0]
        return self.rank(scores, self._without_twins(allowed & (scores > 0), [row]), options)

    def nearest(self, row: int, n: int) -> tuple[list[int], list[float]] | None:
        """Return rows and scores of the n films most similar to one film; None where the lists at hand are shorter.

        As `similar`, but by plain values: on the way of the most common call an array costs more than all it holds.
        """
        rows, scores, length = self._flat_neighbours
        start = row * length
        last = start + n - 1
        if n > length or rows[last] < 0 or scores[last] <= 0:  # padded, or not similar
            return None
        values: list[Any] = scores[start : last + 1].tolist()
        if self._scale != 1:
            values = (np.array(values, dtype=np.float32) * np.float32(self._scale)).tolist()
        return rows[start : last + 1].tolist(), values

    @cached_property
    def _flat_neighbours(self) -> tuple[memoryview, memoryview, int]:
        """Return rows and scores of all prebuilt lists one after another, and the length of each."""
        rows, scores = self.arrays["neighbour_rows"], self.arrays["neighbour_scores"]
        return rows.reshape(-1).data, scores.reshape(-1).data, rows.shape[1]

    def neighbours(self, row: int) -> Ranked:
        """Return the precomputed list of the films most similar to one film, unfiltered; it ends where none is left."""
        rows, scores = self.arrays["neighbour_rows"][row], self.arrays["neighbour_scores"][row]
        is_similar = (rows >= 0) & (scores > 0)  # short lists are padded with -1
        return Ranked(rows[is_similar].astype(np.int64), scores[is_similar] * np.float32(self._scale))

    def for_user(self, user_row: int, options: Wanted) -> Ranked:
        """Return recommendations for a user of the training data, without the films that the user rated."""
        rows = np.array([user_row])
        history = self.history.ratings(rows)
        scores = self.user_scorer.known(rows, self.stars(history))[0]
        return self._unseen(scores, history, options)

    def for_profile(self, rows: NDArray[np.int64], ratings: NDArray[np.float32], options: Wanted) -> Ranked:
        """Return recommendations for a new user who gave the films `rows` (k,) these `ratings` or weights (k,)."""
        history = profile(rows, ratings, len(self.movie_ids))
        return self._unseen(self.user_scorer.folded(self.stars(history))[0], history, options)

    def stars(self, history: sp.csr_matrix) -> sp.csr_matrix:
        """Return ratings or weights (b, n_movies) in stars, as the scorers take them; the pattern is not copied."""
        values = self.feedback.stars(history.data)
        return history if values is history.data else with_data(history, values)

    def predicted_ratings(
        self, rows: NDArray[np.int64], history: sp.csr_matrix, user_row: int | None = None
    ) -> NDArray[np.float32] | None:
        """Predict a user's ratings (k,) of the films `rows` (k,); None if the model predicts none for this user.

        `history`: (1, n_movies) the user's ratings; `user_row`: the user's row, if the training data has one.
        """
        scorer = self.rating_scorer
        if scorer is None or (user_row is None and not scorer.folds_in):
            return None
        factors, bias = scorer.user_vectors(self.stars(history), None if user_row is None else np.array([user_row]))
        stars = scorer.item_factors[rows] @ factors[0] + scorer.baseline[rows] + (0 if bias is None else bias[0])
        return np.asarray(self.feedback.ratings(stars), dtype=np.float32)

    def rank(self, scores: NDArray[np.float32], allowed: NDArray[np.bool_], options: Wanted) -> Ranked:
        """Return the best allowed films by score, with steering and diversity; `scores`, `allowed`: (n_movies,)."""
        masked = mask_scores(scores, allowed)
        steering = self._steering(masked, options) if options.steer and self.extras else None
        if steering is not None:
            masked = masked + steering
        embedding = self.manifest.content_embedding
        if options.diversity and embedding:
            pool = top_n(masked, options.n * DIVERSITY_POOL)
            rows = diversify(pool, masked[pool], self.arrays[embedding], options.n, options.diversity)
        else:
            rows = top_n(masked, options.n)
        return Ranked(rows, masked[rows], None if steering is None else steering[rows])

    def check_golden(self) -> None:
        """Answer the manifest's golden queries again. Raises BundleIntegrityError if an answer differs."""
        for golden in self.manifest.golden:
            answer = self.golden_answer(golden)
            expected = self._scaled_golden(golden)
            if answer.movie_ids != expected.movie_ids or not np.allclose(
                answer.scores, expected.scores, rtol=GOLDEN_TOLERANCE, atol=GOLDEN_TOLERANCE
            ):
                raise BundleIntegrityError(
                    f"Golden query {golden.subject} {golden.id}: expected {expected.movie_ids}, "
                    f"found {answer.movie_ids}."
                )

    def _scaled_golden(self, golden: Golden) -> Golden:
        """Return the answer that is expected now of a query recorded on any scale, with similarities of 0 and below."""
        if golden.subject == "user":
            return golden
        scores = [score * self._scale for score in golden.scores]
        similar = sum(score > 0 for score in scores)
        return golden.model_copy(update={"movie_ids": golden.movie_ids[:similar], "scores": scores[:similar]})

    def golden_answer(self, query: Golden) -> Golden:
        """Return a golden query with the answer that this model gives."""
        options = Wanted(n=len(query.movie_ids))
        if query.subject == "movie":
            ranked = self.similar(self.movie_row(query.id), options)
        else:
            ranked = self.for_user(self.user_row(query.id), options)
        scores = [round(float(score), 6) for score in ranked.scores]
        length = len(scores) if query.subject == "user" else sum(score > 0 for score in scores)  # some round to 0
        ids = self.movie_ids.raws(ranked.rows[:length])
        return query.model_copy(update={"movie_ids": ids, "scores": scores[:length]})

    def _steering(self, masked: NDArray[np.float32], options: Wanted) -> NDArray[np.float32]:
        """Return what steering adds to each score (n_movies,): -inf outside the best STEERING_POOL films.

        Within them the features can outweigh all differences of the scores: "like Heat, less violent" stays like Heat.
        """
        assert self.extras is not None
        pool = top_n(masked, STEERING_POOL)
        added = np.full(len(masked), -np.inf, dtype=np.float32)
        if len(pool):
            fit = self.extras.feature_scores(dict(options.steer))[pool]
            span = masked[pool[0]] - masked[pool[-1]]
            added[pool] = fit * (span / max(float(np.abs(fit).max()), 1e-12))
        return added

    def _unseen(self, scores: NDArray[np.float32], history: sp.csr_matrix, options: Wanted) -> Ranked:
        allowed = self._without_twins(self.catalog.allowed(options.filter), history.indices)
        return self.rank(scores, allowed, options)

    def _without_twins(self, allowed: NDArray[np.bool_], rows: Any) -> NDArray[np.bool_]:
        """Remove the films `rows` and their main entries from `allowed`, in place."""
        allowed[self.catalog.canonical[rows]] = False
        return allowed


def profile(rows: NDArray[np.int64], ratings: NDArray[np.float32], n_movies: int) -> sp.csr_matrix:
    """Return one user's ratings as a (1, n_movies) matrix; `rows`: (k,) distinct films, `ratings`: (k,)."""
    order = np.argsort(rows)
    data = np.asarray(ratings, dtype=np.float32)[order]
    return sp.csr_matrix((data, np.asarray(rows)[order], [0, len(rows)]), shape=(1, n_movies))
