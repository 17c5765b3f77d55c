"""The pyfunc model of a bundle, for `mlflow.pyfunc.load_model` and `mlflow models serve`.

MLflow copies this file into each logged model and runs the copy to load it ("models from code"), so that nothing is
pickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from recommender.errors import UsageError
from recommender.model import Model, Ranked, Wanted

SUBJECTS = ("title", "movie_id", "user_id")


class BundleModel(PythonModel):
    """Returns one list of items for each row of the input."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle; every file is checked first."""
        self._model = Model.load(Path(context.artifacts["bundle"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return `params["n"]` items (default 10) for each row of `model_input`: similar ones, or those for a user.

        A row has one of `title`, `movie_id` and `user_id`. The result has one row per item: query (row of the input),
        rank, movie_id, title, year, score. Raises LookupFailedError where a title, item or user is not in the model.
        """
        options = Wanted(n=int((params or {}).get("n", 10)))
        rows = [
            row
            for query, subject in enumerate(model_input.to_dict("records"))
            for row in self._result_rows(query, self._rank(subject, options))
        ]
        return pd.DataFrame(rows, columns=["query", "rank", "movie_id", "title", "year", "score"])

    def _rank(self, subject: dict[Any, Any], options: Wanted) -> Ranked:
        values = {key: subject[key] for key in SUBJECTS if not pd.isna(subject.get(key))}
        match values:
            case {"title": title, **rest} if not rest:
                return self._model.similar(self._model.titles.resolve(str(title)).row, options)
            case {"movie_id": movie_id, **rest} if not rest:
                raw_id = _raw(movie_id, self._model.movie_ids.is_text)
                return self._model.similar(self._model.movie_row(raw_id), options)
            case {"user_id": user_id, **rest} if not rest:
                raw_id = _raw(user_id, self._model.user_ids.is_text)
                return self._model.for_user(self._model.user_row(raw_id), options)
        raise UsageError(f"Expected one of {', '.join(SUBJECTS)} in each row, found {', '.join(values) or 'none'}.")

    def _result_rows(self, query: int, ranked: Ranked) -> list[dict[str, Any]]:
        films = [self._model.catalog.film(int(row)) for row in ranked.rows]
        return [
            {
                "query": query,
                "rank": rank,
                "movie_id": film.movie_id,
                "title": film.title,
                "year": film.year or 0,
                "score": float(score),
            }
            for rank, (film, score) in enumerate(zip(films, ranked.scores, strict=True), start=1)
        ]


def _raw(value: Any, is_text: bool) -> int | str:
    """Return an id as the model's own kind: pandas reads whole numbers beside gaps as floats."""
    return str(value) if is_text else int(value)


set_model(BundleModel())
