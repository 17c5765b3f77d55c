"""Bundles of format 2 of the same data give the answers of format 1, byte for byte but for the last digits."""

from __future__ import annotations

from pathlib import Path

from tests.golden import recording, replaying, service, store
from tests.golden.format_two import rewrite_store

EVERY = 4  # of the recorded requests is asked; the whole recording is asked of the old store itself


def test_recorded_requests_are_answered_as_from_format_one(tmp_path: Path) -> None:
    home = tmp_path.resolve()
    store.unpack(home)
    rewritten = rewrite_store(home)
    assert rewritten == len(list((home / "var/models/versions").glob("*/bundle/facets_text.npy"))) > 1
    exchanges = [exchange for exchange in recording.read() if exchange.request.kind != "metrics"][::EVERY]
    with service.running(home) as port:
        report = replaying.replay(port, exchanges)
    is_same = report.passes()
    assert is_same, report.text()
