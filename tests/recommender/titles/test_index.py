"""What people type finds the film they mean."""

from __future__ import annotations

import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import AmbiguousTitleError, LookupFailedError, TitleNotFoundError
from recommender.titles.index import TitleIndex, TitleNames, encode_titles
from recommender.titles.keys import LONGEST_KEY, drop_article, move_article, normalise, query_key, split_year
from recommender.titles.text_table import TextTable, encode_texts
from recommender.titles.words import TitleWords, encode_words
from testing.typos import typo
from training.bundling.synthetic import titles

FILMS = [
    TitleNames("Toy Story", [], 1995),
    TitleNames("The Usual Suspects", [], 1995),
    TitleNames("Twins", [], 1988),
    TitleNames("Twins", [], 1996),
    TitleNames("Amélie", ["Le Fabuleux Destin d'Amélie Poulain"], 2001),
    TitleNames("Heat", [], 1995),
    TitleNames("The Heat", [], 2013),
    TitleNames("Die Hard", [], 1988),
    TitleNames("Star Wars: Episode IV - A New Hope", ["Star Wars"], 1977),
    TitleNames("M*A*S*H", [], 1970),
    TitleNames("Toy Story", [], 1995),  # a second entry of film 0
    TitleNames("Unforgiven", [], None),
    TitleNames("Toys", [], 1992),
    TitleNames("Волга-Волга", [], 1938),
]
POPULARITY = np.array([90, 80, 5, 10, 50, 60, 20, 70, 95, 15, 1, 30, 8, 2], dtype=np.int32)


def index(films, popularity):
    canonical = np.arange(len(films), dtype=np.int32)
    if films is FILMS:
        canonical[10] = 0
    years = np.array([film.year or 0 for film in films], dtype=np.int16)
    return TitleIndex(encode_titles(films), canonical, popularity, years)


@pytest.fixture(scope="module")
def small():
    return index(FILMS, POPULARITY)


@pytest.mark.parametrize(
    ("typed", "row", "matched"),
    [
        ("Toy Story", 0, "exact"),
        ("toy story (1995)", 0, "exact"),
        ("  TOY   story ", 0, "exact"),
        ("Usual Suspects, The (1995)", 1, "exact"),
        ("the usual suspects", 1, "exact"),
        ("Usual Suspects", 1, "without_article"),
        ("Twins (1996)", 3, "exact"),
        ("Amelie", 4, "exact"),
        (unicodedata.normalize("NFD", "Amélie"), 4, "exact"),
        ("Le fabuleux destin d'Amelie Poulain", 4, "alternative_title"),
        ("Heat", 5, "exact"),
        ("The Heat", 6, "exact"),
        ("Star Wars", 8, "alternative_title"),
        ("star wars episode iv a new hope", 8, "exact"),
        ("M A S H", 9, "exact"),
        ("Unforgiven", 11, "exact"),
        ("волга волга", 13, "exact"),
    ],
)
def test_a_spelling_habit_finds_the_film(small, typed, row, matched):
    match = small.resolve(typed)
    assert (match.row, match.matched) == (row, matched)


def test_two_films_of_one_title_are_candidates_most_rated_first(small):
    with pytest.raises(AmbiguousTitleError) as caught:
        small.resolve("twins")
    assert caught.value.candidates == [3, 2]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("Toy Stroy", 0),
        ("Usaul Suspcts", 1),
        ("suspects the usual", 1),
        ("Heat (1996)", 5),
        ("Amlie", 4),
        ("Did Hard", 7),
        ("hope new a wars star", 8),
        ("unforgven", 11),
        ("Волга Вола", 13),
    ],
)
def test_what_is_not_found_is_suggested(small, typed, first):
    with pytest.raises(TitleNotFoundError) as caught:
        small.resolve(typed)
    assert caught.value.suggestions[0] == first
    assert len(set(caught.value.suggestions)) == len(caught.value.suggestions)


def test_fuzzy_takes_a_close_spelling_and_says_so(small):
    match = small.resolve("Toy Stroy", fuzzy=True)
    assert (match.row, match.matched) == (0, "fuzzy")


