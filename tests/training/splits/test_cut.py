"""The protocols' splits: what is in which part, that nothing leaks, and that they repeat."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import DataError, MissingInputError, UsageError
from recommender.feedback import MOVIELENS, Feedback
from recommender.schema import LIKE_THRESHOLD, MOVIE, RATING, TIMESTAMP, USER
from tests.training.evaluation.builders import dataset_of, random_dataset
from tests.training.small import small_dataset, with_ratings
from training.datasets.store import prepare
from training.splits.cut import (
    all_ratings,
    fold_in_likes,
    splits,
    train_on_fold_in,
    training_data,
    validation_splits,
)
from training.splits.files import files_dataset
from training.splits.pairs import read_pairs
from training.splits.protocol import PROTOCOL_ROOT, PerItemSplit, load_protocol, protocol_names

# Those that random ratings with random times can be cut by.
CUT = [name for name in protocol_names() if name not in ("files", "u1", "rolling", "cold-described")]
REAL = os.environ.get("MOVIEREC_REAL_DATA")
needs_real_data = pytest.mark.skipif(not REAL, reason="MOVIEREC_REAL_DATA names no directory of GroupLens files")


@pytest.fixture(scope="module")
def dataset():
    return random_dataset(np.random.default_rng(0))


@pytest.fixture(scope="module")
def ml100k(tmp_path_factory):
    return prepare("ml-100k", raw=Path(REAL or "") / "ml-100k", processed_root=tmp_path_factory.mktemp("processed"))


def columns(dataset):
    """Users, films, stars and times of every rating."""
    return (dataset.ratings[name].to_numpy() for name in (USER, MOVIE, RATING, TIMESTAMP))


seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=10)  # every example is a world of its own


@pytest.mark.parametrize("name", CUT)
@given(world=seeds, seed=st.integers(0, 1000))
@few
def test_no_test_rating_is_trained_on_and_splits_repeat(name, world, seed):
    dataset, protocol = random_dataset(np.random.default_rng(world)), load_protocol(name)
    first, second = (splits(protocol, dataset, seed) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert not (one.train & one.test).any()
        assert one.train.any()
        assert one.test.any()
        assert not (one.masked & one.test).any()
        for part in ("train", "test", "masked", "queries", "fold_in"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


@pytest.mark.parametrize("name", CUT)
@given(world=seeds)
@few
def test_validation_parts_never_touch_the_test_part(name, world):
    dataset, protocol = random_dataset(np.random.default_rng(world), 40, 40), load_protocol(name)
    for split in splits(protocol, dataset, 0):
        for inner in validation_splits(protocol, dataset, split, 1):
            assert not ((inner.train | inner.test | inner.masked) & split.test).any()
            assert not ((inner.train | inner.test) & ~split.train).any()
            assert not (inner.train & inner.test).any()


def test_validation_of_item2item_holds_out_the_latest_likes_once_and_then_likes_drawn_at_random():
    dataset, protocol = random_dataset(np.random.default_rng(0), 60, 40), load_protocol("item2item")
    (split,) = splits(protocol, dataset, 0)
    latest, *drawn = validation_splits(protocol, dataset, split, 0)
    users, _, stars, times = columns(dataset)
    likes = split.train & (stars >= LIKE_THRESHOLD)

    def later_share(part):
        """Share of the pairs of a held-out and a kept like of one person in which the held-out one is later."""
        own = [(part.test & (users == user), likes & ~part.test & (users == user)) for user in np.unique(users)]
        pairs = [times[held][:, None] > times[kept] for held, kept in own]
        return np.concatenate([each.ravel() for each in pairs]).mean()

    assert later_share(latest) == pytest.approx(1, abs=0.05)
    assert [later_share(part) for part in drawn] == pytest.approx([0.5] * 4, abs=0.1)
    counts = {tuple(np.bincount(users[part.test], minlength=users.max() + 1)) for part in (latest, *drawn)}
    assert len(counts) == 1, "each person has as many held-out likes in every part"
    assert len({part.test.tobytes() for part in drawn}) == 4


def test_validation_of_ms_item75_trains_on_nearly_all_and_cuts_anew_each_time():
    dataset, protocol = random_dataset(np.random.default_rng(0), 60, 40), load_protocol("ms-item75")
    (split,) = splits(protocol, dataset, 42)
    first, second = validation_splits(protocol, dataset, split, 42)
    _, movies, *_ = columns(dataset)
    for inner in (first, second):
        trained, kept = (np.bincount(movies[mask], minlength=movies.max() + 1) for mask in (split.train, inner.train))
        np.testing.assert_array_equal(kept, np.rint(0.9 * trained))
    assert (first.test & second.test).sum() < 0.5 * first.test.sum()


@pytest.mark.parametrize("name", ["item2item", "ms-item75"])
def test_how_validation_is_cut_changes_nothing_of_how_versions_are_judged(name):
    protocol = load_protocol(name)
    assert protocol.model_copy(update={"validation_cuts": 9}).judging == protocol.judging
    if isinstance(protocol.split, PerItemSplit):
        more = protocol.split.model_copy(update={"validation_share": 0.5})
        assert protocol.model_copy(update={"split": more}).judging == protocol.judging
    assert protocol.model_copy(update={"seeds": [7]}).judging != protocol.judging


@pytest.mark.parametrize(
    ("name", "digest"),
    [("temporal", "3eebdbab20516d23"), ("latest20", "22392a6f68182a79"), ("item2item", "43e0079fbfd79cf3")],
)
def test_protocols_of_registered_versions_keep_their_digest_so_that_versions_stay_comparable(name, digest):
    text = json.dumps(load_protocol(name).on(MOVIELENS).judging, sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


@given(world=seeds)
@few
def test_temporal_training_lies_before_every_test_rating(world):
    dataset = random_dataset(np.random.default_rng(world))
    (split,) = splits(load_protocol("temporal"), dataset, 0)
    users, _, _, times = columns(dataset)
    assert times[split.train].max() < times[split.test].min()
    before = pd.Series(users[split.train]).value_counts()
    assert before.reindex(np.unique(users[split.test]), fill_value=0).min() >= 5


@given(world=seeds)
@few
def test_latest20_holds_out_each_users_latest_fifth_by_time_then_file_order(world):
    dataset = random_dataset(np.random.default_rng(world))
    (split,) = splits(load_protocol("latest20"), dataset, 0)
    users, _, _, times = columns(dataset)
    for user in np.unique(users):
        rows = np.flatnonzero(users == user)
        in_order = sorted(rows, key=lambda row: (times[row], row))
        held = -(-len(rows) // 5) if len(rows) >= 10 else 0  # a fifth, rounded up
        assert [bool(split.test[row]) for row in in_order] == [False] * (len(rows) - held) + [True] * held


@given(world=seeds, seed=st.integers(0, 100))
@few
def test_item2item_asks_about_earlier_likes_and_holds_out_the_latest(world, seed):
    dataset, protocol = random_dataset(np.random.default_rng(world)), load_protocol("item2item")
    (split,) = splits(protocol, dataset, seed)
    users, _, stars, times = columns(dataset)
    assert split.queries is not None
    assert (stars[split.test | split.queries] >= LIKE_THRESHOLD).all()
    assert not (split.queries & ~split.train).any()
    for user in np.unique(users[split.test]):
        liked = (users == user) & (stars >= LIKE_THRESHOLD)
        assert split.test[users == user].sum() == -(-liked.sum() // 5)
        assert split.queries[users == user].sum() == min(5, (liked & split.train).sum())
        assert times[liked & split.train].max() <= times[(users == user) & split.test].min()
    assert set(users[split.queries]) == set(users[split.test])


@given(world=seeds, seed=st.integers(0, 100))
@few
def test_strong_keeps_held_out_users_out_of_training(world, seed):
    dataset, protocol = random_dataset(np.random.default_rng(world)), load_protocol("strong")
    (split,) = splits(protocol, dataset, seed)
    users, _, stars, _ = columns(dataset)
    assert split.fold_in is not None
    held = np.unique(users[split.test])
    assert not np.isin(users[split.train], held).any()
    assert set(users[split.fold_in]) == set(held)
    assert (stars[split.train | split.test | split.fold_in] >= LIKE_THRESHOLD).all()
    for user in held:
        likes = int(((users == user) & (stars >= LIKE_THRESHOLD)).sum())
        assert int(split.test[users == user].sum()) == likes // 5
        assert int(split.fold_in[users == user].sum()) == likes - likes // 5


@given(world=seeds, seed=st.integers(0, 100))
@few
def test_strong_all_adds_the_other_ratings_to_the_people_and_tested_likes_of_strong(world, seed):
    dataset = random_dataset(np.random.default_rng(world))
    (likes,), (everything,) = (splits(load_protocol(name), dataset, seed) for name in ("strong", "strong-all"))
    users, _, stars, _ = columns(dataset)
    liked = stars >= LIKE_THRESHOLD
    assert likes.fold_in is not None
    assert everything.fold_in is not None
    for part in ("train", "test", "fold_in"):
        np.testing.assert_array_equal(getattr(everything, part) & liked, getattr(likes, part))
    assert not np.isin(users[everything.train], users[everything.test]).any()
    for user in np.unique(users[likes.test]):
        others = (users == user) & ~liked
        assert everything.test[others].sum() == others.sum() // 5
        assert everything.fold_in[others].sum() == others.sum() - others.sum() // 5


def test_dislikes_are_left_out_of_what_is_folded_in_and_still_out_of_lists(dataset):
    protocol = load_protocol("strong-all")
    (split,) = splits(protocol, dataset, 0)
    compared = fold_in_likes(split, protocol, dataset)
    _, _, stars, _ = columns(dataset)
    assert split.fold_in is not None
    np.testing.assert_array_equal(compared.fold_in, split.fold_in & (stars >= LIKE_THRESHOLD))
    assert (split.fold_in & (stars < LIKE_THRESHOLD)).any()
    for part in ("train", "test", "masked"):
        np.testing.assert_array_equal(getattr(compared, part), getattr(split, part))


def test_users_who_are_trained_in_keep_the_same_test(dataset):
    (split,) = splits(load_protocol("strong"), dataset, 0)
    compared = train_on_fold_in(split)
    assert split.fold_in is not None
    np.testing.assert_array_equal(compared.train, split.train | split.fold_in)
    np.testing.assert_array_equal(compared.test, split.test)
    np.testing.assert_array_equal(compared.masked, split.masked)
    assert compared.fold_in is None


@given(world=seeds, seed=st.integers(0, 100))
@few
def test_cold_films_have_no_training_rating(world, seed):
    dataset = random_dataset(np.random.default_rng(world))
    (split,) = splits(load_protocol("cold"), dataset, seed)
    users, movies, stars, _ = columns(dataset)
    assert split.queries is not None
    assert not np.isin(movies[split.train], movies[split.test]).any()
    assert not (split.queries & ~split.train).any()
    assert set(users[split.queries]) == set(users[split.test])
    assert (stars[split.queries] >= LIKE_THRESHOLD).all()
    assert len(np.unique(movies[~split.train])) == round(0.1 * len(np.unique(movies)))


@given(world=seeds, seed=st.integers(0, 100))
@few
def test_folds_test_every_rating_exactly_once(world, seed):
    dataset = random_dataset(np.random.default_rng(world))
    found = splits(load_protocol("cv5"), dataset, seed)
    assert len(found) == 5
    np.testing.assert_array_equal(np.sum([split.test for split in found], axis=0), 1)
    sizes = [int(split.test.sum()) for split in found]
    assert max(sizes) - min(sizes) <= 1


def published_item75(ratings: pd.DataFrame, seed: int) -> tuple[set[int], set[int]]:
    """Rows of the train and test parts, by the protocol's words, one film after the other."""
    numbers = np.random.RandomState(seed).uniform(size=len(ratings))
    train: list[int] = []
    for movie in sorted(set(ratings[MOVIE])):
        rows = sorted(np.flatnonzero(ratings[MOVIE] == movie).tolist(), key=lambda row: numbers[row])
        train += rows[: round(0.75 * len(rows))]
    known = set(ratings[USER].iloc[train])
    test = {row for row in set(range(len(ratings))) - set(train) if ratings[USER].iloc[row] in known}
    return set(train), test


