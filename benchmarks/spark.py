"""ALS on Spark with a standalone master and worker of this machine, against the local fit of the same configuration."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.tools.figures import Figure, seconds
from benchmarks.tools.twins import twin
from recommender.model import Model
from testing.spark_cluster import standalone
from training.bundling.build import build_bundle
from training.datasets.store import ProcessedDataset, prepare
from training.evaluation.evaluate import evaluate
from training.evaluation.result import Evaluation
from training.evaluation.significance import compare
from training.models import configure, make
from training.models.base import FittedModel, TrainingData
from training.progress import silent
from training.splits.cut import Split, splits, training_data
from training.splits.protocol import load_protocol

FULL = 0.04  # of MovieLens 25M: a million ratings
METRIC = "ndcg_at_10"
BAND = 0.02


def run(*, size: float, rounds: int) -> list[Figure]:
    """Measure how far nDCG@10 by `latest20` is from that of the local fit, and the time of one fit each.

    `size`: share of a million ratings of the synthetic twin. Always one round, whatever `rounds`: a fit takes minutes.
    """
    with tempfile.TemporaryDirectory() as scratch, standalone(Path(scratch)) as master:
        case = _Case.make(Path(scratch), size)
        fitted: dict[str, FittedModel] = {}

        def fit(name: str) -> None:
            fitted[name] = case.fit(name, master)

        taken = {name: seconds(partial(fit, name)) for name in ("als", "spark_als")}
        ours, theirs = (case.judge(fitted[name]) for name in ("spark_als", "als"))
    pair = compare(ours, theirs, METRIC)
    note = f"{pair.users} people, ratio {pair.ratio:.4f} [{pair.ratio_lo:.4f}, {pair.ratio_hi:.4f}]"
    quality = Figure(
        f"als on Spark: distance of {METRIC} from the local fit, {len(case.dataset.ratings):,} ratings",
        abs(pair.ratio - 1),
        target=BAND,
        ours=pair.a,
        theirs=pair.b,
        unit="",
        note=note,
    )
    title = "als on Spark: time of a fit against the local one, sessions and files included"
    return [quality, Figure.against(title, taken["spark_als"], taken["als"])]


@dataclass(frozen=True)
class _Case:
    """The twin and its `latest20` training part."""

    dataset: ProcessedDataset
    split: Split
    data: TrainingData

    @classmethod
    def make(cls, scratch: Path, size: float) -> _Case:
        dataset = prepare("twin", raw=twin(FULL * size), processed_root=scratch / "processed")
        split = splits(load_protocol("latest20"), dataset, 0)[0]
        return cls(dataset, split, training_data(dataset, split))

    def fit(self, name: str, master: str) -> FittedModel:
        config = configure(name, [f"master={master}", "blocks=4"] if name == "spark_als" else [])
        return make(name, config).fit(self.data, seed=0, progress=silent)

    def judge(self, fitted: FittedModel) -> Evaluation:
        with _saved(fitted, self) as model:
            return evaluate(model, self.dataset, self.split, load_protocol("latest20"), seed=0)


@contextmanager
def _saved(fitted: FittedModel, case: _Case) -> Iterator[Model]:
    with tempfile.TemporaryDirectory() as scratch:
        build_bundle(Path(scratch) / "bundle", fitted, case.dataset, case.data)
        yield Model.load(Path(scratch) / "bundle")
