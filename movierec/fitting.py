"""`movierec.fit`: a model fitted on all ratings of a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.models import configure, resolve
from training.pipeline.request import check_count

if TYPE_CHECKING:
    from movierec.model import Model
    from training.datasets.dataset import ProcessedDataset


def fit(
    model: str | type, data: ProcessedDataset, *, seed: int = 0, progress: bool | None = None, **parameters: Any
) -> Model:
    """Return `model` fitted on all ratings of `data`.

    `model`: the name of an algorithm, or a class of one's own (`movierec.models`). `parameters`: those of its
    configuration that differ from its file or defaults; for a member of a composite a mapping, as in
    `als={"factors": 32}`. They are checked before anything is loaded. `progress`: whether to show a bar; by default in
    a terminal or notebook. A long fit is announced by a warning. Raises UsageError, also for one that needs more memory
    than there is.
    """
    name = resolve(model)
    check_count("seed", seed, least=0)
    config = configure(name, parameters)
    from movierec.data import require_dataset
    from movierec.model import Fitted, Model
    from movierec.progress import announce, fitting
    from training.bundling.build import BundleBuilder
    from training.models.fits import Fits
    from training.models.needs import check_needs
    from training.pipeline.plan import size_of
    from training.splits.cut import all_ratings, training_data

    require_dataset(data)
    check_needs({name: config}, size_of(data), announce)
    training = training_data(data, all_ratings(data))
    with fitting(f"fitting {name}", progress) as report:
        fitted = Fits(training, seed, report).get(name, config)
        return Model.of_fit(Fitted(BundleBuilder(data, training), fitted, seed))