@pytest.mark.parametrize("seed", [42, 43])
def test_ms_item75_row_for_row(seed):
    dataset = random_dataset(np.random.default_rng(seed), 60, 20, density=0.1)
    (split,) = splits(load_protocol("ms-item75"), dataset, seed)
    train, test = published_item75(dataset.ratings, seed)
    assert set(np.flatnonzero(split.train)) == train
    assert set(np.flatnonzero(split.test)) == test


@needs_real_data
def test_ms_item75_row_for_row_on_ml_100k(ml100k):
    raw = pd.read_csv(Path(REAL or "") / "ml-100k" / "u.data", sep="\t", names=[USER, MOVIE, RATING, TIMESTAMP])
    (split,) = splits(load_protocol("ms-item75"), ml100k, 42)
    train, test = published_item75(raw, 42)
    assert set(np.flatnonzero(split.train)) == train
    assert set(np.flatnonzero(split.test)) == test
    assert len(train) + len(test) == 100_000


@needs_real_data
def test_temporal_leaves_97_people_with_a_like_on_ml_100k(ml100k):
    (split,) = splits(load_protocol("temporal"), ml100k, 0)
    users, _, stars, _ = columns(ml100k)
    assert len(np.unique(users[split.test & (stars >= LIKE_THRESHOLD)])) == 97


