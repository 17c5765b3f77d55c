"""From files of any kind to a processed data set with their own ids, scale and columns."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest

from recommender.errors import DataError, MissingInputError, UsageError
from recommender.feedback import Feedback
from recommender.items import Facet
from recommender.schema import MOVIE, RATING, TIMESTAMP, TITLE, USER, YEAR
from tests.training.datasets.tabular.conftest import N_ITEMS, N_USERS, SECOND, books, pairs, write_rows
from training.datasets.store import load_dataset, prepare
from training.models import algorithm_class, configure
from training.progress import silent
from training.splits.cut import splits, training_data
from training.splits.protocol import load_protocol

MODELS = ("popularity", "als", "content", "ease")
COLUMNS = {"user": "user", "item": "item", "time": "second"}


def require_learnable(dataset):
    """Fit models on the training part; EASE must prefer likes that it did not see to items that a user never met."""
    protocol = load_protocol("latest20").model_copy(update={"relevance": dataset.feedback.like})
    split = splits(protocol, dataset, 0)[0]
    data = training_data(dataset, split)
    models = {name: algorithm_class(name)(configure(name)).fit(data, seed=0, progress=silent) for name in MODELS}
    for name, model in models.items():
        assert all(np.isfinite(array).all() for array in model.arrays.values()), name
    has_met = (data.user_item.toarray() != 0).astype(np.float32)
    scores = has_met @ models["ease"].arrays["ease_dense"]
    likes = split.test & (dataset.ratings[RATING].to_numpy() >= dataset.feedback.like)
    met = dataset.user_item().toarray() != 0
    assert scores[dataset.user_rows[likes], dataset.movie_rows[likes]].mean() > scores[~met].mean() + 0.01


def test_purchases_with_text_ids_and_no_rating_in_parquet(tmp_path, prepare_source):
    bought = pairs()
    bought["customer"] = [f"c-{user:03d}" for user in bought["user"]]
    bought["sku"] = [f"Ü/{item} b" for item in bought["item"]]
    bought["when"] = pd.to_datetime(bought["second"], unit="s")
    path = write_rows(tmp_path / "purchases.parquet", bought[["customer", "sku", "when"]])
    made = prepare_source(interactions=path, user="customer", item="sku", time="when")
    dataset = load_dataset("own", tmp_path / "processed")
    pd.testing.assert_frame_equal(made.ratings, dataset.ratings)
    assert dataset.user_ids.is_text
    assert dataset.movie_ids.is_text
    assert dataset.movie_ids.raws(range(N_ITEMS)) == sorted({f"Ü/{item} b" for item in range(N_ITEMS)}, key=str.encode)
    assert dataset.ratings[USER].astype("str").tolist() == bought["customer"].tolist()
    assert (dataset.ratings[USER].cat.codes == dataset.user_rows).all()
    assert dataset.ratings[TIMESTAMP].tolist() == bought["second"].tolist()
    assert dataset.movies[TITLE].tolist() == dataset.movie_ids.raws(range(N_ITEMS))
    assert dataset.feedback == Feedback(kind="events", minimum=0, maximum=1, step=1, like=1)
    assert dataset.user_item().sum() == len(bought)
    require_learnable(dataset)


def test_ten_stars_with_iso_dates_in_a_compressed_csv(tmp_path, prepare_source):
    rated = pairs()
    rated["stars"] = np.where(rated["liked"], 9, 3)
    rated.loc[:1, "stars"] = [1, 10]
    rated["day"] = pd.to_datetime(rated["second"], unit="s").dt.date.astype(str)
    path = write_rows(tmp_path / "rated.csv.gz", rated[["user", "item", "stars", "day"]])
    dataset = prepare_source(interactions=path, user="user", item="item", rating="stars", time="day")
    assert dataset.feedback == Feedback(kind="ratings", minimum=1, maximum=10, step=1, like=8)
    assert dataset.feedback_summary()["scale"] == "1 to 10 by 1"
    assert dataset.feedback_summary()["like_share"] == pytest.approx((rated["stars"] >= 8).mean())
    assert dataset.ratings[RATING].tolist() == rated["stars"].tolist()
    assert (dataset.ratings[TIMESTAMP] == rated["second"] // 86400 * 86400).all()
    assert dataset.ratings[USER].dtype == "int32"
    assert load_dataset("own", tmp_path / "processed").feedback == dataset.feedback
    require_learnable(dataset)


def test_thumbs_in_json_lines(tmp_path, prepare_source):
    thumbs = pairs()
    thumbs["thumb"] = np.where(thumbs["liked"], 1, -1)
    path = write_rows(tmp_path / "thumbs.jsonl", thumbs)
    dataset = prepare_source(interactions=path, rating="thumb", **COLUMNS)
    assert dataset.feedback == Feedback(kind="ratings", minimum=-1, maximum=1, step=2, like=1)
    assert sorted(set(dataset.ratings[RATING])) == [-1, 1]
    require_learnable(dataset)


def test_thumbs_as_words_and_as_booleans(tmp_path, prepare_source):
    thumbs = pairs()
    words = write_rows(tmp_path / "w.csv", thumbs.assign(thumb=np.where(thumbs["liked"], "up", "down")))
    dataset = prepare_source(interactions=words, rating="thumb", weights={"up": 1, "down": -1}, **COLUMNS)
    assert (dataset.feedback.minimum, dataset.feedback.maximum, dataset.feedback.like) == (-1, 1, 1)
    dataset = prepare_source(interactions=write_rows(tmp_path / "b.parquet", thumbs), rating="liked", **COLUMNS)
    assert (dataset.feedback.minimum, dataset.feedback.maximum, dataset.feedback.like) == (0, 1, 1)
    assert dataset.ratings[RATING].tolist() == thumbs["liked"].tolist()


def test_books_with_authors_publisher_and_description(tmp_path, prepare_source):
    read = pairs()
    read["isbn"] = books()["isbn"].to_numpy()[read["item"]]
    interactions = write_rows(tmp_path / "read.tsv.zst", read[["user", "isbn", "second"]], separator="\t")
    items = write_rows(tmp_path / "books.csv", books(), separator=";")
    dataset = prepare_source(
        interactions=interactions, user="user", item="isbn", time="second",
        items=items, title="title", year="published", list="authors", category="publisher", text="description",
        number="pages", word="book:books", block_weights={"authors": 2.25},
    )  # fmt: skip
    movies = dataset.movies.set_index(MOVIE)
    book = movies.loc["978-0001-X"]
    assert book[TITLE] == "The love of 1; a book"
    assert (book[YEAR], book["authors"], book["publisher"]) == (1951, ["Ann love", "Bob 1"], "Ace")
    assert (book["description"], book["pages"]) == ("A story of love, told in many and long chapters.", 110)
    assert dataset.details["text_columns"] == ["description"]
    nameless = movies.loc[f"978-{N_ITEMS - 1:04d}-X"]
    assert (nameless[TITLE], nameless["authors"], nameless["description"]) == (f"978-{N_ITEMS - 1:04d}-X", [], "")
    assert pd.isna(nameless["publisher"])
    assert (dataset.items.singular, dataset.items.plural) == ("book", "books")
    report = (tmp_path / "processed" / "own" / "quality_report.md").read_text()
    assert f"| rated books | {N_ITEMS} |" in report
    assert "film" not in report
    assert dataset.items.facets == (
        Facet(name="authors", label="Author", kind="list"),
        Facet(name="publisher", label="Publisher", kind="category"),
    )
    block = {name: dataset.tags.matrix[:, start:stop] for name, (start, stop) in dataset.tags.blocks.items()}
    assert "authors:Ann love" in dataset.tags.features
    assert "publisher:Orbit" in dataset.tags.features
    row = dataset.movie_ids.row("978-0001-X")
    lengths = {name: float(np.sqrt(part[[row]].multiply(part[[row]]).sum())) for name, part in block.items()}
    assert lengths["authors"] == pytest.approx(1.5)  # the root of its weight
    assert [lengths["publisher"], lengths["pages"]] == pytest.approx([np.sqrt(0.6)] * 2)
    assert dataset.details["mended"] == {
        "items_titled_by_their_id": 1, "items_without_year": 1, "texts_without_a_word": 23
    }  # fmt: skip
    reopened = load_dataset("own", tmp_path / "processed")
    assert reopened.items == dataset.items
    require_learnable(dataset)


def test_three_kinds_of_weighted_events_are_added_up_in_the_training_part_alone(tmp_path, prepare_source):
    seen = pairs()
    events = pd.concat(
        [
            seen.assign(kind="viewed"),
            seen.assign(kind="viewed", second=seen["second"] + 5),
            seen[seen["liked"]].assign(kind="bought", second=lambda rows: rows["second"] + 9),
            seen.assign(kind="ignored"),
        ]
    )
    path = write_rows(tmp_path / "events.csv", events)
    weights = {"viewed": 1, "carted": 3, "bought": 5, "ignored": 0}
    dataset = prepare_source(interactions=path, event="kind", weights=weights, **COLUMNS)
    assert dataset.feedback == Feedback(kind="events", minimum=0, maximum=5, step=1, like=5)
    assert dataset.details["mended"] == {"events_of_weight_0_dropped": len(seen)}
    assert len(dataset.ratings) == len(events) - len(seen)
    assert set(dataset.user_item().data) == {2.0, 7.0}
    protocol = load_protocol("latest20").model_copy(update={"relevance": 5.0})
    split = splits(protocol, dataset, 0)[0]
    train, test = dataset.user_item(split.train), dataset.user_item(split.test)
    assert train.multiply(test).nnz == 0, "no user is tested on an item that the model saw with them"
    assert (test.data >= 1).all()
    assert train.sum() <= dataset.user_item().sum() - test.sum()
    assert {1.0, 2.0, 7.0}.issuperset(set(train.data) - {6.0})


def test_weights_of_a_column_multiply_those_of_the_kinds(tmp_path, prepare_source):
    events = pairs().assign(kind=lambda rows: np.where(rows["liked"], "bought", "viewed"), quantity=2.5)
    path = write_rows(tmp_path / "events.csv", events)
    weights = {"bought": 4, "viewed": 1}
    dataset = prepare_source(interactions=path, event="kind", weights=weights, weight="quantity", **COLUMNS)
    assert set(dataset.ratings[RATING]) == {2.5, 10.0}
    assert dataset.feedback.like == 4, "that of the kinds: a large quantity of one event says nothing of the others"


def test_every_counted_event_is_a_like_unless_it_is_said_which(tmp_path, prepare_source):
    path = write_rows(tmp_path / "plays.csv", pairs().assign(plays=lambda rows: 1 + 1000 * (rows["item"] == 3)))
    dataset = prepare_source(interactions=path, weight="plays", **COLUMNS)
    assert (dataset.feedback.like, dataset.feedback.maximum) == (1, 1001)
    assert prepare_source(interactions=path, weight="plays", like=7, **COLUMNS).feedback.like == 7


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_ids_above_2_to_the_53_come_back_exactly(tmp_path, prepare_source, suffix):
    rated = pairs()
    rated["item"] += 2**63 - 1000
    rated["user"] = [f"{user:04d}" for user in rated["user"]]
    path = write_rows(tmp_path / f"large{suffix}", rated)
    dataset = prepare_source(interactions=path, **COLUMNS)
    assert dataset.movie_ids.raws([0, N_ITEMS - 1]) == [str(2**63 - 1000), str(2**63 - 1000 + N_ITEMS - 1)]
    assert dataset.user_ids.raw(7) == "0007"


def test_numbers_below_2_to_the_53_stay_numbers_also_where_they_were_stored_as_floats(tmp_path, prepare_source):
    rated = pairs()
    rated["item"] += 2**53 - 1000
    rated["user"] = rated["user"].astype("float64")
    dataset = prepare_source(interactions=write_rows(tmp_path / "r.parquet", rated), **COLUMNS)
    assert dataset.movie_ids.raw(0) == 2**53 - 1000
    assert dataset.ratings[MOVIE].dtype == "int64"
    assert dataset.ratings[USER].dtype == "int32"
    assert dataset.user_ids.raws(range(N_USERS)) == list(range(N_USERS))


@pytest.mark.parametrize(("separator", "decimal"), list(product(";\t|", ".,")))
def test_other_separators_headers_and_decimal_marks(tmp_path, prepare_source, separator, decimal):
    rated = pairs().rename(columns={"user": "uid", "item": "iid", "second": "ts"})
    rated["stars"] = [str(stars).replace(".", decimal) for stars in np.where(rated["liked"], 4.5, 1.0)]
    path = write_rows(tmp_path / "export.txt", rated[["ts", "stars", "iid", "uid"]], separator)
    dataset = prepare_source(interactions=path, user="uid", item="iid", rating="stars", time="ts", decimal=decimal)
    assert dataset.feedback == Feedback(kind="ratings", minimum=1, maximum=4.5, step=3.5, like=4.5)
    assert dataset.ratings[TIMESTAMP].min() == SECOND


TIMES = {
    "milliseconds": (lambda second: second * 1000 + 7, {}),
    "microseconds": (lambda second: second * 1_000_000, {}),
    "nanoseconds": (lambda second: second * 1_000_000_000, {}),
    "seconds with a fraction": (lambda second: f"{second}.75", {}),
    "iso with a zone": (lambda second: pd.Timestamp(second + 7200, unit="s").isoformat() + "+02:00", {}),
    "iso with blank": (lambda second: str(pd.Timestamp(second, unit="s")), {}),
    "iso in utc": (lambda second: pd.Timestamp(second, unit="s").isoformat() + "Z", {}),
    "german": (
        lambda second: pd.Timestamp(second, unit="s").strftime("%d.%m.%Y %H:%M:%S"),
        {"time_format": "%d.%m.%Y %H:%M:%S"},
    ),
}


@pytest.mark.parametrize("form", TIMES)
def test_times_in_many_forms(tmp_path, prepare_source, form):
    write, keys = TIMES[form]
    rated = pairs()
    rated["at"] = [write(second) for second in rated["second"].tolist()]
    path = write_rows(tmp_path / "r.csv", rated)
    dataset = prepare_source(interactions=path, user="user", item="item", time="at", **keys)
    assert dataset.ratings[TIMESTAMP].tolist() == rated["second"].tolist()


def test_days_as_numbers_are_no_seconds_of_1970(tmp_path, prepare_source):
    rated = pairs().assign(day=20200229)
    dataset = prepare_source(interactions=write_rows(tmp_path / "r.csv", rated), user="user", item="item", time="day")
    assert set(dataset.ratings[TIMESTAMP]) == {pd.Timestamp("2020-02-29").timestamp()}


@pytest.mark.parametrize(("first", "noted"), [(lambda second: second, 100), (lambda second: 0, 0)])
def test_seconds_among_milliseconds_are_read_as_seconds_and_counted(tmp_path, prepare_source, first, noted):
    rated = pairs().sort_values("second")[["user", "item", "second"]]
    written = [first(second) if row < 100 else second * 1000 for row, second in enumerate(rated["second"].tolist())]
    path = write_rows(tmp_path / "r.csv", rated.assign(second=written))
    dataset = prepare_source(interactions=path, user="user", item="item", time="second")
    assert dataset.ratings[TIMESTAMP].tolist()[100:] == rated["second"].tolist()[100:]
    assert dataset.ratings[TIMESTAMP].tolist()[:100] == [first(second) for second in rated["second"].tolist()[:100]]
    assert dataset.noted == ({"times_of_another_unit": noted} if noted else {})


def test_without_times_every_time_is_0(tmp_path, prepare_source):
    path = write_rows(tmp_path / "r.csv", pairs())
    dataset = prepare_source(interactions=path, user="user", item="item")
    assert set(dataset.ratings[TIMESTAMP]) == {0}
    assert dataset.snapshot()["first_rating"] is None


def test_latin_1_utf_16_and_quotes(tmp_path, prepare_source):
    rows = pairs()
    rows["item"] = [f'é, "{item}"' for item in rows["item"]]
    for encoding in ("latin-1", "utf-16", "utf-8-sig"):
        path = write_rows(tmp_path / f"{encoding}.csv", rows, encoding=encoding)
        dataset = prepare_source(interactions=path, **COLUMNS)
        assert 'é, "7"' in dataset.movie_ids, encoding


def test_lines_may_end_as_on_an_old_mac(tmp_path, prepare_source):
    path = write_rows(tmp_path / "r.csv", pairs())
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r"))
    assert len(prepare_source(interactions=path, **COLUMNS).ratings) == len(pairs())


def test_json_lines_may_lack_keys_and_be_broken(tmp_path, prepare_source):
    rows = pairs()
    records = [json.dumps(record) for record in rows.to_dict("records")]
    path = tmp_path / "r.jsonl"
    path.write_text("\n".join(['{"user": 1, "item": 2}'] * 3 + ['{"user": 1, "item"'] + records))
    dataset = prepare_source(interactions=path, max_bad_share=0.1, **COLUMNS)
    assert len(dataset.ratings) == len(rows)
    rejects = pd.read_csv(tmp_path / "processed" / "own" / "quarantine.csv")
    assert rejects["line"].tolist() == [1, 2, 3, 4]
    assert rejects["reason"].tolist() == ["time is missing or not understood"] * 3 + ["user id is missing"]


def test_the_last_of_repeated_ratings_stays_and_the_rest_is_counted(tmp_path, prepare_source):
    rated = pairs().assign(stars=4)
    again = rated[:3].assign(stars=[1, 2, 3], second=SECOND - 1)
    later = rated[3:5].assign(stars=5, second=SECOND + 10_000_000)
    path = write_rows(tmp_path / "r.csv", pd.concat([rated, again, later]))
    dataset = prepare_source(interactions=path, rating="stars", **COLUMNS)
    assert len(dataset.ratings) == len(rated)
    assert dataset.details["mended"] == {"repeated_ratings_dropped": 5}
    assert dataset.ratings[RATING].value_counts().to_dict() == {4.0: len(rated) - 2, 5.0: 2}


def test_several_files_of_different_formats_are_one_data_set(tmp_path, prepare_source):
    rows = pairs()
    first = write_rows(tmp_path / "a.csv", rows[:300])
    second = write_rows(tmp_path / "b.jsonl.zst", rows[300:])
    dataset = prepare_source(interactions=[first, second], **COLUMNS)
    assert dataset.ratings[TIMESTAMP].tolist() == rows["second"].tolist()


def test_one_file_may_hold_interactions_and_items(tmp_path, prepare_source):
    rows = pairs().assign(name=lambda frame: "Item " + frame["item"].astype(str))
    path = write_rows(tmp_path / "all.csv", rows)
    dataset = prepare_source(interactions=path, items=path, title="name", **COLUMNS)
    assert dataset.movies[TITLE].tolist() == [f"Item {item}" for item in range(N_ITEMS)]


def test_items_without_a_row_are_titled_by_their_id_and_counted(tmp_path, prepare_source):
    items = pd.DataFrame({"item": [0, 1, 99], "name": ["Zero", "One", "Never bought"]})
    dataset = prepare_source(
        interactions=write_rows(tmp_path / "r.csv", pairs()), items=write_rows(tmp_path / "i.csv", items), title="name",
        **COLUMNS,
    )  # fmt: skip
    assert dataset.movies[TITLE].tolist() == ["Zero", "One", *map(str, range(2, N_ITEMS)), "Never bought"]
    assert dataset.details["mended"] == {"items_without_a_row": N_ITEMS - 2}


def test_rows_that_cannot_be_used_are_named_with_line_and_reason(tmp_path, prepare_source):
    path = write_rows(tmp_path / "r.csv", pairs().assign(stars=lambda rows: 1 + rows["item"] % 5))
    with path.open("a") as file:
        file.write(",3,True,1600000000,4\n1,3,True,1600000000,none\n1,3,True,1600000000,11\n1,3\n")
        file.write(f"{'x' * 129},3,True,1600000000,4\n1,3,True,soon,4\n1,3,True,99600000000,4\n")
    dataset = prepare_source(interactions=path, rating="stars", scale="1:5", max_bad_share=0.1, **COLUMNS)
    assert len(dataset.ratings) == len(pairs())
    rejects = pd.read_csv(tmp_path / "processed" / "own" / "quarantine.csv")
    first = len(pairs()) + 2
    assert dict(zip(rejects["line"] - first, rejects["reason"], strict=True)) == {
        0: "user id is missing",
        1: "rating is missing or not a number",
        2: "rating is outside the scale from 1 to 5",
        3: "row cannot be split into the columns of the header",
        4: "user id is longer than 128 bytes",
        5: "time is missing or not understood",
        6: "time is impossible",
    }
    assert rejects["text"][2] == "user=1, item=3, stars=11, second=1600000000"
    report = json.loads((tmp_path / "processed" / "own" / "quality_report.json").read_text())
    assert sum(report["quarantined"].values()) == 7
    with pytest.raises(DataError, match="Too many bad rows"):
        prepare_source(interactions=path, rating="stars", scale="1:5", **COLUMNS)


def test_a_wrong_scale_is_refused_with_the_one_that_was_found(tmp_path, prepare_source):
    path = write_rows(tmp_path / "r.csv", pairs().assign(stars=lambda rows: 10 * (rows["item"] % 11)))
    with pytest.raises(DataError, match=r"from 1 to 5 .* found 0 to 100, \d+% .* --scale 0:100"):
        prepare_source(interactions=path, rating="stars", scale="1:5", **COLUMNS)
    dataset = prepare_source(interactions=path, rating="stars", scale="0:100:10", like=60, **COLUMNS)
    assert dataset.feedback == Feedback(kind="ratings", minimum=0, maximum=100, step=10, like=60)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"user": "who"}, r"Expected the column who in r\.csv, found user, item, liked, second, kind"),
        ({"event": "kind", "weights": {"bought": 5}}, r"found also viewed \(192 rows\)"),
        ({"rating": "kind", "weights": {}}, "Expected numbers in the column kind"),
        ({"event": "kind"}, "expected weights for the kinds of events"),
        ({"event": "kind", "weights": {"bought": 1, "viewed": -1}}, "expected weights of 0 or more"),
        ({"rating": "second", "event": "kind"}, "either a column of ratings or columns of events"),
        ({"rating": "second", "scale": "five"}, "Expected a scale as MINIMUM:MAXIMUM"),
        ({"rating": "second", "like": 3}, "Expected a like above"),
        ({"time": "kind"}, r"Expected times in the column kind .* found 'bought'.*--time-format"),
        ({"list": "authors"}, "expected files of items"),
        ({"stars": "liked"}, "unknown key 'stars'; known keys: .*rating"),
        ({"item": None}, "expected also item"),
    ],
)
def test_descriptions_that_do_not_fit_the_files_say_what_does(tmp_path, prepare_source, keys, message):
    rows = pairs()
    rows["kind"] = np.where(np.arange(len(rows)) % 10 < 7, "bought", "viewed")
    path = write_rows(tmp_path / "r.csv", rows)
    with pytest.raises((UsageError, DataError), match=message):
        prepare_source(**(COLUMNS | {"interactions": path} | keys))


def test_files_that_are_no_tables_are_refused(tmp_path, prepare_source):
    for name, content in {
        "a.parquet": b"no parquet",
        "b.csv": b"PK\x03\x04 a spreadsheet",
        "c.jsonl": b"[1, 2",
        "d.csv.gz": b"not compressed",
        "e.csv": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises((DataError, UsageError)):
            prepare_source(interactions=tmp_path / name, **COLUMNS)
    with pytest.raises(MissingInputError, match="Expected a file"):
        prepare_source(interactions=tmp_path / "absent.csv", **COLUMNS)


def test_a_description_is_used_again_until_files_or_keys_change(tmp_path, prepare_source):
    path = write_rows(tmp_path / "r.csv", pairs().assign(stars=lambda rows: 1 + rows["item"] % 5))
    first = prepare_source(interactions=path, rating="stars", **COLUMNS)
    again = prepare("own", processed_root=tmp_path / "processed")
    assert again.fingerprint == first.fingerprint
    assert prepare_source(interactions=path, rating="stars", like=3, **COLUMNS).fingerprint != first.fingerprint
    write_rows(path, pairs(seed=1).assign(stars=lambda rows: 1 + rows["item"] % 5))
    assert prepare_source(interactions=path, rating="stars", **COLUMNS).fingerprint != first.fingerprint


def test_paths_and_columns_with_signs_of_sql_and_globs(tmp_path, prepare_source):
    directory = tmp_path / "it's [a] *"
    directory.mkdir()
    rows = pairs().rename(columns={"user": 'the "user"', "item": "item's; id"})
    path = write_rows(directory / "r?.csv", rows)
    write_rows(directory / "rx.csv", rows)
    dataset = prepare_source(interactions=path, user='the "user"', item="item's; id", time="second")
    assert len(dataset.ratings) == len(rows)


@pytest.mark.parametrize(("words", "noted"), [(24, 23), (8, 2)])
def test_texts_without_a_word_that_items_share_are_counted(tmp_path, prepare_source, words, noted):
    items = pd.DataFrame({"item": range(24), "about": [chr(97 + item % words) * 4 for item in range(24)]})
    items.loc[3, "about"] = None
    dataset = prepare_source(
        interactions=write_rows(tmp_path / "r.csv", pairs()), user="user", item="item", time="second",
        items=write_rows(tmp_path / "i.csv", items), text="about",
    )  # fmt: skip
    assert dataset.noted == {"items_titled_by_their_id": 24, "texts_without_a_word": noted}


def test_cells_that_hold_no_number_are_counted(tmp_path, prepare_source):
    prices = ["30,50 €", "", "1.299,00", *["7,50"] * 21]
    items = pd.DataFrame({"item": range(24), "price": prices})
    dataset = prepare_source(
        interactions=write_rows(tmp_path / "r.csv", pairs()), user="user", item="item", time="second",
        items=write_rows(tmp_path / "i.csv", items, separator=";"), number="price", decimal=",",
    )  # fmt: skip
    assert dataset.noted["cells_that_hold_no_number"] == 2
