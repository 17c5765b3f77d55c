"""Ranges of the parameters that a study searches, less those that cannot change anything on the data at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import optuna
from pydantic import Field, TypeAdapter, ValidationError

from recommender.errors import MissingInputError, UsageError
from recommender.schema import RATING
from training.config import CONFIG_ROOT, Config, read_mapping
from training.datasets.store import ProcessedDataset
from training.models import configure, own


class Range(Config):
    """Range of a parameter, and the condition under which it has an effect."""

    log: bool = Field(False, description="whether values are drawn on a logarithmic scale")
    needs: Literal["content", "several ratings"] | None = Field(None, description="what the data must have")
    beside: str | None = Field(None, description="parameter without which, at 0, this one has no effect")


class IntRange(Range):
    """Range of an integer parameter."""

    kind: Literal["int"]
    range: tuple[int, int] = Field(description="least and largest value")
    below_items: bool = Field(False, description="values of as many items as there are, and more, are the same")

    def suggest(self, trial: optuna.Trial, name: str) -> int:
        """Draw a value for this trial."""
        return trial.suggest_int(name, *self.range, log=self.log)


class FloatRange(Range):
    """Range of a real parameter."""

    kind: Literal["float"]
    range: tuple[float, float] = Field(description="least and largest value")

    def suggest(self, trial: optuna.Trial, name: str) -> float:
        """Draw a value for this trial."""
        return trial.suggest_float(name, *self.range, log=self.log)


Space = dict[str, Annotated[IntRange | FloatRange, Field(discriminator="kind")]]


def load_space(model: str) -> Space:
    """Return the ranges of configs/tuning/<model>.yaml, or the `tuning` of a user-defined class.

    Raises MissingInputError, UsageError.
    """
    path, is_own = CONFIG_ROOT / "tuning" / f"{model}.yaml", model in own.names()
    declared = getattr(own.find(model), "tuning", None) if is_own else None
    if declared is None and not path.is_file():
        models = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
        remedy = (
            ' Declare some: tuning = {"factors": {"kind": "int", "range": [8, 64]}} in its class.' if is_own else ""
        )
        raise MissingInputError(f"{model} has no ranges to search.{remedy} There are some for: {models}.")
    origin = path.name if declared is None else f"{model}.tuning"
    try:
        space = TypeAdapter(Space).validate_python(read_mapping(path) if declared is None else declared)
    except ValidationError as error:
        raise UsageError(f"{origin}: {error}") from error
    configure(model, [f"{key}={parameter.range[0]}" for key, parameter in space.items()])  # every key must exist
    return space


def searched_space(
    model: str, dataset: ProcessedDataset, overrides: Sequence[str] = ()
) -> tuple[Space, dict[str, str]]:
    """Return the ranges to search on these data, and for each parameter that is left out the reason.

    A parameter that `overrides` fix is not searched. Raises MissingInputError, and UsageError where none is left.
    """
    configured = configure(model, overrides).model_dump()
    fixed = {override.partition("=")[0] for override in overrides}
    left_out = dict.fromkeys(fixed, "--set fixes it")
    space = {key: _within(parameter, dataset) for key, parameter in load_space(model).items()}
    left_out = {key: reason for key, reason in left_out.items() if key in space}
    for key, parameter in space.items():
        beside = parameter.beside
        is_zero = beside is not None and (beside in left_out or beside not in space) and not configured[beside]
        reason = f"{beside} is 0" if is_zero else _without_effect(parameter, dataset)
        if reason:
            left_out.setdefault(key, reason)
    searched = {key: parameter for key, parameter in space.items() if key not in left_out}
    if not searched:
        reasons = "; ".join(f"{key}: {reason}" for key, reason in left_out.items())
        raise UsageError(f"No parameter of {model} is left to search ({reasons}).")
    return searched, left_out


def _within(parameter: IntRange | FloatRange, dataset: ProcessedDataset) -> IntRange | FloatRange:
    """Return the range without the numbers of items that the data set does not have."""
    if not isinstance(parameter, IntRange) or not parameter.below_items:
        return parameter
    most = max(len(dataset.movie_ids) - 1, 1)
    least, largest = (min(end, most) for end in parameter.range)
    return parameter.model_copy(update={"range": (least, largest)})


def _without_effect(parameter: IntRange | FloatRange, dataset: ProcessedDataset) -> str:
    """Return why a parameter changes nothing on these data; empty where it may."""
    if parameter.range[0] == parameter.range[1]:
        return f"{dataset.name} leaves one value"
    if parameter.needs == "content" and not dataset.tags.matrix.nnz:
        return f"{dataset.name} tells nothing about the content of its items"
    if parameter.needs == "several ratings" and dataset.ratings[RATING].nunique() < 2:
        return f"all ratings of {dataset.name} are the same"
    return ""
