"""A model in a notebook: similar items, recommendations and explanations as data frames."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from movierec.options import list_options, raw_id
from recommender.bundle import Manifest
from recommender.errors import AmbiguousTitleError, LookupFailedError, TitleNotFoundError, UsageError
from recommender.explain import Explanation, explain_person, explain_similar
from recommender.films.ids import RawId
from recommender.model import Model as Kernel
from recommender.model import Person, Ranked
from recommender.predicting import interval, place
from recommender.together import for_two
from training.bundling.build import BundleBuilder
from training.bundling.extras import extra_arrays
from training.models.base import FittedModel
from training.progress import Progress, silent

if TYPE_CHECKING:
    from training.bundling.lists import Format, Subject

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
        return extra_arrays(self.builder.dataset, self.builder.data, seed=self.seed)


_Subject = int | Person  # what a list is for: the row of an item, or a person


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
        genres, year_from, year_to, min_ratings, facets, exclude, candidates, max_per, popularity, recency, diversity,
        offset; see `movierec.options`. Raises LookupFailedError, which names the closest titles.
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
        people: Sequence[Mapping[RawId, float]] | None = None,
        fuzzy: bool = False,
        **filters: Any,
    ) -> pd.DataFrame:
        """Return `n` items for a user of the training data, for somebody new with these `ratings`, or for both in one.

        `ratings`: title or id of each item, and the rating on the data set's scale (the weight, for events). Where the
        model predicts ratings, they are one more column. `people`: the ratings of two people, for one list that is fair
        to the less happy; what each is expected to give are two more columns. `filters`: those of `similar`, and
        include_seen and min_expected. Raises LookupFailedError for an unknown user or title, and NewUserError where
        the model cannot answer for somebody new.
        """
        if people is not None:
            return self._for_two(people, n, fuzzy, filters)
        person = self._person(user, ratings, fuzzy)
        ranked = self._ranked(person, n, filters)
        frame = self._frame(ranked)
        predicted = self._kernel.predicted_ratings(ranked.rows, person.history, person.row)
        return frame if predicted is None else frame.assign(predicted_rating=predicted.astype(float).round(2))

    def predict(
        self,
        item: RawId,
        user: RawId | None = None,
        ratings: Mapping[RawId, float] | None = None,
        n: int = 10,
        *,
        fuzzy: bool = False,
        **filters: Any,
    ) -> dict[str, Any]:
        """Return what a person would give an item, the interval, its place in their list, and what keeps it away."""
        person, row = self._person(user, ratings, fuzzy), self._item(item, fuzzy)
        prediction = interval(self._kernel, person, row)
        placed = place(self._kernel, person, row, list_options(self._kernel, n, filters))
        return (asdict(prediction) if prediction else {}) | asdict(placed)

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
            subject: _Subject = self._person(user, ratings, fuzzy)
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

    def recommend_all(
        self,
        path: str | os.PathLike[str],
        n: int = 10,
        *,
        of: Subject = "users",
        format: Format = "parquet",
        progress: Progress = silent,
    ) -> Path:
        """Write the best `n` items for all users, or most similar to all items, to a new file; return its path.

        Memory is bounded, and a run that was stopped goes on where it was. Raises UsageError.
        """
        from training.bundling.lists import Lists, write_lists

        write_lists(self._kernel, Path(path), Lists(of, n, format), progress)
        return Path(path)

    def find(self, item: RawId, *, fuzzy: bool = False) -> RawId:
        """Return the id of an item that is named by title or id. Raises LookupFailedError."""
        return self._kernel.movie_ids.raw(self._rated(item, fuzzy))

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
        options = list_options(self._kernel, n, filters)
        if isinstance(subject, Person):
            return self._kernel.for_person(subject, options)
        if options.include_seen or options.min_expected is not None:
            raise UsageError("include_seen and min_expected are for lists for people; leave them out.")
        return self._kernel.similar(subject, options)

    def _for_two(
        self, people: Sequence[Mapping[RawId, float]], n: int, fuzzy: bool, filters: Mapping[str, Any]
    ) -> pd.DataFrame:
        if len(people) != 2:
            raise UsageError(f"Expected the ratings of two people, found {len(people)}.")
        options = list_options(self._kernel, n, filters)
        persons = [self._person(None, ratings, fuzzy) for ratings in people]
        together = for_two(self._kernel, persons, options, "least_misery")
        first, second = together.expected.round(2)
        return self._frame(together.ranked).assign(expected_first=first, expected_second=second)

    def _item(self, item: RawId, fuzzy: bool) -> int:
        return self._kernel.movie_row(item) if self._is_id(item) else self._titled(str(item), fuzzy)

    def _person(self, user: RawId | None, ratings: Mapping[RawId, float] | None, fuzzy: bool) -> Person:
        if user is None and ratings is None:
            raise UsageError("Expected a user of the training data, ratings, or both.")
        known = None if user is None else self._kernel.person(self._kernel.user_row(raw_id("user", user)))
        return self._kernel.with_ratings(known, {} if ratings is None else self._ratings(ratings, fuzzy))

    def _ratings(self, ratings: Mapping[RawId, float], fuzzy: bool) -> dict[int, float]:
        """Return ratings by row. Raises UsageError for none, for an item that is rated twice, and for no rating."""
        if not isinstance(ratings, Mapping | pd.Series):
            raise UsageError(f'Expected ratings as {{"title or id": rating, ...}}, found {ratings!r}.')
        if not len(ratings):
            raise UsageError("Expected at least one rating, found none.")
        by_row: dict[int, float] = {}
        for item, rating in ratings.items():
            row = self._rated(item, fuzzy)
            if row in by_row:
                raise UsageError(f"{self._kernel.catalog.film(row).label} is rated twice; expected one rating.")
            by_row[row] = self._kernel.feedback.check(rating)
        return by_row

    def _rated(self, item: RawId, fuzzy: bool) -> int:
        """Return the row of a rated item; a second entry of an item counts as the item."""
        if self._is_id(item):
            return int(self._kernel.catalog.canonical[self._kernel.movie_row(item)])
        return self._titled(str(item), fuzzy)

    def _is_id(self, item: RawId) -> bool:
        return raw_id("title or id", item) in self._kernel.movie_ids or not isinstance(item, str)

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
        if isinstance(subject, int):
            return explain_similar(self._kernel, subject, ranked)
        stars = self._kernel.stars(subject.history)
        return explain_person(self._kernel.user_scorer, stars, ranked, REASONS, subject.row)

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
        # 0.0 is added because -0.0 would look like something.
        return [(film.movie_id, film.title, kind, name, round(value, 6) + 0.0) for kind, name, value in everything]