@needs_real_data
def test_u1_is_grouplens_own_fold(ml100k):
    folder = Path(REAL or "") / "ml-100k"
    protocol = load_protocol("u1").with_files(folder / "u1.base", folder / "u1.test")
    (split,) = splits(protocol, ml100k, 0)
    assert (int(split.train.sum()), int(split.test.sum())) == (80_000, 20_000)
    published = read_pairs(folder / "u1.test")
    found = ml100k.ratings[split.test].sort_values([USER, MOVIE])
    np.testing.assert_array_equal(found[RATING], published.sort_values([USER, MOVIE])[RATING])


def test_training_data_keeps_the_whole_shape_and_only_training_ratings(dataset):
    (split,) = splits(load_protocol("cold"), dataset, 0)
    data = training_data(dataset, split)
    assert data.user_item.shape == (len(dataset.user_ids), len(dataset.movie_ids))
    assert data.user_item.nnz == split.train.sum()
    assert data.user_item.has_sorted_indices
    row = int(np.flatnonzero(split.train)[3])
    assert data.user_item[dataset.user_rows[row], dataset.movie_rows[row]] == dataset.ratings[RATING].iloc[row]


def test_second_entries_are_known_to_training():
    dataset = dataset_of([0, 0, 0, 1, 1], [0, 1, 2, 2, 3], [5, 5, 5, 5, 5], twins=[(3, 1)])
    whole = splits(load_protocol("cv5"), dataset, 0)[0]
    assert training_data(dataset, whole).canonical.tolist() == [0, 1, 2, 1]


