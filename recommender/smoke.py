"""The smoke gate: checks that a model must pass before it is promoted or served."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from recommender.errors import GateRefusedError
from recommender.films.catalog import film_json
from recommender.films.ids import IdMap
from recommender.model import Model, Ranked, Wanted

_FILM_FACTS = ("years", "counts", "likes", "averages", "histograms", "canonical")
_FOR_EACH_FILM = {*(f"catalog_{fact}" for fact in _FILM_FACTS), "neighbour_rows", "neighbour_scores", "titles_own"}
_FILM_ROWS = {
    "neighbour_rows",
    "history_movies",
    "catalog_canonical",
    "titles_rows",
    "title_words_films",
    "facets_items",
}
_SAMPLE = 64  # films whose lists are compared; a constant model gives one list to all


def check(bundle: Path, *, dataset: str | None = None, minimum_movies: int = 1) -> Model:
    """Load a bundle, check its hashes, arrays, golden answers and variety of recommendations, and return the model.

    `dataset`: name of the data set that it must be fitted on (None: any); `minimum_movies`: smallest catalogue allowed.
    Raises BundleError or GateRefusedError.
    """
    model = Model.load(bundle)
    _require_dataset(model, dataset, minimum_movies)
    _require_finite(model)
    _require_consistent(model)
    model.check_golden()
    _require_variety(model)
    return model


def _require_dataset(model: Model, dataset: str | None, minimum_movies: int) -> None:
    fitted_on = model.manifest.dataset.name
    if dataset is not None and fitted_on != dataset:
        raise GateRefusedError(f"Expected a model of the data set {dataset}, found {fitted_on}.")
    if len(model.movie_ids) < minimum_movies:
        raise GateRefusedError(
            f"Expected a catalogue of at least {minimum_movies} films, found {len(model.movie_ids)}."
        )


def _require_finite(model: Model) -> None:
    for name, array in model.arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise GateRefusedError(f"Array {name} holds values that are not finite.")


def _require_consistent(model: Model) -> None:
    """Check the length of arrays with a line for each film, the range of film rows, and the catalogue's texts."""
    n = len(model.movie_ids)
    for name, array in model.arrays.items():
        if name in _FOR_EACH_FILM and len(array) != n:
            raise GateRefusedError(f"Array {name}: expected {n} lines, one for each film, found {len(array)}.")
        if name in _FILM_ROWS and array.size and not (int(array.min()) >= -1 and int(array.max()) < n):
            raise GateRefusedError(f"Array {name} points outside the catalogue.")
    _require_texts(model)
    for ids in (model.movie_ids, model.user_ids):
        if ids.is_text and not _ascend(ids):
            raise GateRefusedError("The model's ids are not in ascending order, so that none could be looked up.")


def _require_texts(model: Model) -> None:
    """Check that the catalogue's texts are those of the model's films, in the form that answers need."""
    rows = range(len(model.movie_ids))
    try:
        films = [model.catalog.film(row) for row in rows]
        texts_differ = any(film_json(film) != model.catalog.text(row) for row, film in enumerate(films))
    except (ValueError, TypeError, IndexError) as error:
        raise GateRefusedError(f"The catalogue cannot be read: {error}.") from error
    if texts_differ:  # answers are joined from these bytes, so another order of members would reach the callers
        raise GateRefusedError("The catalogue's films are not stored in the form that answers need.")
    if [film.movie_id for film in films] != model.movie_ids.raws(rows):
        raise GateRefusedError("The catalogue's films are not those of the model.")


def _ascend(ids: IdMap) -> bool:
    encoded = [str(raw).encode() for raw in ids.raws(range(len(ids)))]
    return all(first < second for first, second in pairwise(encoded))


def _require_variety(model: Model) -> None:
    """Check that recommendations for films and users are not empty and not all of one score."""
    popular = np.argsort(-model.catalog.counts, kind="stable")[:_SAMPLE]
    lists = [model.similar(int(row), Wanted(n=5)) for row in popular]
    if not any(len(ranked.rows) for ranked in lists):
        raise GateRefusedError("The model recommends nothing for any of the most rated films.")
    if _constant(lists):
        raise GateRefusedError("The model gives every recommendation the same score.")
    user_lists = [model.for_user(row, Wanted(n=5)) for row in range(min(_SAMPLE, len(model.user_ids)))]
    if user_lists and _constant(user_lists):
        raise GateRefusedError("The model gives every film for people the same score.")


def _constant(lists: list[Ranked]) -> bool:
    scores = np.concatenate([ranked.scores for ranked in lists])
    return not scores.size or bool(np.ptp(scores) == 0)
