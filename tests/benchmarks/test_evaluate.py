"""The peer of the evaluation benchmark computes what we compute."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks import evaluate
from recommender.errors import MissingInputError

needs_peer = pytest.mark.skipif(find_spec("recommenders") is None, reason="the `peers` group is not installed")


def test_synthetic_lists_are_lists():
    task = evaluate.synthetic_task(300, 500)
    assert all(len(set(row)) == evaluate.K for row in task.lists.tolist())
    assert (np.diff(task.relevant.indptr) > 0).all()
    assert 0.2 < evaluate.ours(task)["precision"] < 0.4


@needs_peer
@pytest.mark.parametrize("cached", [True, False])
def test_both_sides_give_the_same_figures(cached):
    task = evaluate.synthetic_task(300, 500)
    assert evaluate.ours(task) == pytest.approx(evaluate.theirs(task, cached=cached), abs=1e-9)


def test_a_missing_peer_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "recommenders.evaluation", None)
    with pytest.raises(MissingInputError, match="--group peers"):
        evaluate.theirs(evaluate.synthetic_task(20, 50))
