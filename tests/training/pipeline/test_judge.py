"""Fits and evaluations of one split: what is done once, what is scored, and in which order."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from recommender.errors import DataError
from recommender.model import Model
from recommender.schema import RATING
from recommender.titles.index import encode_titles
from tests.training.small import small_dataset
from training.bundling.build import BundleBuilder
from training.evaluation.evaluate import combine
from training.evaluation.result import Evaluation
from training.models import configure
from training.models.fits import FitCache
from training.pipeline import judge
from training.pipeline.judge import TrainingSplit, evaluate_all, fit, judge_models, training_splits
from training.progress import silent
from training.splits.cut import all_ratings, training_data
from training.splits.protocol import load_protocol

SEEDS = [3, 4, 5]
NAMES = ("popularity", "als", "ensemble")
RECIPES = {name: fit(name, configure(name)) for name in NAMES}


@pytest.fixture
def split():
    return next(training_splits(small_dataset(), load_protocol("latest20"), progress=silent))


def values(evaluation: Evaluation):
    return {metric.name: (metric.value, metric.lo, metric.hi) for metric in evaluation.metrics}


def test_models_that_no_seed_changes_are_evaluated_once(split, monkeypatch):
    evaluated = []
    evaluate = TrainingSplit.evaluate

    def noted(split, recipe, seed, *rest):
        evaluated.append((recipe.name, seed))
        return evaluate(split, recipe, seed, *rest)

    monkeypatch.setattr(TrainingSplit, "evaluate", noted)
    results = evaluate_all(split, RECIPES, SEEDS)
    order = [("popularity", 3), *((name, seed) for seed in SEEDS for name in NAMES if name != "popularity")]
    assert sorted(evaluated) == sorted(order)
    assert [name for name, _ in results] == [name for name, _ in order]
    assert [evaluation.seed for _, evaluation in results] == [seed for _, seed in order]


def test_the_mean_over_seeds_of_a_model_that_none_changes_is_its_one_evaluation(split):
    configs = {"popularity": configure("popularity")}
    mean = judge_models(configs, split.dataset, split.protocol, training_seeds=SEEDS, progress=silent)["popularity"]
    assert values(mean) == values(combine([split.evaluate(RECIPES["popularity"], SEEDS[0])]))


@pytest.mark.fault(54)
@pytest.mark.parametrize(
    ("first", "last", "late_share", "refusal"),
    [(5, 5, 0, None), (2, 5, 0.05, None), (3, 3, 0, "none"), (5, 2, 0.7, "test part of this data set has none")],
    ids=["all liked", "liked in the test part alone", "nothing liked", "liked in the training part alone"],
)
def test_data_without_a_choice_are_judged_in_finite_figures_or_refused_in_words(first, last, late_share, refusal):
    data = small_dataset()
    stars = data.ratings[RATING].to_numpy().copy()
    stars[:], stars[round((1 - late_share) * len(stars)) :] = first, last
    data = replace(data, ratings=data.ratings.assign(**{RATING: stars}))
    configs = {name: configure(name) for name in ("popularity", "als", "svd", "low_pass")}
    protocol = load_protocol("latest20")
    if refusal:
        with pytest.raises(DataError, match=refusal):
            judge_models(configs, data, protocol, training_seeds=[0], progress=silent)
        return
    evaluations = judge_models(configs, data, protocol, training_seeds=[0], progress=silent)
    assert all(math.isfinite(metric.value) for judged in evaluations.values() for metric in judged.metrics)


@pytest.mark.parametrize("name", NAMES)
def test_scores_in_memory_are_those_of_the_saved_and_reloaded_bundle(split, name, tmp_path):
    def keep(build):
        build(tmp_path / "bundle")
        return tmp_path / "bundle"

    in_memory = split.evaluate(RECIPES[name], 3)
    assert values(split.evaluate(RECIPES[name], 3, keep)) == values(in_memory)
    Model.load(tmp_path / "bundle").check_golden()


def test_what_is_kept_is_what_is_evaluated(split, tmp_path):
    everything = training_data(split.dataset, all_ratings(split.dataset))
    fitted = RECIPES["popularity"].make(split.fits(3))
    BundleBuilder(split.dataset, everything).save(tmp_path / "bundle", fitted)
    with pytest.raises(DataError, match="Expected a model fitted on the split's"):
        split.evaluate(RECIPES["popularity"], 3, lambda build: tmp_path / "bundle")


def test_results_do_not_depend_on_how_many_fits_run_at_once(split, monkeypatch):
    together = evaluate_all(split, RECIPES, SEEDS)
    monkeypatch.setattr(judge, "SIDE_BY_SIDE", 1)
    alone = evaluate_all(replace(split, of_split=FitCache(), of_dataset=FitCache()), RECIPES, SEEDS)
    assert [(name, values(evaluation)) for name, evaluation in together] == [
        (name, values(evaluation)) for name, evaluation in alone
    ]


def test_titles_are_encoded_once_for_all_models_and_splits(monkeypatch):
    encoded = []

    def noted(names):
        encoded.append(len(names))
        return encode_titles(names)

    monkeypatch.setattr("training.datasets.dataset.encode_titles", noted)
    dataset = small_dataset()
    for name in ("latest20", "item2item"):
        recipes = {"popularity": RECIPES["popularity"], "als": RECIPES["als"]}
        evaluate_all(next(training_splits(dataset, load_protocol(name), progress=silent)), recipes, SEEDS[:2])
    assert len(encoded) == 1


def test_an_evaluation_that_fails_ends_all(split, monkeypatch):
    def broken(name, seed):
        raise DataError(f"{name} {seed}")

    with pytest.raises(DataError, match="popularity 3"):
        evaluate_all(split, RECIPES, SEEDS, broken)
