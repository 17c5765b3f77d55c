"""Lists for people on MovieLens 100K: the recommenders team's table, and people whom the model has never seen."""

from __future__ import annotations

import numpy as np

from benchmarks.replication.published import BEST_PUBLISHED, MS_ITEM75
from benchmarks.replication.section import Section, Study, cell, heads, ratio_cell, seeds_text
from training.datasets.store import ProcessedDataset
from training.evaluation.evaluate import combine
from training.evaluation.metrics import group_means
from training.evaluation.result import Evaluation
from training.evaluation.significance import compare, holm
from training.models import NAMES, configure, members_of
from training.pipeline.judge import TrainingSplit, fit, training_splits
from training.splits.cut import splits, trained_in
from training.splits.protocol import ProtocolConfig

NDCG = "ndcg_at_10"
MAP = "map_by_relevant_at_10"
NOT_FOR_PEOPLE = ("popularity", "svd", "content", "blend")  # shown, but never the model for people here
LEAST_BEST, LEAST_BEST_MAP, LEAST_ALS = 0.500, 0.155, 0.488
MOST_FOLD_IN_LOSS = 0.02


def ms_item75(study: Study) -> Section:
    """All models, published and ours."""
    protocol = study.protocol(MS_ITEM75.protocol)
    best = best_on_validation(study)
    found = study.judge([name for name in NAMES if name not in ("content", "blend")], MS_ITEM75.protocol)
    metrics = list(MS_ITEM75.rows[BEST_PUBLISHED])
    section = Section("MovieLens 100K, `ms-item75`: ranking")
    section.say(
        f"Published: {MS_ITEM75.source} (their MAP divides by the number of relevant films). Ours: "
        f"{seeds_text(protocol)}, 95 % bootstrap intervals over people. The model for people is chosen on a validation "
        f"part cut from the training part: {best}."
    )
    published = [
        [name, "published", *(f"{row[metric]:.3f}" for metric in metrics)] for name, row in MS_ITEM75.rows.items()
    ]
    ours = [[name, "ours", *(cell(each, metric) for metric in metrics)] for name, each in found.items()]
    section.table(["model", "", *heads(metrics)], published + ours)
    section.say(_against_best_published(found[best], best))
    earned(section, found)
    by_history(section, found, study.dataset)
    section.judge(f"ms-item75 nDCG@10 of {best}", found[best].metric(NDCG).value, LEAST_BEST)
    section.judge(f"ms-item75 MAP@10 (by relevant) of {best}", found[best].metric(MAP).value, LEAST_BEST_MAP)
    section.judge("ms-item75 nDCG@10 of als", found["als"].metric(NDCG).value, LEAST_ALS)
    return section


def earned(section: Section, found: dict[str, Evaluation]) -> None:
    """Whether what is made of other models, or refines one, is better than that."""
    pairs = [("ials", "als"), *(("ensemble", member) for member in members_of("ensemble"))]
    corrected = holm([compare(found[a], found[b], NDCG) for a, b in pairs])
    section.say("What earns its place: ratio of nDCG@10 on the same people, 95 % interval, p after Holm's correction.")
    section.table(
        ["model", "against", "ratio", "p (Holm)"],
        [[a, b, ratio_cell(each), f"{each.p_adjusted:.4f}"] for (a, b), each in zip(pairs, corrected, strict=True)],
    )


def by_history(section: Section, found: dict[str, Evaluation], dataset: ProcessedDataset) -> None:
    """nDCG@10 of people with short and long histories: quarters of the people by their ratings in the data set.

    People with equally many are together, so that of few people there may be fewer groups.
    """
    people = next(iter(found.values())).users
    counts = np.bincount(dataset.user_rows)[dataset.user_ids.rows(people)]
    quarter = np.searchsorted(np.quantile(counts, [0.25, 0.5, 0.75]), counts)
    models = [name for name in found if name != "svd"]
    means = [group_means(found[name].per_user[NDCG], quarter, 4) for name in models]
    rows = []
    for number in np.unique(quarter):
        own = counts[quarter == number]
        rows.append([f"{own.min()} to {own.max()}", *(f"{each[number]:.3f}" for each in means)])
    section.say("nDCG@10 by the number of a person's ratings, about a quarter of the people in each line:")
    section.table(["ratings", *models], rows)