def test_a_data_set_too_small_for_a_protocol_says_so():
    with pytest.raises(DataError, match="test part of this data set empty"):
        splits(load_protocol("latest20"), dataset_of([0, 1], [0, 1], [5, 5]), 0)


@pytest.mark.parametrize(("name", "each"), [("latest20", 10), ("random20", 12), ("item2item", 5), ("temporal", 7)])
def test_a_validation_part_is_cut_where_only_the_whole_has_enough_ratings_of_each_user(name, each):
    users, movies = np.repeat(np.arange(20), each), np.tile(np.arange(each), 20)
    dataset = dataset_of(users, movies, [5] * len(users), movies)
    (split,) = splits(load_protocol(name), dataset, 0)
    for part in validation_splits(load_protocol(name), dataset, split, 0):
        assert part.test.any()
        assert part.train.any()
        assert not (part.test & split.test).any()


def test_a_validation_part_without_likes_is_named_as_what_is_missing():
    dataset = dataset_of([0] * 20, range(20), [5] + [1] * 15 + [5] * 4)  # the only likes: the oldest and the latest
    protocol = load_protocol("latest20")
    (split,) = splits(protocol, dataset, 0)
    with pytest.raises(DataError, match=r"judges by likes, and the test part of the validation cut .* has none"):
        validation_splits(protocol, dataset, split, 0)


