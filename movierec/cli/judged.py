"""What a command judges by: a protocol, and the data set that it splits or the files of a published split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from movierec.cli.names import dataset_name
from recommender.errors import UsageError

if TYPE_CHECKING:
    from training.datasets.store import ProcessedDataset
    from training.splits.protocol import ProtocolConfig

DEFAULT = "ml-100k"

DatasetOption = Annotated[
    str | None,
    typer.Option(
        "--dataset", help=f"Processed data set. Default: {DEFAULT}, or --train's files.", callback=dataset_name()
    ),
]
TrainFile = Annotated[Path | None, typer.Option("--train", help="Training part of a published split.")]
ValidFile = Annotated[Path | None, typer.Option("--valid", help="Its validation part.")]
TestFile = Annotated[
    Path | None,
    typer.Option("--test", help="Its test part; in tuning it completes the catalogue, and is never scored."),
]
MaskOption = Annotated[Literal["train", "train+valid"], typer.Option("--mask", help="Whose films lists leave out.")]


class Files(NamedTuple):
    """The parts of a published split, and whose films lists leave out."""

    train: Path | None
    valid: Path | None
    test: Path | None
    mask: Literal["train", "train+valid"] = "train"


def judged(protocol: str, dataset: str | None, files: Files) -> tuple[ProtocolConfig, ProcessedDataset]:
    """The protocol `protocol` with `files`, and the data set it judges by: `dataset`, or what the files make.

    Raises UsageError and MissingInputError.
    """
    from training.splits.files import files_dataset
    from training.splits.protocol import load_protocol

    rules = load_protocol(protocol)
    if files.train and files.test:
        rules = rules.with_files(files.train, files.test, files.valid, files.mask)
        return rules, processed(dataset) if dataset else files_dataset(rules)
    if any(files[:3]) or files.mask != "train":
        raise UsageError("A published split needs both: give --train FILE and --test FILE.")
    return rules, processed(dataset or DEFAULT)


def processed(name: str) -> ProcessedDataset:
    """The processed data set `name`, prepared from its raw files where it is not there yet."""
    from recommender.errors import MissingInputError
    from training.datasets.store import load_dataset, prepare

    try:
        return load_dataset(name)
    except MissingInputError:
        return prepare(name)
