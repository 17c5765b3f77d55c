"""Every page in front of the real service over the toy bundle."""

from __future__ import annotations

import csv
import io

import pytest

from tests.webapp.conftest import Open, drawn, shown
from webapp import source
from webapp.exports import recommendations_csv

PAGES = {
    "overview": "Films like the ones you love",
    "recommendations": "Films like a film",
    "for_you": "A list of your own",
    "for_two": "Tonight for two",
    "film_map": "The map of films",
    "analytics": "What people rated, and how",
    "models": "Models and their evidence",
}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(open_page: Open, page: str) -> None:
    app = open_page(page)
    assert not app.exception
    assert not app.error
    assert app.title[0].value == PAGES[page]
    assert "version 1 (toy)" in drawn(app)


def test_the_overview_shows_the_served_models_own_snapshot(open_page: Open) -> None:
    text = drawn(open_page("overview"))
    assert "toy</dd>" in text
    assert "10</dd>" in text  # people


def test_a_typed_title_leads_to_films_of_the_same_taste(open_page: Open) -> None:
    text = drawn(open_page("recommendations", film="star voyage", n="5"))
    assert "Star Voyage" in text
    for film in ("The Moon Thieves", "Robot Summer", "Alien Harbour"):
        assert f"<h3>{film}" in text
    assert "<h3>Letters from Lyon" not in text


def test_a_link_with_a_film_and_a_number_opens_that_list(open_page: Open) -> None:
    app = open_page("recommendations", film="Star Voyage (1977)", n="4")
    assert len(shown(app)) == 4
    assert app.slider("n").value == 4


def test_a_parameter_that_makes_no_sense_is_ignored(open_page: Open) -> None:
    app = open_page("recommendations", film="Star Voyage (1977)", n="-7")
    assert not app.exception
    assert app.slider("n").value == 12


def test_a_misspelt_title_offers_the_film_that_was_meant(open_page: Open) -> None:
    app = open_page("recommendations", film="Star Voyge")
    assert not app.exception
    offers = [button for button in app.button if button.label == "Star Voyage (1977)"]
    offers[0].click().run()
    assert "<h2>Star Voyage" in drawn(app)


def test_a_title_of_two_films_asks_which(open_page: Open) -> None:
    app = open_page("recommendations", film="Twins")
    assert {"Twins (1988)", "Twins (1996)"} <= {button.label for button in app.button}
    next(button for button in app.button if button.label == "Twins (1996)").click().run()
    assert '<h2>Twins <span class="mr-year">1996' in drawn(app)


def test_a_title_that_nothing_resembles_is_said_so(open_page: Open) -> None:
    app = open_page("recommendations", film="qqqqqqqqqqqqqq")
    assert not app.exception
    assert "No film has this title" in drawn(app)


def test_more_like_this_moves_on_to_the_next_film(open_page: Open) -> None:
    app = open_page("recommendations", film="Star Voyage (1977)")
    next(button for button in app.button if button.label.startswith("More like ")).click().run()
    assert "<h2>The Moon Thieves" in drawn(app)


def test_what_a_person_types_is_escaped(open_page: Open) -> None:
    app = open_page("recommendations", film="<script>alert(1)</script>")
    assert not app.exception
    assert "<script>" not in drawn(app)


def test_the_csv_holds_the_list_that_is_shown(open_page: Open) -> None:
    open_page("recommendations")
    answer = source.api().similar(1, {"n": 3})
    rows = list(csv.DictReader(io.StringIO(recommendations_csv(answer))))
    assert [row["title"] for row in rows] == [film.title for film in answer.recommendations]
    assert rows[0]["genres"] == "Crime|Sci-Fi"


def test_a_film_says_why_it_is_in_the_list(open_page: Open) -> None:
    text = drawn(open_page("recommendations", film="Star Voyage (1977)", n="4"))
    assert "Both directed by Ada Stern" in text
    assert "people liked both" in text
    assert "It compares within this list alone" in text, "what the score means stands on the page, not in a tooltip"


