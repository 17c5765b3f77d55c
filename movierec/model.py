"""A model in a notebook: similar items, recommendations and explanations as data frames."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recommender.bundle import Manifest
from recommender.errors import AmbiguousTitleError, LookupFailedError, TitleNotFoundError, UsageError
from recommender.explain import Explanation, explain_person, explain_similar
from recommender.films.catalog import FilmFilter
from recommender.films.ids import RawId
from recommender.model import Model as Kernel
from recommender.model import Ranked, Wanted, profile
from training.bundling.build import BundleBuilder, describe
from training.models.base import FittedModel

REASONS = 5  # rated items that are named for each recommendation, as in the API's answers
_SUGGESTED = 5


@dataclass(frozen=True)
class Fitted:
    """A fitted algorithm with what makes a bundle of it."""

    builder: BundleBuilder
    model: FittedModel
    seed: int

    @cached_property
    def extras(self) -> dict[str, Any]:
        """Return data for explanations and pages, which takes a while to compute."""
        return describe(self.builder, seed=self.seed)


@dataclass(frozen=True)
class _Subject:
    """What a list is for: the row of an item, or a user's ratings, and row if the training data has the user."""

    item: int | None = None
    history: Any = None  # (1, n_movies) CSR of a user
    user: int | None = None


class Model:
    """A model that recommends; `movierec.fit` and `movierec.open` return one.

    Lists are data frames with id, title, year and score, in the order of the HTTP API's answers.
    """

    def __init__(self, kernel: Kernel, *, version: int | None = None, fitted: Fitted | None = None) -> None:
        self._kernel, self._fitted = kernel, fitted
        self.version = version

    @classmethod
    def of_fit(cls, fitted: Fitted) -> Model:
        """Return the model of a fit."""
        return cls(fitted.builder.complete_model(fitted.model), fitted=fitted)

    @property
    def name(self) -> str:
        """Return the name of the algorithm."""
        return self._kernel.manifest.algorithm

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the parameters that it was fitted with."""
        return dict(self._kernel.manifest.parameters)

    @property
    def manifest(self) -> Manifest:
        """Return what is known of the model: data set, parameters, scorers, figures."""
        return self._kernel.manifest

    def similar(self, item: RawId, n: int = 10, *, fuzzy: bool = False, **filters: Any) -> pd.DataFrame:
        """Return the `n` items most similar to one, named by title or id.

        `fuzzy`: take part of a title, or a misspelt one, where one item stands clear. `filters`: those of the HTTP API:
        genres, year_from, year_to, min_ratings. Raises LookupFailedError, which names the closest titles.
        """
        if self._fitted is not None and self._fitted.model.own_scorer is not None:
            raise UsageError(f"{self.name} scores items for users by code of its own; it has no similar items.")
        return self._frame(self._ranked(self._item(item, fuzzy), n, filters))

    def recommend(
        self,
        user: RawId | None = None,
        ratings: Mapping[RawId, float] | None = None,
        n: int = 10,
        *,
        fuzzy: bool = False,
        **filters: Any,
    ) -> pd.DataFrame:
        """Return `n` items for a user of the training data, or for somebody new with these `ratings`.

        `ratings`: title or id of each item, and the rating on the data set's scale (the weight, for events). Where the
        model predicts ratings, they are one more column. Raises LookupFailedError for an unknown user or title, and
        NewUserError where the model cannot answer for somebody new.
        """
        subject = self._person(user, ratings, fuzzy)
        ranked = self._ranked(subject, n, filters)
        frame = self._frame(ranked)
        predicted = self._kernel.predicted_ratings(ranked.rows, subject.history, subject.user)
        return frame if predicted is None else frame.assign(predicted_rating=predicted.round(2))

    def explain(
        self,
        item: RawId | None = None,
        *,
        user: RawId | None = None,
        ratings: Mapping[RawId, float] | None = None,
        n: int = 10,
        fuzzy: bool = False,
        **filters: Any,
    ) -> pd.DataFrame:
        """Return why each item is in the list that `similar(item)` or `recommend(user, ratings)` gives.

        One row for each reason: id and title of the recommended item, kind and name of the reason, and its
        contribution to the score. Those of an item add up to its score; `rest` is what no reason explains.
        """
        if item is None:
            subject = self._person(user, ratings, fuzzy)
        elif user is None and ratings is None:
            subject = self._item(item, fuzzy)
        else:
            raise UsageError("Expected an item, or a user or ratings; found both.")
        if self._fitted is not None:
            self._kernel.arrays.update(self._fitted.extras)
            self._kernel.__dict__.pop("extras", None)  # read once more
        ranked = self._ranked(subject, n, filters)
        rows = [
            row
            for item_row, explanation in zip(ranked.rows.tolist(), self._explanations(subject, ranked), strict=True)
            for row in self._reasons(item_row, explanation)
        ]
        return pd.DataFrame(rows, columns=["id", "title", "kind", "reason", "contribution"])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the model as a bundle at `path`, a new directory that `movierec.open` reads; return the path.

        Raises UsageError where it cannot be saved.
        """
        if self._fitted is None:
            raise UsageError(
                "This model was opened from a bundle, which can be copied; save a model of `movierec.fit`."
            )
        self._fitted.builder.save(Path(path), self._fitted.model, self._fitted.extras)
        return Path(path)

    def __repr__(self) -> str:
        return f"<movierec.Model {', '.join(f'{key} {value}' for key, value in self._facts().items())}>"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{escape(k)}</th><td>{escape(str(v))}</td></tr>" for k, v in self._facts().items())
        return f"<table><caption>movierec.Model</caption>{rows}</table>"

    def _facts(self) -> dict[str, Any]:
        items = self._kernel.manifest.items
        own = {key: value for key, value in self.parameters.items() if not isinstance(value, dict)}
        return {
            "algorithm": self.name,
            **({"version": self.version} if self.version else {}),
            "data set": self._kernel.manifest.dataset.name,
            items.plural: f"{len(self._kernel.movie_ids):,}",
            "users": f"{len(self._kernel.user_ids):,}",
            **({"parameters": " ".join(f"{key}={value}" for key, value in own.items())} if own else {}),
        }

    def _ranked(self, subject: _Subject, n: int, filters: Mapping[str, Any]) -> Ranked:
        options = Wanted(n=n, filter=_filter(filters))
        if subject.item is not None:
            return self._kernel.similar(subject.item, options)
        if subject.user is not None:
            return self._kernel.for_user(subject.user, options)
        return self._kernel.for_profile(subject.history.indices.astype(np.int64), subject.history.data, options)

    def _item(self, item: RawId, fuzzy: bool) -> _Subject:
        if self._is_id(item):
            return _Subject(item=self._kernel.movie_row(item))
        return _Subject(item=self._titled(str(item), fuzzy))

    def _person(self, user: RawId | None, ratings: Mapping[RawId, float] | None, fuzzy: bool) -> _Subject:
        if (user is None) == (ratings is None):
            raise UsageError("Expected either a user of the training data or ratings.")
        if user is not None:
            row = self._kernel.user_row(user)
            return _Subject(history=self._kernel.history.ratings(np.array([row])), user=row)
        assert ratings is not None
        by_row = {self._rated(item, fuzzy): self._kernel.feedback.check(rating) for item, rating in ratings.items()}
        if not by_row:
            raise UsageError("Expected at least one rating, found none.")
        rows, values = np.array(list(by_row), dtype=np.int64), np.array(list(by_row.values()), dtype=np.float32)
        return _Subject(history=profile(rows, values, len(self._kernel.movie_ids)))

    def _rated(self, item: RawId, fuzzy: bool) -> int:
        """Return the row of a rated item; a second entry of an item counts as the item."""
        if self._is_id(item):
            return int(self._kernel.catalog.canonical[self._kernel.movie_row(item)])
        return self._titled(str(item), fuzzy)

    def _is_id(self, item: RawId) -> bool:
        return not isinstance(item, str) or item in self._kernel.movie_ids

    def _titled(self, title: str, fuzzy: bool) -> int:
        word = self._kernel.manifest.items.singular
        try:
            return self._kernel.titles.resolve(title, fuzzy=fuzzy).row
        except TitleNotFoundError as error:
            closest = self._labels(error.suggestions)
            hint = f" Closest: {closest}." if closest else ""
            raise LookupFailedError(f"No {word} has the title {title!r}.{hint}") from error
        except AmbiguousTitleError as error:
            several = "Several have" if error.same_title else f"More than one {word} may be meant by"
            raise LookupFailedError(
                f"{several} the title {title!r}; name it by id, or by a title with its year: "
                f"{self._labels(error.candidates)}."
            ) from error

    def _labels(self, rows: list[int]) -> str:
        films = map(self._kernel.catalog.film, rows[:_SUGGESTED])
        return ", ".join(f"{film.label} [id {film.movie_id}]" for film in films)

    def _frame(self, ranked: Ranked) -> pd.DataFrame:
        films = [self._kernel.catalog.film(row) for row in ranked.rows.tolist()]
        columns = {"id": [film.movie_id for film in films], "title": [film.title for film in films]}
        years = pd.array([film.year for film in films], dtype="Int64")
        return pd.DataFrame({**columns, "year": years, "score": ranked.scores.astype(float)})

    def _explanations(self, subject: _Subject, ranked: Ranked) -> list[Explanation]:
        if subject.item is not None:
            return explain_similar(self._kernel, subject.item, ranked)
        stars = self._kernel.stars(subject.history)
        return explain_person(self._kernel.user_scorer, stars, ranked, REASONS, subject.user)

    def _reasons(self, item_row: int, explanation: Explanation) -> list[tuple[Any, ...]]:
        film = self._kernel.catalog.film(item_row)
        reasons = [
            (
                reason.kind,
                reason.name if reason.row is None else self._kernel.catalog.film(reason.row).title,
                reason.contribution,
            )
            for reason in explanation.reasons
        ]
        everything = [*reasons, ("rest", "", explanation.rest)]
        return [(film.movie_id, film.title, kind, name, round(value, 6)) for kind, name, value in everything]


def _filter(filters: Mapping[str, Any]) -> FilmFilter:
    """Return the filter that keywords describe. Raises UsageError for an unknown one."""
    known = ("genres", "year_from", "year_to", "min_ratings")
    if unknown := [key for key in filters if key not in known]:
        raise UsageError(f"Unknown {', '.join(unknown)}; filters are {', '.join(known)}.")
    genres = filters.get("genres", ())
    return FilmFilter(**{**filters, "genres": (genres,) if isinstance(genres, str) else tuple(genres)})
