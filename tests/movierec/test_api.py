"""The Python API: what a notebook sees of data sets, models and comparisons."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import movierec
from movierec.models import (
    About,
    Config,
    FactorSpec,
    FittedModel,
    ItemWeightsSpec,
    PopularitySpec,
    SimilarityPart,
    SimilaritySpec,
    UserScorer,
    csr_arrays,
)
from recommender.errors import LookupFailedError, MissingInputError, NewUserError, UsageError
from tests.training.small import EVENTS, as_books, book_id, small_dataset, user_id, with_ratings, with_text_ids
from training.models import needs

SMALL: dict[str, Any] = {"factors": 4, "regularization": 1}
HEAVY = {"numpy", "scipy", "pandas", "implicit", "numba", "sklearn", "mlflow", "matplotlib", "duckdb"}


def modules_after(code: str) -> set[str]:
    """Return the libraries of HEAVY that a fresh process has loaded after `code`."""
    program = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return HEAVY & set(done.stdout.split())


def value(frame, *key, column="value"):
    return float(frame[column].to_dict()[key if len(key) > 1 else key[0]])


@pytest.fixture(scope="module")
def data():
    return small_dataset()


@pytest.fixture(scope="module")
def model(data):
    return movierec.fit("als", data, **SMALL)


@pytest.fixture(scope="module")
def books():
    """Text ids, events and books in the place of films."""
    return as_books(with_text_ids(with_ratings(small_dataset(), EVENTS)))


def test_what_is_long_is_said_and_what_is_too_large_is_refused_as_by_the_commands(data, monkeypatch):
    with monkeypatch.context() as tight:
        tight.setattr(needs, "available_memory", lambda: 10.0)
        for call in (movierec.fit, movierec.evaluate):
            with pytest.raises(UsageError, match=r"ease needs .* free\. Lower max_films"):
                call("ease", data)
        with pytest.raises(UsageError, match="als needs"):
            movierec.compare(["als", "ease"], data)
    monkeypatch.setattr(needs, "_GIB", 1)
    with pytest.warns(UserWarning, match="item_knn will take about") as warned:
        movierec.fit("item_knn", data)
    assert {warning.filename for warning in warned} == {__file__}


def test_importing_it_loads_no_library():
    assert modules_after("import movierec; movierec.models if False else dir(movierec)") == set()


@pytest.mark.parametrize(
    "call",
    [
        "movierec.fit('als', None, factrs=3)",
        "movierec.evaluate('ials', None, factors='many')",
        "movierec.train('all', None, further=['nothing'])",
        "from typer.testing import CliRunner; from movierec.cli.main import app; "
        "raise CliRunner().invoke(app, ['train', 'als', '--set', 'factrs=3']).exception",
        "from typer.testing import CliRunner; from movierec.cli.main import app; "
        "raise CliRunner().invoke(app, ['evaluate', '--model', 'ease', '--set', 'lambda=3']).exception",
    ],
)
def test_a_wrong_parameter_is_refused_before_a_large_library_is_loaded(call):
    code = f"import movierec\nfrom recommender.errors import UsageError\ntry:\n    {call}\nexcept UsageError: pass"
    code += "\nelse: raise SystemExit('it was not refused')"
    assert modules_after(code) <= {"numpy"}


def test_the_name_of_a_wrong_parameter_is_told_with_the_right_ones(data):
    with pytest.raises(UsageError, match=r"unknown key 'factrs'; known keys: alpha, .*factors"):
        movierec.fit("als", data, factrs=3)


def test_a_saved_model_answers_as_the_fitted_one(model, tmp_path):
    reopened = movierec.open(model.save(tmp_path / "als"))
    for film in range(101, 140):
        pd.testing.assert_frame_equal(model.similar(film, n=5), reopened.similar(film, n=5))
    for user in (1, 40, 80):
        pd.testing.assert_frame_equal(model.recommend(user=user), reopened.recommend(user=user))
        pd.testing.assert_frame_equal(model.explain(user=user, n=3), reopened.explain(user=user, n=3))
    assert reopened.parameters["factors"] == 4


def test_lists_have_id_title_year_and_score_best_first(model):
    frame = model.similar("Film 2", n=5)
    assert list(frame.columns) == ["id", "title", "year", "score"]
    assert len(frame) == 5
    assert frame["score"].is_monotonic_decreasing
    assert frame.loc[0, "title"] == f"Film {frame.loc[0, 'id'] - 101}"


def test_ratings_of_somebody_new_count_by_title_or_id(model):
    by_title = model.recommend(ratings={"Film 2": 5, "film 4": 4.5}, n=5)
    pd.testing.assert_frame_equal(by_title, model.recommend(ratings={103: 5, 105: 4.5}, n=5))
    assert not set(by_title["id"]) & {103, 105}
    assert model.recommend(user=1, n=5, year_from=2000)["year"].min() >= 2000


def test_the_contributions_of_a_recommendation_add_up_to_its_score(model):
    scores = model.recommend(ratings={"Film 2": 5, "Film 4": 3}, n=4).set_index("id")["score"]
    reasons = model.explain(ratings={"Film 2": 5, "Film 4": 3}, n=4)
    assert set(reasons["reason"]) == {"Film 2", "Film 4", ""}
    np.testing.assert_allclose(reasons.groupby("id")["contribution"].sum()[scores.index], scores, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda model: model.similar("Flim 2"), LookupFailedError, r"No film has the title 'Flim 2'.*Film 2 \(1982\)"),
        (lambda model: model.similar(7), LookupFailedError, "No film has this id"),
        (lambda model: model.recommend(user=900), LookupFailedError, "No user has this id"),
        (lambda model: model.recommend(), UsageError, "a user of the training data, ratings, or both"),
        (lambda model: model.recommend(user=[1]), UsageError, r"Expected a user, found \[1\]"),
        (lambda model: model.similar(None), UsageError, "Expected a title or id, found None"),
        (lambda model: model.similar("Film 2", n=0), UsageError, "n: expected a whole number of at least 1, found 0"),
        (lambda model: model.similar("Film 2", n=-1), UsageError, "at least 1, found -1"),
        (lambda model: model.similar("Film 2", n=2.5), UsageError, "at least 1, found 2.5"),
        (lambda model: model.similar("Film 2", year_from="1990"), UsageError, "year_from: expected a whole number"),
        (lambda model: model.similar("Film 2", genres=None), UsageError, "genres: expected one name or several"),
        (lambda model: model.recommend(ratings={103: 5, "Film 2": 1}), UsageError, "is rated twice"),
        (lambda model: model.recommend(ratings={103: "five"}), UsageError, "rating from 0.5 to 5, found 'five'"),
        (lambda model: model.recommend(ratings={103: True}), UsageError, "rating from 0.5 to 5, found True"),
        (lambda model: model.recommend(ratings=[("Film 2", 5)]), UsageError, "Expected ratings as"),
        (lambda model: model.recommend(ratings={"Film 2": 7}), UsageError, r"rating from 0.5 to 5, found 7"),
        (lambda model: model.recommend(ratings={}), UsageError, "at least one rating"),
        (lambda model: model.similar("Film 2", genre="Drama"), UsageError, "Unknown genre; filters are genres"),
        (lambda model: model.explain("Film 2", user=1), UsageError, "found both"),
    ],
)
def test_a_wrong_question_is_told_what_was_expected(model, call, error, message):
    with pytest.raises(error, match=message):
        call(model)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda data: movierec.fit("als", cast("Any", "ml-100k")),
            r"Expected a data set .* movierec\.load\('ml-100k'\) gives one",
        ),
        (
            lambda data: movierec.fit(data, cast("Any", "als")),
            "Expected the name of a model or a class, found a ProcessedDataset",
        ),
        (lambda data: movierec.fit("als", data, seed=-1), "seed: expected a whole number of at least 0, found -1"),
        (lambda data: movierec.evaluate("als", data.ratings), "found DataFrame"),
        (lambda data: movierec.evaluate("als", data, trainings=0), "trainings: expected a whole number of at least 1"),
        (lambda data: movierec.compare([], data), "at least one model"),
        (lambda data: movierec.compare("als", data), "Expected a list of models, found 'als'"),
        (lambda data: movierec.compare(["als", "als"], data), "als: expected each model once"),
        (lambda data: movierec.train("all", data, further="bpr"), "Expected a list of models, found 'bpr'"),
        (lambda data: movierec.load(""), "Expected the name of a prepared data set"),
        (lambda data: movierec.load(cast("Any", None)), "or a path, found None"),
        (
            lambda data: movierec.open(cast("Any", 1.5)),
            "Expected a version's number, an alias or a directory, found 1.5",
        ),
        (lambda data: movierec.promote(cast("Any", "champion")), "Expected the number of a version, found 'champion'"),
    ],
)
def test_a_wrong_argument_is_told_what_was_expected(data, call, message):
    with pytest.raises(UsageError, match=message):
        call(data)


def test_the_first_fit_of_a_process_runs_on_one_blas_thread():
    code = (
        "from movierec.progress import fitting\n"
        "with fitting('x', False):\n"
        "    import implicit, scipy.linalg, threadpoolctl\n"
        "    pools = threadpoolctl.threadpool_info()\n"
        "    assert {pool['num_threads'] for pool in pools if pool['user_api'] == 'blas'} == {1}, pools"
    )
    environment = {key: text for key, text in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_text_ids_and_events_work_alike(books, tmp_path):
    model = movierec.fit("als", books, **SMALL)
    assert model.similar(book_id(103), n=3)["id"].str.startswith("B/").all()
    pd.testing.assert_frame_equal(model.similar("Film 2"), model.similar(book_id(103)))
    assert len(model.recommend(user=user_id(1), n=4)) == 4
    assert len(model.recommend(ratings={"Film 2": 20.0}, n=4)) == 4
    with pytest.raises(UsageError, match="positive weight"):
        model.recommend(ratings={"Film 2": 0})
    assert "books 40" in repr(model)
    assert "events" in repr(books)


def test_what_one_holds_is_said_in_text_and_in_a_notebook(model, data):
    assert repr(model).startswith(
        "<movierec.Model algorithm als, data set small, films 40, users 80, parameters factors=4"
    )
    assert repr(data).startswith("<data set name small, films 40, users 80, ratings ")
    for shown in (model, data):
        assert "<table>" in shown._repr_html_()


def test_models_are_compared_with_the_first_by_a_paired_test(data):
    comparison = movierec.compare(["popularity", "als", "item_knn"], data, protocol="latest20")
    assert list(comparison.tests["model"]) == ["als", "item_knn"]
    assert (comparison.tests["against"] == "popularity").all()
    assert (comparison.tests["p_adjusted"] >= comparison.tests["p_value"]).all()
    figures = comparison.figures.set_index(["model", "metric"])
    by_hand = value(figures, "als", "ndcg_at_10") - value(figures, "popularity", "ndcg_at_10")
    assert comparison.tests["difference"][0] == pytest.approx(by_hand)
    assert len(comparison.plot("ndcg_at_10", "recall_at_20").axes) == 2
    assert "item_knn" in comparison._repr_html_()
    alone = movierec.evaluate("popularity", data)
    lo, mean, hi = (value(alone, "ndcg_at_10", column=column) for column in ("lo", "value", "hi"))
    assert lo < mean < hi


def test_raw_files_are_read_without_leaving_anything_behind(tmp_path, monkeypatch):
    work, raw = tmp_path / "work", tmp_path / "films"
    for folder in (work, raw):
        folder.mkdir()
    (raw / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4,5\n2,1,3,6\n2,2,5,7\n")
    (raw / "movies.csv").write_text("movieId,title,genres\n1,Heat (1995),Crime\n2,Big (1988),Comedy\n")
    monkeypatch.chdir(work)
    assert len(movierec.load(raw).ratings) == 3
    assert movierec.load("../films").name == "films"
    assert not list(work.iterdir())
    assert sorted(path.name for path in raw.iterdir()) == ["movies.csv", "ratings.csv"]
    with pytest.raises(MissingInputError, match="movierec data fetch ml-1m"):
        movierec.load("ml-1m")
    with pytest.raises(MissingInputError, match="There is nothing at elsewhere/films"):
        movierec.load("elsewhere/films")
    with pytest.raises(MissingInputError, match=r"model\.save"):
        movierec.open(work / "nothing")


class Parameters(Config):
    """One parameter."""

    scale: float = 1.0


class Flat:
    """Scores by the parity of the item; the base of the classes below."""

    name = "flat"
    config_type = Parameters
    about = About(label="Flat", sentence="Every second item.", share="other")
    seeded = False
    uses_ratings = True

    def __init__(self, config: Parameters) -> None:
        self.config = config

    def fit(self, data, *, seed, progress):
        scores = np.arange(data.user_item.shape[1], dtype=np.float32) % 2 * self.config.scale
        spec = PopularitySpec(scores=f"{self.name}_scores")
        return FittedModel(self.name, self.config.model_dump(), {f"{self.name}_scores": scores}, spec, spec)


class Known(Flat):
    """Factors without a fold-in."""

    name = "known"

    def fit(self, data, *, seed, progress):
        users, items = (np.ones((n, 1), dtype=np.float32) for n in data.user_item.shape)
        items *= np.arange(len(items), dtype=np.float32)[:, None]
        scores = items[:, 0].copy()
        arrays = {"known_users": users, "known_items": items, "known_scores": scores}
        spec = FactorSpec(user_factors="known_users", item_factors="known_items")
        return FittedModel("known", {}, arrays, PopularitySpec(scores="known_scores"), spec)


class Parity(UserScorer):
    def folded(self, ratings):
        return np.tile(np.arange(ratings.shape[1], dtype=np.float32) % 2, (ratings.shape[0], 1))


class Code(Flat):
    """Scores by code of its own."""

    name = "code"

    def fit(self, data, *, seed, progress):
        return FittedModel.judged_only("code", {}, Parity(), data.user_item.shape[1])


def test_a_class_is_fitted_with_the_defaults_of_its_parameters(data):
    assert movierec.fit(Flat, data).parameters == {"scale": 1.0}
    model = movierec.fit(Flat, data, scale=2)
    assert set(model.recommend(user=1, n=3)["score"]) == {2.0}
    with pytest.raises(UsageError, match="flat: unknown key 'scal'; known keys: scale"):
        movierec.fit(Flat, data, scal=2)
    assert movierec.compare([Flat, "popularity"], data).tests["against"][0] == "flat"


def test_a_model_of_neighbours_is_not_explained_by_content_that_it_does_not_know(data):
    model = movierec.fit("item_knn", data)
    reasons = model.explain("Film 2", n=3)
    assert set(reasons["kind"]) == {"part", "rest"}
    assert set(reasons["reason"]) == {"item_knn", ""}


def test_the_bundle_carries_what_readers_are_told_of_the_model(data, tmp_path):
    movierec.fit(Flat, data).save(tmp_path / "flat")
    assert movierec.open(tmp_path / "flat").manifest.about == {"flat": Flat.about}
    blend = movierec.fit("blend", data, als=SMALL)
    assert blend.manifest.about["als"].share == "people"
    assert blend.manifest.about["content"].share == "content"


def test_without_a_fold_in_somebody_new_gets_an_error(data, tmp_path):
    model = movierec.fit(Known, data)
    reopened = movierec.open(model.save(tmp_path / "known"))
    assert reopened.recommend(user=2, n=1)["score"].iloc[0] >= 37
    assert (reopened.explain(user=2, n=2)["kind"] == "rest").any()
    with pytest.raises(NewUserError, match="no fold-in"):
        reopened.recommend(ratings={"Film 2": 5})


def test_a_model_that_scores_by_its_own_code_is_judged_and_not_saved(data, tmp_path, mlflow_store):
    figures = movierec.evaluate(Code, data)
    assert value(figures, "ndcg_at_10") > 0
    model = movierec.fit(Code, data)
    assert set(model.recommend(user=1, n=3)["score"]) == {1.0}
    for refused in (lambda: model.save(tmp_path / "code"), lambda: movierec.train(Code, data)):
        with pytest.raises(UsageError, match="code scores by code of its own, so it can be judged but not saved"):
            refused()
    with pytest.raises(UsageError, match="no similar items"):
        model.similar("Film 2")


class Incomplete:
    """Lacks nearly everything."""

    name = "incomplete"
    seeded: ClassVar[bool] = False


def test_a_class_that_lacks_a_declaration_is_told_which(data):
    with pytest.raises(UsageError, match=r"Incomplete does not declare `config_type`.*`about`.*`uses_ratings`.*`fit`"):
        movierec.fit(Incomplete, data)
    with pytest.raises(UsageError, match="'als' is taken"):
        movierec.fit(type("Als", (Flat,), {"name": "als"}), data)
    with pytest.raises(UsageError, match=r"expected letters a-z, digits and _, found 'My Model'"):
        movierec.fit(type("Mine", (Flat,), {"name": "My Model"}), data)
    with pytest.raises(UsageError, match=r"Bare: expected __init__\(self, config\), its parameters"):
        movierec.fit(type("Bare", (Flat,), {"name": "bare", "__init__": lambda self: None}), data)


def _without(fitted, name):
    fitted.arrays.pop(name)
    return fitted


def _with(fitted, name, array):
    fitted.arrays[name] = array
    return fitted


def _with_long_rows(fitted):
    similarity = SimilaritySpec(parts=[SimilarityPart(name="known", embedding="known_embedding")])
    return replace(_with(fitted, "known_embedding", np.full((40, 4), 1, np.float32)), item_spec=similarity)


def _with_small_matrix(fitted):
    spec = ItemWeightsSpec(sparse="near")
    return replace(fitted, arrays=fitted.arrays | csr_arrays("near", sp.csr_matrix(np.eye(10))), user_spec=spec)


def _with_wrong_columns(fitted):
    arrays = csr_arrays("near", sp.csr_matrix(np.eye(40)))
    arrays["near_indices"] = arrays["near_indices"] + np.int32(1)
    spec = SimilaritySpec(parts=[SimilarityPart(name="near", sparse="near")])
    return replace(fitted, arrays=fitted.arrays | arrays, item_spec=spec)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_with_small_matrix, "expected 40 x 40 items in the matrix near, found 10"),
        (_with_wrong_columns, "expected the arrays of `csr_arrays` in near: "),
        (lambda fitted: None, r"known\.fit: expected a FittedModel, found NoneType"),
        (lambda fitted: replace(fitted, algorithm="als"), r"expected FittedModel\('known', ...\), found 'als'"),
        (
            lambda fitted: _without(fitted, "known_items"),
            "user_spec names an array that fit did not return: 'known_items'",
        ),
        (
            lambda fitted: _with(fitted, "known_scores", np.ones(3, np.float32)),
            "item_spec: expected scores of 40 items, found 3",
        ),
        (lambda fitted: _with(fitted, "known_items", np.ones((40, 2), np.float32)), "user_spec cannot be computed"),
        (
            lambda fitted: _with(fitted, "known_users", np.ones((99, 1), np.float32)),
            "expected 80 user factors, found 99",
        ),
        (_with_long_rows, r"expected rows of length 1 or 0 in known_embedding, found lengths from 2 to 2"),
        (
            lambda fitted: _with(fitted, "known_items", np.full((40, 1), np.nan)),
            "expected finite numbers, .* known_items",
        ),
    ],
)
def test_a_fit_that_returns_something_wrong_is_refused_before_it_is_judged(data, spoil, message):
    class Spoilt(Known):
        def fit(self, data, *, seed, progress):
            return spoil(super().fit(data, seed=seed, progress=progress))

    with pytest.raises(UsageError, match=message):
        movierec.evaluate(Spoilt, data)


def test_a_fit_with_other_arguments_is_refused(data):
    with pytest.raises(UsageError, match=r"Other\.fit: expected fit\(self, data, \*, seed, progress\)"):
        movierec.fit(type("Other", (Flat,), {"name": "other", "fit": lambda self, data: None}), data)


def test_a_metric_that_is_not_there_is_not_drawn(data):
    comparison = movierec.compare([Flat, "popularity"], data)
    with pytest.raises(UsageError, match="There is no ndcg to plot; there are: ndcg_at_10"):
        comparison.plot("ndcg")


def test_errors_about_books_speak_of_books(books):
    model = movierec.fit("popularity", books)
    with pytest.raises(LookupFailedError, match="No book has this id"):
        model.similar(3)


def test_a_list_takes_the_options_of_the_api(model):
    plain = model.recommend(user=1, n=20)
    page = model.recommend(user=1, n=5, offset=5)
    pd.testing.assert_frame_equal(page, plain[5:10].reset_index(drop=True))
    some = plain["id"][:4].tolist()
    assert set(model.recommend(user=1, candidates=some, exclude=some[:1])["id"]) == set(some[1:])
    seen = model.recommend(user=1, n=100, include_seen=True)
    assert len(seen) > len(model.recommend(user=1, n=100))
    both = model.recommend(user=1, ratings={some[0]: 5.0}, n=20)
    assert some[0] not in set(both["id"])
    told = model.predict(some[2], user=1)
    assert (told["rank"], told["kept_away_by"]) == (3, [])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: model.recommend(user=1, popularity=2), "Expected popularity from -1 to 1, found 2"),
        (lambda model: model.recommend(user=1, max_per={"nothing": 1}), "for facets of genres"),
        (lambda model: model.recommend(user=1, min_expected=3), "predicts no ratings"),
        (lambda model: model.recommend(people=[{"Film 2": 5}]), "ratings of two people, found 1"),
        (lambda model: model.similar("Film 2", include_seen=True), "for lists for people"),
    ],
)
def test_an_option_that_cannot_be_met_is_told(model, call, message):
    with pytest.raises(UsageError, match=message):
        call(model)


def test_two_people_get_one_list_with_what_each_is_expected_to_give(data):
    frame = movierec.fit("svd", data, factors=4).recommend(people=[{"Film 2": 5}, {"Film 4": 1, "Film 6": 4.5}], n=5)
    assert list(frame.columns) == ["id", "title", "year", "score", "expected_first", "expected_second"]
    assert not {103, 105, 107} & set(frame["id"])
