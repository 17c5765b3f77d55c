"""Posters, cards, wording and the timeline: pure functions."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.answers import Film
from webapp.charts.timeline import timeline_rows
from webapp.elements import cards
from webapp.elements.picker import references
from webapp.elements.poster import poster_svg, title_lines
from webapp.milestones import FAMILIES, MILESTONES
from webapp.palette import GENRE_COLOURS, main_genre, shade
from webapp.wording import film_label, metric_title, rating_line, share


def film(**changes: object) -> Film:
    given = {
        "movie_id": 1, "title": "Heat", "year": 1995, "genres": ("Crime",), "directors": (), "actors": (),
        "average_rating": 3.9, "rating_count": 7,
    }  # fmt: skip
    return Film.model_validate(given | changes)


@given(
    st.integers(0, 10**6),
    st.text(max_size=120),
    st.none() | st.integers(1874, 2030),
    st.lists(st.sampled_from([*GENRE_COLOURS, "Odd"])),
)
def test_every_poster_is_well_formed_and_repeats(
    movie_id: int, title: str, year: int | None, genres: list[str]
) -> None:
    drawing = poster_svg(movie_id, title, year, genres)
    ET.fromstring(drawing)
    assert drawing == poster_svg(movie_id, title, year, genres)


def test_a_poster_shows_title_year_and_the_genres_colours() -> None:
    drawing = poster_svg(1, "Heat & Dust <1983>", 1983, ["Drama", "Romance"])
    texts = [element.text for element in ET.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text")]
    assert " ".join(str(text) for text in texts) == "Heat & Dust <1983> 1983"
    assert GENRE_COLOURS["Drama"] in drawing
    assert GENRE_COLOURS["Romance"] in drawing


@pytest.mark.parametrize(
    "title", ["It", "A " * 70, "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb"]
)
def test_a_title_fits_its_poster(title: str) -> None:
    lines, size = title_lines(title.strip())
    assert len(lines) <= 4
    assert max(map(len, lines)) * size * 0.66 <= 184


def test_cards_escape_what_data_says() -> None:
    text = cards.hero(film(title='<img src=x onerror="1">', directors=("<b>",), genres=('"><i>',)))
    assert "<img src=x" not in text
    assert "<b>" not in text
    assert '"><i>' not in text


def test_references_tell_films_of_one_title_and_year_apart() -> None:
    assert references([film(), film(movie_id=2), film(movie_id=3, year=1972)]) == [
        "Heat (1995) #1",
        "Heat (1995) #2",
        "Heat (1972)",
    ]


def test_every_paper_has_its_facts_and_every_lane_a_line_of_its_own() -> None:
    papers, lanes = timeline_rows(MILESTONES)
    assert len(papers) == len(MILESTONES)
    assert [lane["name"] for lane in lanes] == list(FAMILIES)
    assert not {paper["line"] for paper in papers} & {lane["line"] for lane in lanes}
    for paper in MILESTONES:
        assert paper.authors
        assert paper.title
        assert paper.url.startswith("https://")
        assert not paper.algorithms, "the served version says which algorithms follow it"


def test_labels_of_a_line_do_not_touch() -> None:
    papers, _ = timeline_rows(MILESTONES)
    for a in papers:
        after = [
            b for b in papers if b["line"] == a["line"] and int(str(b["year"])) >= int(str(a["year"])) and b is not a
        ]
        assert all(int(str(b["year"])) > int(str(a["year"])) + 0.27 * len(str(a["name"])) for b in after)


def test_wording() -> None:
    assert metric_title("ndcg_at_10") == "nDCG@10"
    assert film_label("2001 Kisses", None) == "2001 Kisses"
    assert film_label("Heat", 1995) == "Heat (1995)"
    assert rating_line(film(rating_count=0, average_rating=None)) == "Not rated yet"
    assert rating_line(film(rating_count=1)) == "3.90 from 1 rating"
    assert (share(None), share(0.063), share(0.5), share(0.0)) == ("–", "6.3%", "50%", "0%")
    assert main_genre(()) == "No genre"
    assert shade("#808080", 0.5) == "#404040"
