"""A list of one's own: rating, and what becomes of the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from client.client import Api, Json
from recommender.bundle import save_bundle
from recommender.scoring.specs import FactorSpec
from tests.toy import build_arrays, build_manifest
from tests.toy_extras import extras_arrays
from tests.webapp.conftest import Open, drawn, serving, shown, stored
from webapp import source
from webapp.views.for_you import without_a_like


def rate(app: AppTest, movie_id: int, choice: int | None) -> None:
    app.feedback(f"deck-stars-{movie_id}").set_value(choice).run()


def buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()


def test_before_any_rating_it_shows_what_most_people_like(open_page: Open) -> None:
    app = open_page("for_you")
    assert not app.exception
    assert "What most people like" in drawn(app)
    assert len(app.feedback) == 6


def test_every_star_changes_the_list(open_page: Open) -> None:
    app = open_page("for_you")
    rateable = [int(str(widget.key).rsplit("-", 1)[1]) for widget in app.feedback]
    space = [movie_id for movie_id in rateable if movie_id < 10]
    rate(app, space[0], 4)
    first = shown(app)
    assert "Your list" in drawn(app)
    rate(app, space[1], 0)
    assert shown(app) != first
    assert "Because you gave" in drawn(app)


def test_what_was_rated_does_not_come_back(open_page: Open) -> None:
    app = open_page("for_you")
    rate(app, 2, 4)
    assert "The Moon Thieves" not in shown(app)
    assert "The Moon Thieves (1985): 5" in buttons(app)


def test_a_rating_can_be_taken_back_and_all_erased(open_page: Open) -> None:
    app = open_page("for_you")
    rate(app, 2, 4)
    press(app, "The Moon Thieves (1985): 5")
    assert "What most people like" in drawn(app)
    assert app.feedback("deck-stars-2").value is None
    rate(app, 2, 3)
    press(app, "Erase all")
    assert "What most people like" in drawn(app)
    assert app.feedback("deck-stars-2").value is None


def test_a_second_click_on_a_star_keeps_the_rating(open_page: Open) -> None:
    app = open_page("for_you")
    rate(app, 2, 4)
    rate(app, 2, None)
    assert app.feedback("deck-stars-2").value == 4
    assert "The Moon Thieves (1985): 5" in buttons(app)


def test_a_low_star_is_never_a_reason_for_a_film(open_page: Open) -> None:
    app = open_page("for_you")
    rate(app, 2, 0)
    text = drawn(app)
    assert "a low rating never brings a film up" in text
    assert "Because you gave" not in text
    assert "The Moon Thieves" not in shown(app)


def test_before_the_first_like_nothing_is_shown_that_is_expected_low(
    api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOVIEREC_API_URL", api_url)
    start = source.api().for_ratings({}, {"n": 4}).model_dump(mode="json")

    def post(path: str, body: Json) -> Json:
        """The toy model guesses no ratings: these stand in for another's."""
        films = [
            film | {"predicted_rating": 2.0 + place, "below_usual": place == 0} if "candidates" in body else film
            for place, film in enumerate(start["recommendations"][: body["n"]])
        ]
        return start | {"recommendations": films}

    _, second, third, _ = (film["movie_id"] for film in start["recommendations"])
    films = without_a_like(Api(lambda path, params: {}, post), {99: 1.0}, {"n": 2, "exclude": []}).recommendations
    assert [(film.movie_id, film.rank, film.predicted_rating) for film in films] == [(second, 1, 3.0), (third, 2, 4.0)]


def test_a_mark_takes_a_film_out_of_the_list(open_page: Open) -> None:
    app = open_page("for_you")
    first = shown(app)[0]
    marks: Any = next(group for group in app.get("button_group") if str(group.key).startswith("mark-"))
    marks.set_value("not for me").run()
    assert not app.exception
    assert first not in shown(app)
    press(app, next(label for label in buttons(app) if label.endswith("not for me")))
    assert first in shown(app)


def test_a_typed_film_can_be_rated(open_page: Open) -> None:
    app = open_page("for_you", add="Unseen Love (2000)")
    app.feedback("typed-stars-15").set_value(4).run()
    assert "Unseen Love (2000): 5" in buttons(app)
    assert not app.exception


def test_other_films_are_offered_on_request(open_page: Open) -> None:
    app = open_page("for_you")
    before = {widget.key for widget in app.feedback}
    app.button("others").click().run()
    assert before.isdisjoint({widget.key for widget in app.feedback})


def test_a_star_does_not_set_the_others_anew(open_page: Open) -> None:
    """A value that the page sets anew overrules a click that is made while the page is being drawn."""
    app = open_page("for_you")
    first, *others = (str(widget.key) for widget in app.feedback)
    app.feedback(first).set_value(4).run()
    assert [key for key in others if app.feedback(key).proto.set_value] == []


def test_a_model_without_lists_for_visitors_says_so(open_page: Open, tmp_path: Path) -> None:
    known = FactorSpec(user_factors="user_factors", item_factors="item_factors")
    save_bundle(tmp_path / "bundle", build_manifest(user_scorer=known), build_arrays() | extras_arrays())
    with serving(stored(tmp_path)) as url:
        app = open_page("for_you", url=url)
        rate(app, 2, 4)
        assert "cannot make one for somebody new" in drawn(app)
        assert not app.exception
