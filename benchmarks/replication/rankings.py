"""Lists for users on MovieLens 100K: the table of the recommenders team, and users unknown to the model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.replication.published import BEST_PUBLISHED, MS_ITEM75
from benchmarks.replication.section import Section, Study, cell, difference_cell, heads, ratio_cell, seeds_text
from training.datasets.store import ProcessedDataset
from training.evaluation.evaluate import combine
from training.evaluation.metrics import group_means
from training.evaluation.result import Evaluation
from training.evaluation.significance import compare, holm
from training.models import NAMES, configure, members_of
from training.pipeline.judge import TrainingSplit, fit, training_splits
from training.splits.cut import Split, fold_in_likes, splits, train_on_fold_in
from training.splits.protocol import ProtocolConfig

NDCG = "ndcg_at_10"
MAP = "map_by_relevant_at_10"
DISLIKED = "disliked_share_at_10"
PREDICTORS = ("svd", "stars")  # of ratings: ranked by them they are listed, and that is all
NOT_FOR_PEOPLE = ("popularity", *PREDICTORS, "content", "blend")  # listed, but not candidates for the ranking model
LEAST_BEST, LEAST_BEST_MAP, LEAST_ALS = 0.500, 0.155, 0.488
MOST_FOLD_IN_LOSS = 0.02


def ms_item75(study: Study) -> Section:
    """Compare published and our models by ms-item75, as a section."""
    protocol = study.protocol(MS_ITEM75.protocol)
    chosen = best_on_validation(study)
    results = study.judge([name for name in NAMES if name not in ("content", "blend")], MS_ITEM75.protocol)
    metrics = [*MS_ITEM75.rows[BEST_PUBLISHED], DISLIKED]
    section = Section("MovieLens 100K, `ms-item75`: ranking")
    section.say(
        f"Published: {MS_ITEM75.source} (their MAP divides by the number of relevant films). Ours: "
        f"{seeds_text(protocol)}, 95 % bootstrap intervals over people. The model for people is chosen on a validation "
        f"part cut from the training part: {chosen}."
    )
    published = [
        [name, "published", *(f"{row[metric]:.3f}" if metric in row else "" for metric in metrics)]
        for name, row in MS_ITEM75.rows.items()
    ]
    ours = [[name, "ours", *(cell(result, metric) for metric in metrics)] for name, result in results.items()]
    section.table(["model", "", *heads(metrics)], published + ours)
    section.say(_against_best_published(results[chosen], chosen))
    compare_with_parts(section, results)
    by_history(section, results, study.dataset)
    section.judge(f"ms-item75 nDCG@10 of {chosen}", results[chosen].metric(NDCG).value, LEAST_BEST)
    section.judge(f"ms-item75 MAP@10 (by relevant) of {chosen}", results[chosen].metric(MAP).value, LEAST_BEST_MAP)
    section.judge("ms-item75 nDCG@10 of als", results["als"].metric(NDCG).value, LEAST_ALS)
    return section


def compare_with_parts(section: Section, results: dict[str, Evaluation]) -> None:
    """Add a table that compares the ensemble with its members, and ials with als."""
    members = [member for member in members_of("ensemble") if member not in PREDICTORS]
    pairs = [("ials", "als"), *(("ensemble", member) for member in members)]
    corrected = holm([compare(results[a], results[b], NDCG) for a, b in pairs])
    section.say("What earns its place: ratio of nDCG@10 on the same people, 95 % interval, p after Holm's correction.")
    section.table(
        ["model", "against", "ratio", "p (Holm)"],
        [[a, b, ratio_cell(pair), f"{pair.p_adjusted:.4f}"] for (a, b), pair in zip(pairs, corrected, strict=True)],
    )


def by_history(section: Section, results: dict[str, Evaluation], dataset: ProcessedDataset) -> None:
    """Add a table of nDCG@10 for users with short and long histories: quarters of the users by number of ratings.

    Users with equally many ratings stay together, so there may be fewer groups.
    """
    people = next(iter(results.values())).users
    counts = np.bincount(dataset.user_rows)[dataset.user_ids.rows(people)]
    quarter = np.searchsorted(np.quantile(counts, [0.25, 0.5, 0.75]), counts)
    models = [name for name in results if name not in PREDICTORS]
    means = [group_means(results[name].per_user[NDCG], quarter, 4) for name in models]
    rows = []
    for number in np.unique(quarter):
        group = counts[quarter == number]
        rows.append([f"{group.min()} to {group.max()}", *(f"{mean[number]:.3f}" for mean in means)])
    section.say("nDCG@10 by the number of a person's ratings, about a quarter of the people in each line:")
    section.table(["ratings", *models], rows)


def best_on_validation(study: Study) -> str:
    """Return the name of the ranking model with the highest nDCG@10 on the validation parts."""
    candidates = [name for name in NAMES if name not in NOT_FOR_PEOPLE]
    scores: dict[str, list[float]] = {name: [] for name in candidates}
    protocol = study.protocol(MS_ITEM75.protocol)
    for split in training_splits(study.dataset, protocol, progress=study.progress, validation=True):
        for name in candidates:
            scores[name].append(split.evaluate(fit(name, configure(name)), seed=0).metric(NDCG).value)
    return max(candidates, key=lambda name: float(np.mean(scores[name])))


def strong(study: Study, most_seeds: int | None = None) -> Section:
    """Compare folding in users with training on them, for every ranking model, as a section.

    `most_seeds`: use at most so many of the protocol's seeds.
    """
    protocol = study.protocol("strong")
    protocol = protocol.model_copy(update={"seeds": protocol.seeds[:most_seeds]})
    models = [name for name in NAMES if name not in NOT_FOR_PEOPLE]
    folded, trained = _two_ways(study, protocol, models, lambda split: (split, train_on_fold_in(split)))
    section = Section(f"{study.dataset.name}, `strong`: people the model has never seen")
    section.say(
        f"{len(study.dataset.ratings):,} ratings; {seeds_text(protocol)}; a tenth of the people held out in each. "
        "*Trained in*: the same model fitted with what is folded in otherwise. Ratio with its paired 95 % interval."
    )
    pairs = {name: compare(folded[name], trained[name], NDCG) for name in models}
    rows = []
    for name, pair in pairs.items():
        figures = (cell(folded[name], NDCG), cell(trained[name], NDCG), ratio_cell(pair))
        rows.append([name, *figures, cell(folded[name], "ndcg_at_100")])
    section.table(["model", "nDCG@10 folded in", "nDCG@10 trained in", "ratio", "nDCG@100 folded in"], rows)
    for name, pair in pairs.items():
        title = f"{study.dataset.name} strong: nDCG@10 of {name} folded in, distance from trained in"
        section.judge(title, abs(1 - pair.ratio), MOST_FOLD_IN_LOSS, lower=True)
    return section


def dislikes(study: Study) -> Section:
    """Compare lists with dislikes folded in and left out, for the same people and films, as a section."""
    protocol = study.protocol("strong-all")
    models = [name for name in NAMES if name not in NOT_FOR_PEOPLE]
    everything, likes = _two_ways(
        study, protocol, models, lambda split: (split, fold_in_likes(split, protocol, study.dataset))
    )
    section = Section(f"{study.dataset.name}, `strong-all`: dislikes folded in and left out")
    section.say(
        f"{seeds_text(protocol)}; every rating of the others trains. *With*: all ratings of a person are folded in; "
        "*without*: their likes alone; lists leave out the same films. Differences with paired 95 % intervals."
    )
    rows = []
    for name in models:
        cells = [cell(results[name], metric) for metric in (NDCG, DISLIKED) for results in (everything, likes)]
        pairs = [compare(everything[name], likes[name], metric) for metric in (NDCG, DISLIKED)]
        rows.append([name, *cells, *(difference_cell(pair) for pair in pairs)])
    section.table(
        [
            "model",
            *(f"{head} {how}" for head in heads((NDCG, DISLIKED)) for how in ("with", "without")),
            *(f"{head}, difference" for head in heads((NDCG, DISLIKED))),
        ],
        rows,
    )
    return section


def _two_ways(
    study: Study, protocol: ProtocolConfig, models: list[str], ways: Callable[[Split], tuple[Split, Split]]
) -> tuple[dict[str, Evaluation], dict[str, Evaluation]]:
    """Evaluate models on each of two forms of every split of a protocol."""
    first: dict[str, list[Evaluation]] = {name: [] for name in models}
    second: dict[str, list[Evaluation]] = {name: [] for name in models}
    for seed in protocol.seeds:
        for split in splits(protocol, study.dataset, seed):
            for results, variant in zip((first, second), ways(split), strict=True):
                fold = TrainingSplit(f"{protocol.name}-{seed}", study.dataset, protocol, variant, study.progress)
                for name in models:
                    results[name].append(fold.evaluate(fit(name, configure(name)), seed=0))
    return _combined(first), _combined(second)


def _combined(results: dict[str, list[Evaluation]]) -> dict[str, Evaluation]:
    return {name: combine(evaluations) for name, evaluations in results.items()}


def _against_best_published(evaluation: Evaluation, name: str) -> str:
    """Return the difference between our model and the best published one, for each metric, as text."""
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
