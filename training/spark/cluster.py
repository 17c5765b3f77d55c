"""Spark sessions, and directories in which driver and executors exchange Parquet files."""

from __future__ import annotations

import atexit
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recommender.errors import MissingInputError, MovierecError

INSTALL = "Install it with `uv sync --group spark`; Java 17 must be there as well."


@contextmanager
def connect(master: str) -> Iterator[Any]:
    """Yield a Spark session on `master` (`local[*]`, `spark://host:7077`, `yarn`, ...), reused by the next call.

    Memory, credentials and the like are Spark's own settings (spark-defaults.conf, PYSPARK_SUBMIT_ARGS). Raises
    MissingInputError if pyspark is not installed, MovierecError with Spark's reason if a job fails.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingInputError(
            f"The Spark engine needs pyspark, which cannot be imported: {error}. {INSTALL}"
        ) from None
    try:
        spark = _session(SparkSession, master)
    except (Py4JError, PySparkException) as error:
        raise MovierecError(
            f"Spark on {master} did not start: {_reason(error)} Is the master up and reachable, and Java 17 installed?"
        ) from error
    try:
        yield spark
    except (Py4JError, PySparkException) as error:
        raise MovierecError(f"Spark on {master} failed: {_reason(error)}") from error


def _session(sessions: Any, master: str) -> Any:
    active = sessions.getActiveSession()
    if active is not None:
        if active.sparkContext.master == master:
            return active
        active.stop()
    # a failure raises an exception anyway
    quiet = {"spark.log.level": "FATAL", "spark.ui.showConsoleProgress": "false"}
    started = sessions.builder.master(master).appName("movierec").config(map=quiet).getOrCreate()
    atexit.register(started.stop)
    return started


class Exchange:
    """A shared directory of one job on any of Hadoop's file systems (`file:`, `hdfs:`, `s3a:`, ...)."""

    def __init__(self, spark: Any, root: str, scratch: Path) -> None:
        """Make a directory under `root`, which driver and executors share; `scratch`: a local directory."""
        self._spark = spark
        self._root = spark._jvm.org.apache.hadoop.fs.Path(f"{root.rstrip('/')}/movierec-{uuid.uuid4().hex}")
        self._files = self._root.getFileSystem(spark._jsc.hadoopConfiguration())
        self._root = self._files.makeQualified(self._root)
        self._scratch = scratch
        if not self._files.mkdirs(self._root):
            raise MovierecError(
                f"Expected to make the directory {self._root.toString()}, and cannot. Check --exchange."
            )

    def address(self, name: str) -> str:
        """Return the address of the file or directory `name` in the exchange."""
        return f"{self._root.toString()}/{name}"

    def send(self, local: Path) -> Any:
        """Upload the Parquet files of the directory `local` and return them as a Spark frame."""
        self._files.copyFromLocalFile(self._path(str(local)), self._path(self.address(local.name)))
        return self._spark.read.parquet(self.address(local.name))

    def receive(self, frame: Any, name: str) -> list[Path]:
        """Write a Spark frame as Parquet and download the files, in the frame's order.

        Raises MovierecError if the executors wrote to a directory that the driver does not see.
        """
        frame.write.parquet(self.address(name))
        self._files.copyToLocalFile(self._path(self.address(name)), self._path(str(self._scratch)))
        files = sorted((self._scratch / name).glob("part-*"))
        if not files:
            raise MovierecError(
                f"The executors' {name} are not at {self.address(name)}, where the driver looks for them. "
                "Give --exchange a directory or URL that the driver and all executors share."
            )
        return files

    def remove(self) -> None:
        """Delete the exchange directory."""
        self._files.delete(self._root, True)

    def _path(self, address: str) -> Any:
        return self._spark._jvm.org.apache.hadoop.fs.Path(address)


@contextmanager
def open_exchange(spark: Any, root: str | None) -> Iterator[tuple[Exchange, Path]]:
    """Yield a folder that driver and workers both reach, under `root` or temporary and local, and a scratch directory.

    Both are removed at the end.
    """
    with tempfile.TemporaryDirectory(prefix="movierec-spark-") as scratch:
        exchange = Exchange(spark, root or scratch, Path(scratch))
        try:
            yield exchange, Path(scratch)
        finally:
            exchange.remove()


def _reason(error: Exception) -> str:
    """Return the first line of the innermost cause that Spark names, else of the Java exception or the error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    for mark in ("Caused by: ", ": "):
        if causes := [line.removeprefix(mark) for line in lines if line.startswith(mark)]:
            return causes[-1]
    return lines[0]
