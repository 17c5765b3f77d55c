"""For two, the tuner, “why not X?”, and what every page says in everyday words."""

from __future__ import annotations

import pytest

from client.answers import MapFilm, Recommendations, SharedFeature
from client.client import Api
from client.errors import ApiProblem
from tests.webapp.conftest import Open, drawn, shown
from webapp import source
from webapp.charts.film_map import map_points
from webapp.data_words import FILMS
from webapp.elements import cards
from webapp.elements.picker import offers
from webapp.elements.reasons import in_common
from webapp.views.film_map import nearest
from webapp.wording import counted


def test_two_people_get_one_list_that_says_what_each_expects(
    open_page: Open, api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[list[int]]] = []

    def answer(self: Api, people: list[list[int]], options: dict[str, object]) -> Recommendations:
        """The toy predicts no ratings: a list of films with made up ones."""
        asked.append(people)
        told = self.similar(people[0][0], {"n": options["n"]})
        films = [film.model_copy(update={"expected_ratings": [4.26, 1.0]}) for film in told.recommendations]
        return told.model_copy(update={"recommendations": films})

    monkeypatch.setattr(Api, "for_two", answer)
    app = open_page("for_two", one="Star Voyage (1977)", two="Letters from Lyon (1994)")
    assert not app.exception
    assert asked == [[[1], [11]]]
    assert "One of you would give it about 4.3 stars, the other 1.0 star" in drawn(app)
    assert shown(app)


def test_a_model_without_predictions_says_so(open_page: Open) -> None:
    app = open_page("for_two", one="Star Voyage (1977)", two="Letters from Lyon (1994)")
    assert "predicts no ratings" in drawn(app)


def test_each_of_the_two_is_asked_for_a_film(open_page: Open) -> None:
    text = drawn(open_page("for_two", one="Star Voyage (1977)"))
    assert "Name at least one film each" in text


def test_a_title_of_the_two_that_is_not_found_offers_films(open_page: Open) -> None:
    app = open_page("for_two", one=["zzz", "Star Voyag"], two="Letters from Lyon (1994)")
    assert not app.exception
    assert "“zzz”:" in drawn(app)
    assert "“Star Voyag”:" in drawn(app)
    next(button for button in app.button if button.label == "Star Voyage (1977)").click().run()
    assert app.query_params["one"] == ["zzz", "Star Voyage (1977)"]
    assert "“Star Voyag”:" not in drawn(app)


def test_less_of_a_films_trait_moves_those_that_share_it_down(open_page: Open) -> None:
    app = open_page("recommendations", film="Star Voyage (1977)")
    before = shown(app)
    app.button_group(key="less-of").set_value(["Ada Stern"]).run()
    assert not app.exception
    assert shown(app).index("The Moon Thieves") > before.index("The Moon Thieves")


def test_more_of_a_trait_takes_it_out_of_less_and_back(open_page: Open) -> None:
    app = open_page("recommendations", film="Star Voyage (1977)")
    for name, other in (("less-of", "more-of"), ("more-of", "less-of"), ("less-of", "more-of")):
        app.button_group(key=name).set_value(["Ada Stern"]).run()
        assert not app.exception
        assert app.button_group(key=name).value == ["Ada Stern"]
        assert app.button_group(key=other).value == []


def test_a_link_with_one_trait_in_both_has_more_of_it(open_page: Open) -> None:
    traits = {"more-of": "Ada Stern", "less-of": "Ada Stern"}
    more = shown(open_page("recommendations", film="Star Voyage (1977)", **{"more-of": "Ada Stern"}))
    assert shown(open_page("recommendations", film="Star Voyage (1977)", **traits)) == more


def test_hidden_films_come_first_when_asked_for(open_page: Open) -> None:
    famous = shown(open_page("recommendations", film="Star Voyage (1977)", fame="Famous"))
    hidden = shown(open_page("recommendations", film="Star Voyage (1977)", fame="Hidden"))
    assert famous != hidden
    assert set(famous) == set(hidden)


def test_a_title_of_a_thousand_letters_does_not_lose_the_page(open_page: Open) -> None:
    app = open_page("recommendations", film="a" * 1000)
    assert not app.exception
    assert app.title[0].value == "Films like a film"
    assert "No title is that long" in drawn(app)
    assert "bounds" not in drawn(app)


@pytest.mark.parametrize(("typed", "offers_any"), [("", True), ("star", True), ("🎬", False), ("%_", False)])
def test_signs_offer_titles_that_hold_them(
    api_url: str, monkeypatch: pytest.MonkeyPatch, typed: str, offers_any: bool
) -> None:
    monkeypatch.setenv("MOVIEREC_API_URL", api_url)
    assert bool(offers(source.api(), typed)) == offers_any


def test_the_footer_links_to_where_browsers_reach_the_service(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIEREC_API_PUBLIC_URL", "https://films.example.org/")
    assert 'href="https://films.example.org/docs"' in drawn(open_page("overview"))


def test_a_title_is_no_markdown() -> None:
    assert cards.plain("M*A*S*H") == r"M\*A\*S\*H"
    assert cards.plain("[x](http://a) $y$ :red[z] `q`") == r"\[x\](http\://a) \$y\$ \:red\[z\] \`q\`"
    assert cards.plain("Heat (1995)") == "Heat (1995)"


def test_messages_name_no_endpoint() -> None:
    problem = ApiProblem(422, "unknown-tag", "No film of this model has that tag. /tags?q= finds names.", {})
    assert "/tags" not in cards.problem_text(problem)


def test_one_of_a_thing_is_said_in_the_singular() -> None:
    assert (counted(1, "film"), counted(1200, "film"), counted(2, "sheep", "sheep")) == (
        "1 film",
        "1,200 films",
        "2 sheep",
    )
    assert (FILMS.rating("1"), FILMS.rating("4.5")) == ("1 star", "4.5 stars")


def test_shares_of_what_two_films_have_in_common_never_exceed_the_whole() -> None:
    features = [
        SharedFeature(kind="tag", name=name, share=share) for name, share in (("a", 1.4), ("b", 0.2), ("c", -0.6))
    ]
    lines, shares = zip(*in_common(features), strict=True)
    assert lines == ("Both tagged “a”", "Both tagged “b”")
    assert shares == pytest.approx((0.875, 0.125))


def test_two_films_of_about_one_time_share_it_once() -> None:
    eras = [SharedFeature(kind="era", name=name, share=0.3) for name in ("1995", "2000")]
    assert [line for line, _ in in_common(eras)] == ["From about the same time"]


def place(movie_id: int, x: float, y: float = 0.0) -> MapFilm:
    return MapFilm(
        movie_id=movie_id, title=f"Film {movie_id}", year=1990, genres=("Drama",), average_rating=3.0, rating_count=9,
        x=x, y=y,
    )  # fmt: skip


def test_the_map_as_a_list_begins_with_the_nearest() -> None:
    films = [place(1, 0.0), place(2, 0.9), place(3, -0.1), place(4, 0.3)]
    assert [film.movie_id for film in nearest(films, films[0])] == [3, 4, 2]


def test_films_of_other_genres_are_faint_on_the_map() -> None:
    films = (place(1, -1.0), place(2, 1.0).model_copy(update={"genres": ("Comedy",)}))
    assert [point.get("faint") for point in map_points(films, ("Comedy",))] == [1, None]
