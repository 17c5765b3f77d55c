"""The pages in front of other data than films in half stars: books by text ids from 1 to 10, and events."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.answers import Recommendations
from serving.versions.entry import VersionMeta
from serving.versions.model_store import ModelStore
from tests.training.small import EVENTS, TEN, as_books, book_id, saved, small_dataset, with_ratings, with_text_ids
from tests.webapp.conftest import Open, drawn, serving, shown
from training.datasets.dataset import ProcessedDataset
from webapp.data_words import DataWords
from webapp.exports import file_name, recommendations_csv
from webapp.views.analytics import VIEWS

PAGES = ("overview", "recommendations", "for_you", "film_map", "models")
FILM_WORDS = ("film", "Film", "Genre")


def served(dataset: ProcessedDataset, root: Path) -> Iterator[str]:
    saved(dataset, root)
    store = ModelStore(root / "store")
    meta = VersionMeta(name="movielens-recommender", version="1", run_id="0123456789abcdef", algorithm="recommender")

    def copy(target: Path) -> None:
        shutil.copytree(root / "bundle", target)

    store.point("champion", store.install(meta, copy))
    with serving(store) as address:
        yield address


@pytest.fixture(scope="module")
def books_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from served(as_books(with_text_ids(with_ratings(small_dataset(), TEN, 2))), tmp_path_factory.mktemp("books"))


@pytest.fixture(scope="module")
def events_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from served(with_ratings(small_dataset(), EVENTS), tmp_path_factory.mktemp("events"))


@pytest.mark.parametrize("page", PAGES)
def test_pages_speak_of_books(open_page: Open, books_url: str, page: str) -> None:
    app = open_page(page, books_url)
    assert not app.exception
    headings = " ".join(element.value for element in [*app.title, *app.subheader, *app.header])
    assert not any(word in headings for word in FILM_WORDS), headings


def test_cards_name_authors_and_the_filter_takes_them(open_page: Open, books_url: str) -> None:
    app = open_page("recommendations", books_url, film="Film 2")
    assert "Books like a book" in drawn(app)
    assert "Author: " in drawn(app)
    assert "Same author: Author 2" in drawn(app)
    before = shown(app)
    app.multiselect("facet-authors").set_value(["Le Guin"]).run()
    assert not app.exception
    assert 0 < len(shown(app)) <= len(before)
    assert shown(app) != before
    assert drawn(app).count("Le Guin</p>") >= len(shown(app))
    assert not [widget for widget in app.multiselect if widget.label == "Genres"]


def test_a_book_of_a_text_id_is_found_by_it(open_page: Open, books_url: str) -> None:
    app = open_page("recommendations", books_url, film=f"anything #{book_id(105)}")
    assert "books like Film 4" in drawn(app)


def test_books_are_rated_from_one_to_ten(open_page: Open, books_url: str) -> None:
    app = open_page("for_you", books_url)
    assert "Rate a handful of books" in drawn(app)
    rating = next(box for box in app.selectbox if str(box.key).startswith("deck-stars-"))
    assert [float(option) for option in rating.options] == list(range(10, 0, -1))
    rating.set_value(9.0).run()
    assert not app.exception
    assert "of 10" in drawn(app)
    assert "Because you gave" in drawn(app)
    assert "stars" not in drawn(app)


@pytest.mark.parametrize("view", list(VIEWS))
def test_analytics_of_books_and_of_events(open_page: Open, books_url: str, events_url: str, view: str) -> None:
    for url in (books_url, events_url):
        app = open_page("analytics", url, view=view)
        assert not app.exception, (view, app.exception)
        assert "stars on average" not in drawn(app)


def test_views_that_the_data_lack_are_not_offered(open_page: Open, books_url: str, events_url: str) -> None:
    assert "damped" not in drawn(open_page("analytics", events_url, view="Best rated"))
    assert "damped" in drawn(open_page("analytics", books_url, view="Best rated"))
    assert "The best of" not in drawn(open_page("analytics", books_url, view="Genres"))


def test_events_are_likes(open_page: Open, events_url: str) -> None:
    app = open_page("for_you", events_url)
    assert "Say which films you like" in drawn(app)
    app.toggle[0].set_value(True).run()
    assert not app.exception
    assert "Your list" in drawn(app)
    assert "You would give" not in drawn(app)
    assert "Because of " in drawn(app)


def test_lists_are_exported_with_ids_and_facets() -> None:
    film = {
        "rank": 1, "title": "=1+1", "year": None, "genres": [], "directors": [], "actors": [], "score": 1.0,
        "average_rating": 8.5, "rating_count": 2, "facets": {"authors": ["A", "B"]},
    }  # fmt: skip
    query = {"title": "x", "movie_id": "x", "matched": "exact"}
    model = {"name": "m", "version": "1", "run_id": None, "algorithm": "a", "stale": False}
    answer = Recommendations.model_validate(
        {"query": query, "model": model, "recommendations": [film | {"movie_id": raw} for raw in ("-5", book_id(7))]}
    )
    first, second = csv.DictReader(io.StringIO(recommendations_csv(answer)))
    assert (first["movie_id"], second["movie_id"]) == ("-5", book_id(7))
    assert (first["title"], first["authors"]) == ("'=1+1", "A|B")
    assert file_name(f"like-{book_id(7)}.csv") == "like-B-007-é-.csv"


def test_words_have_their_article() -> None:
    assert [DataWords(one=word).an for word in ("film", "album")] == ["a film", "an album"]
