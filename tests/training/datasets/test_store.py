"""Processed data on disk: nothing twice, nothing unchecked, nothing half."""

from __future__ import annotations

import json
import os
import pickle
import random
import threading
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest

from recommender.errors import DataError, MissingInputError, UsageError
from training.datasets import processing
from training.datasets.readers import read_raw
from training.datasets.sources import count_lines, default_credits, find_raw, installed_sample
from training.datasets.store import load_dataset, prepare
from training.datasets.stored import persistence
from training.datasets.stored.manifest import MANIFEST, MOVIES_FILE, processed_files
from training.datasets.stored.persistence import RATINGS_FILE, TAGS_FILE, USER_ITEM_FILE
from training.datasets.tables import in_background


@pytest.fixture
def runs(monkeypatch):
    """How often raw files were processed."""
    done = []
    real = processing.process

    def counted(*args):
        done.append(args)
        return real(*args)

    monkeypatch.setattr(processing, "process", counted)
    return done


def test_unchanged_inputs_are_not_processed_again(raw, tmp_path, runs):
    first = prepare("mine", raw=raw.path, processed_root=tmp_path / "p")
    second = prepare("mine", raw=raw.path, processed_root=tmp_path / "p")
    assert len(runs) == 1
    pd.testing.assert_frame_equal(first.ratings, second.ratings)
    pd.testing.assert_frame_equal(first.movies, second.movies)
    assert (first.user_item().toarray() == second.user_item().toarray()).all()
    assert first.snapshot() == second.snapshot()
    prepare("mine", raw=raw.path, processed_root=tmp_path / "p", force=True)
    assert len(runs) == 2


def test_a_changed_input_credit_or_setting_is_processed_again(raw, tmp_path, runs):
    fingerprints = {prepare("mine", raw=raw.path, processed_root=tmp_path / "p").fingerprint}
    raw.add("ratings.csv", "1,1,0.5,1400000000")
    fingerprints.add(prepare("mine", raw=raw.path, processed_root=tmp_path / "p").fingerprint)
    credits = tmp_path / "credits.csv"
    credits.write_text("movieId,directors,actors\n1,Ann,Bob\n", "utf-8")
    fingerprints.add(prepare("mine", raw=raw.path, credits=credits, processed_root=tmp_path / "p").fingerprint)
    fingerprints.add(prepare("mine", raw=raw.path, max_bad_share=0.5, processed_root=tmp_path / "p").fingerprint)
    assert len(fingerprints) == len(runs) == 4


@pytest.mark.parametrize("made_before", [True, False])
def test_an_input_that_changes_while_ratings_are_still_being_read_is_refused(raw, tmp_path, monkeypatch, made_before):
    if made_before:
        before = prepare("mine", raw=raw.path, processed_root=tmp_path / "p")
        raw.add("ratings.csv", "1,1,0.5,1400000000")
    process = processing.process

    def overtaken(name, sources, config, fingerprint, writer, arrivals=None):
        def still_reading(tables):
            fingerprint.result()
            raw.add("ratings.csv", "2,1,0.5,1400000000")
            return tables.ratings

        def read(*args):
            tables = read_raw(*args)
            return replace(tables, ratings_to_come=in_background(still_reading, tables))

        monkeypatch.setattr(processing, "read_raw", read)
        return process(name, sources, config, fingerprint, writer)

    monkeypatch.setattr(processing, "process", overtaken)
    with pytest.raises(DataError, match=r"ratings\.csv changed while being read"):
        prepare("mine", raw=raw.path, processed_root=tmp_path / "p")
    if made_before:
        assert load_dataset("mine", tmp_path / "p").fingerprint == before.fingerprint
    else:
        assert not (tmp_path / "p" / "mine").exists()


def test_what_is_wrong_with_half_of_a_changing_file_is_not_held_against_it(raw, tmp_path, monkeypatch):
    def overtaken(*args):
        raw.add("ratings.csv", "2,1,0.5,1400000000")
        raise DataError("No usable rating is left after cleaning.")

    monkeypatch.setattr(processing, "process", overtaken)
    with pytest.raises(DataError, match=r"ratings\.csv changed while being read"):
        prepare("mine", raw=raw.path, processed_root=tmp_path / "p")


