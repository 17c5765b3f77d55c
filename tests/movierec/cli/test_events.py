"""`movierec events`: every event in the export, and no byte of an erased visitor, with and without a running writer."""

from __future__ import annotations

import json
import stat
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from movierec.cli import main
from online.events import Event
from online.store import EventWriter, events_file
from tests.online.test_writer import writing

KEY = "visitor-51d0ee"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    writer = EventWriter(events_file(tmp_path))
    for number in range(3):
        events = [
            Event("rated", visitor, "", (f"ü{number}",), 4.5, "", 10.0, time.time(), f"e{number}", number + 1)
            for visitor in (KEY, "ben")
        ]
        writer.add([events])
    writer.close()
    return tmp_path


def run(*arguments: str) -> int:
    """Call the command line; return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["movierec", "events", *arguments])
        with pytest.raises(SystemExit) as ended:
            main.run()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("name", ["out.ndjson", "out.parquet"])
def test_an_export_holds_every_event_for_its_owner_alone(store: Path, name: str) -> None:
    out = store / name
    assert run("export", str(out), "--store", str(store)) == 0
    parquet = name.endswith("parquet")
    rows = pq.read_table(out).to_pylist() if parquet else [json.loads(row) for row in out.read_text().splitlines()]
    assert [(row["number"], row["visitor"], row["items"], row["position"]) for row in rows] == [
        (2 * number + turn + 1, visitor, [f"ü{number}"], number + 1)
        for number in range(3)
        for turn, visitor in enumerate((KEY, "ben"))
    ]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize("is_running", [False, True])
def test_an_erased_visitor_is_in_no_file_and_no_later_export(
    store: Path, is_running: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("erase", KEY, "--store", str(store), "--json")
    if is_running:
        with writing(store):
            while run(*arguments):  # until the writer listens
                capsys.readouterr()
    else:
        assert run(*arguments) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == 3
    assert run("export", str(store / "out.ndjson"), "--store", str(store)) == 0
    left = b"".join(path.read_bytes() for path in store.rglob("*") if path.is_file())
    assert KEY.encode() not in left
    assert left.count(b"ben") >= 3


def test_a_store_without_events_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("erase", "v"), ("export", str(tmp_path / "out.ndjson"))):
        assert run(*arguments, "--store", str(tmp_path)) == 2
        assert str(tmp_path) in capsys.readouterr().err