def test_fuzzy_does_not_take_a_film_that_only_shares_words(small):
    with pytest.raises(TitleNotFoundError):
        small.resolve("a story about suspects", fuzzy=True)


def test_nothing_alike_has_no_suggestion(small):
    with pytest.raises(TitleNotFoundError) as caught:
        small.resolve("qqqqqqqqqqqqqqqqqqqqqqqqqqqq")
    assert caught.value.suggestions == []


@pytest.mark.parametrize(
    ("typed", "rows"),
    [
        ("t", [0, 1, 6, 3, 12]),
        ("toy", [0, 12]),
        ("susp", [1]),
        ("usual sus", [1]),
        ("wars sta", [8]),
        ("tpy sto", [0]),
    ],
)
def test_search_while_typing(small, typed, rows):
    assert small.search(typed, 5)[: len(rows)] == rows


def test_search_gives_no_more_than_asked_and_no_second_entries(small):
    assert small.search("t", 2) == [0, 1]
    assert 10 not in small.search("toy story", 10)


SERIES = [
    TitleNames("Star Wars: Episode IV - A New Hope", [], 1977),
    TitleNames("Star Wars: Episode V - The Empire Strikes Back", [], 1980),
    TitleNames("Star Maps", [], 1997),
    TitleNames("Dr. Strangelove or: How I Learned to Stop Worrying", [], 1964),
    TitleNames("Rocky", [], 1976),
    TitleNames("Rocky II", [], 1979),
    TitleNames("The Godfather: Part II", [], 1974),
    TitleNames("Parasite", [], 1982),
    TitleNames("Toy Story 2", [], 1999),
    TitleNames("The Lord of the Rings: The Two Towers", [], 2002),
    TitleNames("Miracles - Mr. Canton and Lady Rose", [], 1989),
    TitleNames("The Miraculous Virgin", [], 1967),
    TitleNames("House", [], 1986),
    TitleNames("The House", [], 2017),
    TitleNames("Star Crash", [], 1978),
]


@pytest.fixture(scope="module")
def series():
    return index(SERIES, np.array([90, 80, 1, 88, 50, 30, 60, 2, 70, 65, 5, 3, 6, 7, 4], dtype=np.int32))


@pytest.mark.parametrize(
    ("typed", "row"),
    [
        ("Star Wars (1977)", 0),
        ("A New Hope", 0),
        ("Empire Strikes Back, The", 1),
        ("star wars episode v", 1),
        ("Strangelove", 3),
        ("Rocky 2", 5),
        ("The Godfather 2", 6),
        ("Two Towers, The", 9),
        ("Lord of the Rings", 9),
        ("The Lord Two Towers", 9),
        ("Miracles", 10),
        ("Mr Canton and Lady Rose", 10),
        ("Parasite (1983)", 7),
        ("Lord of teh Rings: The Two Towrs", 9),
        ("Toy Stor y2", 8),
        ("Huose", 12),
    ],
)
def test_part_of_a_title_finds_the_film_that_stands_clear(series, typed, row):
    match = series.resolve(typed, fuzzy=True)
    assert (match.row, match.matched) == (row, "fuzzy")
    with pytest.raises(TitleNotFoundError):
        series.resolve(typed)


def test_where_several_films_may_be_meant_the_most_rated_comes_first(series):
    with pytest.raises(AmbiguousTitleError) as caught:
        series.resolve("Star Wars", fuzzy=True)
    assert (caught.value.candidates[:2], caught.value.same_title) == ([0, 1], False)
    assert series.search("star wars", 10)[:2] == [0, 1]


