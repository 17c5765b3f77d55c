"""Film articles: reading, matching, credits and words."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recommender.errors import DataError, MissingInputError
from training.datasets.config import TextConfig
from training.datasets.features.text_block import text_block, words_of
from training.datasets.readers import wikipedia
from training.datasets.readers.wikipedia import directors_in
from training.datasets.store import prepare

ARTICLES = [
    {
        "title": "Heat",
        "year": 1995,
        "cast": ["Al Pacino", "Robert De Niro", "voices of"],
        "genres": ["Crime"],
        "href": "Heat_(1995_film)",
        "extract": "Heat is a 1995 crime film directed by Michael Mann. A robbery in a city; Pacino hunts thieves.",
    },
    {"title": "Alien", "year": 1980, "cast": ["Sigourney Weaver"], "extract": "A robbery in space. It grossed much."},
    {"title": "Solo", "year": 1990, "cast": ["Ann Lee"], "href": "Solo_(a)"},
    {"title": "Solo", "year": 1990, "cast": ["Bob Roy"], "href": "Solo_(b)"},
    {"title": "Later", "year": 2001, "href": None, "cast": ["Eve Fox"], "extract": "A late robbery."},
]
FILMS = [
    "1,Heat (1995),Crime",
    "2,Alien (1979),Horror",
    "3,Solo (1990),Drama",
    "4,Own (1991),Drama",
    "5,Later (2000),Drama",
]


@pytest.fixture
def articles(tmp_path):
    directory = tmp_path / "articles"
    directory.mkdir()
    (directory / "movies-1990s.json").write_text(json.dumps(ARTICLES[:3]), "utf-8")
    # an article in two files is one article
    (directory / "movies-2000s.json").write_text(json.dumps([ARTICLES[0], *ARTICLES[3:]]), "utf-8")
    return directory


@pytest.fixture
def prepared(raw, articles, tmp_path):
    raw.write("movies.csv", "movieId,title,genres", *FILMS)
    raw.write("ratings.csv", "userId,movieId,rating,timestamp", *(f"{u},{1 + u % 5},4.0,900000000" for u in range(10)))
    credits = tmp_path / "credits.csv"
    credits.write_text("movieId,directors,actors\n1,,Someone Else\n", "utf-8")
    return prepare("mine", raw=raw.path, credits=credits, texts=articles, processed_root=tmp_path / "processed")


def test_the_report_tells_matched_ambiguous_and_unmatched_films_and_coverage(prepared, tmp_path):
    report = prepared.details["texts"]
    assert report["articles"] == 5
    assert report["matched_films"] == 3  # Alien and Later are a year apart
    assert report["ambiguous_films"] == ["Solo"]
    assert report["unmatched_films"] == 1
    assert report["films_covered"] == pytest.approx(0.6)
    assert report["ratings_covered"] == pytest.approx(0.6)
    assert (report["directors_filled"], report["actors_filled"]) == (1, 2)
    written = json.loads((tmp_path / "processed" / "mine" / "quality_report.json").read_text("utf-8"))
    assert written["texts"] == report


def test_articles_fill_missing_credits_and_leave_those_at_hand(prepared):
    films = prepared.movies.set_index("movie_id")
    assert films.directors[1] == ["Michael Mann"]
    assert films.actors[1] == ["Someone Else"]
    assert films.actors[2] == ["Sigourney Weaver"]
    assert films.actors[3] == []  # two articles
    assert films.text[4] == ""
    assert films.text[1].startswith("Heat is a 1995 crime film")


def test_a_film_a_year_apart_yields_to_one_of_the_very_year(raw, articles, tmp_path):
    raw.write("movies.csv", "movieId,title,genres", "1,Later (2000),Drama", "2,Later (2001),Drama")
    raw.write("ratings.csv", "userId,movieId,rating,timestamp", "1,1,4.0,900000000", "1,2,4.0,900000000")
    films = prepare("mine", raw=raw.path, texts=articles, processed_root=tmp_path / "p").movies
    assert films.actors.tolist() == [[], ["Eve Fox"]]


def test_changed_articles_are_processed_again(raw, articles, tmp_path):
    fingerprints = {prepare("mine", raw=raw.path, processed_root=tmp_path / "p").fingerprint}
    fingerprints.add(prepare("mine", raw=raw.path, texts=articles, processed_root=tmp_path / "p").fingerprint)
    (articles / "movies-2010s.json").write_text("[]", "utf-8")
    fingerprints.add(prepare("mine", raw=raw.path, texts=articles, processed_root=tmp_path / "p").fingerprint)
    assert len(fingerprints) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "Invalid JSON"), ('[{"title": "A"}]', "0.year"), ('[{"title": "A", "year": "x"}]', "year")],
)
def test_broken_articles_say_which_file_and_what_is_wrong(tmp_path, text, message):
    (tmp_path / "movies-1990s.json").write_text(text, "utf-8")
    with pytest.raises(DataError, match=rf"movies-1990s\.json.*{message}"):
        wikipedia.read(tmp_path)


def test_a_directory_without_articles_is_named(tmp_path):
    with pytest.raises(MissingInputError, match=r"movies-\*\.json.*--texts"):
        wikipedia.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a 1995 film directed by Michael Mann. It stars Al Pacino.", ["Michael Mann"]),
        ("written and directed by Peter Weir and starring Ann Lee", ["Peter Weir"]),
        ("directed by John Musker and Ron Clements and produced by X Y", ["John Musker", "Ron Clements"]),
        (
            "directed by Brenda Chapman, Steve Hickner, and Simon Wells with",
            ["Brenda Chapman", "Steve Hickner", "Simon Wells"],
        ),
        ("directed by Robert Z. Leonard.", ["Robert Z. Leonard"]),
        ("directed by Brian De Palma and Guillermo del Toro", ["Brian De Palma", "Guillermo del Toro"]),
        ("directed by F. W. Murnau; Joaquim de Almeida", ["F. W. Murnau"]),
        ("directed by Steven Caple Jr. and written by", ["Steven Caple Jr."]),
        ("directed by Hong Kong film director John Woo and", ["John Woo"]),
        ("directed by and starring Denzel Washington in", ["Denzel Washington"]),
        ("directed by Ann Lee, Bob Roy stars as", ["Ann Lee"]),
        ("directed by the Coen brothers", []),
        ("a film of nobody", []),
    ],
)
def test_directors_are_read_from_the_text(text, names):
    assert directors_in(text) == names


WORDS = TextConfig(min_films=2, max_share=0.9, after_release=("gross", "box office"))


def words_in(texts, names=None, config=WORDS):
    matrix, features = text_block(texts, names or [[]] * len(texts), config)
    assert matrix.shape == (len(texts), len(features))
    return [{features[column].removeprefix("word:") for column in row.indices} for row in matrix]


def test_words_leave_out_stop_words_and_what_was_written_after_release():
    texts = ["The robbery of a bank grossed at the box office", "A robbery; a bank; grossing box offices", "the office"]
    assert words_in(texts) == [{"robbery", "bank"}, {"robbery", "bank"}, set()]


def test_words_leave_out_credited_names():
    texts = ["Wood hunts with Ann Lee in a wood", "A wood of Ann Lee: lee shore", "a lee shore"]
    names = [["Elijah Wood"], ["Ann Lee"], []]
    # Ann Lee is a name in every text, Wood and Lee alone only in those of the film that credits them
    assert words_in(texts, names, WORDS.model_copy(update={"min_films": 1})) == [
        {"hunts"},
        {"wood", "shore"},
        {"lee", "shore"},
    ]


def test_words_have_bounds_of_frequency():
    texts = ["robbery bank", "robbery bank", "robbery alone", ""]
    assert words_in(texts) == [{"bank"}, {"bank"}, set(), set()]
    assert words_in(["", ""]) == [set(), set()]


def test_words_of_any_script():
    assert words_of("L'été à Paris") == ["été", "paris"]
    assert words_of("七人の侍 1954") == ["七人", "人の", "の侍"]
    assert words_of("Сталкер: зона") == ["сталкер", "зона"]


def test_rare_words_weigh_more_and_an_item_without_text_has_no_row():
    matrix, features = text_block(
        ["ship storm", "ship storm", "ship love", ""], [[]] * 4, WORDS.model_copy(update={"max_share": 1.0})
    )
    weights = dict(zip(features, matrix[0].toarray()[0], strict=True))
    assert weights["word:storm"] > weights["word:ship"]
    assert np.diff(matrix.indptr).tolist() == [2, 2, 1, 0]


def test_words_are_a_block_of_the_matrix(prepared):
    start, stop = prepared.tags.blocks["text"]
    assert prepared.details["text_columns"] == ["text"]
    assert prepared.tags.features[start:stop] == ["word:robbery"]  # the only word of three articles
    assert prepared.snapshot()["text_coverage"] == pytest.approx(0.6)
