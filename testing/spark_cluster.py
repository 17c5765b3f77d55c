"""A standalone Spark master and worker on this machine's loopback, for measurements and tests."""

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
    """Address of a master with one worker; both are stopped at the end. `work`: directory of their logs and files.

    Raises MissingInputError where pyspark or Java is missing.
    """
    home = _spark_home()
    settings = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "SPARK_HOME": str(home)}
    offer = ("--cores", str(cores), "--memory", memory, "--work-dir", str(work))
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, settings))
        said = r"Starting Spark master at (spark://\S+)"
        address = stack.enter_context(_daemon(home, work, "master.Master", *_LOOPBACK, said=said))
        said = "Successfully registered (with)"
        stack.enter_context(_daemon(home, work, "worker.Worker", *_LOOPBACK, *offer, address, said=said))
        yield address


def _spark_home() -> Path:
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        raise MissingInputError("pyspark is not installed. Install it with `uv sync --group spark`.")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise MissingInputError("Spark needs Java 17, and there is no java on the path.")
    return Path(found.origin).parent


@contextmanager
def _daemon(home: Path, work: Path, kind: str, *arguments: str, said: str) -> Iterator[str]:
    """A process of Spark's own, up when its log says `said`; gives the first group of that."""
    command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind}", *arguments]
    log = work / f"{kind}.log"
    with log.open("w", encoding="utf-8") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, cwd=work)
    try:
        yield _wait_for(said, log, process)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(said: str, log: Path, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(said, log.read_text(encoding="utf-8")):
            return found.group(1)
        time.sleep(0.1)
    raise MovierecError(f"Spark did not come up within {START_SECONDS} s: {log.read_text(encoding='utf-8')[-2000:]}")
