"""The logged model as MLflow's users call it: titles, lists, frames, ratings; errors as rows, never an empty frame."""

from __future__ import annotations

import io
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc.scoring_server import predictions_to_json

from recommender.errors import UsageError
from recommender.model import Model, Wanted
from tests.conftest import copy_store
from tests.toy import save_toy
from training.registry import REGISTERED_MODEL, Tracker, register_bundle


@pytest.fixture(scope="module")
def toy(migrated_store, tmp_path_factory):
    """The toy model, loaded by MLflow and directly."""
    root = tmp_path_factory.mktemp("pyfunc")
    copy_store(migrated_store.parent, root / "mlruns")
    model = save_toy(root / "bundle")
    version = register_bundle(root / "bundle", tracker=Tracker(f"sqlite:///{root}/mlruns/mlflow.db"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))  # MLflow puts its copy of the kernel there
        yield mlflow.pyfunc.load_model(f"models:/{REGISTERED_MODEL}/{version.number}"), model


def test_a_title_alone_gives_similar_items(toy):
    loaded, model = toy
    answer = loaded.predict("Star Voyage")
    expected = model.similar(0, Wanted(n=10))
    assert answer.movie_id.tolist() == model.movie_ids.ids[expected.rows].tolist()
    assert answer.columns.tolist() == ["query", "rank", "movie_id", "title", "year", "score", "error", "suggestions"]
    assert answer.error.isna().all()


def test_lists_frames_and_dicts_of_titles_are_alike(toy):
    loaded, _ = toy
    titles = ["Star Voyage", "Robot Summer"]
    answer = loaded.predict(titles, params={"n": 2})
    assert answer["query"].tolist() == [0, 0, 1, 1]
    for same in (np.array(titles), pd.Series(titles), pd.DataFrame({"title": titles}), {"title": titles}):
        pd.testing.assert_frame_equal(loaded.predict(same, params={"n": 2}), answer)
    rows = [{"title": title, "n": 2} for title in titles]
    pd.testing.assert_frame_equal(loaded.predict(rows), answer)


def test_each_row_has_its_own_subject_and_n(toy):
    loaded, model = toy
    answer = loaded.predict(pd.DataFrame({"movie_id": [1, None], "user_id": [None, 3], "n": [2, None]}))
    assert answer.groupby("query").size().tolist() == [2, len(model.for_user(2, Wanted(n=10)).rows)]


@pytest.mark.parametrize("ratings", [{"Star Voyage": 5, 11: 1.5}, '{"Star Voyage": 5, "11": 1.5}'])
def test_a_new_person_is_known_by_ratings_of_titles_or_ids(toy, ratings):
    loaded, model = toy
    rows, stars = np.array([0, 6]), np.array([5, 1.5], dtype=np.float32)
    answer = loaded.predict(pd.DataFrame({"ratings": [ratings], "n": [3]}))
    expected = model.for_profile(rows, stars, Wanted(n=3))
    assert answer.score.tolist() == pytest.approx(expected.scores.tolist())


def test_one_unknown_title_among_five_is_a_row_that_suggests(toy):
    loaded, _ = toy
    titles = ["Star Voyage", "Robot Summr", "Alien Harbour", "2001 Kisses", "A Quiet Spring"]
    answer = loaded.predict(titles, params={"n": 1})
    assert answer["query"].tolist() == [0, 1, 2, 3, 4]
    served = io.StringIO()
    predictions_to_json(answer, served)
    assert "NaN" not in served.getvalue(), "`mlflow models serve` answers in JSON"
    (failed,) = answer[answer.error.notna()].to_dict("records")
    assert (failed["query"], failed["error"]) == (1, "No film has this title.")
    assert failed["suggestions"] == ["Robot Summer (1991)"]
    (ambiguous,) = loaded.predict("Twins").to_dict("records")
    assert ambiguous["suggestions"] == ["Twins (1988)", "Twins (1996)"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"movie_id": 999}, "No film has this id"),
        ({"movie_id": "one"}, "Expected a whole number as id, found 'one'"),
        ({"user_id": 999}, "No user has this id"),
        ({"title": None}, "Expected one of title, movie_id, user_id, ratings in each row, found none"),
        ({"title": "Star Voyage", "user_id": 1}, "found title, user_id"),
        ({"title": "Star Voyage", "n": 0}, "n of at least 1, found 0"),
        ({"title": "Star Voyage", "n": 2.5}, "whole number as n of at least 1, found 2.5"),
        ({"title": "Star Voyage", "n": "x"}, "whole number as n of at least 1, found 'x'"),
        ({"title": ["Star Voyage"]}, "Expected a text as title"),
        ({"movie_id": float("inf")}, "Expected a whole number as id, found inf"),
        ({"ratings": [["Star Voyage", 5]]}, "Expected ratings as"),
        ({"ratings": {"Star Voyage": 5, "star voyage": 1}}, "Star Voyage (1977) is rated twice"),
        ({"ratings": {"Star Voyage": 9}}, "Expected ratings from 0.5 to 5, found 9"),
        ({"ratings": "five"}, "Expected ratings as"),
    ],
)
def test_what_a_row_lacks_is_said_in_its_row(toy, row, said):
    (answer,) = toy[0].predict(pd.DataFrame([row])).to_dict("records")
    assert said in answer["error"]
    assert answer["suggestions"] == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (pd.DataFrame({"foo": [1]}), "Unknown column foo; expected one of title"),
        (pd.DataFrame({"title": ["Star Voyage"], "genre": ["Sci-Fi"]}), "Unknown column genre"),
        (pd.DataFrame({"title": []}), "found none"),
        ([], "found none"),
        ([1, 2], "found list"),
        (3, "found int"),
    ],
)
def test_another_form_of_input_is_an_exception(toy, wrong, said):
    with pytest.raises(UsageError, match=said):
        toy[0].predict(wrong)


def test_the_logged_model_has_the_parameters_of_its_run(toy):
    loaded, model = toy
    assert isinstance(model, Model)
    assert mlflow.get_logged_model(loaded.model_id).params == {"factors": "3"}
