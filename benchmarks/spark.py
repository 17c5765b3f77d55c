"""ALS on Spark with a standalone master and worker of this machine, against the local fit of the same configuration."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.tools.figures import Figure, seconds
from benchmarks.tools.twins import twin
from testing.spark_cluster import standalone
from training.datasets.store import prepare
from training.evaluation.evaluate import evaluate
from training.evaluation.significance import compare
from training.models import configure, make
from training.models.base import FittedModel
from training.pipeline.judge import training_splits
from training.progress import silent
from training.splits.protocol import load_protocol

FULL = 0.04  # of MovieLens 25M: a million ratings
METRIC = "ndcg_at_10"
BAND = 0.02


def run(*, size: float, rounds: int) -> list[Figure]:
    """Measure how far nDCG@10 by `latest20` is from that of the local fit, and the time of one fit each.

    `size`: share of a million ratings of the synthetic twin. Always one round, whatever `rounds`: a fit takes minutes.
    """
    with tempfile.TemporaryDirectory() as scratch, standalone(Path(scratch)) as master:
        dataset = prepare("twin", raw=twin(FULL * size), processed_root=Path(scratch) / "processed")
        split = next(training_splits(dataset, load_protocol("latest20"), progress=silent))
        data, fitted = split.builder.data, dict[str, FittedModel]()

        def fit(name: str) -> None:
            config = configure(name, [f"master={master}", "blocks=4"] if name == "spark_als" else [])
            fitted[name] = make(name, config).fit(data, seed=0, progress=silent)

        taken = {name: seconds(partial(fit, name)) for name in ("als", "spark_als")}
        ours, theirs = (
            evaluate(split.builder.model(fitted[name]), dataset, split.split, split.protocol, seed=0)
            for name in ("spark_als", "als")
        )
    pair = compare(ours, theirs, METRIC)
    note = f"{pair.users} people, ratio {pair.ratio:.4f} [{pair.ratio_lo:.4f}, {pair.ratio_hi:.4f}]"
    quality = Figure(
        f"als on Spark: distance of {METRIC} from the local fit, {len(dataset.ratings):,} ratings",
        abs(pair.ratio - 1),
        target=BAND,
        ours=pair.a,
        theirs=pair.b,
        unit="",
        note=note,
    )
    title = "als on Spark: time of a fit against the local one, sessions and files included"
    return [quality, Figure.against(title, taken["spark_als"], taken["als"])]
