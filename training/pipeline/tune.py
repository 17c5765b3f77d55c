"""Search for an algorithm's parameters on validation parts: seeded, pruned, resumable. The test part is never used.

The first trial is the configuration as it stands. Every validation split of a protocol is one step; after each, a trial
that is worse than the median so far is pruned. The study is kept in `optuna.db` beside the tracking store, each trial
is a nested MLflow run.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import optuna
from filelock import FileLock, Timeout
from pydantic import Field, TypeAdapter, ValidationError

from recommender.bundle import Metric
from recommender.errors import MissingInputError, UsageError
from recommender.files import write_text
from training.config import CONFIG_ROOT, Config, read_mapping
from training.datasets.store import ProcessedDataset
from training.evaluation.significance import lower_is_better
from training.models import configure, make
from training.models.fits import Composite
from training.pipeline.judge import TrainingSplit, fit, training_splits
from training.progress import Progress, silent
from training.registry import Tracker
from training.splits.protocol import ProtocolConfig

_STARTUP_TRIALS = 8  # drawn at random before the sampler models anything, and before anything is pruned


class IntRange(Config):
    """Range of an integer parameter."""

    kind: Literal["int"]
    range: tuple[int, int]
    log: bool = False

    def suggest(self, trial: optuna.Trial, name: str) -> int:
        """Draw a value for this trial."""
        return trial.suggest_int(name, *self.range, log=self.log)


class FloatRange(Config):
    """Range of a real parameter."""

    kind: Literal["float"]
    range: tuple[float, float]
    log: bool = False

    def suggest(self, trial: optuna.Trial, name: str) -> float:
        """Draw a value for this trial."""
        return trial.suggest_float(name, *self.range, log=self.log)


Space = dict[str, Annotated[IntRange | FloatRange, Field(discriminator="kind")]]


@dataclass(frozen=True)
class Search:
    """What is tuned, on which data, by which protocol and metric."""

    model: str
    dataset: ProcessedDataset
    protocol: ProtocolConfig
    metric: str
    seed: int
    space: Space
    overrides: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Return the study's name: the same search continues the same study."""
        space = {key: parameter.model_dump(mode="json") for key, parameter in self.space.items()}
        start = configure(self.model, self.overrides).model_dump(mode="json")
        fixed = {key: value for key, value in start.items() if key not in self.space}
        identity = [self.dataset.fingerprint, self.protocol.model_dump(mode="json"), space, fixed]
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
        return f"{self.model}-{self.dataset.name}-{self.protocol.name}-{self.metric}-{self.seed}-{digest}"


@dataclass(frozen=True)
class Best:
    """The best trial of a search."""

    study: str
    metric: str
    value: float
    trials: int  # finished, pruned ones included
    parameters: dict[str, int | float]


def load_space(model: str) -> Space:
    """Return the ranges of configs/tuning/<model>.yaml. Raises MissingInputError, UsageError."""
    path = CONFIG_ROOT / "tuning" / f"{model}.yaml"
    if not path.is_file():
        models = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
        raise MissingInputError(f"No ranges to search for {model!r}: expected {path}. There are some for: {models}.")
    try:
        space = TypeAdapter(Space).validate_python(read_mapping(path))
    except ValidationError as error:
        raise UsageError(f"{path.name}: {error}") from error
    configure(model, [f"{key}={parameter.range[0]}" for key, parameter in space.items()])  # every key must exist
    return space


def tune(search: Search, trials: int, *, tracker: Tracker | None = None, progress: Progress) -> Best:
    """Search until `trials` trials have finished, those of earlier calls included, and return the best.

    Raises UsageError where another process is running the same study.
    """
    tracker = tracker or Tracker()
    directory = tracker.file.parent if tracker.file else Path.cwd()
    try:
        study = hashlib.sha256(search.name.encode()).hexdigest()[:16]  # the name holds words of the caller's
        with FileLock(directory / f".tune-{study}.lock", timeout=0):
            return _tune(search, trials, f"sqlite:///{directory}/optuna.db", tracker, progress)
    except Timeout:
        raise UsageError(f"Another process is tuning {search.name}; wait for it or choose another seed.") from None


def write_parameters(best: Best, model: str, root: Path = CONFIG_ROOT / "models") -> Path:
    """Write the best parameters into configs/models/<model>.yaml, comments kept, with the study named on top."""
    path = root / f"{model}.yaml"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(_STAMP)]
    for key, value in best.parameters.items():
        lines = _with_value(lines, key, f"{value:.6g}" if isinstance(value, float) else str(value))
    stamp = f"{_STAMP} {best.study}: {best.metric} {best.value:.4f} on validation, {best.trials} trials."
    write_text(path, "\n".join([stamp, *lines]) + "\n")
    return path


