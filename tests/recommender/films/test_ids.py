from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import BundleIntegrityError, DataError
from recommender.films.ids import UNKNOWN, IdMap, TextIdMap


@given(st.lists(st.integers(0, 10**9)), st.integers(-5, 10**9))
def test_rows_and_ids_are_inverse_and_unknown_ids_say_so(raw: list[int], other: int) -> None:
    ids = IdMap.from_raw(raw)
    assert list(ids.ids[ids.rows(raw)]) == raw
    assert [ids.row(int(i)) for i in ids.ids] == list(range(len(ids)))
    assert (other in ids) == (other in raw)
    if other not in raw:
        assert ids.row(other) == UNKNOWN
        assert list(ids.rows([other])) == [UNKNOWN]


@pytest.mark.parametrize("raw", [[2, 1], [1, 1], [[1, 2]]])
def test_ids_that_are_not_ascending_are_refused(raw: list[int]) -> None:
    with pytest.raises(DataError, match="strictly ascending"):
        IdMap(np.array(raw))


TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf")), min_size=1, max_size=30)


@given(st.lists(TEXTS.filter(lambda text: not text.isascii() or not text.isdigit()), min_size=1), TEXTS)
def test_texts_are_looked_up_exactly_and_their_rows_ascend_by_utf8(raw: list[str], other: str) -> None:
    ids = IdMap.from_raw(raw)
    assert ids.is_text
    assert ids.raws(range(len(ids))) == sorted(set(raw), key=str.encode)
    assert ids.raws(ids.rows(raw)) == raw
    assert (other in ids) == (other in raw)
    assert ids.row(7) == UNKNOWN, "a number is none of the texts"
    again = IdMap.from_arrays(ids.arrays("user_ids"), "user_ids")
    assert again.is_same(ids)
    assert again.values(ids.rows(raw)).tolist() == raw


@pytest.mark.parametrize(
    ("raw", "is_text"),
    [
        (["0", "7", "9007199254740991"], False),
        (["1", "9007199254740992"], True),  # 2^53: JSON readers would round it
        (["1", "01"], True),
        (["1", "-1"], True),
        (["1", "a"], True),
        ([1, 2], False),
        (np.array([2**53, 1]), True),
        (np.array([-1, 1]), True),
    ],
)
def test_ids_are_integers_where_every_one_is_a_plain_decimal_below_2_to_the_53(raw: object, is_text: bool) -> None:
    ids = IdMap.from_raw(raw)  # type: ignore[arg-type]
    assert ids.is_text == is_text
    expected = sorted({str(value) for value in raw}, key=str.encode if is_text else int)  # type: ignore[attr-defined]
    assert ids.raws(range(len(ids))) == (expected if is_text else [int(text) for text in expected])


@pytest.mark.parametrize("bad", ["", "x" * 129, "é" * 65, "tab\there", "zero\0", "\ud800"])
def test_texts_that_are_no_ids_are_refused(bad: str) -> None:
    with pytest.raises(DataError, match="ids"):
        IdMap.from_raw(["fine", bad])


def test_mapped_texts_are_not_copied(tmp_path: Path) -> None:
    for name, array in IdMap.from_raw(["b", "a", "é"]).arrays("ids").items():
        np.save(tmp_path / f"{name}.npy", array)
    arrays = {file.stem: np.load(file, mmap_mode="r") for file in tmp_path.glob("*.npy")}
    ids = IdMap.from_arrays(arrays, "ids")
    assert isinstance(ids, TextIdMap)
    assert ids.row("é") == 2
    assert np.shares_memory(np.asarray(ids._texts._text), arrays["ids_text"])


def test_offsets_that_do_not_divide_the_text_are_refused() -> None:
    arrays = IdMap.from_raw(["a", "b"]).arrays("ids")
    for offsets in ([0, 2, 1], [1, 1, 2], [0, 1, 3], []):
        with pytest.raises(BundleIntegrityError, match="offsets"):
            IdMap.from_arrays(arrays | {"ids_offsets": np.array(offsets, dtype=np.int64)}, "ids")
