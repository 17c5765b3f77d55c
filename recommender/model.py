"""The loaded model: similar films and recommendations from a bundle, for evaluation, pyfunc and serving alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.bundle import Golden, Manifest, load_arrays, read_manifest, verify_bundle
from recommender.errors import BundleIntegrityError, UnknownMovieError, UnknownUserError, UsageError
from recommender.films.catalog import Catalog
from recommender.films.extras import Extras
from recommender.films.history import History
from recommender.films.ids import UNKNOWN, IdMap, RawId
from recommender.listing import make_list
from recommender.scoring.avoiding import without_hated
from recommender.scoring.blocks import with_data
from recommender.scoring.ranking import mask_scores
from recommender.scoring.scale import scale_of, scaled
from recommender.scoring.scorers import Factors, ItemScorer, UserScorer, item_scorer, user_scorer
from recommender.titles.index import TitleIndex
from recommender.wanted import Person as Person
from recommender.wanted import Ranked as Ranked  # logged model files import these two from here
from recommender.wanted import Wanted as Wanted
from recommender.wanted import profile as profile

USUAL_RATINGS = 10  # ratings of the data set's mean that a person's own mean is damped with
LEAST_SIMILARITY = 5e-7  # answers tell six digits: less would be told as 0
GOLDEN_TOLERANCE = 1e-3  # relative difference of scores that processors and BLAS builds may cause


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
        self.titles = TitleIndex(
            arrays, self.catalog.canonical, self.catalog.counts, self.catalog.years, manifest.items
        )
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
            raise UnknownMovieError(f"No {self.manifest.items.singular} has this id.")
        return row

    def user_row(self, user_id: RawId) -> int:
        """Return the row of a user id. Raises UnknownUserError."""
        row = self.user_ids.row(user_id)
        if row == UNKNOWN:
            raise UnknownUserError("No user has this id.")
        return row

    def similar(self, row: int, options: Wanted) -> Ranked:
        """Return the films most similar to one film, without the film itself and its second entries."""
        allowed = self.catalog.allowed(options.filter)
        prebuilt = self.neighbours(row)
        if not options.is_plain:
            return self.rank(self._similarities(row), self._without_twins(allowed, [row]), options)
        passing = allowed[prebuilt.rows]
        rows, scores = prebuilt.rows[passing], prebuilt.scores[passing]
        is_whole = len(prebuilt.rows) < self.arrays["neighbour_rows"].shape[1]  # no film has a similarity beyond it
        if not is_whole and len(rows) < options.page.stop:
            allowed[prebuilt.rows] = False
            further = replace(options, n=options.page.stop - len(rows), offset=None)
            further_ranked = self.rank(self._similarities(row), self._without_twins(allowed, [row]), further)
            rows = np.concatenate([rows, further_ranked.rows])
            scores = np.concatenate([scores, np.minimum(further_ranked.scores, prebuilt.scores[-1])])
        return Ranked(rows[options.page], scores[options.page])

    def _similarities(self, row: int) -> NDArray[np.float32]:
        """Return the similarity (n_movies,) of each film to one, -inf where an answer would round it to 0 or less."""
        scores = self.item_scorer.similar(np.array([row]))[0]
        return mask_scores(scores, scores > LEAST_SIMILARITY)

    def nearest(self, row: int, n: int) -> tuple[list[int], list[float]] | None:
        """Return rows and scores of the n films most similar to one film; None where the lists at hand are shorter.

        As `similar`, but by plain values: on the way of the most common call an array costs more than all it holds.
        """
        rows, scores, length = self._flat_neighbours
        start = row * length
        last = start + n - 1
        if n > length or rows[last] < 0 or scores[last] * self._scale <= LEAST_SIMILARITY:  # padded, or not similar
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
        rows = self.arrays["neighbour_rows"][row]
        scores = self.arrays["neighbour_scores"][row] * np.float32(self._scale)
        is_similar = (rows >= 0) & (scores > LEAST_SIMILARITY)  # short lists are padded with -1
        return Ranked(rows[is_similar].astype(np.int64), scores[is_similar])

    def for_user(self, user_row: int, options: Wanted) -> Ranked:
        """Return recommendations for a user of the training data, without the films that the user rated."""
        return self.for_person(self.person(user_row), options)

    def for_profile(self, rows: NDArray[np.int64], ratings: NDArray[np.float32], options: Wanted) -> Ranked:
        """Return recommendations for a new user who gave the films `rows` (k,) these `ratings` or weights (k,)."""
        return self.for_person(Person(profile(rows, ratings, len(self.movie_ids))), options)

    def for_person(self, person: Person, options: Wanted) -> Ranked:
        """Return recommendations for a person. Raises UsageError for `min_expected` where no ratings are predicted."""
        return self.rank(self.person_scores(person), self.open_to([person], options), options)

    def person(self, user_row: int) -> Person:
        """Return a user of the training data."""
        return Person(self.history.ratings(np.array([user_row])), user_row)

    def with_ratings(self, known: Person | None, fresh: Mapping[int, float]) -> Person:
        """Return a person with `fresh` ratings by film row, which replace those of a user of the training data."""
        if known and not fresh:
            return known
        stored = known.history if known else None
        ratings = {} if stored is None else dict(zip(stored.indices.tolist(), stored.data.tolist(), strict=True))
        ratings |= fresh
        rows, values = np.array(list(ratings), dtype=np.int64), np.array(list(ratings.values()), dtype=np.float32)
        return Person(profile(rows, values, len(self.movie_ids)))

    def person_scores(self, person: Person) -> NDArray[np.float32]:
        """Return the scores (n_movies,) of all films for a person."""
        stars = self.stars(person.history)
        if person.row is None:
            scores = np.asarray(self.user_scorer.folded(stars)[0])
        else:
            scores = np.asarray(self.user_scorer.known(np.array([person.row]), stars)[0])
        if "neighbour_rows" not in self.arrays:
            return scores
        return without_hated(scores, self.manifest.user_scorer, stars, self.arrays["neighbour_rows"])

    def open_to(self, people: Sequence[Person], options: Wanted) -> NDArray[np.bool_]:
        """Return a mask (n_movies,) of the films that may be recommended to all of these people."""
        allowed = self.catalog.allowed(options.filter)
        for person in people:
            if not options.include_seen:
                self._without_twins(allowed, person.history.indices)
            if options.min_expected is not None:
                allowed &= np.round(self.expected(person).astype(np.float64), 2) >= options.min_expected
        return allowed

    def expected(self, person: Person, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Predict a person's ratings (k,) of the films `rows`, or of all. Raises UsageError if the model cannot."""
        rows = np.arange(len(self.movie_ids)) if rows is None else rows
        predicted = self.predicted_ratings(rows, person.history, person.row)
        if predicted is None:
            raise UsageError("This model predicts no ratings for this person, so nothing is known of what to expect.")
        return predicted

    @cached_property
    def rating_variances(self) -> NDArray[np.float64]:
        """Return the variance (n_movies,) of each film's ratings; 0 where it has none."""
        histograms, labels = self.catalog.histograms, self.feedback.bins.astype(np.float64)
        counts = np.maximum(histograms.sum(axis=1), 1)
        return np.asarray(histograms @ labels**2 / counts - (histograms @ labels / counts) ** 2)

    def usual_rating(self, person: Person) -> float:
        """Return the mean of a person's ratings, damped by USUAL_RATINGS ratings of the data set's mean."""
        total = float(person.history.data.sum(dtype=np.float64)) + USUAL_RATINGS * self.catalog.mean_rating
        return total / (person.history.nnz + USUAL_RATINGS)

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
        """Return the asked page of the best allowed films by score; `scores`, `allowed`: (n_movies,)."""
        name = self.manifest.content_embedding
        embedding = self.arrays[name] if name else None
        return make_list(mask_scores(scores, allowed), options, self.catalog, self.extras, embedding)

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
        similar = sum(score > LEAST_SIMILARITY for score in scores)
        return golden.model_copy(update={"movie_ids": golden.movie_ids[:similar], "scores": scores[:similar]})

    def golden_answer(self, query: Golden) -> Golden:
        """Return a golden query with the answer that this model gives."""
        options = Wanted(n=len(query.movie_ids))
        if query.subject == "movie":
            ranked = self.similar(self.movie_row(query.id), options)
        else:
            ranked = self.for_user(self.user_row(query.id), options)
        scores = [round(float(score), 6) for score in ranked.scores]
        return query.model_copy(update={"movie_ids": self.movie_ids.raws(ranked.rows), "scores": scores})

    def _without_twins(self, allowed: NDArray[np.bool_], rows: Any) -> NDArray[np.bool_]:
        """Remove the films `rows` and their main entries from `allowed`, in place."""
        allowed[self.catalog.canonical[rows]] = False
        return allowed
