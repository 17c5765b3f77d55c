"""Ids of recommendation answers: they say what was put into them, and nothing to whoever changes one."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from online.recommendation_id import Recommendation, read_id, request_subject, write_id

KEYS = {7: b"k" * 32, 8: b"l" * 32}
NUMBERS = st.integers(0, 2**32 - 1)
BYTES = st.integers(0, 255)
RECOMMENDATIONS = st.builds(
    Recommendation,
    version=st.binary(min_size=4, max_size=4),
    subject_kind=BYTES,
    subject=st.integers(0, 2**64 - 1),
    n=BYTES,
    time=NUMBERS,
    seed=NUMBERS,
    arm=BYTES,
    other_version=st.binary(min_size=4, max_size=4),
    explored=NUMBERS,
)


@given(RECOMMENDATIONS, st.sampled_from(sorted(KEYS)))
def test_an_id_says_what_was_put_into_it(recommendation: Recommendation, number: int) -> None:
    written = write_id(recommendation, number, KEYS[number]).decode()
    assert re.fullmatch("[A-Za-z0-9_-]{1,64}", written)
    assert read_id(written, KEYS) == recommendation


@given(RECOMMENDATIONS, st.integers(0, 10**6), st.characters(codec="ascii"))
def test_a_changed_id_says_nothing(recommendation: Recommendation, place: int, letter: str) -> None:
    written = write_id(recommendation, 7, KEYS[7]).decode()
    place %= len(written)
    changed = written[:place] + letter + written[place + 1 :]
    assert changed == written or read_id(changed, KEYS) is None
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":  # its bits may belong to no byte
        assert (read_id(written[:-1] + last, KEYS) is None) == (last != written[-1])
    assert read_id(written, {7: b"another key" * 3}) is None
    assert read_id(written, {8: KEYS[7]}) is None


@given(st.text(max_size=80))
def test_no_text_of_others_is_an_id(text: str) -> None:
    assert read_id(text, KEYS) is None


def test_requests_differ_in_their_subjects() -> None:
    assert request_subject(b"genres=Comedy") != request_subject(b"genres=Drama")
