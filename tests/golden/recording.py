"""The recording: one JSON object a line for each request and its answer, compressed with xz."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.golden.exchange import Response

RECORDING = Path(__file__).parent / "recording.jsonl.xz"


class Request(NamedTuple):
    """A request as it goes out, and the kind of question that it stands for."""

    kind: str
    raw: bytes

    @property
    def summary(self) -> str:
        """Request line and body, cut to a readable length."""
        head, _, body = self.raw.partition(b"\r\n\r\n")
        line = head.partition(b"\r\n")[0].decode("latin-1")
        return f"{line[:200]} {body.decode('utf-8', 'replace')[:200]}".rstrip()


class Exchange(NamedTuple):
    """A request and the answer to it."""

    request: Request
    response: Response


def write(path: Path, exchanges: Iterable[Exchange]) -> None:
    """Write the recording."""
    lines = [
        json.dumps([request.kind, *map(_text, (request.raw, response.head, response.body))], ensure_ascii=False)
        for request, response in exchanges
    ]
    path.write_bytes(lzma.compress("\n".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME))


def read(path: Path = RECORDING) -> list[Exchange]:
    """Read the recording."""
    exchanges = []
    for line in lzma.decompress(path.read_bytes()).decode().split("\n"):
        kind, *texts = json.loads(line)
        raw, head, body = (text.encode("latin-1") for text in texts)
        exchanges.append(Exchange(Request(kind, raw), Response(head, body)))
    return exchanges


def _text(raw: bytes) -> str:
    return raw.decode("latin-1")  # a letter for each byte, so that nothing is lost
