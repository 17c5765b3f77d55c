"""The synthetic twin: its marginals, its repeatability, and that models find what was planted."""

from __future__ import annotations

import json
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.sparse.linalg as spla
from hypothesis import given, settings
from hypothesis import strategies as st

from movierec.cli import main
from recommender.files import MARKER
from training.datasets.store import prepare
from training.datasets.synth.files import write_twin
from training.datasets.synth.people import batches
from training.datasets.synth.world import load_synthetic_config, make_world

CONFIG = load_synthetic_config(users=1500, movies=800, ratings=120_000, seed=3)


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """The world, its files, and the processed data set."""
    root = tmp_path_factory.mktemp("twin")
    world = write_twin(CONFIG, root / "raw", genome=True)
    return world, root / "raw", prepare("synthetic", raw=root / "raw", processed_root=root / "processed")


def test_it_has_exactly_the_sizes_asked_for_and_is_clean(twin):
    _, directory, dataset = twin
    assert (len(dataset.ratings), len(dataset.user_ids), len(dataset.movie_ids)) == (120_000, 1500, 800)
    report = json.loads((directory.parent / "processed" / "synthetic" / "quality_report.json").read_text("utf-8"))
    assert report["quarantined"] == {}
    assert "repeated_ratings_dropped" not in report["mended"]
    assert report["genome"]["complete_films"] == 176
    assert dataset.details["user_tags"] > 3000
    names = [MARKER, "genome-scores.csv", "genome-tags.csv", "links.csv", "movies.csv", "ratings.csv", "tags.csv"]
    assert sorted(path.name for path in directory.iterdir()) == names


def test_marginals_look_like_movielens(twin):
    world, _, dataset = twin
    ratings = dataset.ratings
    films, people = (ratings[column].value_counts() for column in ("movie_id", "user_id"))
    assert films.max() > 10 * films.median()
    assert people.min() >= 20
    assert people.max() > 3 * people.median()
    assert 3.3 < ratings.rating.mean() < 3.7
    assert 0.9 < ratings.rating.std() < 1.15
    shares = ratings.rating.value_counts(normalize=True)
    assert set(shares.index) == set(np.arange(0.5, 5.5, 0.5))
    assert shares[4.0] > shares[3.5]  # many people give no half stars
    years = pd.to_datetime(ratings.timestamp, unit="s").dt.year
    released = ratings.movie_id.map(dict(zip(world.movie_ids.tolist(), world.years.tolist(), strict=True)))
    assert years.min() >= 1996
    assert years.max() <= 2020
    assert (released <= years).mean() > 0.99


def test_ratings_drift_with_the_age_of_the_film(twin):
    world, _, dataset = twin
    steep = CONFIG.model_copy(update={"drift_per_year": 0.05, "noise": 0.1})
    ages, stars = [], []
    for batch in batches(make_world(steep)):
        ages.append(batch.times / 31_556_952 + 1970 - world.years[batch.movies])
        stars.append(batch.half_stars / 2)
    assert np.corrcoef(np.concatenate(ages), np.concatenate(stars))[0, 1] > 0.3
    assert len(dataset.ratings) == sum(map(len, stars))


def test_the_same_seed_gives_the_same_files_and_another_one_others(tmp_path):
    small = CONFIG.model_copy(update={"users": 60, "movies": 100, "ratings": 1500})
    for name, config in (("a", small), ("b", small), ("c", small.model_copy(update={"seed": 4}))):
        write_twin(config, tmp_path / name, genome=True)
    for path in (tmp_path / "a").glob("*.csv"):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert (tmp_path / "a" / "ratings.csv").read_bytes() != (tmp_path / "c" / "ratings.csv").read_bytes()


def test_a_model_of_the_ratings_finds_the_themes(twin):
    world, _, dataset = twin
    seen = dataset.user_item()
    seen.data[:] = 1
    popular = np.flatnonzero(seen.getnnz(axis=0) >= 30)
    scaled = seen[:, popular].multiply(1 / np.sqrt(seen[:, popular].getnnz(axis=0))).tocsr()
    factors = spla.svds(scaled.astype(np.float64), k=24, random_state=0)[2].T
    assert _same_theme(factors, world.themes[popular]) > 0.4  # by chance: 1 in 20


def test_the_genome_agrees_with_the_ratings(twin):
    world, _, dataset = twin
    start, stop = dataset.tags.blocks["genome"]
    genome = dataset.tags.matrix[:, start:stop]
    rows = np.flatnonzero(np.diff(genome.indptr))
    assert _same_theme(genome[rows].toarray(), world.themes[rows]) > 0.9
    assert (np.corrcoef(world.traits[rows] @ world.traits[rows].T).mean()) < 1  # themes are not all there is


def test_taste_predicts_held_out_ratings_better_than_biases(twin):
    world, _, dataset = twin
    rng = np.random.default_rng(0)
    test = rng.random(len(dataset.ratings)) < 0.1
    users, movies, stars = dataset.user_rows, dataset.movie_rows, dataset.ratings.rating.to_numpy(dtype=np.float64)
    mean = stars[~test].mean()
    user_bias = _shrunk(users[~test], stars[~test] - mean, len(dataset.user_ids), 5)
    residual = stars - mean - user_bias[users]
    movie_bias = _shrunk(movies[~test], residual[~test], len(dataset.movie_ids), 5)
    residual -= movie_bias[movies]
    # what people think of each theme, learnt from their other ratings
    cells = users * CONFIG.themes + world.themes[movies]
    taste = _shrunk(cells[~test], residual[~test], len(dataset.user_ids) * CONFIG.themes, 5)
    biases_only = np.sqrt(np.mean(residual[test] ** 2))
    with_taste = np.sqrt(np.mean((residual - taste[cells])[test] ** 2))
    assert with_taste < 0.98 * biases_only


def _same_theme(vectors, themes):
    """Share of each film's five nearest films that have its theme."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    nearest = np.argsort(-cosines, axis=1)[:, :5]
    return (themes[nearest] == themes[:, None]).mean()


def _shrunk(groups, values, count, strength):
    return np.bincount(groups, values, count) / (np.bincount(groups, minlength=count) + strength)


@given(st.integers(1, 40), st.integers(1, 60), st.floats(0, 1), st.integers(0, 5))
@settings(max_examples=25)
def test_any_size_gives_exactly_its_ratings_each_pair_once(users, movies, fill, seed):
    ratings = max(1, int(users * movies * fill))
    config = load_synthetic_config(users=users, movies=movies, ratings=ratings, seed=seed)
    world = make_world(config)
    made = list(batches(world))
    pairs = np.concatenate([batch.users.astype(np.int64) * movies + batch.movies for batch in made])
    assert len(pairs) == ratings == world.activity.sum()
    assert all(one < other for one, other in pairwise(pairs.tolist()))
    half_stars = np.concatenate([batch.half_stars for batch in made])
    assert half_stars.min() >= 1
    assert half_stars.max() <= 10


def test_the_command_writes_files_that_prepare_reads(tmp_path, monkeypatch, capsys):
    words = ["--users", "30", "--movies", "40", "--ratings", "500", "--out", str(tmp_path / "raw"), "--json"]
    monkeypatch.setattr(sys, "argv", ["movierec", "data", "synth", *words])
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["ratings"] == 500
    dataset = prepare("synthetic", raw=tmp_path / "raw", processed_root=tmp_path)
    assert len(dataset.ratings) == 500
    assert "genome-scores.csv" not in {path.name for path in (tmp_path / "raw").iterdir()}