SPELLINGS = [
    TitleNames("Interview with the Vampire: The Vampire Chronicles", [], 1994),
    TitleNames("Interview", [], 2007),
    TitleNames("E.T. the Extra-Terrestrial", [], 1982),
    TitleNames("And God Created Woman", ["Et Dieu... créa la femme"], 1956),
    TitleNames("The Naked Gun: From the Files of Police Squad!", [], 1988),
    TitleNames("Naked Gun 33 1/3: The Final Insult", [], 1994),
    TitleNames("Batman Beyond: Return of the Joker", [], 2000),
    TitleNames("L.A. Confidential", [], 1997),
    TitleNames("La Femme Nikita", [], 1990),
    TitleNames("X-Men", [], 2000),
    TitleNames("Cast Away", [], 2000),
    TitleNames("Castaway on the Moon", [], 2009),
    TitleNames("Toy Story 3", [], 2010),
    TitleNames("Dr. No", [], 1962),
    TitleNames("Schindler's List", [], 1993),
    TitleNames("Seven Samurai", [], 1954),
    TitleNames("Alien: Resurrection", [], 1997),
    TitleNames("JFK", [], 1991),
    TitleNames("1-900", [], 1994),
    TitleNames("Bram Stoker's Dracula", [], 1992),
]


@pytest.fixture(scope="module")
def spelt():
    return index(SPELLINGS, np.array([50, 1, 60, 9, 53, 84, 3, 70, 60, 80, 90, 2, 40, 20, 95, 30, 30, 50, 5, 99]))


@pytest.mark.parametrize(
    ("typed", "row"),
    [
        ("Interview with a Vampire", 0),
        ("SWAT", None),
        ("1900", None),
        ("Stoker", None),
        ("E.T.", 2),
        ("la confidential", 7),
        ("Xmen", 9),
        ("Toy Story Three", 12),
        ("toystory 3", 12),
        ("Doctor No", 13),
        ("Schindler", 14),
        ("7 Samurai", 15),
        ("Resurrection", 16),
        ("J.F.K.", 17),
    ],
)
def test_articles_initials_spaces_and_numbers_may_be_others(spelt, typed, row):
    if row is None:
        with pytest.raises(TitleNotFoundError):
            spelt.resolve(typed, fuzzy=True)
    else:
        assert spelt.resolve(typed, fuzzy=True).row == row
        assert spelt.search(typed, 3)[0] == row


@pytest.mark.parametrize(
    ("typed", "row"),
    [("Interview of the Vampire", 0), ("ET", 2), ("Naked Gun", 4), ("la conf", 7), ("Castaway", 10), ("Joker", 6)],
)
def test_suggestions_begin_with_the_film_that_is_meant(spelt, typed, row):
    assert spelt.search(typed, 5)[0] == row
    with pytest.raises(LookupFailedError) as caught:
        spelt.resolve(typed, fuzzy=True)
    match caught.value:
        case AmbiguousTitleError(candidates=rows) | TitleNotFoundError(suggestions=rows):
            assert rows[0] == row


def test_a_misspelt_half_is_no_other_title_that_takes_more_typos(series):
    with pytest.raises(AmbiguousTitleError) as caught:
        series.resolve("Star Wras", fuzzy=True)
    assert caught.value.candidates[:2] == [0, 1]
    assert series.resolve("Star Crahs", fuzzy=True).row == 14


@pytest.mark.parametrize("typed", ["Parasite (2019)", "Toy Story 4", "Rocky 7", "Star Mars 3", "Miracle Man"])
def test_another_number_or_year_is_another_film(series, typed):
    with pytest.raises((TitleNotFoundError, AmbiguousTitleError)):
        series.resolve(typed, fuzzy=True)


@pytest.mark.parametrize("typed", ["/", "\\", "%", "\u200b", "!", "q", "日"])
def test_one_sign_misspells_no_title_of_another_one(typed):
    short = index([TitleNames(title, [], None) for title in ("M", "9", "O", "$")], np.arange(4, dtype=np.int32))
    with pytest.raises(TitleNotFoundError) as caught:
        short.resolve(typed, fuzzy=True)
    assert caught.value.suggestions == []
    assert short.resolve("$") == (3, "exact")


