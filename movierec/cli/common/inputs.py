"""Inputs of commands: names of data sets, times, and the protocol and data of an evaluation.

Names and times are checked before a command imports anything large.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from movierec.cli.common.output import warn
from recommender.errors import UsageError
from training.datasets.names import PREPARE, check_name

if TYPE_CHECKING:
    from training.datasets.store import ProcessedDataset
    from training.splits.protocol import ProtocolConfig

DEFAULT = "ml-100k"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def dataset_name(command: str = PREPARE) -> Callable[[str | None], str | None]:
    """Return a typer callback that checks a data set name.

    The callback raises UsageError for a path; the message names `command`, which reads NAME from DIR.
    """
    return lambda name: name if name is None else check_name(name, command)


def duration(text: str | None) -> float:
    """Return the seconds of a time such as 90s, 15m, 1.5h, or 90; 0 for None. Raises UsageError for other text."""
    if text is None:
        return 0.0
    match = _DURATION.fullmatch(text.strip())
    if match is None or not float(match[1]):
        raise UsageError(f"Expected a time such as 90s, 15m or 1h, found {text!r}.")
    return float(match[1]) * _SECONDS[match[2]]


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
Lengths = Annotated[list[int] | None, typer.Option("--k", help="List lengths, such as --k 10 20 40.")]
OrderIsTime = Annotated[
    bool, typer.Option("--order-is-time", help="Rows of the split's files stand in the order in which they happened.")
]


class Files(NamedTuple):
    """Files of a published split, and which of them hold the films that lists leave out."""

    train: Path | None
    valid: Path | None
    test: Path | None
    mask: Literal["train", "train+valid"] = "train"
    order_is_time: bool = False
    refit_with_valid: bool = False

    @property
    def choices(self) -> dict[str, str | bool]:
        """Return what was chosen otherwise than by default, which every figure says."""
        chosen = {"mask": self.mask, "order_is_time": self.order_is_time, "refit_with_valid": self.refit_with_valid}
        return {name: value for name, value in chosen.items() if value not in ("train", False)}


def evaluation_inputs(protocol: str, dataset: str | None, files: Files) -> tuple[ProtocolConfig, ProcessedDataset]:
    """Load the protocol and the data set to evaluate by; without `dataset`, the data set is made from `files`.

    Raises UsageError and MissingInputError.
    """
    from training.splits.files import files_dataset
    from training.splits.protocol import load_protocol

    rules = load_protocol(protocol)
    if files.train and files.test:
        choices = {"order_is_time": files.order_is_time, "refit_with_valid": files.refit_with_valid}
        rules = rules.with_files(files.train, files.test, files.valid, files.mask, **choices)
        if dataset and files.order_is_time:
            raise UsageError("--order-is-time is for data made of the files: leave --dataset out.")
        return rules, load_or_prepare(dataset) if dataset else files_dataset(rules)
    if files != Files(None, None, None):
        raise UsageError("A published split needs both: give --train FILE and --test FILE.")
    return rules, load_or_prepare(dataset or DEFAULT)


def load_or_prepare(name: str) -> ProcessedDataset:
    """Load the data set `name` as it was prepared last; prepare it from its raw files if it does not exist yet.

    What changed of its inputs since is said on stderr with the command that takes it in; it is not taken in silently.
    """
    from training.datasets.store import changes_since, is_prepared, load_dataset, prepare

    if not is_prepared(name):
        return prepare(name)
    dataset = load_dataset(name)
    if changes := changes_since(name):
        warn(changes)
    return dataset
