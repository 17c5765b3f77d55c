"""The real editions, where the machine has them: exact counts."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from training.datasets.sources import installed_sample
from training.datasets.store import prepare


def test_latest_small_has_its_published_counts_and_the_genome_sample_its_films(real_data, tmp_path):
    dataset = prepare(
        "ml-latest-small",
        raw=real_data / "ml-latest-small",
        genome=real_data / "tag-genome-sample",
        credits=real_data / "credits" / "ml-latest-small-credits.csv",
        processed_root=tmp_path,
    )
    snapshot = dataset.snapshot()
    assert (snapshot["ratings"], snapshot["users"], snapshot["films"]) == (100_836, 610, 9742)
    assert snapshot["user_tags"] == 3683
    assert snapshot["credit_coverage"] > 0.98
    report = json.loads((tmp_path / "ml-latest-small" / "quality_report.json").read_text("utf-8"))
    assert report["genome"]["complete_films"] == 177
    assert report["genome"]["incomplete_films"] == [187]
    assert report["quarantined"] == {}
    films = dataset.movies.set_index("movie_id")
    assert films.title[29] == "The City of Lost Children"
    assert films.imdb_id[1] == 114709
    assert films.directors[1] == ["John Lasseter"]


def test_both_forms_of_movielens_100k_are_equal(real_data, tmp_path):
    sample = installed_sample()
    if sample is None:
        pytest.skip("the recbole wheel with MovieLens 100K is not installed")
    original = prepare("ml-100k", raw=real_data / "ml-100k", processed_root=tmp_path / "a")
    wheel = prepare("ml-100k", raw=sample, processed_root=tmp_path / "b")
    assert (len(original.ratings), len(original.user_ids), len(original.movie_ids)) == (100_000, 943, 1682)
    pd.testing.assert_frame_equal(original.ratings, wheel.ratings)
    pd.testing.assert_frame_equal(original.movies, wheel.movies)
