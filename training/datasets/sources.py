"""Find the raw files and credits of a named data set on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from recommender import home
from recommender.errors import MissingInputError
from recommender.feedback import MOVIELENS, Feedback
from training.config import shipped
from training.datasets.config import find_dataset_config
from training.datasets.credits.table import METADATA_FILE
from training.datasets.names import check_name, dataset_path
from training.datasets.readers import genome as genome_reader
from training.datasets.readers import input_files, wikipedia

GENOME = "tag-genome"
CREDITS = "tag-genome-2021"
_CREDIT_TABLES = shipped("datasets/credit_tables", "data/credits")
_WHEEL = "recbole"
_WHEEL_FILE = "ml-100k.inter"
_SAMPLE = "ml-100k"
_SYNTHETIC = "synthetic"
_SAMPLE_BYTES = 1 << 22


@dataclass(frozen=True)
class Sources:
    """Inputs of a processed data set.

    `raw`: directory of raw files; `credits`: file of credits; `genome`, `texts`: directories of a separate tag genome
    and of film articles; `feedback`: what the ratings in the raw files mean.
    """

    raw: Path
    credits: Path | None = None
    genome: Path | None = None
    texts: Path | None = None
    feedback: Feedback = MOVIELENS

    def files(self) -> list[Path]:
        """Return all files to read, in a fixed order. Raises MissingInputError if one is missing or empty."""
        files = input_files(self.raw)
        if self.genome is not None:
            genome_files = genome_reader.input_files(self.genome)
            if not genome_files:
                raise MissingInputError(
                    f"Expected genome-scores.csv + genome-tags.csv or tag_relevance.dat + tags.dat in {self.genome}. "
                    f"Run `movierec data fetch {GENOME}`, or name another directory with --genome DIR."
                )
            files += genome_files
        if self.credits is not None:
            if not self.credits.is_file():
                raise MissingInputError(f"Expected film credits at {self.credits}; there is no such file.")
            files.append(self.credits)
        if self.texts is not None:
            files += wikipedia.input_files(self.texts)
        return files

    @property
    def identity(self) -> str:
        """Return the part of a data set's fingerprint that is not in its files: a scale other than MovieLens's."""
        return "" if self.feedback == MOVIELENS else self.feedback.model_dump_json()


def count_lines(paths: Sequence[Path]) -> float:
    """Estimate the number of lines of all these files; a large file is extrapolated from its beginning."""
    total = 0.0
    for path in paths:
        with path.open("rb") as file:
            start = file.read(_SAMPLE_BYTES)
        total += start.count(b"\n") * (path.stat().st_size / max(len(start), 1))
    return total


def find_raw(name: str) -> Path:
    """Return the directory of the raw files of `name`: data/raw/<name>, or for ml-100k the installed sample.

    Raises UsageError if the name is not valid, MissingInputError with the commands that help.
    """
    local = dataset_path(home.raw_data(), name)
    if local.is_dir():
        return local
    if name == _SAMPLE and (sample := installed_sample()):
        return sample
    remedies = [f"name its directory with `movierec data prepare {name} --raw DIR`"]
    if find_dataset_config(name):
        remedies.insert(0, f"run `movierec data fetch {name}`")
    if name.startswith(_SYNTHETIC):
        remedies.insert(0, f"run `movierec data synth --out {local}`")
    if name == _SAMPLE:
        remedies.insert(0, "run `uv sync --group sample-data` (MovieLens 100K comes with the recbole wheel)")
    remedies.append(f"describe tables of your own with `movierec data draft {name} FILES...`")
    raise MissingInputError(f"No raw files of {name}: {local} does not exist. To mend this, {', or '.join(remedies)}.")


def installed_sample() -> Path | None:
    """Return the directory of MovieLens 100K in the installed recbole wheel, which is never imported, or None."""
    try:
        files = metadata.files(_WHEEL) or []
    except metadata.PackageNotFoundError:
        return None
    paths = (Path(str(file.locate())) for file in files if file.name == _WHEEL_FILE)
    return next((path.parent for path in paths if path.is_file()), None)


def find_sources(
    name: str,
    raw: Path | None,
    credits: Path | None,
    genome: Path | None,
    texts: Path | None,
    feedback: Feedback = MOVIELENS,
) -> Sources:
    """Return the inputs of the data set `name`; raw files and credits that are not given are looked for.

    Raises UsageError if the name is not valid, MissingInputError without raw files.
    """
    return Sources(raw or find_raw(name), credits or default_credits(name), genome, texts, feedback)


def default_credits(name: str) -> Path | None:
    """Return the path of credits for `name`: the project's own table, else fetched metadata, else None."""
    candidates = [_CREDIT_TABLES / f"{check_name(name)}.csv"]
    if name != _SAMPLE:  # its movie ids are its own; all later editions share theirs
        candidates.append(home.raw_data() / CREDITS / METADATA_FILE)
    return next((path for path in candidates if path.is_file()), None)