def test_filters_from_a_link_cut_the_list(open_page: Open) -> None:
    app = open_page("recommendations", film="Star Voyage (1977)", genres="Comedy", years=["1988", "1996"])
    assert not app.exception
    titles = shown(app)
    assert set(titles) == {"Robot Summer", "Twins", "Café Éternel"}


def test_filters_that_nothing_passes_say_so(open_page: Open) -> None:
    app = open_page("recommendations", film="Star Voyage (1977)", least="200")
    assert "No film passes these filters" in drawn(app)


def test_steering_moves_films_up(open_page: Open) -> None:
    plain = shown(open_page("recommendations", film="Star Voyage (1977)"))
    steered = shown(open_page("recommendations", film="Star Voyage (1977)", more="Romance"))
    assert steered.index("Letters from Lyon") < plain.index("Letters from Lyon")


def test_without_a_challenger_there_is_nothing_to_choose(open_page: Open) -> None:
    app = open_page("recommendations", film="Star Voyage (1977)", model="Side by side")
    assert "Challenger" not in drawn(app)
    assert shown(app)


def test_champion_and_challenger_stand_side_by_side(open_page: Open, duel_url: str) -> None:
    app = open_page("recommendations", url=duel_url, film="Star Voyage (1977)", n="4", model="Side by side")
    text = drawn(app)
    assert "Champion: version 1" in text
    assert "Challenger: version 2" in text
    assert text.count("only here") == 2  # of five neighbours, each list shows four


def test_the_challenger_alone_answers_when_asked(open_page: Open, duel_url: str) -> None:
    first = shown(open_page("recommendations", url=duel_url, film="Star Voyage (1977)", n="5"))
    second = shown(open_page("recommendations", url=duel_url, film="Star Voyage (1977)", n="5", model="Challenger"))
    assert first == second[::-1]


VIEWS = ("One film", "Two films", "Most rated", "Best rated", "Genres", "Over time")


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_of_the_analytics_draws_a_chart(open_page: Open, view: str) -> None:
    app = open_page("analytics", view=view, over="1")
    assert not app.exception
    assert not app.error
    assert app.get("vega_lite_chart")


def test_what_was_chosen_on_one_page_never_breaks_another(open_page: Open) -> None:
    app = open_page("recommendations", film="Star Voyage (1977)", n="4", least="0")
    for view in VIEWS:
        app.switch_page("views/analytics.py").run()
        app.segmented_control("view").set_value(view).run()
        assert not app.exception
    for page in ("models", "film_map", "for_you", "recommendations"):
        assert not app.switch_page(f"views/{page}.py").run().exception


def test_one_films_ratings_stand_beside_everybodys(open_page: Open) -> None:
    app = open_page("analytics", film="Robot Summer (1991)")
    assert "<h2>Robot Summer" in drawn(app)
    assert len(app.get("vega_lite_chart")) == 2


def test_two_films_are_compared(open_page: Open) -> None:
    text = drawn(open_page("analytics", view="Two films", film="Star Voyage (1977)", other="The Moon Thieves (1985)"))
    assert "<dt>most similar to Star Voyage</dt><dd>1st</dd>" in text
    assert "<dt>people liked both</dt>" in text


def test_one_film_is_not_compared_with_itself(open_page: Open) -> None:
    other = open_page("analytics", view="Two films", film="Star Voyage (1977)")
    assert drawn(other).count("<h2>Star Voyage") == 1
    same = open_page("analytics", view="Two films", film="Star Voyage (1977)", other="Star Voyage (1977)")
    assert same.info[0].value == "Choose another film to compare with."


def test_a_film_without_ratings_says_so(open_page: Open) -> None:
    assert "Nobody has rated this film yet" in drawn(open_page("analytics", film="Unseen Love (2000)"))


def test_a_minimum_that_no_film_reaches_is_said_so(open_page: Open) -> None:
    app = open_page("analytics", view="Best rated", over="500")
    assert "No film has that many ratings" in drawn(app)


def test_the_map_opens_the_film_that_is_sought(open_page: Open) -> None:
    app = open_page("film_map", spot="Robot Summer (1991)")
    assert not app.exception
    assert "<h2>Robot Summer" in drawn(app)
