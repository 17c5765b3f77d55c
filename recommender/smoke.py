"""The smoke gate: checks that a model must pass before it is promoted or served."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from recommender.bundle import MANIFEST, read_manifest
from recommender.errors import BundleIntegrityError, GateRefusedError
from recommender.explain import explain_person, explain_similar
from recommender.films.catalog import film_json
from recommender.films.ids import IdMap
from recommender.model import Model, Ranked, Wanted
from recommender.structure import require_sound
from recommender.titles.keys import normalise

_TRIED = 5  # films that are looked up and explained
_SAMPLE = 64  # films whose lists are compared; a constant model gives one list to all


def check(bundle: Path, *, dataset: str | None = None, minimum_movies: int = 1) -> Model:
    """Load a bundle, check its hashes, arrays, golden answers and variety of recommendations, and return the model.

    `dataset`: name of the data set that it must be fitted on (None: any); `minimum_movies`: smallest catalogue allowed.
    Raises BundleError or GateRefusedError.
    """
    _require_only_listed(bundle)
    try:
        model = Model.load(bundle)
        _require_dataset(model, dataset, minimum_movies)
        _require_finite(model)
        _require_consistent(model)
        model.check_golden()
        _require_variety(model)
        _require_answers(model)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise GateRefusedError(f"The model cannot be used: {error!r}.") from error
    return model


def _require_only_listed(bundle: Path) -> None:
    """Check that a bundle holds its manifest and the files that it lists, and no links."""
    listed = {MANIFEST, *(f"{name}.npy" for name in read_manifest(bundle).files)}
    foreign = sorted(path.name for path in bundle.iterdir() if path.is_symlink() or path.name not in listed)
    if foreign:
        raise BundleIntegrityError(f"Expected files that the manifest lists and no links, found {foreign[0]!r}.")


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
    """Check that arrays fit together, the catalogue's texts, and the order of ids."""
    require_sound(model)
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


def _require_answers(model: Model) -> None:
    """Check that films are found by title, right or misspelt, and that lists for films and users are explained."""
    popular = [int(row) for row in np.argsort(-model.catalog.counts, kind="stable")[:_TRIED]]
    for row in popular:
        title = model.catalog.film(row).title
        if normalise(title) and int(model.catalog.canonical[row]) not in {one.row for one in model.titles.exact(title)}:
            raise GateRefusedError("The model does not find its films by their titles.")
        model.titles.search(f"{title[1:]} {title[:1]}", _TRIED)
        explain_similar(model, row, model.similar(row, Wanted(n=5)))
        if model.extras is not None:
            model.extras.features(row)
            model.extras.film_over_time(row)
    history = model.history.ratings(np.arange(len(model.user_ids), dtype=np.int64)[:1])
    if history.nnz:
        explain_person(model.user_scorer, model.stars(history), model.for_user(0, Wanted(n=5)), _TRIED, 0)


def _constant(lists: list[Ranked]) -> bool:
    scores = np.concatenate([ranked.scores for ranked in lists])
    return not scores.size or bool(np.ptp(scores) == 0)
