"""A loaded bundle that answers: films like a film, films for a person. Evaluation, pyfunc and serving all use this."""

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
from recommender.films.ids import UNKNOWN, IdMap
from recommender.schema import RATING_MAX, RATING_MIN
from recommender.scoring.ranking import diversify, mask_scores, top_n
from recommender.scoring.scorers import Factors, ItemScorer, UserScorer, item_scorer, user_scorer
from recommender.titles.index import TitleIndex

DIVERSITY_POOL = 10  # candidates looked at for each film shown, when diversity is asked for
STEERING_POOL = 300  # films among which steering chooses
GOLDEN_TOLERANCE = 1e-3  # relative difference of scores that processors and BLAS builds may cause


@dataclass(frozen=True)
class Wanted:
    """How a list is cut from the scores."""

    n: int = 10
    filter: FilmFilter = FilmFilter()
    diversity: float = 0.0
    steer: tuple[tuple[int, float], ...] = ()  # feature columns of the extras, and how much more or less of each

    @property
    def is_plain(self) -> bool:
        """Whether scores and filter alone decide."""
        return not self.diversity and not self.steer


@dataclass(frozen=True)
class Ranked:
    """A list of films, best first: rows (k,) and their scores (k,)."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    steering: NDArray[np.float32] | None = None  # (k,) what steering added to the scores


class Model:
    """One model version."""

    def __init__(self, manifest: Manifest, arrays: dict[str, NDArray[Any]]) -> None:
        self.manifest = manifest
        self.arrays = arrays
        self.movie_ids = IdMap(arrays["movie_ids"])
        self.user_ids = IdMap(arrays["user_ids"])
        self.catalog = Catalog(arrays, self.movie_ids, manifest.genre_names)
        self.titles = TitleIndex(arrays, self.catalog.canonical, self.catalog.counts)
        self.history = History(arrays, len(self.movie_ids))

    @classmethod
    def load(cls, path: Path, *, verify: bool = True) -> Model:
        """The bundle at `path`. Raises BundleError where it is not whole."""
        manifest = verify_bundle(path) if verify else read_manifest(path)
        return cls(manifest, load_arrays(path, manifest))

    @cached_property
    def item_scorer(self) -> ItemScorer:
        """Film in, likenesses out."""
        return item_scorer(self.manifest.item_scorer, self.arrays)

    @cached_property
    def user_scorer(self) -> UserScorer:
        """Person in, scores out."""
        return user_scorer(self.manifest.user_scorer, self.arrays)

    @cached_property
    def rating_scorer(self) -> Factors | None:
        """Person in, predicted stars out, where the model has that."""
        spec = self.manifest.rating_scorer
        return Factors(spec, self.arrays) if spec else None

    @cached_property
    def extras(self) -> Extras | None:
        """What pages show beside the model; None in a bundle of a protocol's training part."""
        return Extras.of(self.arrays)

    def movie_row(self, movie_id: int) -> int:
        """Row of a film. Raises UnknownMovieError."""
        row = self.movie_ids.row(movie_id)
        if row == UNKNOWN:
            raise UnknownMovieError("No film has this id.")
        return row

    def user_row(self, user_id: int) -> int:
        """Row of a user. Raises UnknownUserError."""
        row = self.user_ids.row(user_id)
        if row == UNKNOWN:
            raise UnknownUserError("No user has this id.")
        return row

    def similar(self, row: int, wanted: Wanted) -> Ranked:
        """Films like the film at `row`; never the film itself or a second entry of it."""
        prebuilt = self.neighbours(row)
        if wanted.filter.is_empty and wanted.is_plain and wanted.n <= len(prebuilt.rows):
            return Ranked(prebuilt.rows[: wanted.n], prebuilt.scores[: wanted.n])
        allowed = self.catalog.allowed(wanted.filter)
        if wanted.is_plain:
            kept = allowed[prebuilt.rows]
            if int(kept.sum()) >= wanted.n:
                return Ranked(prebuilt.rows[kept][: wanted.n], prebuilt.scores[kept][: wanted.n])
        return self.rank(self.item_scorer.similar(np.array([row]))[0], self._without_twins(allowed, [row]), wanted)

    def neighbours(self, row: int) -> Ranked:
        """The prebuilt list of the film at `row`: what `similar` answers without filters."""
        rows = self.arrays["neighbour_rows"][row]
        known = rows >= 0
        return Ranked(rows[known].astype(np.int64), self.arrays["neighbour_scores"][row][known])

    def for_user(self, user_row: int, wanted: Wanted) -> Ranked:
        """Films for a user of the training data; what the user rated never comes back."""
        rows = np.array([user_row])
        history = self.history.ratings(rows)
        scores = self.user_scorer.known(rows, history)[0]
        return self._unseen(scores, history, wanted)

    def for_profile(self, rows: NDArray[np.int64], stars: NDArray[np.float32], wanted: Wanted) -> Ranked:
        """Films for a person known only by the films `rows` (k,) rated `stars` (k,)."""
        history = profile(rows, stars, len(self.movie_ids))
        return self._unseen(self.user_scorer.folded(history)[0], history, wanted)

    def predicted_stars(
        self, rows: NDArray[np.int64], history: sp.csr_matrix, user_row: int | None = None
    ) -> NDArray[np.float32] | None:
        """Stars (k,) that a person would give the films `rows` (k,), within the scale; None where no model says.

        `history`: (1, n_movies) the person's ratings; `user_row`: the person's row where the training data has one.
        """
        scorer = self.rating_scorer
        if scorer is None:
            return None
        factors, bias = scorer.people(history, None if user_row is None else np.array([user_row]))
        stars = scorer.item_factors[rows] @ factors[0] + scorer.baseline()[rows] + (0 if bias is None else bias[0])
        return np.asarray(np.clip(stars, RATING_MIN, RATING_MAX), dtype=np.float32)

    def rank(self, scores: NDArray[np.float32], allowed: NDArray[np.bool_], wanted: Wanted) -> Ranked:
        """The best `wanted.n` allowed films; `scores`, `allowed`: (n_movies,)."""
        masked = mask_scores(scores, allowed)
        steering = self._steering(masked, wanted) if wanted.steer and self.extras else None
        if steering is not None:
            masked = masked + steering
        embedding = self.manifest.content_embedding
        if wanted.diversity and embedding:
            pool = top_n(masked, wanted.n * DIVERSITY_POOL)
            rows = diversify(pool, masked[pool], self.arrays[embedding], wanted.n, wanted.diversity)
        else:
            rows = top_n(masked, wanted.n)
        return Ranked(rows, masked[rows], None if steering is None else steering[rows])

    def check_golden(self) -> None:
        """Answer the manifest's golden queries again. Raises BundleIntegrityError where an answer differs."""
        for golden in self.manifest.golden:
            found = self.golden_answer(golden)
            if found.movie_ids != golden.movie_ids or not np.allclose(
                found.scores, golden.scores, rtol=GOLDEN_TOLERANCE, atol=GOLDEN_TOLERANCE
            ):
                raise BundleIntegrityError(
                    f"Golden query {golden.subject} {golden.id}: expected {golden.movie_ids}, found {found.movie_ids}."
                )

    def golden_answer(self, query: Golden) -> Golden:
        """The answer that this model gives to a golden query, in the manifest's form."""
        wanted = Wanted(n=len(query.movie_ids))
        if query.subject == "movie":
            found = self.similar(self.movie_row(query.id), wanted)
        else:
            found = self.for_user(self.user_row(query.id), wanted)
        ids = [int(i) for i in self.movie_ids.ids[found.rows]]
        return query.model_copy(update={"movie_ids": ids, "scores": [round(float(s), 6) for s in found.scores]})

    def _steering(self, masked: NDArray[np.float32], wanted: Wanted) -> NDArray[np.float32]:
        """(n_movies,) what the wanted features add to each score; -inf beyond the films that suit anyway.

        Within those films the features can outweigh all differences of the scores, and no more: "like Heat, less
        violent" stays like Heat.
        """
        assert self.extras is not None
        pool = top_n(masked, STEERING_POOL)
        added = np.full(len(masked), -np.inf, dtype=np.float32)
        if len(pool):
            found = self.extras.feature_scores(dict(wanted.steer))[pool]
            span = masked[pool[0]] - masked[pool[-1]]
            added[pool] = found * (span / max(float(np.abs(found).max()), 1e-12))
        return added

    def _unseen(self, scores: NDArray[np.float32], history: sp.csr_matrix, wanted: Wanted) -> Ranked:
        allowed = self._without_twins(self.catalog.allowed(wanted.filter), history.indices)
        return self.rank(scores, allowed, wanted)

    def _without_twins(self, allowed: NDArray[np.bool_], rows: Any) -> NDArray[np.bool_]:
        """`allowed` less the films `rows` and whatever stands for the same film."""
        allowed[self.catalog.canonical[rows]] = False
        return allowed


def profile(rows: NDArray[np.int64], stars: NDArray[np.float32], n_movies: int) -> sp.csr_matrix:
    """(1, n_movies) history of one person; `rows` distinct."""
    order = np.argsort(rows)
    data = np.asarray(stars, dtype=np.float32)[order]
    return sp.csr_matrix((data, np.asarray(rows)[order], [0, len(rows)]), shape=(1, n_movies))
