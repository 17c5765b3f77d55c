"""A standalone Spark master and worker on this machine, for benchmarks and tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

from recommender.errors import MissingInputError, MovierecError

START_SECONDS = 90
_LOOPBACK = ("--host", "127.0.0.1", "--port", "0", "--webui-port", "0")


@contextmanager
def standalone(work: Path, cores: int = 2, memory: str = "1g") -> Iterator[str]:
    """Start a Spark master with one worker, give the master's address, and stop both at the end.

    `work`: directory of their logs and files. Raises MissingInputError without pyspark or Java.
    """
    home = _spark_home()
    settings = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "SPARK_HOME": str(home)}
    resources = ("--cores", str(cores), "--memory", memory, "--work-dir", str(work))
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, settings))
        ready = r"Starting Spark master at (spark://\S+)"
        address = stack.enter_context(_daemon(home, work, "master.Master", *_LOOPBACK, ready=ready))
        ready = "Successfully registered (with)"
        stack.enter_context(_daemon(home, work, "worker.Worker", *_LOOPBACK, *resources, address, ready=ready))
        yield address


def _spark_home() -> Path:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise MissingInputError("pyspark is not installed. Install it with `uv sync --group spark`.")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise MissingInputError("Spark needs Java 17, and there is no java on the path.")
    return Path(spec.origin).parent


@contextmanager
def _daemon(home: Path, work: Path, kind: str, *arguments: str, ready: str) -> Iterator[str]:
    """Start a Spark process, wait until its log matches `ready`, and give the first group of the match."""
    command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind}", *arguments]
    log = work / f"{kind}.log"
    with log.open("w", encoding="utf-8") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, cwd=work)
    try:
        yield _wait_for(ready, log, process)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(ready: str, log: Path, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if match := re.search(ready, log.read_text(encoding="utf-8")):
            return match.group(1)
        time.sleep(0.1)
    raise MovierecError(f"Spark did not come up within {START_SECONDS} s: {log.read_text(encoding='utf-8')[-2000:]}")
