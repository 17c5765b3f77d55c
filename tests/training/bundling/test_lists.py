"""Lists for everybody in one file: what they hold, and that a stopped run goes on to the same file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from recommender.errors import UsageError
from recommender.model import Model, Wanted
from tests.world import N_FILMS, N_USERS, world
from training.bundling import lists as bulk
from training.bundling.lists import Format, Lists, write_lists
from training.progress import silent

FORMATS: tuple[Format, ...] = get_args(Format)


@pytest.fixture(scope="module")
def model() -> Model:
    return world()


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PART", 25)
    monkeypatch.setattr(bulk, "BLOCK", 7)


def read(path: Path, form: Format) -> pd.DataFrame:
    if form == "parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path) if form == "csv" else pd.DataFrame(map(json.loads, path.read_text().splitlines()))


@pytest.mark.parametrize("form", FORMATS)
def test_every_user_has_the_list_that_the_model_gives(model: Model, tmp_path: Path, form: Format) -> None:
    write_lists(model, tmp_path / "lists", Lists("users", 12, form), silent)
    frame = read(tmp_path / "lists", form)
    assert list(frame.columns) == ["user_id", "rank", "movie_id", "score"]
    assert frame["user_id"].unique().tolist() == list(range(1, N_USERS + 1))
    for user, of_user in frame.groupby("user_id"):
        expected = model.for_user(int(str(user)) - 1, Wanted(n=12))
        assert of_user["movie_id"].tolist() == (expected.rows + 1).tolist()
        assert of_user["rank"].tolist() == list(range(1, 13))
        np.testing.assert_allclose(of_user["score"], expected.scores, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["lists"]


def test_every_item_has_its_neighbours(model: Model, tmp_path: Path) -> None:
    write_lists(model, tmp_path / "lists", Lists("items", 5, "csv"), silent)
    frame = read(tmp_path / "lists", "csv")
    assert list(frame.columns) == ["movie_id", "rank", "similar_id", "score"]
    assert frame["movie_id"].nunique() == N_FILMS
    assert frame[frame["movie_id"] == 3]["similar_id"].tolist() == (model.similar(2, Wanted(n=5)).rows + 1).tolist()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("stop_after", [0, 1, 2, 3])
def test_a_stopped_run_goes_on_to_the_same_bytes(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Format, stop_after: int
) -> None:
    wanted = Lists("users", 5, form)
    write_lists(model, tmp_path / "whole", wanted, silent)
    scored = []

    def stop(what: str, share: float) -> None:
        scored.append(share)
        if len(scored) > stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_lists(model, tmp_path / "stopped", wanted, stop) if stop_after < 3 else _stop_while_joining(
            model, tmp_path / "stopped", wanted, monkeypatch
        )
    assert not (tmp_path / "stopped").exists()
    made: list[Any] = []

    def counted(*words: Any) -> Any:
        made.append(words)
        return best(*words)

    monkeypatch.setattr(bulk, "best_for_users", counted)
    write_lists(model, tmp_path / "stopped", wanted, silent)
    assert (tmp_path / "stopped").read_bytes() == (tmp_path / "whole").read_bytes()
    assert len(made) == max(2 - stop_after, 0), "parts that were written are not made again"


best = bulk.best_for_users


def _stop_while_joining(model: Model, path: Path, wanted: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(bulk, "_join", stop)
        write_lists(model, path, wanted, silent)


def test_parts_of_other_lists_and_files_of_yours_are_left_alone(model: Model, tmp_path: Path) -> None:
    def stop(what: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_lists(model, tmp_path / "lists", Lists("users", 5, "csv"), stop)
    for other, by in [(Lists("users", 6, "csv"), model), (Lists("users", 5, "csv"), world(seed=1))]:
        with pytest.raises(UsageError, match="parts of other lists"):
            write_lists(by, tmp_path / "lists", other, silent)
    (tmp_path / "mine").write_text("notes")
    with pytest.raises(UsageError, match="exists already"):
        write_lists(model, tmp_path / "mine", Lists("users", 5, "csv"), silent)
    (tmp_path / "lists.parts" / "notes.txt").write_text("notes")
    write_lists(model, tmp_path / "lists", Lists("users", 5, "csv"), silent)
    assert (tmp_path / "lists.parts" / "notes.txt").read_text() == "notes"
