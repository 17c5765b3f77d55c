"""Histories that visitors bring: exports of other sites, and the films that they mean."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence

import pytest

from client.answers import Scale
from client.client import Api
from tests.toy import FILMS
from webapp import source
from webapp.data_words import DataWords
from webapp.exports import shelf_csv
from webapp.histories.matching import entry, match
from webapp.histories.reading import MOST_BYTES, HistoryError, HistoryLine, read_history
from webapp.shelf import Entry, from_text, kept_away, marked, rated, ratings, to_text, without

LETTERBOXD = ["Date", "Name", "Year", "Letterboxd URI", "Rating"]
IMDB = ["Const", "Your Rating", "Date Rated", "Title", "Original Title", "URL", "Title Type", "IMDb Rating", "Year"]
TEN = DataWords(scale=Scale(kind="ratings", minimum=1, maximum=10, step=1, like=8))
EVENTS = DataWords(scale=Scale(kind="events", minimum=0, maximum=0, step=0, like=2))


def table(columns: Sequence[str], *rows: Sequence[object]) -> bytes:
    sink = io.StringIO()
    csv.writer(sink).writerows([columns, *rows])
    return sink.getvalue().encode()


def archive(**files: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name.replace("__", "/") + ".csv", content)
    return sink.getvalue()


@pytest.fixture
def api(api_url: str, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setenv("MOVIEREC_API_URL", api_url)
    return source.api()


def test_a_letterboxd_zip_holds_ratings_seen_and_watchlist() -> None:
    head = LETTERBOXD[:4]
    said = read_history(
        "letterboxd.zip",
        archive(
            ratings=table(LETTERBOXD, ["2024-01-02", 'I, "Robot"', 2004, "u", 3.5]),
            watched=table(head, ["", 'I, "Robot"', 2004, "u"], ["", "Seen Only", 1990, "u"]),
            watchlist=table(head, ["", "Later", "", "u"]),
            deleted__ratings=table(LETTERBOXD, ["", "No Longer", 1990, "u", 1]),
            profile=table(["Date Joined", "Username"], ["2020-01-01", "somebody"]),
        ),
    )
    assert said == [
        HistoryLine(('I, "Robot"',), 2004, stars=3.5, mark="seen"),
        HistoryLine(("Seen Only",), 1990, mark="seen"),
        HistoryLine(("Later",), None, mark="watchlist"),
    ]


def test_imdb_ratings_become_stars_and_series_are_left_out() -> None:
    rows = [
        ["tt1", 9, "2024-01-02", "Seven Samurai", "Shichinin no samurai", "u", "Movie", 8.6, 1954],
        ["tt2", 7, "2024-01-02", "Some Episode", "Some Episode", "u", "TV Episode", 8.6, 1994],
    ]
    assert read_history("ratings.csv", table(IMDB, *rows)) == [
        HistoryLine(("Seven Samurai", "Shichinin no samurai"), 1954, stars=4.5)
    ]


def test_a_spreadsheets_semicolons_and_old_encodings_are_read() -> None:
    text = "Date;Name;Year;Letterboxd URI;Rating\n;Amélie;2001;u;4,5\n"
    named = f"sep=;\r\n{text}"
    for content in (text.encode("utf-8-sig"), text.encode("cp1252"), named.encode(), text.encode("utf-16")):
        assert read_history("ratings.csv", content) == [HistoryLine(("Amélie",), 2001, stars=4.5)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no table"),
        (b"a,b\n1,2\n", "Found: a, b"),
        (b"PK\x03\x04broken", "cannot be read"),
        (table(["userId", "movieId", "rating"], [1, 1, 5], [2, 1, 5]), "ratings of one person, found 2"),
        (archive(ratings=b"x" * (MOST_BYTES + 1)), "at most 20 MB"),
    ],
)
def test_what_is_no_history_is_said_so(content: bytes, says: str) -> None:
    with pytest.raises(HistoryError, match=says):
        read_history("some.csv", content)


def test_every_film_is_found_in_each_form(api: Api) -> None:
    """Case, a year off, a missing article and accents; two films of one title keep their years."""
    twice = {film[1] for film in FILMS if sum(film[1] == other[1] for other in FILMS) > 1}
    lines, ids = [], []
    for movie_id, title, year, *_ in FILMS[:-1]:  # the last is a second entry of another
        forms = [title, title.upper(), title.removeprefix("The "), title.replace("É", "E").replace("é", "e")]
        years = [year] if title in twice or year is None else [year, year - 1, year + 1]
        lines += [HistoryLine((form,), form_year, stars=4.0) for form in forms for form_year in years]
        ids += [movie_id] * len(forms) * len(years)
    answers = [match(api, [line]) for line in lines]
    missed = [line for line, answer, film in zip(lines, answers, ids, strict=True) if list(answer.films) != [film]]
    assert len(missed) <= 0.02 * len(lines), missed
    assert [answer.films for answer in answers if answer.missing] == []


def test_a_misspelt_title_is_asked_and_a_strange_one_is_missing(api: Api) -> None:
    lines = [
        HistoryLine(("The Moon Theives",), 1985, stars=1.0),
        HistoryLine(("Twins",), None, stars=2.0),
        HistoryLine(("Qqqq",), 1950),
    ]
    matched = match(api, lines)
    assert matched.films == {}
    (first, offered), (second, twins) = matched.doubtful
    assert (first, second) == (lines[0], lines[1])
    assert [film.title for film in offered] == ["The Moon Thieves"]
    assert {film.year for film in twins} == {1988, 1996}
    assert matched.missing == [lines[2]]


def test_a_movielens_file_is_read_by_its_ids(api: Api) -> None:
    said = read_history(
        "ratings.csv", table(["userId", "movieId", "rating", "timestamp"], [7, 1, 4.5, 1], [7, 999, 1, 1])
    )
    matched = match(api, said)
    assert [(movie_id, label) for movie_id, (label, _) in matched.films.items()] == [(1, "Star Voyage (1977)")]
    assert [line.movie_id for line in matched.missing] == ["999"]


def test_what_is_taken_out_can_be_brought_again(api: Api) -> None:
    shelf: dict[int | str, Entry] = {
        1: Entry("Star Voyage (1977)", 4.5),
        2: Entry("The Moon Thieves (1985)", None, "watchlist"),
        3: Entry("Robot Summer (1991)", 2.0, "seen"),
    }
    words = DataWords()
    matched = match(api, read_history("my-ratings.csv", shelf_csv(shelf, words).encode()))
    assert {film: entry(label, line, words) for film, (label, line) in matched.films.items()} == shelf


@pytest.mark.parametrize(
    ("stars", "words", "rating"),
    [(0.5, TEN, 1), (5.0, TEN, 10), (3.0, TEN, 6), (4.5, DataWords(), 4.5), (3.5, EVENTS, 2), (3.0, EVENTS, None)],
)
def test_stars_become_ratings_of_the_data_sets_scale(stars: float, words: DataWords, rating: float | None) -> None:
    assert words.from_stars(stars) == rating


def test_ratings_and_marks_are_put_and_taken_back() -> None:
    shelf = marked(rated({}, 7, "Seven (1995)", 4.0), 8, "Eight (1996)", "not for me")
    assert ratings(shelf) == {7: 4.0}
    assert kept_away(shelf) == [8]
    assert rated(shelf, 7, "Seven (1995)", None) == without(shelf, 7)
    assert from_text(to_text(shelf), (0.5, 5.0)) == shelf
    assert to_text({}) == ""


@pytest.mark.parametrize(
    "text",
    ["", "{", "{}", "[1]", '[[1,"a",NaN,null]]', '[[1,"a",9,null]]', '[[true,"a",5,null]]', '[[[],"a",5,null]]', "["],
)
def test_a_stored_text_that_nobody_here_wrote_is_harmless(text: str) -> None:
    assert from_text(text, (0.5, 5.0)) == {}