@pytest.mark.parametrize("typed", ["Heat (0000)", "Unforgiven (0000)", "Unforgivn (0000)"])
def test_no_film_is_of_year_0(small, typed):
    for fuzzy in (False, True):
        with pytest.raises(TitleNotFoundError) as caught:
            small.resolve(typed, fuzzy=fuzzy)
    assert caught.value.suggestions


def test_a_word_misspelt_many_times_does_not_multiply_the_spellings():
    words = TitleWords(encode_words([["wars"], ["wrap"], ["bras"], ["1977"]]), 4)
    assert [spelling for _, spelling in words.corrections("star wras")] == []
    assert {spelling for _, spelling in words.corrections("wars wras")} == {"wars wars", "wars wrap", "wars bras"}
    assert words.corrections("wras " * 16) == words.corrections("1976") == []


def test_letters_that_decompose_into_many_cost_no_more_than_others():
    assert len(query_key("\ufdfa" * 200)) <= LONGEST_KEY


@pytest.fixture(scope="module")
def world():
    rng = random.Random(5)
    films = titles(4000, rng)
    return films, index(films, np.array([rng.randrange(500) for _ in films], dtype=np.int32))


def first_answer(found_by, typed):
    try:
        return found_by.resolve(typed).row
    except AmbiguousTitleError as error:
        return error.candidates[0]
    except TitleNotFoundError as error:
        return error.suggestions[0] if error.suggestions else None


@pytest.mark.fault(25)
@pytest.mark.parametrize(("edits", "shortest"), [(1, 4), (2, 8)])
def test_generated_typos_find_the_film(world, edits, shortest):
    films, found_by = world
    rng = random.Random(edits)
    meant = rng.sample([row for row, film in enumerate(films) if len(film.title) >= shortest], 300)
    hits = 0
    for row in meant:
        typed = films[row].title
        for _ in range(edits):
            typed = typo(typed, rng)
        hits += first_answer(found_by, typed) == row
    assert hits / len(meant) >= 0.97


@pytest.mark.fault(25)
@given(st.integers(0, 3999), st.sampled_from(["upper", "nfd", "article", "year", "spaces", "punctuation"]))
def test_ways_of_writing_find_the_same_film(world, row, way):
    films, found_by = world
    title = films[row].title
    typed = {
        "upper": title.upper(),
        "nfd": unicodedata.normalize("NFD", title),
        "article": f"{title[4:]}, The" if title.startswith("The ") else title,
        "year": f"{title} ({films[row].year})",
        "spaces": f" {title.replace(' ', '   ')} ",
        "punctuation": title.replace(" ", " - ") + "!",
    }[way]
    assert first_answer(found_by, typed) == row


@given(st.text(max_size=60))
def test_any_text_is_answered(small, text):
    assert all(0 <= row < len(FILMS) for row in small.search(text, 5))
    answer = first_answer(small, text)
    assert answer is None or 0 <= answer < len(FILMS)


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing(text):
    assert normalise(normalise(text)) == normalise(text)


def test_parts_of_a_title():
    assert split_year("Heat (1995)") == ("Heat", 1995)
    assert split_year("1984") == ("1984", None)
    assert move_article("Usual Suspects, The") == "The Usual Suspects"
    assert move_article("Avventura, L'") == "L'Avventura"
    assert move_article("Olvidados, Los") == "Los Olvidados"
    assert move_article("Crime, Inc") == "Crime, Inc"
    assert move_article("Room with L") == "Room with L"
    assert drop_article("the usual suspects") == "usual suspects"
    assert drop_article("die hard") == "die hard"
    assert drop_article("as good as it gets") == "as good as it gets"
    assert drop_article("a") == "a"


@given(st.lists(st.sampled_from(["", "a", "b", "heat", "heat 1995", "zz"]), max_size=12), st.sampled_from("abz"))
def test_a_text_is_at_all_its_rows_and_nowhere_else(texts, absent):
    texts = sorted(texts)
    table = TextTable("t", encode_texts("t", texts))
    for text in {*texts, f"{absent}?"}:
        assert list(table.equal(text)) == [row for row, other in enumerate(texts) if other == text]
