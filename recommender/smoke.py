"""The smoke gate: what a model must show before it may be promoted or served."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recommender.errors import GateRefusedError
from recommender.model import Model, Ranked, Wanted

_FILM_FACTS = ("years", "genres", "counts", "averages", "histograms", "canonical")
_FOR_EACH_FILM = {*(f"catalog_{fact}" for fact in _FILM_FACTS), "neighbour_rows", "neighbour_scores", "titles_own"}
_FILM_ROWS = {"neighbour_rows", "history_movies", "catalog_canonical", "titles_rows", "title_words_films"}
_SAMPLE = 64  # films whose lists are compared; a constant model gives one list to all


def check(bundle: Path, *, dataset: str | None = None, minimum_movies: int = 1) -> Model:
    """Verify the bundle's hashes and the model's sanity; returns it.

    `dataset`: name of the data set that it must be fitted on, where only one will do; `minimum_movies`: films that its
    catalogue must have. Raises BundleError or GateRefusedError.
    """
    model = Model.load(bundle)
    _require_dataset(model, dataset, minimum_movies)
    _require_finite(model)
    _require_consistent(model)
    model.check_golden()
    _require_variety(model)
    return model


def _require_dataset(model: Model, dataset: str | None, minimum_movies: int) -> None:
    found = model.manifest.dataset.name
    if dataset is not None and found != dataset:
        raise GateRefusedError(f"Expected a model of the data set {dataset}, found {found}.")
    if len(model.movie_ids) < minimum_movies:
        raise GateRefusedError(
            f"Expected a catalogue of at least {minimum_movies} films, found {len(model.movie_ids)}."
        )


def _require_finite(model: Model) -> None:
    for name, array in model.arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise GateRefusedError(f"Array {name} holds values that are not finite.")


def _require_consistent(model: Model) -> None:
    """Every array that says something of each film has a line for each, and no row points beyond the catalogue."""
    n = len(model.movie_ids)
    for name, array in model.arrays.items():
        if name in _FOR_EACH_FILM and len(array) != n:
            raise GateRefusedError(f"Array {name}: expected {n} lines, one for each film, found {len(array)}.")
        if name in _FILM_ROWS and array.size and not (int(array.min()) >= -1 and int(array.max()) < n):
            raise GateRefusedError(f"Array {name} points outside the catalogue.")
    try:
        films = [model.catalog.film(row).movie_id for row in range(n)]
    except (ValueError, TypeError, IndexError) as error:
        raise GateRefusedError(f"The catalogue cannot be read: {error}.") from error
    if not np.array_equal(films, model.movie_ids.ids):
        raise GateRefusedError("The catalogue's films are not those of the model.")


def _require_variety(model: Model) -> None:
    """Lists for films and for people must hold something, and their scores must not all be one number."""
    popular = np.argsort(-model.catalog.counts, kind="stable")[:_SAMPLE]
    lists = [model.similar(int(row), Wanted(n=5)) for row in popular]
    if not any(len(found.rows) for found in lists):
        raise GateRefusedError("The model recommends nothing for any of the most rated films.")
    if _constant(lists):
        raise GateRefusedError("The model gives every recommendation the same score.")
    people = [model.for_user(row, Wanted(n=5)) for row in range(min(_SAMPLE, len(model.user_ids)))]
    if people and _constant(people):
        raise GateRefusedError("The model gives every film for people the same score.")


def _constant(lists: list[Ranked]) -> bool:
    scores = np.concatenate([found.scores for found in lists])
    return not scores.size or bool(np.ptp(scores) == 0)
