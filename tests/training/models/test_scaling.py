"""Parts of a likeness made comparable."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from recommender.scorers import item_scorer
from recommender.specs import SimilarityPart, SimilaritySpec
from training.kernels.threads import Scratch, thread_map
from training.models.arrays import unit_rows
from training.models.scaling import scale_rows, tenth_best

N = 40
SECOND_ENTRY, FIRST_ENTRY = 7, 3
RNG = np.random.default_rng(0)
TASTE, CONTENT = (unit_rows(np.abs(RNG.normal(size=(N, 5))).astype(np.float32)) for _ in range(2))
TASTE[0] = 0
GAIN, OTHER_GAIN = RNG.uniform(0.5, 1.5, (2, N)).astype(np.float32)
PARTS = [
    SimilarityPart(name="content", weight=0.3, embedding="content", query_gain="content_gain", candidate_gain="gain"),
    SimilarityPart(name="taste", weight=0.7, embedding="taste", query_gain="taste_gain", candidate_gain="gain"),
]
CANONICAL = np.where(np.arange(N) == SECOND_ENTRY, FIRST_ENTRY, np.arange(N)).astype(np.int32)


def arrays():
    gains = {"gain": GAIN, "taste_gain": OTHER_GAIN.copy(), "content_gain": OTHER_GAIN.copy()}
    return {"taste": TASTE, "content": CONTENT, **gains}


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch):
    monkeypatch.setattr("training.kernels.topk.BLOCK_CELLS", 7 * N)


def test_a_row_is_scaled_by_its_tenth_best_other_film_or_not_at_all():
    made = arrays()
    scale_rows(PARTS, made, CANONICAL)
    for name, embedding in (("content", CONTENT), ("taste", TASTE)):
        scores = embedding @ embedding.T * GAIN
        np.fill_diagonal(scores, -np.inf)
        tenth = np.sort(scores, axis=1)[:, -10]
        assert (tenth[0] <= 0) == (name == "taste"), "the first film is like no other by taste"
        np.testing.assert_allclose(made[f"{name}_gain"], OTHER_GAIN / np.where(tenth > 0, tenth, 1), rtol=1e-5)


def test_the_nearest_films_are_those_of_the_scaled_parts():
    made = arrays()
    found = scale_rows(PARTS, made, CANONICAL)
    full = item_scorer(SimilaritySpec(parts=PARTS), made).similar(np.arange(N))
    full[:, SECOND_ENTRY] = -np.inf
    full[np.arange(N), CANONICAL] = -np.inf
    best = -np.sort(-full, axis=1)[:, : N - 1]
    np.testing.assert_allclose(found.scores, best, rtol=1e-5)
    shown = found.rows[found.rows >= 0]
    np.testing.assert_allclose(found.scores[found.rows >= 0], full[np.nonzero(found.rows >= 0)[0], shown], rtol=1e-5)


def test_threads_do_not_write_into_one_block():
    scratch, both = Scratch(), threading.Barrier(2, timeout=60)

    def work(number):
        block = scratch.block("one", 3, 4)
        block.fill(number)
        both.wait()
        return block.copy()

    with thread_map(2) as run:
        for number, block in enumerate(run(work, range(2))):
            np.testing.assert_array_equal(block, np.full((3, 4), number))


def test_few_films_are_scaled_by_the_last_of_the_others():
    assert tenth_best(np.array([[0, 3, 2, 5]], dtype=np.float32), others=3).tolist() == [2]
