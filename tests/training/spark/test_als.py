"""The Spark engine on a standalone master and worker of this machine; skipped where pyspark or Java is missing."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from starlette.testclient import TestClient

from movierec.cli.train import train
from recommender import schema
from recommender.errors import DataError, MissingInputError, MovierecError, UsageError
from recommender.model import Model, Wanted
from recommender.scoring.foldin import AlsSystem
from serving.api.app import create_app
from serving.settings import Settings
from serving.versions.entry import VersionMeta
from serving.versions.model_store import ModelStore
from testing.spark_cluster import standalone
from tests.training import conftest as world
from training.bundling.build import build_bundle
from training.models import configure, make
from training.models.target import EVERY_ROW, Target
from training.progress import silent
from training.registry import Tracker, register_bundle
from training.spark.als import Anchors
from training.spark.ratings import read_dataset

user_item, dataset, data = world.user_item, world.dataset, world.data  # two tastes: 60 people, 30 films

NUMBERS = ["factors=8", "iterations=8", "regularization=1.5"]


def objective(fitted, stars, config):
    """What `Als` minimises, with every pair of a person and a film."""
    scores = fitted.arrays["als_user_factors"] @ fitted.arrays["als_item_factors"].T
    dense = stars.toarray()
    weight = np.where(dense > 0, config.alpha * config.weight(dense), 1.0)
    lengths = sum(float(np.square(fitted.arrays[f"als_{side}_factors"]).sum()) for side in ("user", "item"))
    return float((weight * np.square(np.sign(dense) - scores)).sum()) + config.regularization * lengths


def test_weak_confidence_is_refused_because_spark_would_take_it_for_dislike():
    with pytest.raises(UsageError, match=r"confidence above 1.*is 0\.575"):
        make("spark_als", configure("spark_als", ["als.alpha=1"]))


def test_the_command_line_takes_spark_options_with_spark_and_als_alone():
    with pytest.raises(UsageError, match="Spark fits als alone"):
        train("svd", engine="spark")
    with pytest.raises(UsageError, match="belong to --engine spark"):
        train("als", master="spark://somewhere:7077")


def test_no_ridge_is_refused_because_anchors_make_one():
    with pytest.raises(UsageError, match="regularization above 0"):
        make("spark_als", configure("spark_als", ["als.regularization=0"]))


@pytest.mark.parametrize("regularization", [20.0, 1.5, 0.01])
def test_anchors_turn_into_the_ridge(regularization):
    """Least squares over the anchors' ratings holds their products, and products then cost the regularization."""
    rng = np.random.default_rng(0)
    anchors = Anchors(factors=4, regularization=regularization)
    entries = anchors.ratings((0, 0))
    weight = sp.coo_matrix((np.abs(entries.values), (entries.users, entries.movies))).toarray() + 1
    wanted = sp.coo_matrix((np.maximum(entries.values, 0), (entries.users, entries.movies))).toarray()
    people = np.tile(rng.standard_normal((4, 4)), (anchors.copies, 1))
    films = np.stack(
        [np.linalg.solve((people.T * w) @ people, people.T @ t) for w, t in zip(weight.T, wanted.T, strict=True)]
    )

    assert np.allclose(people[:4] @ films[:4].T, anchors.product * np.eye(4), atol=1e-6)
    one = rng.standard_normal(4).astype(np.float32)
    resolved = anchors.resolve(np.vstack([one, people]), np.vstack([one, films]))
    assert np.square(people @ one).sum() == pytest.approx(regularization * np.square(resolved).sum(), rel=1e-5)


