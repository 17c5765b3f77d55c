"""Films are stored as the JSON that answers embed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from recommender import smoke
from recommender.bundle import save_bundle
from recommender.errors import BundleIntegrityError, GateRefusedError
from recommender.films.catalog import Catalog, Film, encode_catalog, film_json
from recommender.films.ids import IdMap
from recommender.model import Model
from recommender.texts import concatenate
from tests.toy import build_arrays, build_manifest

FORGED = '","average_rating":9,"rating_count":9}'
FILMS = [
    Film(1, FORGED, 1995, ["Drama", FORGED], [FORGED], [FORGED], 3.5, 2),
    Film(2, 'Quote" \\ \x1b Ünïcode', None, ["Drama"], [], [], None, 0),
]
FILM = Film(7, "Heat", 1995, ["Crime"], ["Michael Mann"], ["Al Pacino"], 3.87, 102)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    arrays = encode_catalog(FILMS, np.zeros((2, 10), np.int32), np.zeros(2, np.int32), np.arange(2, dtype=np.int32))
    return Catalog(arrays, IdMap([1, 2]))


@pytest.mark.parametrize("row", [0, 1])
def test_a_film_comes_back_as_it_was_encoded(catalog: Catalog, row: int) -> None:
    assert catalog.film(row) == FILMS[row]


@pytest.mark.parametrize("row", [0, 1])
def test_the_statistics_are_split_off_whatever_a_name_holds(catalog: Catalog, row: int) -> None:
    [description], [figures] = catalog.split_texts([row])
    described, statistics = json.loads(b"{%b}" % bytes(description)), json.loads(b"{%b" % bytes(figures[1:]))
    assert list(statistics) == ["average_rating", "rating_count"]
    assert described | statistics == {k: v for k, v in asdict(FILMS[row]).items() if k != "facets"}


def test_a_film_whose_statistics_are_missing_is_damage() -> None:
    arrays = encode_catalog(FILMS, np.zeros((2, 10), np.int32), np.zeros(2, np.int32), np.arange(2, dtype=np.int32))
    text = arrays["catalog_text"].tobytes().replace(b',"average_rating":', b',"average_rat1ng":', 1)
    with pytest.raises(BundleIntegrityError, match="catalog_text"):
        Catalog(arrays | {"catalog_text": np.frombuffer(text, dtype=np.uint8)}, IdMap([1, 2])).split_texts([1])


@pytest.mark.parametrize("row", [0, 1])
def test_title_and_id_are_read_off_whatever_a_name_holds(catalog: Catalog, row: int) -> None:
    title, raw_id = catalog.name_text(row)
    assert (json.loads(title), json.loads(raw_id)) == (FILMS[row].title, FILMS[row].movie_id)


def test_the_bytes_of_a_film_never_change() -> None:
    """Bundles on people's disks hold these bytes, and answers are made of them."""
    assert film_json(FILM).decode() == (
        '{"movie_id":7,"title":"Heat","year":1995,"genres":["Crime"],"directors":["Michael Mann"],'
        '"actors":["Al Pacino"],"average_rating":3.87,"rating_count":102}'
    )


@pytest.mark.parametrize("change", ["order", "spaces", "twice"])
def test_the_smoke_gate_refuses_films_stored_in_another_form(toy: Model, tmp_path: Path, change: str) -> None:
    films = [json.loads(toy.catalog.text(row)) for row in range(len(toy.catalog))]
    if change == "order":
        films[3] = dict(sorted(films[3].items()))
    texts = [json.dumps(film, ensure_ascii=False, separators=(",", ":")).encode() for film in films]
    if change == "spaces":
        texts[3] = texts[3].replace(b",", b", ")
    if change == "twice":
        texts[3] = texts[3].replace(b',"title"', b',"title":"Forged","title"')
    text, offsets = concatenate(texts)
    arrays = build_arrays() | {"catalog_text": text, "catalog_text_offsets": offsets}
    save_bundle(tmp_path / "bundle", build_manifest(), arrays)
    with pytest.raises(GateRefusedError, match="not stored in the form that answers need"):
        smoke.check(tmp_path / "bundle")
