from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import DataError
from recommender.films.ids import UNKNOWN, IdMap


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
