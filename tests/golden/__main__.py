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
from pathlib import Path

from tests.golden import make_store, recording, replaying, service, store
from tests.golden.request_list import COUNT


def main() -> int:
    """Run one of the commands; 0 where every answer is the recorded one."""
    options = _parser().parse_args()
    movierec = options.movierec.absolute()
    if options.command == "make-store":
        make_store.make_store(options.store, movierec)
        sys.stdout.write(f"{options.store}: {options.store.stat().st_size:,} bytes\n")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch).resolve()
        store.unpack(home, options.store)
        with service.running(home, movierec=movierec, workers=options.workers) as port:
            if options.command == "record":
                exchanges = replaying.record(port, seed=options.seed)
                recording.write(options.recording, exchanges)
                size = options.recording.stat().st_size
                sys.stdout.write(f"{len(exchanges):,} exchanges in {options.recording}: {size:,} bytes\n")
                return 0
            report = replaying.replay(port, recording.read(options.recording))
    sys.stdout.write(report.text(options.show) + "\n")
    return 0 if report.passes(exact=options.exact) else 1


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
    record = commands.add_parser("record", parents=[served], help=f"ask {COUNT:,} questions and keep the answers")
    record.add_argument("--seed", type=int, default=1, help="other questions (1)")
    replay = commands.add_parser("replay", parents=[served], help="ask the recorded questions again and compare")
    replay.add_argument("--exact", action="store_true", help="fail for the seventh digit too: same machine, two codes")
    replay.add_argument("--show", type=int, default=5, help="differences to print (5)")
    commands.add_parser("make-store", parents=[shared], help="train, promote and pull with the code as it is, and pack")
    return parser


if __name__ == "__main__":
    sys.exit(main())
