"""Measure throughput with the load generator wrk, one address at a time."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import MissingInputError

CONNECTIONS = 32
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Measured:
    """One run: good answers per second, 99th percentile in seconds, and the number of answers other than 2xx or 3xx."""

    rate: float
    p99: float
    failed: int


@dataclass(frozen=True)
class Call:
    """Requests that wrk sends in turn, and the number of its connections."""

    paths: Sequence[str]
    method: str = "GET"
    body: str = ""
    connections: int = CONNECTIONS

    def script(self, file: Path) -> Path:
        """Write the requests as a Lua script for wrk, and return its path."""
        headers = '{["content-type"]="application/json"}'
        file.write_text(
            f"local paths = {{{','.join(json.dumps(path) for path in self.paths)}}}\nlocal at = 0\n"
            f"function request() at = at % #paths + 1 return wrk.format({json.dumps(self.method)}, paths[at], "
            f"{headers}, {json.dumps(self.body) if self.body else 'nil'}) end\n"
        )
        return file


def measure(port: int, call: Call, seconds: float, scratch: Path) -> Measured:
    """Send requests to a port for some seconds, and return rate, p99 and failures.

    Raises MissingInputError without wrk.
    """
    if shutil.which("wrk") is None:
        raise MissingInputError("Expected the load generator wrk; install it: apt-get install wrk")
    script = call.script(scratch / "requests.lua")
    options = ["-t1", f"-c{call.connections}", f"-d{max(seconds, 1):.0f}", "--latency", "-s", str(script)]
    output = subprocess.run(
        ["wrk", *options, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True
    ).stdout
    rate, p99 = re.search(r"Requests/sec:\s+([\d.]+)", output), re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    counted, wrong = re.search(r"(\d+) requests in", output), re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    assert rate is not None
    assert p99 is not None
    assert counted is not None
    failed = int(wrong[1]) if wrong else 0
    good = 1 - failed / max(int(counted[1]), 1)
    return Measured(float(rate[1]) * good, float(p99[1]) * _UNITS[p99[2]], failed)