def test_without_pyspark_the_message_says_how_to_get_it(monkeypatch, data):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(MissingInputError, match=r"uv sync --group spark.*Java 17"):
        make("spark_als").fit(data, seed=0, progress=silent)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Address of a standalone master with one worker, both stopped afterwards."""
    with ExitStack() as stack:
        try:
            address = stack.enter_context(standalone(tmp_path_factory.mktemp("spark")))
        except MissingInputError as reason:
            pytest.skip(str(reason))
        yield address


@pytest.fixture(scope="session")
def fit(cluster, data):
    """Fit on the cluster with these numbers."""

    def on_spark(*numbers, seed=3, target=EVERY_ROW):
        changes = [f"master={cluster}", "blocks=2", *(f"als.{number}" for number in numbers)]
        algorithm = make("spark_als", configure("spark_als", changes))
        return algorithm.fit(replace(data, target=target), seed=seed, progress=silent)

    return on_spark


@pytest.fixture(scope="session")
def fitted(fit):
    return fit(*NUMBERS)


@pytest.mark.parametrize("target", [EVERY_ROW, Target(4.0)], ids=str)
def test_spark_reaches_the_minimum_that_the_local_fit_reaches(fit, data, target):
    fitted, config, data = fit(*NUMBERS, target=target), configure("als", NUMBERS), replace(data, target=target)
    local = make("als", config).fit(data, seed=3, progress=silent)
    likes = data.likes(data.stars.data)
    assert (likes.nnz == data.stars.nnz) is (target == EVERY_ROW)
    found, expected = (objective(model, likes, config) for model in (fitted, local))
    assert found == pytest.approx(expected, rel=0.01)
    assert fitted.user_spec == local.user_spec
    assert {name: array.shape for name, array in fitted.arrays.items()} == {
        name: array.shape for name, array in local.arrays.items()
    }


def test_known_people_have_the_factors_that_fold_in_gives(fitted, data):
    items = fitted.arrays["als_item_factors"]
    spec = fitted.user_spec.fold_in
    folded, _ = AlsSystem(spec, items, fitted.arrays[spec.gram]).fold_in(data.user_item)
    np.testing.assert_allclose(fitted.arrays["als_user_factors"], folded, atol=1e-5)
    assert not items[world.UNRATED].any()


def test_the_same_seed_gives_the_same_model(fit, fitted):
    again = fit(*NUMBERS)
    for name, array in fitted.arrays.items():
        np.testing.assert_allclose(again.arrays[name], array, atol=1e-5, err_msg=name)


def test_the_model_is_registered_and_served_like_any_other(fitted, dataset, data, mlflow_store, tmp_path):
    build_bundle(tmp_path / "bundle", fitted, dataset, data)
    tracker = Tracker(mlflow_store)
    version = register_bundle(tmp_path / "bundle", tracker=tracker)
    assert tracker.client.get_run(version.run_id).data.params.items() >= {"engine": "spark", "factors": "8"}.items()
    model = Model.load(tracker.bundle(version.number, tmp_path / "fetched"))
    model.check_golden()
    tastes = world.taste_of_film(model.for_user(0, Wanted(n=3)).rows)
    assert tastes.tolist() == [0, 0, 0]

    store = ModelStore(tmp_path / "models")
    meta = VersionMeta(name="movielens-recommender", version="1", run_id=version.run_id, algorithm="als")
    store.point("champion", store.install(meta, (tmp_path / "bundle").rename))
    with TestClient(create_app(Settings(), store), base_url="http://localhost") as client:
        answer = client.get("/recommend/", params={"title": "Film 3", "n": 3})
    assert answer.status_code == 200
    rows = model.movie_ids.rows([film["movie_id"] for film in answer.json()["recommendations"]])
    assert world.taste_of_film(rows).tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_ratings_are_read_from_csv_and_parquet(kind, cluster, dataset, tmp_path):
    raw = dataset.ratings.rename(columns={schema.USER: "userId", schema.MOVIE: "movieId"})
    older = raw.assign(rating=0.5)[::7]
    shuffled = pd.concat([raw.assign(timestamp=raw["timestamp"] + 1), older]).sample(frac=1, random_state=1)
    write = {"csv": lambda path: shuffled.to_csv(path, index=False), "parquet": shuffled.to_parquet}[kind]
    write(tmp_path / f"ratings.{kind}")

    found = read_dataset(str(tmp_path / f"ratings.{kind}"), dataset, master=cluster)
    assert (found.user_item() != dataset.user_item()).nnz == 0
    assert found.ratings.dtypes.astype(str).to_dict() == schema.RATING_DTYPES
    assert found.movies[schema.DUPLICATE_OF].tolist() == dataset.movies[schema.MOVIE].tolist()
    assert found.fingerprint != dataset.fingerprint


def test_too_many_bad_rows_stop_the_reading(cluster, dataset, tmp_path):
    raw = dataset.ratings.astype({schema.RATING: "float64"})
    raw.loc[:4, schema.RATING] = [np.nan, 5.5, 0.0, 3.3, 4.0]
    raw.loc[4, schema.MOVIE] = 999_999
    raw.to_csv(tmp_path / "ratings.csv", index=False)
    with pytest.raises(DataError, match=rf"5 of {len(raw)} rows .* no ratings of known films"):
        read_dataset(str(tmp_path / "ratings.csv"), dataset, master=cluster)


def test_a_column_that_is_missing_is_named(cluster, dataset, tmp_path):
    dataset.ratings.drop(columns=schema.RATING).to_csv(tmp_path / "ratings.csv", index=False)
    with pytest.raises(DataError, match="Expected the column rating"):
        read_dataset(str(tmp_path / "ratings.csv"), dataset, master=cluster)


def test_a_failure_of_spark_is_told_in_one_line(cluster, dataset, tmp_path):
    with pytest.raises(MovierecError, match=r"Spark on spark://.* failed: .*nowhere\.parquet") as failure:
        read_dataset(str(tmp_path / "nowhere.parquet"), dataset, master=cluster)
    assert "\n" not in str(failure.value)
