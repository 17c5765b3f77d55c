"""Record what the service answers, and hold other code to it: `python -m tests.golden --help`.

    python -m tests.golden replay                               this code against the recording
    python -m tests.golden replay --movierec ../other/.venv/bin/movierec --exact
    python -m tests.golden record                               after an answer has changed on purpose
    python -m tests.golden make-store                           a new old store; record again after it

Everything goes over HTTP and the command line, so the code under test may be arranged as it likes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.golden import recorder, recording, replaying, service, store
from tests.golden.make_store import make_store


def main() -> int:
    """Run one of the commands; 0 where every answer is the recorded one."""
    options = _parser().parse_args()
    options.movierec = options.movierec.absolute()
    code, text = {"make-store": _make_store, "record": _record, "replay": _replay}[options.command](options)
    sys.stdout.write(f"{text}\n")
    return code


def _make_store(options: argparse.Namespace) -> tuple[int, str]:
    make_store(options.store, options.movierec)
    return 0, f"{options.store}: {options.store.stat().st_size:,} bytes"


def _record(options: argparse.Namespace) -> tuple[int, str]:
    with _serving(options) as serve:
        exchanges = recorder.record(serve, seed=options.seed)
    recording.write(options.recording, exchanges)
    size = options.recording.stat().st_size
    return 0, f"{len(exchanges):,} exchanges in {options.recording}: {size:,} bytes"


def _replay(options: argparse.Namespace) -> tuple[int, str]:
    with _serving(options) as serve, serve({}) as port:
        report = replaying.replay(port, recording.read(options.recording))
    return int(not report.passes(exact=options.exact)), report.text(options.show)


@contextmanager
def _serving(options: argparse.Namespace) -> Iterator[recorder.Serve]:
    """A way to serve the unpacked store by the code under test."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch).resolve()
        store.unpack(home, options.store)
        yield partial(service.running, home, movierec=options.movierec, workers=options.workers)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--movierec", type=Path, default=service.COMMAND, help="command of the code under test (this environment's)"
    )
    shared.add_argument("--store", type=Path, default=store.STORE, help="packed store (the committed one)")
    served = argparse.ArgumentParser(add_help=False, parents=[shared])
    served.add_argument("--recording", type=Path, default=recording.RECORDING, help="file (the committed one)")
    served.add_argument("--workers", type=int, default=2, help="API processes (2)")
    record = commands.add_parser(
        "record", parents=[served], help=f"ask {recorder.COUNT:,} questions and keep the answers"
    )
    record.add_argument("--seed", type=int, default=1, help="other questions (1)")
    replay = commands.add_parser("replay", parents=[served], help="ask the recorded questions again and compare")
    replay.add_argument("--exact", action="store_true", help="fail for the seventh digit too: same machine, two codes")
    replay.add_argument("--show", type=int, default=5, help="differences to print (5)")
    commands.add_parser("make-store", parents=[shared], help="train, promote and pull with the code as it is, and pack")
    return parser


if __name__ == "__main__":
    sys.exit(main())