def test_an_input_that_changes_between_hashing_and_reading_is_refused(raw, tmp_path, monkeypatch):
    before = prepare("mine", raw=raw.path, processed_root=tmp_path / "p")
    raw.add("ratings.csv", "1,1,0.5,1400000000")  # so that it is hashed to be compared with what was made

    def overtaken(files):
        raw.add("ratings.csv", "2,1,0.5,1400000000")
        return count_lines(files)

    monkeypatch.setattr(processing, "count_lines", overtaken)
    with pytest.raises(DataError, match=r"ratings\.csv changed while being read"):
        prepare("mine", raw=raw.path, processed_root=tmp_path / "p")
    assert load_dataset("mine", tmp_path / "p").fingerprint == before.fingerprint


def test_every_file_is_brought_to_the_disk_once_before_it_takes_its_place(raw, tmp_path, monkeypatch):
    target, sync = tmp_path / "p" / "mine", os.fsync
    synced: Counter[int] = Counter()

    def watched(descriptor):
        if not target.exists():
            synced[os.fstat(descriptor).st_ino] += 1
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    prepare("mine", raw=raw.path, processed_root=target.parent)
    assert synced == {path.stat().st_ino: 1 for path in (target, *target.iterdir())}


@pytest.mark.parametrize("order", ["by user and film", "shuffled", "repeated"])
def test_ratings_are_opened_as_they_were_made_whatever_their_order(raw, tmp_path, order):
    header, *lines = raw.lines("ratings.csv")
    again = [",".join((*line.split(",")[:2], "0.5", "1")) for line in lines[:5]] if order == "repeated" else []
    if order != "by user and film":
        random.Random(1).shuffle(lines)
    raw.write("ratings.csv", header, *again, *lines)
    made = prepare("mine", raw=raw.path, processed_root=tmp_path / "p")
    opened = load_dataset("mine", tmp_path / "p")
    pd.testing.assert_frame_equal(made.ratings, opened.ratings, check_exact=True)
    found = [f"{user},{film},{stars}" for user, film, stars, _ in opened.ratings.itertuples(index=False)]
    assert sorted(found) == sorted(line.rsplit(",", 1)[0] for line in lines)
    stored = pd.read_pickle(tmp_path / "p" / "mine" / USER_ITEM_FILE)["matrix"]
    assert stored.has_sorted_indices
    assert (stored != opened.user_item()).nnz == 0


