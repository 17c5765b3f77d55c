"""The first draft of a description: what is guessed from the files leads to a prepared data set."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from recommender.errors import DataError, UsageError
from tests.training.datasets.tabular.conftest import books, pairs, write_rows
from training.config import override, read_mapping
from training.datasets.store import prepare
from training.datasets.tabular.draft import write_draft
from training.datasets.tabular.source import source_path


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MOVIEREC_HOME", str(tmp_path / "home"))
    return tmp_path


def drafted(name, *files):
    text = write_draft(name, files).read_text("utf-8")
    return yaml.safe_load(text), text


def test_books_and_their_readers(home):
    rows = pairs().assign(
        isbn=lambda frame: books()["isbn"].to_numpy()[frame["item"]], stars=lambda f: 1 + f["item"] % 5
    )
    read = write_rows(home / "read.csv.gz", rows[["second", "user", "isbn", "stars"]].rename(columns={"second": "ts"}))
    items = write_rows(home / "books.csv", books().assign(url="http://x"), separator=";", encoding="latin-1")
    keys, text = drafted("books", items, read)
    assert keys == {
        "interactions": [str(read)], "user": "user", "item": "isbn", "rating": "stars", "time": "ts",
        "items": [str(items)], "item_id": "isbn", "title": "title", "year": "published", "list": ["authors"],
        "category": ["publisher"], "text": ["description"], "number": ["pages"], "word": "book:books",
    }  # fmt: skip
    assert "5 values, 1 to 5" in text
    assert "separated: authors by '|'" in text
    dataset = prepare("books")
    assert dataset.items.singular == "book"
    assert len(dataset.ratings) == len(rows)
    assert prepare("books").fingerprint == dataset.fingerprint


def test_a_scale_is_read_as_the_draft_writes_it(home):
    rows = pairs().assign(stars=lambda frame: 1 + frame["item"] % 5)
    path = write_draft("scaled", [write_rows(home / "rows.csv", rows[["user", "item", "stars"]])])
    path.write_text(path.read_text("utf-8").replace("# scale: 1:5:1", "scale: 1:5:1"), "utf-8")
    assert read_mapping(path)["scale"] == "1:5:1"
    assert override({}, ["scale=1:10:1", "when=1:10:1.5"]) == {"scale": "1:10:1", "when": "1:10:1.5"}
    assert prepare("scaled").feedback.maximum == 5
    with pytest.raises(UsageError, match=r"like=\[ is not valid YAML"):
        override({}, ["like=["])


def test_kinds_of_events_are_listed_with_their_numbers(home):
    rows = pairs().rename(columns={"user": "visitorid", "item": "itemid", "second": "timestamp"})
    rows["event"] = np.where(rows["liked"], "transaction", "view")
    keys, text = drafted("shop", write_rows(home / "events.jsonl", rows[["visitorid", "itemid", "event", "timestamp"]]))
    assert (keys["event"], keys["weights"], keys["time"]) == ("event", {"transaction": 1, "view": 1}, "timestamp")
    assert f"transaction {rows['liked'].sum()}" in text
    assert set(prepare("shop").ratings["rating"]) == {1.0}


def test_recbole_headers_and_columns_that_are_not_used(home):
    rows = pairs().rename(columns={"user": "user_id:token", "item": "item_id:token", "second": "timestamp:float"})
    keys, text = drafted("recbole", write_rows(home / "r.tsv", rows, separator="\t"))
    assert (keys["user"], keys["item"], keys["time"]) == ("user_id:token", "item_id:token", "timestamp:float")
    assert keys["rating"] == "liked"
    assert "separator of columns seems to be '\\t'" in text
    assert len(prepare("recbole").ratings) == len(rows)


@pytest.mark.parametrize(
    ("form", "others"),
    [
        ("%d.%m.%Y %H:%M", ""),
        ("%d %b %Y", ""),
        ("%d/%m/%Y, %H:%M", "%m/%d/%Y, %H:%M would fit as well"),
        ("%Y/%m/%d", ""),
        ("%d.%m.%y", "%y.%m.%d would fit as well"),
    ],
)
def test_the_form_of_times_is_guessed_and_what_else_would_fit_is_said(home, form, others):
    first = pd.Timestamp(2020, 9, 1)
    days = first + pd.to_timedelta(np.arange(len(pairs())) % 12, unit="D")
    rows = pairs()[["user", "item"]].assign(**{"bought at": days.strftime(form)})
    keys, text = drafted("times", write_rows(home / "r.csv", rows))
    assert keys["time_format"] == form
    assert others in text
    assert prepare("times").snapshot()["first_rating"] == "2020-09-01"


def test_years_of_two_digits_come_first_where_another_form_leads_into_the_future(home):
    days = pd.Timestamp(2024, 8, 20) + pd.to_timedelta(np.arange(len(pairs())) % 12, unit="D")
    rows = pairs()[["user", "item"]].assign(**{"bought at": days.strftime("%y-%m-%d")})
    keys, text = drafted("times", write_rows(home / "r.csv", rows))
    assert keys["time_format"] == "%y-%m-%d"
    assert "%d-%m-%y would fit as well" in text
    assert prepare("times").snapshot()["first_rating"] == "2024-08-20"


def test_an_infinite_date_among_others_stops_no_draft(home):
    dates = [*["24.12.2025"] * (len(pairs()) - 1), "infinity"]
    keys, _ = drafted("times", write_rows(home / "r.csv", pairs()[["user", "item"]].assign(**{"bought at": dates})))
    assert keys["time"] == "bought at"


def test_titles_that_are_not_recognised_are_asked_for(home):
    rows = pairs().rename(columns={"user": "kunde", "item": "buch"})
    books = pd.DataFrame({"isbn": range(24), "Titel": [f"Buch {item}" for item in range(24)]})
    keys, _ = drafted("laden", write_rows(home / "r.csv", rows), write_rows(home / "b.csv", books))
    assert keys["title"] == "?"
    path = source_path("laden")
    text = path.read_text().replace("user: '?'", "user: kunde").replace("item: '?'", "item: buch")
    path.write_text(text)
    with pytest.raises(UsageError, match=r"\?.*Titel"):
        prepare("laden")
    path.write_text(text.replace("title: '?'", "title: Titel"))
    assert prepare("laden").movies["title"].tolist()[:2] == ["Buch 0", "Buch 1"]
    path.write_text("\n".join(line for line in text.splitlines() if not line.startswith("title:")))
    assert prepare("laden").details["mended"] == {"items_titled_by_their_id": 24}


def test_dates_in_another_form_and_years_in_titles(home):
    rows = pairs().assign(date=lambda f: pd.to_datetime(f["second"], unit="s").dt.strftime("%d.%m.%Y"))
    titles = pd.DataFrame({"item": range(24), "title": [f"Film {item}, The (19{50 + item})" for item in range(24)]})
    keys, _ = drafted(
        "dates", write_rows(home / "r.csv", rows[["user", "item", "date"]]), write_rows(home / "i.parquet", titles)
    )
    assert keys["time_format"] == "%d.%m.%Y"
    assert keys["year_in_title"] is True
    dataset = prepare("dates")
    assert dataset.snapshot()["first_rating"] == "2020-09-13"
    assert dataset.movies[["title", "year"]].iloc[3].tolist() == ["The Film 3", 1953]


def test_a_draft_replaces_nothing(home):
    read = write_rows(home / "r.csv", pairs())
    write_draft("mine", [read])
    before = source_path("mine").read_text()
    with pytest.raises(UsageError, match="exists already"):
        write_draft("mine", [read])
    assert source_path("mine").read_text() == before


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\x85", "\u2028"])
def test_what_stands_in_a_file_is_never_a_key_of_the_draft(home, line_break):
    cell = f'a "b"{line_break}scale: 1:500:1{line_break}\x1blike: 2'
    rows = pairs().assign(note=cell, event=[cell, "buy"] * 320, **{f"a{line_break}scale: 9": 1})
    keys, _ = drafted("hostile", write_rows(home / "r.jsonl", rows[[*rows.columns.drop("liked")]]))
    assert not {"scale", "like"} & keys.keys()
    assert set(keys["weights"]) == {cell, "buy"}


@pytest.mark.parametrize("separator", [";", "\t", ","])
@pytest.mark.parametrize("numbers", [range(5), range(100)], ids=["few numbers", "many numbers"])
def test_numbers_with_a_decimal_comma_are_ratings(home, separator, numbers):
    score = [f"{numbers[row % len(numbers)] / 10:.1f}".replace(".", ",") for row in range(640)]
    keys, _ = drafted("comma", write_rows(home / "r.csv", pairs()[["user", "item"]].assign(score=score), separator))
    assert (keys["rating"], keys["decimal"], "weights" in keys) == ("score", ",", False)
    assert prepare("comma").feedback.maximum == numbers[-1] / 10


def draft_of_opinions(home, words):
    opinion = [words[row % len(words)] for row in range(640)]
    return drafted("opinions", write_rows(home / "r.csv", pairs()[["user", "item"]].assign(opinion=opinion)))


@pytest.mark.parametrize(
    "words",
    [
        ["+1", "+2", "+3"], ["1%", "2%", "3%"], ["1/5", "2/5", "3/5"], ["1 star", "2 stars", "3 stars"],
        ["★", "★★☆", "★★★"], [f"{percent} %" for percent in range(101)],
    ],
)  # fmt: skip
def test_words_that_are_obviously_numbers_are_drafted_as_these(home, words):
    draft_of_opinions(home, words)
    feedback = prepare("opinions").feedback
    assert (feedback.minimum, feedback.maximum) == ((0, 100) if len(words) > 3 else (1, 3))


def test_the_weights_of_other_words_must_be_edited(home):
    keys, text = draft_of_opinions(home, ["bad", "good", "4"])
    assert keys["weights"] == {"bad": "?", "good": "?", "4": 4}
    with pytest.raises(UsageError, match=r"a number for each word under weights, found '\?' for bad, good"):
        prepare("opinions")
    source_path("opinions").write_text(text.replace("'?'", "4"))
    with pytest.raises(DataError, match="Give the words different numbers under weights"):
        prepare("opinions")


def test_some_bad_cells_leave_a_column_of_numbers_one(home):
    keys, text = draft_of_opinions(home, ["five", *"12345" * 60])
    assert (keys["rating"], "weights" in keys) == ("opinion", False)
    assert "no numbers, so their rows are rejected: five" in text
    assert prepare("opinions", max_bad_share=0.01).dropped == {"r.csv: rating is missing or not a number": 3}


def test_a_file_without_rows_is_refused(home):
    with pytest.raises(DataError, match=r"r\.csv; it has no rows"):
        drafted("none", write_rows(home / "r.csv", pairs()[:0]))


def test_columns_that_are_not_recognised_are_left_to_be_filled_in(home):
    rows = pairs().rename(columns={"user": "Wer", "item": "Was", "liked": "Likes", "second": "Wann"})
    titles = pd.DataFrame({"was": range(24), "title": [f"Thing {item}" for item in range(24)]})
    keys, text = drafted("german", write_rows(home / "i.csv", titles), write_rows(home / "r.csv", rows))
    assert (keys["interactions"], keys["user"], keys["item"]) == ([str(home / "r.csv")], "?", "?")
    with pytest.raises(UsageError, match=r"for user and item .* Fill in one of: Wer, Was, Likes, Wann"):
        prepare("german")
    source_path("german").write_text(text.replace("user: '?'", "user: Wer").replace("item: '?'", "item: Was"))
    assert prepare("german").movies["title"].tolist()[:2] == ["Thing 0", "Thing 1"]


@pytest.mark.parametrize(("user", "separator"), [("Customer Number", "|"), ("user", " ")])
def test_numbers_of_customers_and_blanks_between_columns_are_recognised(home, user, separator):
    rows = pairs()[["user", "item", "second"]].rename(columns={"user": user, "item": "asin", "second": "when"})
    keys, _ = drafted("shop", write_rows(home / "r.csv", rows, separator))
    assert (keys["user"], keys["item"], keys["time"]) == (user, "asin", "when")
