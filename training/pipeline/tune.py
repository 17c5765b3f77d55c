"""Search for an algorithm's parameters on validation parts: seeded, pruned, resumable. The test part is never used.

The first trial is the configuration as it stands. Every validation split of a protocol is one step; after each, a trial
that is worse than the median so far is pruned. The study is kept in `optuna.db` beside the tracking store. It is one
MLflow run of the experiment `<data set>-tuning`, opened again when the study goes on; each trial is a nested run.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import optuna
from filelock import FileLock, Timeout

from recommender.bundle import Metric
from recommender.errors import UsageError
from recommender.files import write_text
from training.config import CONFIG_ROOT
from training.datasets.store import ProcessedDataset
from training.evaluation.significance import lower_is_better
from training.models import configure, make
from training.models.fits import Composite
from training.pipeline.judge import TrainingSplit, fit, training_splits
from training.pipeline.space import Space
from training.progress import Progress, silent
from training.registry import Run, Tracker
from training.registry.version import NOTE, TUNING, view_tags
from training.splits.protocol import ProtocolConfig

_STARTUP_TRIALS = 8  # drawn at random before the sampler models anything, and before anything is pruned


@dataclass(frozen=True)
class Search:
    """Specification of a search: model, data, protocol, metric and ranges."""

    model: str
    dataset: ProcessedDataset
    protocol: ProtocolConfig
    metric: str
    seed: int
    space: Space
    overrides: Sequence[str] = ()

    @property
    def experiment(self) -> str:
        """Return the name of the MLflow experiment that holds the data set's studies."""
        return f"{self.dataset.name}{TUNING}"

    @property
    def validation(self) -> str:
        """Return the name of the protocol's validation splits in MLflow."""
        return f"validation_{self.protocol.name}"

    @property
    def name(self) -> str:
        """Return the study's name: the same search continues the same study."""
        fields = {"kind", "range", "log"}
        space = {key: parameter.model_dump(mode="json", include=fields) for key, parameter in self.space.items()}
        start = configure(self.model, self.overrides).model_dump(mode="json")
        fixed = {key: value for key, value in start.items() if key not in self.space}
        identity = [self.dataset.fingerprint, self.protocol.model_dump(mode="json"), space, fixed]
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
        return f"{self.model}-{self.dataset.name}-{self.protocol.name}-{self.metric}-{self.seed}-{digest}"


@dataclass(frozen=True)
class Trial:
    """A finished trial of a study."""

    number: int
    state: Literal["complete", "pruned"]
    value: float | None  # of a pruned one: the mean over the splits until then
    parameters: dict[str, int | float]


@dataclass(frozen=True)
class Best:
    """The best trial of a search, and all of them."""

    study: str
    metric: str
    value: float
    trials: int  # finished, pruned ones included
    parameters: dict[str, int | float]
    history: tuple[Trial, ...] = ()


def tune(
    search: Search, trials: int, *, timeout: float | None = None, tracker: Tracker | None = None, progress: Progress
) -> Best:
    """Search until `trials` trials have finished, those of earlier calls included, and return the best.

    After `timeout` seconds no further trial begins; one at least is finished. Raises UsageError where another process
    is running the same study.
    """
    tracker = tracker or Tracker()
    directory = _directory(tracker)
    try:
        study = hashlib.sha256(search.name.encode()).hexdigest()[:16]  # the name holds words of the caller's
        with FileLock(directory / f".tune-{study}.lock", timeout=0):
            return _tune(search, trials, timeout, tracker, progress)
    except Timeout:
        raise UsageError(f"Another process is tuning {search.name}; wait for it or choose another seed.") from None