def best_on_validation(study: Study) -> str:
    """The model for people with the highest nDCG@10 on validation parts alone."""
    candidates = [name for name in NAMES if name not in NOT_FOR_PEOPLE]
    found: dict[str, list[float]] = {name: [] for name in candidates}
    protocol = study.protocol(MS_ITEM75.protocol)
    for part in training_splits(study.dataset, protocol, progress=study.progress, validation=True):
        for name in candidates:
            found[name].append(part.evaluate(fit(name, configure(name)), seed=0).metric(NDCG).value)
    return max(candidates, key=lambda name: float(np.mean(found[name])))


def strong(study: Study, most_seeds: int | None = None) -> Section:
    """Models that fold people in, against the same models with those people trained in.

    `most_seeds`: of the protocol's seeds, for data on which a few tell enough.
    """
    protocol = study.protocol("strong")
    protocol = protocol.model_copy(update={"seeds": protocol.seeds[:most_seeds]})
    models = [name for name in NAMES if name not in NOT_FOR_PEOPLE]
    folded, known = _folded_and_known(study, protocol, models)
    section = Section(f"{study.dataset.name}, `strong`: people the model has never seen")
    section.say(
        f"{len(study.dataset.ratings):,} ratings; {seeds_text(protocol)}; a tenth of the people held out in each. "
        "*Trained in*: the same model fitted with what is folded in otherwise. Ratio with its paired 95 % interval."
    )
    pairs = {name: compare(folded[name], known[name], NDCG) for name in models}
    rows = []
    for name, pair in pairs.items():
        figures = (cell(folded[name], NDCG), cell(known[name], NDCG), ratio_cell(pair))
        rows.append([name, *figures, cell(folded[name], "ndcg_at_100")])
    section.table(["model", "nDCG@10 folded in", "nDCG@10 trained in", "ratio", "nDCG@100 folded in"], rows)
    for name, pair in pairs.items():
        told = f"{study.dataset.name} strong: nDCG@10 of {name} folded in, distance from trained in"
        section.judge(told, abs(1 - pair.ratio), MOST_FOLD_IN_LOSS, lower=True)
    return section


def _folded_and_known(
    study: Study, protocol: ProtocolConfig, models: list[str]
) -> tuple[dict[str, Evaluation], dict[str, Evaluation]]:
    folded: dict[str, list[Evaluation]] = {name: [] for name in models}
    known: dict[str, list[Evaluation]] = {name: [] for name in models}
    for seed in protocol.seeds:
        for split in splits(protocol, study.dataset, seed):
            for results, judged in ((folded, split), (known, trained_in(split))):
                part = TrainingSplit(f"strong-{seed}", study.dataset, protocol, judged, study.progress)
                for name in models:
                    results[name].append(part.evaluate(fit(name, configure(name)), seed=0))
    return _combined(folded), _combined(known)


def _combined(found: dict[str, list[Evaluation]]) -> dict[str, Evaluation]:
    return {name: combine(evaluations) for name, evaluations in found.items()}


def _against_best_published(evaluation: Evaluation, name: str) -> str:
    """Ours less the best published, for each figure of the table."""
    texts = []
    for metric, published in MS_ITEM75.rows[BEST_PUBLISHED].items():
        ours = evaluation.metric(metric)
        assert ours.lo is not None, "a mean over people has an interval"
        assert ours.hi is not None, "a mean over people has an interval"
        spelled = heads([metric])[0]
        texts.append(
            f"{spelled} {ours.value - published:+.3f} [{ours.lo - published:+.3f}, {ours.hi - published:+.3f}]"
        )
    return f"{name} less {BEST_PUBLISHED}: {', '.join(texts)}."
