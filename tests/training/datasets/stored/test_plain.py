"""The files of a processed data set hold what their names say, for whoever has pandas and scipy alone."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from recommender.errors import DataError
from recommender.films.ids import IdMap
from recommender.schema import MOVIE, RATING, TIMESTAMP, USER
from training.datasets.store import load_dataset, prepare
from training.datasets.stored.manifest import MANIFEST, MOVIES_FILE
from training.datasets.stored.persistence import (
    RATINGS_FILE,
    TAGS_FILE,
    USER_ITEM_FILE,
    frame_of,
    labels,
    plain_frame,
    plain_matrix,
)

# Runs without this project and without pyarrow, which pandas uses for texts where it is installed.
READER = """
import json, sys

class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in %r:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refusal())
import pandas as pd

directory = sys.argv[1]
ratings, movies, tags, user_item = (pd.read_pickle(f"{directory}/{name}") for name in %r)
user_item["matrix"].data[:] += 0  # whoever opens it may change it
entries = user_item["matrix"].tocoo()
print(json.dumps({
    "ratings": {"columns": list(ratings.columns), "rows": len(ratings), "first": [str(x) for x in ratings.iloc[0]]},
    "movies": [str(title) for title in movies["title"]],
    "tags": [tags["matrix"].shape, tags["movie_ids"].tolist(), tags["features"], tags["blocks"]],
    "cells": sorted(
        [str(user_item["user_ids"][row]), str(user_item["movie_ids"][column]), float(stars)]
        for row, column, stars in zip(entries.row, entries.col, entries.data)
    ),
    "rated": sorted([str(user), str(film), float(stars)] for user, film, stars, _ in ratings.itertuples(index=False)),
}))
"""
OWN = (
    "recommender",
    "training",
    "serving",
    "client",
    "webapp",
    "movierec",
    "testing",
    "benchmarks",
    "tests",
    "pyarrow",
)
FILES = (RATINGS_FILE, MOVIES_FILE, TAGS_FILE, USER_ITEM_FILE)


def read_elsewhere(directory, cwd):
    """Read the four files in a Python without this project, somewhere else."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", READER % (OWN, FILES), str(directory)],
        capture_output=True, text=True, check=True, cwd=cwd,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_every_file_opens_whole_without_this_project(raw, tmp_path):
    dataset = prepare("mine", raw=raw.path, processed_root=tmp_path / "p")
    (tmp_path / "p" / "mine").rename(tmp_path / "moved")
    contents = read_elsewhere(tmp_path / "moved", "/")
    assert contents["ratings"]["columns"] == [USER, MOVIE, RATING, TIMESTAMP]
    assert contents["ratings"]["rows"] == 3000
    assert contents["ratings"]["first"] == ["1.0", "1.0", "1.0", "1000001001.0"]
    assert contents["movies"] == dataset.movies["title"].tolist()
    assert contents["cells"] == contents["rated"], "the matrix and its labels say what the table says"
    shape, movie_ids, features, blocks = contents["tags"]
    assert shape == [50, len(features)]
    assert movie_ids == dataset.movies[MOVIE].tolist()
    assert features[slice(*blocks["genres"])] == ["genre:Action", "genre:Comedy", "genre:Drama", "genre:Thriller"]


def test_latest_small_opens_with_all_its_ratings(real_data, tmp_path):
    prepare("ml-latest-small", raw=real_data / "ml-latest-small", processed_root=tmp_path)
    contents = read_elsewhere(tmp_path / "ml-latest-small", "/")
    assert contents["ratings"]["rows"] == 100_836
    assert len(contents["ratings"]["columns"]) == 4
    assert contents["cells"] == contents["rated"]


def test_text_ids_are_plain_strings_in_every_file(tmp_path):
    users = pd.Categorical(["ünal", "0012", "zoë"], categories=pd.Index(["0012", "zoë", "ünal"], dtype="str"))
    movies = pd.Categorical(["b-1", "b-1", "a/2"], categories=pd.Index(["a/2", "b-1"], dtype="str"))
    stars = np.array([1, 2, 3], dtype="float32")
    ratings = pd.DataFrame({USER: users, MOVIE: movies, RATING: stars, TIMESTAMP: [0, 0, 0]})
    user_ids, movie_ids = IdMap.from_raw(users.tolist()), IdMap.from_raw(movies.tolist())
    matrix = sp.csr_matrix((stars, (users.codes, movies.codes)), shape=(3, 2))
    titles = pd.DataFrame({MOVIE: movies.categories, "title": pd.Series(["A", "B"], dtype="str")})
    stored = {
        RATINGS_FILE: plain_frame(ratings),
        MOVIES_FILE: plain_frame(titles),
        USER_ITEM_FILE: plain_matrix(matrix, user_ids, movie_ids),
        TAGS_FILE: {"matrix": matrix.T, "movie_ids": labels(movie_ids), "features": [], "blocks": {}},
    }
    for name, content in stored.items():
        (tmp_path / name).write_bytes(pickle.dumps(content, protocol=5))
    contents = read_elsewhere(tmp_path, "/")
    assert contents["rated"] == contents["cells"] == [["0012", "b-1", 2], ["zoë", "a/2", 3], ["ünal", "b-1", 1]]
    pd.testing.assert_frame_equal(frame_of(pd.read_pickle(tmp_path / RATINGS_FILE)), ratings)
    pd.testing.assert_frame_equal(frame_of(pd.read_pickle(tmp_path / MOVIES_FILE)), titles)


@pytest.mark.parametrize("name", [RATINGS_FILE, USER_ITEM_FILE, TAGS_FILE])
def test_files_that_disagree_are_refused_even_with_right_checksums(raw, tmp_path, name):
    prepare("mine", raw=raw.path, processed_root=tmp_path)
    path, manifest_path = tmp_path / "mine" / name, tmp_path / "mine" / MANIFEST
    content = pd.read_pickle(path)
    if name == RATINGS_FILE:
        content.loc[0, RATING] = 5.0
    elif name == USER_ITEM_FILE:
        content["matrix"].data[7] = 5.0
    else:
        content["movie_ids"][0] = 1000
    path.write_bytes(pickle.dumps(content, protocol=5))
    manifest = json.loads(manifest_path.read_text("utf-8"))
    manifest["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest_path.write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(DataError, match=r"are not of the same films, users and ratings.*--force"):
        load_dataset("mine", tmp_path)