@pytest.mark.parametrize("name", [MOVIES_FILE, RATINGS_FILE, TAGS_FILE, USER_ITEM_FILE])
def test_a_changed_file_is_refused_and_made_again(raw, tmp_path, name):
    prepare("mine", raw=raw.path, processed_root=tmp_path)
    directory = tmp_path / "mine"
    data = bytearray((directory / name).read_bytes())
    data[len(data) // 2] ^= 1
    (directory / name).write_bytes(data)
    with pytest.raises(DataError, match=rf"{name} is missing or not the file.*--force"):
        load_dataset("mine", tmp_path)
    prepare("mine", raw=raw.path, processed_root=tmp_path)
    assert len(load_dataset("mine", tmp_path).movies) == 50


def test_a_foreign_pickle_is_never_opened(raw, tmp_path):
    class Mark:
        def __reduce__(self):
            return (print, ("opened",), None, None, None)

    prepare("mine", raw=raw.path, processed_root=tmp_path)
    directory = tmp_path / "mine"
    (directory / MOVIES_FILE).write_bytes(pickle.dumps(Mark()))
    with pytest.raises(DataError):
        load_dataset("mine", tmp_path)


def test_another_pandas_version_means_prepare_again(raw, tmp_path, runs):
    prepare("mine", raw=raw.path, processed_root=tmp_path)
    directory = tmp_path / "mine"
    manifest = json.loads((directory / MANIFEST).read_text("utf-8"))
    assert manifest["pandas"] == pd.__version__
    (directory / MANIFEST).write_text(json.dumps(manifest | {"pandas": "1.0.0"}), "utf-8")
    with pytest.raises(MissingInputError, match=r"pandas 1\.0\.0.*movierec data prepare mine"):
        load_dataset("mine", tmp_path)
    prepare("mine", raw=raw.path, processed_root=tmp_path)
    assert len(runs) == 2


def test_two_at_once_end_with_one_sound_data_set(raw, tmp_path, runs):
    threads = [
        threading.Thread(target=prepare, args=("mine",), kwargs={"raw": raw.path, "processed_root": tmp_path / "p"})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 1
    assert len(load_dataset("mine", tmp_path / "p").ratings) == 3000


def test_the_snapshot_describes_the_data_set(raw, tmp_path):
    snapshot = prepare("mine", raw=raw.path, processed_root=tmp_path).snapshot()
    assert snapshot["films"] == 50
    assert snapshot["users"] == 60
    assert snapshot["ratings"] == 3000
    assert snapshot["density"] == 1.0
    assert snapshot["mean_ratings_per_film"] == 60
    assert snapshot["first_rating"] == snapshot["last_rating"] == "2001-09-09"
    assert (snapshot["first_year"], snapshot["last_year"]) == (1990, 1990)
    assert snapshot["genome_coverage"] == snapshot["credit_coverage"] == 0


@pytest.mark.skipif(installed_sample() is None, reason="the recbole wheel with MovieLens 100K is not installed")
def test_the_installed_sample_is_movielens_100k(tmp_path):
    dataset = prepare("ml-100k", raw=installed_sample(), processed_root=tmp_path)
    assert (len(dataset.ratings), len(dataset.user_ids), len(dataset.movie_ids)) == (100_000, 943, 1682)
    films = dataset.movies.set_index("movie_id")
    assert films.title[267] == "unknown"
    assert films.year.isna().sum() == 1
    assert (films.title[1412], films.year[1412]) == ("Land Before Time III: The Time of the Great Giving", 1995)
    assert (films.duplicate_of != films.index).sum() == 18
    assert films.duplicate_of[246] == 268  # "Chasing Amy" was entered twice; 268 has more ratings
    assert "Children" in films.genres[1]
    if default_credits("ml-100k"):
        assert films.directors[1] == ["John Lasseter"]


@pytest.mark.fault(58)
def test_what_every_earlier_version_prepared_is_recognised(tmp_path):
    files = [MOVIES_FILE, USER_ITEM_FILE, RATINGS_FILE, TAGS_FILE, "user_ids.npy", "movie_ids.npy", "quarantine.csv"]
    manifest = {"format": 3, "name": "mine", "fingerprint": "0", "pandas": "3.1.1", "numpy": "2.4.6", "details": {}}
    manifest["files"] = dict.fromkeys(files, "0")
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    assert processed_files(tmp_path) == {MANIFEST, *files}
    for change in ({"name": "../mine"}, {"name": None}, {"files": files}, {"files": {"mine.txt": "0"}}):
        (tmp_path / MANIFEST).write_text(json.dumps(manifest | change))
        assert processed_files(tmp_path) is None


@pytest.mark.fault(58)
@pytest.mark.parametrize("name", ["", "..", "../mine", "/etc", ".mine"])
def test_a_name_becomes_a_path_only_where_it_is_one(raw, tmp_path, name):
    for call in (
        lambda: prepare(name, raw=raw.path, credits=raw.path / "movies.csv", processed_root=tmp_path / "p"),
        lambda: load_dataset(name, tmp_path / "p"),
        lambda: find_raw(name),
        lambda: default_credits(name),
    ):
        with pytest.raises(UsageError, match="Expected the name of a data set"):
            call()
    assert not (tmp_path / "p").exists()


def test_a_file_that_the_disk_garbles_while_it_is_stored_does_not_match_its_sum(raw, tmp_path, monkeypatch):
    def garble(path):
        if path.name == "processed_ratings.pkl":
            path.write_bytes(path.read_bytes()[:-1] + b"?")

    monkeypatch.setattr(persistence, "sync", garble)
    prepare("mine", raw=raw.path, processed_root=tmp_path / "p")
    with pytest.raises(DataError, match=r"processed_ratings\.pkl"):
        load_dataset("mine", tmp_path / "p")
