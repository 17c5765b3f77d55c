"""`movierec.evaluate` and `movierec.compare`: models judged by one protocol, with intervals and paired tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from recommender.errors import UsageError
from training.models import Overrides, configure, resolve
from training.pipeline.request import check_count, check_models

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from training.datasets.dataset import ProcessedDataset
    from training.evaluation.result import Evaluation

_TEST = ["difference", "difference_lo", "difference_hi", "p_value", "p_adjusted", "significant", "smallest_detectable"]


def evaluate(
    model: str | type,
    data: ProcessedDataset,
    protocol: str = "latest20",
    *,
    seed: int = 0,
    trainings: int = 1,
    progress: bool | None = None,
    **parameters: Any,
) -> pd.DataFrame:
    """Return the figures of a model by a protocol of configs/protocols: value and 95 % interval of each metric.

    The model is fitted on the training part of each split. `parameters`: see `movierec.fit`; `trainings`: training
    seeds to average over. Raises UsageError and DataError.
    """
    evaluations = _judge({resolve(model): parameters}, data, protocol, seed, trainings, progress)
    return Comparison(evaluations).figures.drop(columns="model").set_index("metric")


def compare(
    models: Sequence[str | type],
    data: ProcessedDataset,
    protocol: str = "latest20",
    *,
    metric: str | None = None,
    seed: int = 0,
    trainings: int = 1,
    progress: bool | None = None,
) -> Comparison:
    """Return the figures of several models by one protocol, and paired tests of the later ones against the first.

    `metric`: that of the tests (default: the protocol's first). Raises UsageError and DataError.
    """
    names: dict[str, Overrides] = dict.fromkeys(check_models(models), ())
    return Comparison(_judge(names, data, protocol, seed, trainings, progress), metric)


@dataclass(frozen=True)
class Comparison:
    """Several models judged by one protocol.

    `figures`: a row for each model and metric, with its 95 % interval. `tests`: a row for each later model against the
    first: the difference with its 95 % interval, and p-values, adjusted by Holm's correction.
    """

    evaluations: dict[str, Evaluation]
    metric: str | None = None

    @cached_property
    def figures(self) -> pd.DataFrame:
        """Return value and 95 % interval of each metric of each model."""
        import pandas as pd

        rows = [
            (name, metric.name, metric.value, metric.lo, metric.hi)
            for name, evaluation in self.evaluations.items()
            for metric in evaluation.metrics
        ]
        frame = pd.DataFrame(rows, columns=["model", "metric", "value", "lo", "hi"])
        return frame.astype({"value": float, "lo": float, "hi": float})

    @cached_property
    def tests(self) -> pd.DataFrame:
        """Return the paired tests of the later models against the first."""
        import pandas as pd

        from training.evaluation.significance import against_first

        first = next(iter(self.evaluations))
        rows = [
            {"model": name, "against": first, **asdict(test), "significant": test.significant}
            for name, test in against_first(self.evaluations, self.metric).items()
        ]
        return pd.DataFrame(rows, columns=["model", "against", "metric", "users", *_TEST])

    def plot(self, *metrics: str) -> Figure:
        """Draw metrics (default: the first three with intervals) as bars. Raises UsageError for an unknown one."""
        from training.evaluation.plots import metric_bars

        with_interval = self.figures.dropna(subset="lo")["metric"].unique().tolist()
        if unknown := [metric for metric in metrics if metric not in set(self.figures["metric"])]:
            raise UsageError(f"There is no {', '.join(unknown)} to plot; there are: {', '.join(with_interval)}.")
        return metric_bars(self.evaluations, metrics or with_interval[:3])

    def __repr__(self) -> str:
        first = next(iter(self.evaluations.values()))
        return f"<movierec.Comparison of {', '.join(self.evaluations)} by {first.protocol} on {first.dataset}>"

    def _repr_html_(self) -> str:
        table = self.figures.pivot(index="metric", columns="model", values="value")[list(self.evaluations)]
        return f"{table.to_html()}{self.tests.to_html(index=False)}"


def _judge(
    models: dict[str, Any], data: ProcessedDataset, protocol: str, seed: int, trainings: int, progress: bool | None
) -> dict[str, Evaluation]:
    configs = {name: configure(name, parameters) for name, parameters in models.items()}
    check_count("seed", seed, least=0)
    check_count("trainings", trainings, least=1)
    from movierec.data import require_dataset
    from movierec.progress import announce, fitting
    from training.models.needs import check_needs
    from training.pipeline.judge import judge_models, weighing_fits
    from training.pipeline.plan import size_of
    from training.splits.protocol import load_protocol

    require_dataset(data)
    rules, seeds = load_protocol(protocol), range(seed, seed + trainings)
    check_needs(configs, size_of(data), announce, weighing_fits(rules))
    with fitting(f"judging {', '.join(configs)}", progress) as report:
        return judge_models(configs, data, rules, training_seeds=seeds, progress=report)