@pytest.mark.parametrize("name", protocol_names())
def test_every_protocol_file_is_named_after_its_protocol(name):
    assert load_protocol(name).name == name


def test_unknown_protocols_and_keys_are_usage_errors(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="latest20"):
        load_protocol("latest30")
    text = (PROTOCOL_ROOT / "latest20.yaml").read_text()
    (tmp_path / "latest20.yaml").write_text(text + "\nrelevence: 3\n")
    monkeypatch.setattr("training.splits.protocol.PROTOCOL_ROOT", tmp_path)
    with pytest.raises(UsageError, match="relevence"):
        load_protocol("latest20")


def test_ids_of_a_split_may_be_texts(tmp_path):
    paths = written(tmp_path, train="user,item\nann,x-1\nann,x-2\nbob,7\n", test="user,item\nbob,x-1\n")
    dataset = files_dataset(load_protocol("files").with_files(**paths))
    assert dataset.user_ids.raws([0, 1]) == ["ann", "bob"]
    assert dataset.movie_ids.raws([0, 1, 2]) == ["7", "x-1", "x-2"]
    (split,) = splits(load_protocol("files").with_files(**paths), dataset, 0)
    matrix = training_data(dataset, split).user_item.toarray().astype(bool)
    assert matrix.tolist() == [[False, True, True], [True, False, False]]


def test_ratings_of_another_scale_make_a_data_set_of_that_scale(tmp_path):
    paths = written(tmp_path, train="1,10,10\n1,20,1\n2,10,7\n", test="2,20,3\n")
    feedback = files_dataset(load_protocol("files").with_files(**paths)).feedback
    assert (feedback.minimum, feedback.maximum, feedback.step) == (1, 10, 1)


def written(folder, **parts):
    for name, text in parts.items():
        (folder / name).write_text(text)
    return {name: folder / name for name in parts}


def test_files_make_a_data_set_and_its_split(tmp_path):
    paths = written(tmp_path, train="0 5 6 7\n1 5 8\n", valid="0 8\n", test="1 6 7\n")
    protocol = load_protocol("files").with_files(**paths)
    dataset = files_dataset(protocol)
    assert dataset.movie_ids.ids.tolist() == [5, 6, 7, 8]
    (split,) = splits(protocol, dataset, 0)
    assert training_data(dataset, split).user_item.toarray().astype(bool).tolist() == [[1, 1, 1, 0], [1, 0, 0, 1]]
    assert sorted(dataset.ratings[MOVIE][split.test]) == [6, 7]
    (tuning,) = validation_splits(protocol, dataset, split, 0)
    assert dataset.ratings[MOVIE][tuning.test].tolist() == [8]
    np.testing.assert_array_equal(tuning.train, split.train)


@pytest.mark.parametrize(("mask", "films"), [("train", [5, 6, 7]), ("train+valid", [5, 6, 7, 8])])
def test_lists_leave_out_what_the_mask_says(tmp_path, mask, films):
    paths = written(tmp_path, train="0 5 6 7\n1 5 8\n", valid="0 8\n", test="1 6 7\n")
    protocol = load_protocol("files").with_files(**paths, mask=mask)
    dataset = files_dataset(protocol)
    (split,) = splits(protocol, dataset, 0)
    assert sorted(dataset.ratings[MOVIE][split.masked & (dataset.user_rows == 0)]) == films


def test_without_a_validation_file_one_is_cut_from_training(tmp_path):
    users, items = 20, 20
    lines = [f"{user} " + " ".join(map(str, range(items))) for user in range(users)]
    paths = written(tmp_path, train="\n".join(lines) + "\n", test="0 40\n")
    for in_order in (False, True):
        protocol = load_protocol("files").with_files(**paths, order_is_time=in_order)
        dataset = files_dataset(protocol)
        assert dataset.has_times == in_order
        (split,) = splits(protocol, dataset, 0)
        (inner,) = validation_splits(protocol, dataset, split, 0)
        assert inner.test.sum() == users * 2
        assert not (inner.train | inner.test)[split.test].any()
        assert (dataset.ratings[MOVIE][inner.test].min() == 18) == in_order  # the latest two rows of each user


