"""The pyfunc model of a bundle, for `mlflow.pyfunc.load_model` and `mlflow models serve`.

MLflow copies this file into each logged model and runs the copy to load it ("models from code"), so that nothing is
pickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from recommender.errors import AmbiguousTitleError, MovierecError, TitleNotFoundError, UsageError
from recommender.model import Model, Ranked, Wanted

SUBJECTS = ("title", "movie_id", "user_id", "ratings")
COLUMNS = (*SUBJECTS, "n")
RESULT = ("query", "rank", "movie_id", "title", "year", "score", "error", "suggestions")


class BundleModel(PythonModel):
    """Returns one list of items for each row of the input."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle; every file is checked first."""
        self._model = Model.load(Path(context.artifacts["bundle"]))

    # The input may be more than a frame, but MLflow warns of any other annotation.
    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return a frame with `n` items for each query: similar ones, or those for a user.

        `model_input`: a title, a list of titles, or a frame (or what makes one) whose rows each have one of `title`,
        `movie_id`, `user_id` and `ratings`, a mapping of titles or ids to ratings, also as JSON text. `n` is a column
        or a parameter (default 10). The result has one row per item: query (number of the row), rank, movie_id, title,
        year, score. A query that cannot be answered is one row with `error` and, for titles, `suggestions`. Raises
        UsageError for an unknown column and for no rows.
        """
        frame = _frame(_unwrapped(model_input))
        n = int((params or {}).get("n", 10))
        rows = [row for query, subject in enumerate(_records(frame)) for row in self._answer(query, subject, n)]
        result = pd.DataFrame(rows, columns=list(RESULT))
        whole = ("rank", "year") if self._model.movie_ids.is_text else ("rank", "year", "movie_id")
        result = result.astype(dict.fromkeys(whole, "Int64") | {"score": "Float64"})
        # None where there is no text: `mlflow models serve` would write NaN, which is no JSON.
        texts = [result[name].astype(object) for name in ("title", "movie_id", "error") if name not in whole]
        return result.assign(**{str(values.name): values.where(values.notna(), None) for values in texts})

    def _answer(self, query: int, subject: dict[str, Any], n: int) -> list[dict[str, Any]]:
        """Return the rows of one query: its items, or one row that says why there are none."""
        try:
            ranked = self._rank(subject, Wanted(n=_length(subject.pop("n", n))))
        except MovierecError as error:
            return [{"query": query, "error": str(error), "suggestions": self._suggestions(error)}]
        if not len(ranked.rows):
            return [{"query": query, "error": "There is nothing to recommend.", "suggestions": []}]
        return self._result_rows(query, ranked)

    def _rank(self, subject: dict[str, Any], options: Wanted) -> Ranked:
        match subject:
            case {"title": title, **rest} if not rest:
                if not isinstance(title, str | int):
                    raise UsageError(f"Expected a text as title, found {title!r}.")
                return self._model.similar(self._model.titles.resolve(str(title)).row, options)
            case {"movie_id": movie_id, **rest} if not rest:
                return self._model.similar(self._item_row_by_id(movie_id), options)
            case {"user_id": user_id, **rest} if not rest:
                return self._model.for_user(self._model.user_row(_raw(user_id, self._model.user_ids.is_text)), options)
            case {"ratings": ratings, **rest} if not rest:
                return self._for_ratings(_mapping(ratings), options)
        raise UsageError(f"Expected one of {', '.join(SUBJECTS)} in each row, found {', '.join(subject) or 'none'}.")

    def _for_ratings(self, ratings: Mapping[Any, Any], options: Wanted) -> Ranked:
        """Return recommendations for a person who is known by these ratings alone."""
        feedback = self._model.feedback
        by_row: dict[int, float] = {}
        for item, rating in ratings.items():
            try:
                value = float(rating)
            except (TypeError, ValueError):
                value = float("nan")
            if not feedback.minimum <= value <= feedback.maximum:
                scale = f"from {feedback.minimum:g} to {feedback.maximum:g}"
                raise UsageError(f"Expected ratings {scale}, found {rating!r} for {item!r}.")
            row = self._item_row(item)
            if row in by_row:
                raise UsageError(f"{self._model.catalog.film(row).label} is rated twice; expected one rating.")
            by_row[row] = value
        return self._model.for_profile(
            np.array(list(by_row), dtype=np.int64), np.array(list(by_row.values()), dtype=np.float32), options
        )

    def _item_row(self, item: Any) -> int:
        """Return the row of an item named by its title or its id."""
        if isinstance(item, str):
            try:
                return self._model.titles.resolve(item).row
            except TitleNotFoundError as error:
                try:
                    return self._item_row_by_id(item)
                except MovierecError:
                    raise error from None
        return self._item_row_by_id(item)

    def _item_row_by_id(self, movie_id: Any) -> int:
        return self._model.movie_row(_raw(movie_id, self._model.movie_ids.is_text))

    def _suggestions(self, error: MovierecError) -> list[str]:
        match error:
            case TitleNotFoundError(suggestions=rows) | AmbiguousTitleError(candidates=rows):
                return [self._model.catalog.film(int(row)).label for row in rows]
        return []

    def _result_rows(self, query: int, ranked: Ranked) -> list[dict[str, Any]]:
        films = [self._model.catalog.film(int(row)) for row in ranked.rows]
        return [
            {
                "query": query,
                "rank": rank,
                "movie_id": film.movie_id,
                "title": film.title,
                "year": film.year,
                "score": float(score),
                "error": None,
                "suggestions": [],
            }
            for rank, (film, score) in enumerate(zip(films, ranked.scores, strict=True), start=1)
        ]


def _unwrapped(model_input: Any) -> Any:
    """Return the value of an array without dimensions, as `mlflow models serve` reads {"inputs": "Toy Story"}."""
    is_value = isinstance(model_input, np.ndarray) and not model_input.ndim
    return model_input.item() if is_value else model_input


def _frame(model_input: Any) -> pd.DataFrame:
    """Return the input as a frame with known columns. Raises UsageError."""
    match model_input:
        case pd.DataFrame():
            frame = model_input
        case str():
            frame = pd.DataFrame({"title": [model_input]})
        case Mapping():
            is_one_row = not any(isinstance(value, list | np.ndarray | pd.Series) for value in model_input.values())
            frame = pd.DataFrame([model_input]) if is_one_row else pd.DataFrame(dict(model_input))
        case list() | tuple() | np.ndarray() | pd.Series() if all(isinstance(item, Mapping) for item in model_input):
            frame = pd.DataFrame(list(model_input))
        case list() | tuple() | np.ndarray() | pd.Series() if all(isinstance(item, str) for item in model_input):
            frame = pd.DataFrame({"title": list(model_input)})
        case _:
            raise UsageError(f"Expected titles, or rows with {', '.join(COLUMNS)}; found {type(model_input).__name__}.")
    if unknown := [str(column) for column in frame.columns if column not in COLUMNS]:
        raise UsageError(f"Unknown column {', '.join(unknown)}; expected one of {', '.join(SUBJECTS)}, and perhaps n.")
    if not len(frame):
        raise UsageError("Expected at least one title, or one row; found none.")
    return frame


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the values of each row that are not missing, by column."""
    return [
        {str(key): value for key, value in record.items() if not pd.api.types.is_scalar(value) or not pd.isna(value)}
        for record in frame.to_dict("records")
    ]


def _mapping(ratings: Any) -> Mapping[Any, Any]:
    """Return ratings by item; JSON text is read. Raises UsageError for anything else than an object."""
    try:
        read = json.loads(ratings) if isinstance(ratings, str) else ratings
    except ValueError:
        read = None
    if not isinstance(read, Mapping) or not read:
        raise UsageError(f'Expected ratings as {{"title or id": rating, ...}}, found {ratings!r}.')
    return read


def _length(n: Any) -> int:
    """Return the length of a list; pandas reads whole numbers beside gaps as floats. Raises UsageError."""
    is_number = isinstance(n, Real) and not isinstance(n, bool)
    if not is_number or n < 1 or n % 1:
        raise UsageError(f"Expected a whole number as n of at least 1, found {n!r}.")
    return int(n)


def _raw(value: Any, is_text: bool) -> int | str:
    """Return an id as the model's own kind: pandas reads whole numbers beside gaps as floats."""
    if is_text:
        return str(value)
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or (isinstance(value, float) and value != number):
        raise UsageError(f"Expected a whole number as id, found {value!r}.")
    return number


set_model(BundleModel())
