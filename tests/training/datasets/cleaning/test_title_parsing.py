"""Raw titles, as MovieLens really spells them, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.datasets.cleaning.title_parsing import ParsedTitle, parse_title

GOLDEN = [
    ("Toy Story (1995)", "Toy Story", 1995, ()),
    ("Usual Suspects, The (1995)", "The Usual Suspects", 1995, ()),
    ("Matrix, The (1999)", "The Matrix", 1999, ()),
    ("American Tail: Fievel Goes West, An (1991)", "An American Tail: Fievel Goes West", 1991, ()),
    (
        "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
        "The City of Lost Children",
        1995,
        ("La Cité des enfants perdus",),
    ),
    ("Enfer, L' (1994)", "L'Enfer", 1994, ()),
    ("Seven (a.k.a. Se7en) (1995)", "Seven", 1995, ("Se7en",)),
    ("European Vacation (aka National Lampoon's European Vacation) (1985)", "European Vacation", 1985,
     ("National Lampoon's European Vacation",)),
    (
        "Léon: The Professional (a.k.a. The Professional) (Léon) (1994)",
        "Léon: The Professional",
        1994,
        ("The Professional", "Léon"),
    ),
    ("Babylon 5", "Babylon 5", None, ()),
    ("Death Note: Desu nôto (2006–2007)", "Death Note: Desu nôto", 2006, ()),
    ("Big Bang Theory, The (2007-)", "The Big Bang Theory", 2007, ()),
    ("Land Before Time III: The Time of the Great Giving (1995) (V)",
     "Land Before Time III: The Time of the Great Giving", 1995, ()),
    ("Heidi Fleiss: Hollywood Madam (1995) ", "Heidi Fleiss: Hollywood Madam", 1995, ()),
    ("Birdman: Or (The Unexpected Virtue of Ignorance) (2014)", "Birdman: Or (The Unexpected Virtue of Ignorance)",
     2014, ()),
    ("(500) Days of Summer (2009)", "(500) Days of Summer", 2009, ()),
    ("(Untitled) (2009)", "(Untitled)", 2009, ()),
    ("1984 (Nineteen Eighty-Four) (1984)", "1984", 1984, ("Nineteen Eighty-Four",)),
    ("Evangelion: 1.0 You Are (Not) Alone (2007)", "Evangelion: 1.0 You Are (Not) Alone", 2007, ()),
    ("Good, the Bad and the Ugly, The (1966)", "The Good, the Bad and the Ugly", 1966, ()),
    ("Paris, Texas (1984)", "Paris, Texas", 1984, ()),
    ("Die Hard (1988)", "Die Hard", 1988, ()),
    ("Broken (bracket (2001)", "Broken (bracket", 2001, ()),
    ("2001", "2001", None, ()),
    ("(1995)", "(1995)", None, ()),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "title", "year", "others"), GOLDEN, ids=[row[0] for row in GOLDEN])
def test_a_real_title_is_taken_apart(raw, title, year, others):
    assert parse_title(raw) == ParsedTitle(title, year, others)


@given(st.text(min_size=1, max_size=60).filter(str.strip))
def test_no_title_is_lost_or_raises(raw):
    parsed = parse_title(raw)
    assert parsed.title.strip()
    assert parsed.title not in parsed.alternatives


@given(
    st.text(st.characters(categories=["L", "N"], include_characters=" '!"), min_size=1).map(
        lambda text: " ".join(text.split())
    ).filter(bool),
    st.integers(1874, 2099),
)  # fmt: skip
def test_a_plain_title_comes_back_with_its_year(name, year):
    assert parse_title(f"{name} ({year})") == ParsedTitle(name, year, ())