def test_the_validation_file_may_train_what_the_test_file_judges(tmp_path):
    paths = written(tmp_path, train="0 5 6 7\n1 5 8\n", valid="0 8\n", test="1 6 7\n")
    protocol = load_protocol("files").with_files(**paths, refit_with_valid=True)
    dataset = files_dataset(protocol)
    (split,) = splits(protocol, dataset, 0)
    assert sorted(dataset.ratings[MOVIE][split.train]) == [5, 5, 6, 7, 8, 8]
    np.testing.assert_array_equal(split.masked, split.train)
    (tuning,) = validation_splits(protocol, dataset, split, 0)
    assert not tuning.train[tuning.test].any()
    with pytest.raises(UsageError, match="--valid"):
        load_protocol("files").with_files(paths["train"], paths["test"], refit_with_valid=True)


def test_a_pair_given_twice_counts_once(tmp_path):
    paths = written(tmp_path, train="0,5,2\n0,5,4\n0,6,3\n", test="0,7,5\n")
    protocol = load_protocol("files").with_files(**paths)
    dataset = files_dataset(protocol)
    (split,) = splits(protocol, dataset, 0)
    assert training_data(dataset, split).user_item.toarray().tolist() == [[4, 3, 0]]


def test_wrong_files_are_refused(tmp_path):
    paths = written(
        tmp_path,
        train="0 5 6\n",
        test="0 6\n",
        known="1 6 5\n",
        strange="1 99\n",
    )
    base = load_protocol("files")
    leaking = base.with_files(paths["train"], paths["test"])
    dataset = dataset_of([0, 0], [5, 4], [5, 5])
    with pytest.raises(DataError, match="leaks"):
        splits(leaking, files_dataset(leaking), 0)
    with pytest.raises(DataError, match="1 of 1 pairs are not ratings of toy"):
        splits(base.with_files(paths["known"], paths["strange"]), dataset, 0)
    with pytest.raises(MissingInputError, match="--train"):
        splits(base, dataset, 0)
    with pytest.raises(UsageError, match="--valid"):
        base.with_files(paths["train"], paths["test"], mask="train+valid")
    with pytest.raises(UsageError, match="own split"):
        load_protocol("latest20").with_files(paths["train"], paths["test"])


def test_every_protocol_that_judges_by_likes_takes_those_of_the_data_set():
    names = sorted(path.stem for path in PROTOCOL_ROOT.glob("*.yaml"))
    relevance = {name: load_protocol(name).relevance for name in names}
    assert {name for name, value in relevance.items() if value not in (None, "like")} == set()
    assert {"random20", "item2item-random"} <= {name for name, value in relevance.items() if value == "like"}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("latest20", "likes (4 or more)"),
        ("strong", "likes (4 or more)"),
        ("ms-item75", "every row"),
        ("cv5", "every row"),
    ],
)
def test_models_learn_to_predict_what_the_protocol_finds_relevant(name, target):
    dataset, protocol = random_dataset(np.random.default_rng(0)), load_protocol(name)
    split = splits(protocol, dataset, 0)[0]
    cuts = [split, *validation_splits(protocol, dataset, split, 0), all_ratings(dataset, protocol)]
    for data in (training_data(dataset, cut) for cut in cuts):
        assert str(data.target) == target
        expected = data.user_item.data >= 4 if "likes" in target else np.ones(data.user_item.nnz, dtype=bool)
        np.testing.assert_array_equal(data.is_target, expected)


def test_the_target_of_a_model_fitted_by_hand_is_likes():
    dataset = with_ratings(small_dataset(), Feedback.scale(1, 10, 1), factor=2)
    assert str(training_data(dataset, all_ratings(dataset)).target) == "likes (8 or more)"
