"""The answers that people explore with, over the toy world."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from client.answers import Comparison, Features, FilmMap, InCommon, OverTime, ReleaseYears
from serving.api.app import create_app
from serving.settings import Settings
from serving.versions.entry import VersionMeta
from serving.versions.model_store import ModelStore
from tests.toy import FILMS, save_toy
from tests.toy_extras import save_full_toy

META = VersionMeta(name="movielens-recommender", version="1", run_id="0123456789abcdef", algorithm="toy")


def client_of(bundle: Path, root: Path) -> TestClient:
    store = ModelStore(root)

    def copy(target: Path) -> None:
        shutil.copytree(bundle, target)

    store.point("champion", store.install(META, copy))
    return TestClient(create_app(Settings(), store), base_url="http://localhost")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root = tmp_path_factory.mktemp("explore")
    save_full_toy(root / "bundle")
    with client_of(root / "bundle", root / "store") as client:
        yield client


def test_the_map_shows_rated_films_most_rated_first_and_tastes_apart(full: TestClient) -> None:
    films = FilmMap.model_validate(full.get("/map").json()).films
    counts = [film.rating_count for film in films]
    assert counts == sorted(counts, reverse=True)
    assert 15 not in {film.movie_id for film in films}  # nobody rated it
    space = {film.movie_id: film.x for film in films if int(film.movie_id) < 10}
    assert set(space.values()) == {-0.8}
    assert all(film.x == 0.8 for film in films if int(film.movie_id) > 10)


def test_a_films_ratings_over_time_add_up_to_its_ratings(full: TestClient) -> None:
    periods = OverTime.model_validate(full.get("/movies/2/over-time").json()).periods
    assert [period.period for period in periods] == ["1997-12", "1998-01"]
    ratings = full.get("/movies/2/ratings").json()
    assert sum(period.ratings for period in periods) == ratings["rating_count"]
    assert periods[1].ratings == 0  # only space lovers rate it
    assert periods[1].average_rating is None
    assert periods[0].average_rating == pytest.approx(ratings["average_rating"], abs=0.006)


def test_one_genre_over_time_is_a_part_of_all(full: TestClient) -> None:
    everything = OverTime.model_validate(full.get("/analytics/over-time").json()).periods
    romance = OverTime.model_validate(full.get("/analytics/over-time", params={"genre": "romance"}).json()).periods
    assert all(part.ratings < whole.ratings for part, whole in zip(romance, everything, strict=True))
    assert romance[1].ratings > romance[0].ratings  # romantics rated in January


def test_release_years_count_each_film_once(full: TestClient) -> None:
    years = ReleaseYears.model_validate(full.get("/analytics/release-years").json()).years
    dated = [film for film in FILMS if film[2] and film[0] != 16]  # 16 is a second entry of 11
    assert sum(year.movies for year in years) == len(dated)
    assert all(year.ratings == year.all_ratings for year in years)
    scifi = ReleaseYears.model_validate(full.get("/analytics/release-years", params={"genre": "Sci-Fi"}).json()).years
    assert [year.year for year in scifi if year.movies] == [1977, 1985, 1991, 1996, 1999]
    assert [year.all_ratings for year in scifi] == [year.ratings for year in years]


def test_features_name_people_and_genres_the_most_telling_first(full: TestClient) -> None:
    found = Features.model_validate(full.get("/movies/1/features").json()).features
    assert (found[0].kind, found[0].name) == ("director", "Ada Stern")
    assert {("actor", "Una Orbit"), ("genre", "Sci-Fi")} <= {(feature.kind, feature.name) for feature in found}


def test_two_films_side_by_side(full: TestClient) -> None:
    found = Comparison.model_validate(full.get("/movies/1/compare/2").json())
    assert [film.movie_id for film in found.movies] == [1, 2]
    assert found.place == 1
    assert found.common_viewers >= found.common_likes > 0
    assert found.shared_features[0].name == "Ada Stern"
    assert sum(feature.share for feature in found.shared_features) == pytest.approx(1.0)
    listed = full.get("/recommend/", params={"movie_id": 1, "n": 5}).json()["recommendations"]
    for film in listed:
        other = Comparison.model_validate(full.get(f"/movies/1/compare/{film['movie_id']}").json())
        assert other.score == pytest.approx(film["score"], abs=1e-5)


def test_people_in_common_with_several_films(full: TestClient) -> None:
    found = InCommon.model_validate(full.get("/movies/1/common", params={"with_ids": [2, 13]}).json()).films
    near, far = found
    assert (near.movie_id, far.movie_id) == (2, 13)
    assert near.likes == full.get("/movies/1/compare/2").json()["common_likes"]
    assert near.likes > far.likes == 0


def test_a_film_beside_itself_has_no_place(full: TestClient) -> None:
    assert full.get("/movies/11/compare/16").json()["place"] is None
    assert full.get("/movies/1/compare/1").json()["place"] is None


@pytest.mark.parametrize(
    "path", ["/movies/99/over-time", "/movies/1/common?with_ids=99", "/movies/99/features", "/movies/1/compare/99"]
)
def test_an_unknown_film_is_a_problem(full: TestClient, path: str) -> None:
    answer = full.get(path)
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("movie-not-found")


@pytest.mark.parametrize("path", ["/analytics/over-time", "/analytics/release-years"])
def test_an_unknown_genre_is_a_problem(full: TestClient, path: str) -> None:
    assert full.get(path, params={"genre": "Noodles"}).json()["type"].endswith("unknown-genre")


def test_a_bundle_without_extras_says_so(tmp_path: Path) -> None:
    save_toy(tmp_path / "bundle")
    with client_of(tmp_path / "bundle", tmp_path / "store") as client:
        assert client.get("/analytics/release-years").status_code == 200  # the catalogue alone knows
        for path in ("/map", "/analytics/over-time", "/movies/1/over-time", "/movies/1/compare/2"):
            answer = client.get(path)
            assert answer.status_code == 404
            assert answer.json()["type"].endswith("not-in-model")