_STAMP = "# Tuned by study"


def _tune(search: Search, trials: int, storage: str, tracker: Tracker, progress: Progress) -> Best:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _study(search, storage)
    with tracker.run(search.dataset.name, f"tune {search.model}", {"study": search.name, "kind": "tuning"}) as run:
        run.log_parameters({"trials": trials, "seed": search.seed, "metric": search.metric})
        splits = _ValidationSplits(search)
        while (done := len(_finished(study))) < trials:
            _trial(search, study, tracker, splits)
            progress(f"tuning {search.model}", (done + 1) / trials)
        outcome = Best(search.name, search.metric, study.best_value, len(_finished(study)), study.best_params)
        run.log_parameters({f"best.{key}": value for key, value in outcome.parameters.items()})
        run.log_metrics([_validation_metric(search, outcome.value)])
    return outcome


def _study(search: Search, storage: str) -> optuna.Study:
    name = search.name
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        load_if_exists=True,
        direction="minimize" if lower_is_better(search.metric) else "maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS),
    )
    for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # its process is dead: this one holds the lock
    if not _finished(study):
        study.enqueue_trial(_configured(search))
    # The seed depends on the number of trials: a resumed search must not draw its first trials again.
    seed = search.seed * 100_003 + len(study.trials)
    study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_STARTUP_TRIALS)
    return study


def _configured(search: Search) -> dict[str, Any]:
    """Return the first trial: the configured parameters that lie within their ranges."""
    values = configure(search.model, search.overrides).model_dump()
    ranges = {key: parameter.range for key, parameter in search.space.items()}
    return {key: values[key] for key, (lowest, highest) in ranges.items() if lowest <= values[key] <= highest}


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    states = [optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED]
    return study.get_trials(deepcopy=False, states=states)


def _trial(search: Search, study: optuna.Study, tracker: Tracker, splits: _ValidationSplits) -> None:
    trial = study.ask()
    chosen = {key: parameter.suggest(trial, key) for key, parameter in search.space.items()}
    tags = {"study": search.name, "kind": "trial"}
    with tracker.run(search.dataset.name, f"trial {trial.number}", tags, nested=True) as run:
        run.log_parameters(chosen)
        value, pruned = _validated(search, chosen, trial, splits)
        run.log_metrics([_validation_metric(search, value)])
        study.tell(trial, None if pruned else value, state=optuna.trial.TrialState.PRUNED if pruned else None)


def _validated(
    search: Search, chosen: dict[str, int | float], trial: optuna.Trial, splits: _ValidationSplits
) -> tuple[float, bool]:
    """Return the mean over the validation splits evaluated so far, and whether the trial was pruned before the last."""
    config = configure(search.model, [*search.overrides, *(f"{key}={value}" for key, value in chosen.items())])
    recipe, values = fit(search.model, config), []
    for step, split in enumerate(splits):
        values.append(split.evaluate(recipe, search.seed).metric(search.metric).value)
        trial.report(float(np.mean(values)), step)
        if trial.should_prune():
            return float(np.mean(values)), True
    return float(np.mean(values)), False


class _ValidationSplits:
    """The validation splits of a search, trial after trial; for a composite, the fits of its members are kept."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._kept = list(self._fresh()) if isinstance(make(search.model), Composite) else None

    def __iter__(self) -> Iterator[TrainingSplit]:
        for split in self._kept if self._kept is not None else self._fresh():
            split.of_split.forget(self._search.model)
            yield split

    def _fresh(self) -> Iterator[TrainingSplit]:
        return training_splits(self._search.dataset, self._search.protocol, progress=silent, validation=True)


def _validation_metric(search: Search, value: float) -> Metric:
    return Metric(protocol=f"validation_{search.protocol.name}", name=search.metric, value=value)


def _with_value(lines: list[str], key: str, value: str) -> list[str]:
    """Return `lines` of a YAML file with the top-level `key` set; what follows the value on its line stays."""
    pattern = re.compile(rf"^({re.escape(key)}:\s*)[^#\s]+(.*)$")
    changed = [pattern.sub(rf"\g<1>{value}\g<2>", line) for line in lines]
    return changed if any(pattern.match(line) for line in lines) else [*lines, f"{key}: {value}"]
