"""The served versions of the old store, whose bundles are of format 1, written anew in format 2."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from recommender.bundle import FORMAT, read_manifest, save_bundle
from recommender.feedback import MOVIELENS
from recommender.films.catalog import encode_catalog
from recommender.films.history import encode_history
from recommender.items import FILMS
from recommender.model import Model
from serving.versions.entry import write_entry
from serving.versions.model_store import ModelStore


def rewrite_store(home: Path) -> int:
    """Rewrite every bundle of the service's store in `home`, and return how many there were."""
    entries = ModelStore(home / "var/models").entries()[::-1]  # oldest first: the store lists the newest first
    for entry in entries:
        rewrite(entry.bundle)
        write_entry(entry.path, entry.meta)
    return len(entries)


def rewrite(bundle: Path) -> None:
    """Rewrite a bundle of format 1 in format 2."""
    model = Model.load(bundle)
    assert model.manifest.format == 1
    as_written = read_manifest(bundle)  # the model's own has similarities on the scale of today
    manifest = as_written.model_copy(update={"format": FORMAT, "genre_names": None, "items": FILMS})
    rows = range(len(model.movie_ids))
    films = [model.catalog.film(row) for row in rows]
    history = model.history.ratings(np.arange(len(model.user_ids)))
    likes = np.bincount(history.indices[history.data >= MOVIELENS.like], minlength=len(rows))
    arrays = {
        **{name: np.array(array) for name, array in model.arrays.items()},
        **model.movie_ids.arrays("movie_ids"),
        **model.user_ids.arrays("user_ids"),
        **encode_catalog(films, model.catalog.histograms, likes.astype(np.int32), model.catalog.canonical, FILMS),
        **encode_history(history),
    }
    shutil.rmtree(bundle)
    save_bundle(bundle, manifest, arrays)