def finished_trials(search: Search, tracker: Tracker | None = None) -> tuple[Trial, ...]:
    """Return the finished trials of a study, in order; none where the study has not begun."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.load_study(study_name=search.name, storage=_storage(tracker or Tracker()))
    except KeyError:
        return ()
    return _history(study)


def write_parameters(best: Best, model: str, root: Path = CONFIG_ROOT / "models") -> Path:
    """Write the best parameters into configs/models/<model>.yaml, comments kept, with the study named on top."""
    path = root / f"{model}.yaml"
    require_file(model, root)
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(_STAMP)]
    for key, value in best.parameters.items():
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
        stated = re.compile(rf"^({re.escape(key)}:\s*)[^#\s]+(.*)$")  # what follows the value on its line stays
        if any(map(stated.match, lines)):
            lines = [stated.sub(rf"\g<1>{text}\g<2>", line) for line in lines]
        else:
            lines.append(f"{key}: {text}")
    stamp = f"{_STAMP} {best.study}: {best.metric} {best.value:.4f} on validation, {best.trials} trials."
    write_text(path, "\n".join([stamp, *lines]) + "\n")
    return path


def require_file(model: str, root: Path = CONFIG_ROOT / "models") -> None:
    """Raise UsageError if a model has no file of parameters: a user-defined one has its defaults in its class."""
    if not (root / f"{model}.yaml").is_file():
        raise UsageError(f"{model} has no configs/models/{model}.yaml to write to; put the best into its class.")


_STAMP = "# Tuned by study"


def _directory(tracker: Tracker) -> Path:
    return tracker.file.parent if tracker.file else Path.cwd()


def _storage(tracker: Tracker) -> str:
    return f"sqlite:///{_directory(tracker)}/optuna.db"


def _tune(search: Search, trials: int, timeout: float | None, tracker: Tracker, progress: Progress) -> Best:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    began = time.monotonic()
    study = _study(search, _storage(tracker))
    with _study_run(search, tracker) as run:
        splits = _ValidationSplits(search)
        while (done := len(_finished(study))) < trials:
            if done and timeout is not None and time.monotonic() - began >= timeout:
                break
            _trial(search, study, tracker, splits)
            progress(f"tuning {search.model}", (done + 1) / trials)
        history = _history(study)
        outcome = Best(search.name, search.metric, study.best_value, len(history), study.best_params, history)
        # Tags, not parameters: a resumed study may find a better trial, and MLflow's parameters never change.
        best = {f"best.{key}": f"{value:.6g}" for key, value in outcome.parameters.items()}
        run.tag({**best, "trials": str(outcome.trials), NOTE: _note(search, outcome)})
        run.log_metrics([Metric(protocol=search.validation, name=search.metric, value=outcome.value)])
    return outcome


@contextmanager
def _study_run(search: Search, tracker: Tracker) -> Iterator[Run]:
    """Open the run of a study: that of earlier calls, where there is one."""
    tags = {"study": search.name, "kind": "tuning"}
    tracker.tag_experiment(
        search.experiment, view_tags([f"{search.validation}/{search.metric}"], ["tags.`study`", "tags.`trials`"])
    )
    earlier = tracker.newest_run(search.experiment, tags)
    with tracker.run(search.experiment, f"tune {search.model}", tags, resume=earlier) as run:
        if earlier is None:
            run.log_parameters({"model": search.model, "seed": search.seed, "metric": search.metric})
        yield run


def _note(search: Search, outcome: Best) -> str:
    best = ", ".join(f"{key} {value:.6g}" for key, value in outcome.parameters.items())
    return (
        f"Study {search.name}: {outcome.trials} trials on validation parts of {search.protocol.name}; best "
        f"{search.metric} {outcome.value:.4f} with {best}."
    )


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
        configured = configure(search.model, search.overrides).model_dump()
        ranges = {key: parameter.range for key, parameter in search.space.items()}
        # moved into their ranges where they lie outside
        study.enqueue_trial({key: min(max(configured[key], least), most) for key, (least, most) in ranges.items()})
    # The seed depends on the number of trials: a resumed search must not draw its first trials again.
    seed = search.seed * 100_003 + len(study.trials)
    study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_STARTUP_TRIALS)
    return study


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    states = [optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED]
    return study.get_trials(deepcopy=False, states=states)


def _history(study: optuna.Study) -> tuple[Trial, ...]:
    return tuple(
        Trial(
            trial.number,
            "pruned" if trial.state == optuna.trial.TrialState.PRUNED else "complete",
            trial.value if trial.value is not None else trial.intermediate_values.get(trial.last_step or 0),
            dict(trial.params),
        )
        for trial in _finished(study)
    )


def _trial(search: Search, study: optuna.Study, tracker: Tracker, splits: _ValidationSplits) -> None:
    trial = study.ask()
    chosen = {key: parameter.suggest(trial, key) for key, parameter in search.space.items()}
    tags = {"study": search.name, "kind": "trial"}
    values = " ".join(f"{key}={value:.4g}" for key, value in chosen.items())
    with tracker.run(search.experiment, f"trial {trial.number} {values}", tags, nested=True) as run:
        run.log_parameters(chosen)
        value, pruned = _validated(search, chosen, trial, splits)
        run.log_metrics([Metric(protocol=search.validation, name=search.metric, value=value)])
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
