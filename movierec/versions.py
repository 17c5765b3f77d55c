"""`movierec.train`, `movierec.promote` and `movierec.open`: registered versions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.errors import MissingInputError, UsageError
from training.models import resolve
from training.pipeline.request import ALL, check_count, check_models, check_request

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
    others = check_models(further) if len(further) else []
    check_request(name, parameters, others)
    check_count("seed", seed, least=0)
    import pandas as pd

    from movierec.data import require_dataset
    from movierec.progress import fitting
    from training.pipeline.train import train as train_models

    require_dataset(data)
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

    if not str(version).isdigit():
        raise UsageError(f"Expected the number of a version, found {version!r}; `movierec.train` returns it.")
    return promote_version(int(version), force=force, reason=reason, accept_undecided=accept_undecided, tracker=tracker)


def open(which: int | str | os.PathLike[str]) -> Model:
    """Return a registered version by its number or alias (`champion`, `challenger`), or the model in a directory.

    Raises MissingInputError, BundleError, RegistryUnavailableError.
    """
    from movierec.model import Model
    from recommender.model import Model as Kernel

    if str(which).isdigit():
        return _registered(int(str(which)))
    if not isinstance(which, str | os.PathLike) or not os.fspath(which):
        raise UsageError(f"Expected a version's number, an alias or a directory, found {which!r}.")
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
