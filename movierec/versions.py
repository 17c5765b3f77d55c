"""`movierec.train`, `movierec.promote` and `movierec.open`: registered versions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.errors import MissingInputError
from training.models import resolve
from training.pipeline.request import ALL, check_request

if TYPE_CHECKING:
    import pandas as pd

    from movierec.model import Model
    from training.datasets.dataset import ProcessedDataset
    from training.promotion.gate import Verdict
    from training.registry import Tracker


def train(
    model: str | type,
    data: ProcessedDataset,
    *,
    further: Sequence[str | type] = (),
    seed: int = 0,
    progress: bool | None = None,
    **parameters: Any,
) -> pd.DataFrame:
    """Evaluate a model, refit it on all data and register it, as `movierec train` does; return the versions.

    `model`: an algorithm, a class of one's own, or `all`; `further`: models beside `all`. Runs and versions go to
    mlruns/ in MOVIEREC_HOME or the working directory, or to MLFLOW_TRACKING_URI. Raises UsageError and DataError.
    """
    name = model if model == ALL else resolve(model)
    others = [resolve(other) for other in further]
    check_request(name, parameters, others)
    import pandas as pd

    from movierec.progress import fitting
    from training.pipeline.train import train as train_models

    with fitting(f"training {name}", progress) as report:
        trained = train_models(name, data, seed=seed, overrides=parameters, further=others, progress=report)
    rows = [(version.version, version.algorithm, version.run_id) for version in trained]
    return pd.DataFrame(rows, columns=["version", "algorithm", "run_id"])


def promote(
    version: int,
    *,
    force: bool = False,
    reason: str = "",
    accept_undecided: bool = False,
    tracker: Tracker | None = None,
) -> Verdict:
    """Make a version the champion, which is served, if the gate's verdict allows it; return the verdict.

    `force` promotes whatever the verdict and needs a `reason`; `accept_undecided` promotes where the evidence cannot
    decide. Raises GateRefusedError, LostRaceError, MissingInputError, UsageError.
    """
    from training.promotion.promote import promote as promote_version

    return promote_version(int(version), force=force, reason=reason, accept_undecided=accept_undecided, tracker=tracker)


def open(which: int | str | os.PathLike[str]) -> Model:
    """Return a registered version by its number or alias (`champion`, `challenger`), or the model in a directory.

    Raises MissingInputError, BundleError, RegistryUnavailableError.
    """
    from movierec.model import Model
    from recommender.model import Model as Kernel

    if isinstance(which, int) or str(which).isdigit():
        return _registered(int(str(which)))
    path = Path(which)
    if path.is_dir():
        return Model(Kernel.load(path))
    if isinstance(which, os.PathLike) or len(path.parts) > 1:
        raise MissingInputError(f"There is no directory {path}. `model.save(path)` makes one.")
    return _registered(str(which))


def _registered(which: int | str) -> Model:
    from movierec.model import Model
    from recommender.model import Model as Kernel
    from training.registry import Tracker

    tracker = Tracker.existing()
    version = tracker.version(which) if isinstance(which, int) else tracker.aliased(which)
    if version is None:
        raise MissingInputError(
            f"No version has the alias {which!r}. Promote one: movierec.promote(version), or name a version's number."
        )
    with tempfile.TemporaryDirectory() as scratch:  # mapped files outlive their names
        return Model(Kernel.load(tracker.bundle(version.number, Path(scratch))), version=version.number)
