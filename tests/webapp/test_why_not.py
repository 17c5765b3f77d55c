"""“Why not X?”: the answer is about the list on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from streamlit.testing.v1 import AppTest

from recommender.bundle import save_bundle
from tests.webapp.conftest import Open, drawn, serving, shown, stored
from tests.world import MEAN, build
from webapp import source
from webapp.elements.keeping import SessionShelf
from webapp.shelf import Entry, Shelf, ratings


@pytest.fixture(scope="module")
def world_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service whose model predicts ratings."""
    root = tmp_path_factory.mktemp("world")
    manifest, arrays = build()
    dataset = manifest.dataset.model_copy(update={"snapshot": {"mean_rating": MEAN}})
    save_bundle(root / "bundle", manifest.model_copy(update={"dataset": dataset}), arrays)
    with serving(stored(root)) as address:
        yield address


def own_list(app: AppTest, entries: Shelf, film: str = "") -> AppTest:
    """The page For you after `entries`, asked why `film` is not in the list."""
    app.session_state["shelf"] = SessionShelf("world", dict(entries))
    app.query_params["whynot"] = film
    return app.run()


def test_with_dislikes_only_the_question_is_about_the_start_list(open_page: Open, world_url: str) -> None:
    app = open_page("for_you", url=world_url)
    disliked: Shelf = {3: Entry("Film 3", 2.0)}
    listed = shown(own_list(app, disliked))
    assert f"{listed[0]} comes 1st in the list of what most people like" in drawn(own_list(app, disliked, listed[0]))
    assert "Film 3 is not in the list because you have rated it already" in drawn(own_list(app, disliked, "Film 3"))
    low, high = (expected(disliked, below=below, but=listed) for below in (True, False))
    assert f"{low} is not in the list because less is expected of it than your usual" in drawn(
        own_list(app, disliked, low)
    )
    text = drawn(own_list(app, disliked, high))
    assert f"{high} is further down among what most people like than the 9 that are shown" in text


def test_a_marked_film_is_said_to_be_marked(open_page: Open, world_url: str) -> None:
    app = open_page("for_you", url=world_url)
    said: Shelf = {3: Entry("Film 3", 5.0), 7: Entry("Film 7", mark="not for me")}
    assert "Film 7 is not in the list because you marked it “not for me”" in drawn(own_list(app, said, "Film 7"))


def test_what_is_expected_below_the_usual_rating_is_said_to_be(open_page: Open, world_url: str) -> None:
    app = open_page("for_you", url=world_url)
    said: Shelf = {3: Entry("Film 3", 5.0), 7: Entry("Film 7", 2.0)}
    last = shown(own_list(app, said))[-1]
    assert f"{last} comes 9th of" in drawn(own_list(app, said, last))
    low = expected(said, below=True)
    assert f"{low} is not in the list because less is expected of it than your usual rating (3.4)" in drawn(
        own_list(app, said, low)
    )
    app.toggle("my-below").set_value(True)
    assert f"{low} comes " in drawn(own_list(app, said, low))


def expected(entries: Shelf, *, below: bool, but: Sequence[str] = ()) -> str:
    """Title of a film that is expected below the usual rating, or not, and is not one of `but`."""
    answer = source.api().for_ratings(ratings(entries), {"n": 100, "for_and_against": True})
    films = [film for film in answer.recommendations if film.below_usual == below]
    return next(film.title for film in films if film.title not in but)


@pytest.mark.parametrize(
    ("query", "film", "says"),
    [
        ({"n": "4"}, "Letters from Lyon (1994)", "Letters from Lyon is "),
        ({"genres": "Romance"}, "The Moon Thieves (1985)", "it has none of the chosen genres (Romance)"),
        ({"years": "1985"}, "Star Voyage (1977)", "The list is about Star Voyage itself"),
    ],
)
def test_of_similar_films_the_filters_count(open_page: Open, query: dict[str, str], film: str, says: str) -> None:
    app = open_page("recommendations", film="Star Voyage (1977)", whynot=film, **query)
    assert not app.exception
    assert says in drawn(app)


def test_ranks_are_those_of_the_page(open_page: Open, world_url: str) -> None:
    query = {"url": world_url, "film": "Film 3", "genres": "Comedy", "fame": "Hidden"}
    eighth = shown(open_page("recommendations", n="9", **query))[7]
    assert f"{eighth} is 8th in this list" in drawn(open_page("recommendations", n="9", whynot=eighth, **query))
    text = drawn(open_page("recommendations", n="5", whynot=eighth, **query))
    assert f"{eighth} is 8th of the films similar to Film 3 that pass the filters; the list shows 5" in text
