"""MLflow's own way to a bundle: `mlflow.pyfunc.load_model` and `mlflow models serve`.

MLflow copies this file into each logged model and runs it to load one ("models from code"), so that nothing is pickled.
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
    """Answers one list of films for each row of the input."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the bundle, every file checked first."""
        self._model = Model.load(Path(context.artifacts["bundle"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Films for each row of `model_input`, which names one of `title`, `movie_id` and `user_id`.

        `params["n"]` films each (10 by default). The answer has a line for each film: query (the input's row), rank,
        movie_id, title, year, score. Raises LookupFailedError where a title, film or user is not in the model.
        """
        wanted = Wanted(n=int((params or {}).get("n", 10)))
        lines = [
            line
            for query, subject in enumerate(model_input.to_dict("records"))
            for line in self._lines(query, self._answer(subject, wanted))
        ]
        return pd.DataFrame(lines, columns=["query", "rank", "movie_id", "title", "year", "score"])

    def _answer(self, subject: dict[Any, Any], wanted: Wanted) -> Ranked:
        given = {key: subject[key] for key in SUBJECTS if not pd.isna(subject.get(key))}
        match given:
            case {"title": title, **rest} if not rest:
                return self._model.similar(self._model.titles.resolve(str(title)).row, wanted)
            case {"movie_id": movie_id, **rest} if not rest:
                return self._model.similar(self._model.movie_row(int(movie_id)), wanted)
            case {"user_id": user_id, **rest} if not rest:
                return self._model.for_user(self._model.user_row(int(user_id)), wanted)
        raise UsageError(f"Expected one of {', '.join(SUBJECTS)} in each row, found {', '.join(given) or 'none'}.")

    def _lines(self, query: int, ranked: Ranked) -> list[dict[str, Any]]:
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


set_model(BundleModel())
