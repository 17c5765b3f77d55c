"""Which fits are shared, and that each is made once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import numpy as np
import pytest

from recommender.feedback import Feedback
from recommender.scoring.blocks import with_data
from training.models import configure
from training.models.factors.als import Als
from training.models.features.content import Content
from training.models.fits import FitCache, Fits, Validation
from training.models.neighbours.ease import Ease
from training.models.target import EVERY_ROW, Target
from training.progress import silent

CONFIGS = {
    "als": configure("als", ["factors=4"]),
    "content": configure("content", ["factors=4"]),
    "ease": configure("ease"),
}


@pytest.fixture
def fitted(monkeypatch):
    """Seeds of the fits that are made, by class."""
    seeds: dict[type, list[int]] = {Als: [], Content: [], Ease: []}

    def note(kind):
        fit = kind.fit

        def noted(algorithm, data, *, seed, progress):
            seeds[kind].append(seed)
            return fit(algorithm, data, seed=seed, progress=progress)

        monkeypatch.setattr(kind, "fit", noted)

    for kind in seeds:
        note(kind)
    return seeds


def test_fits_are_shared_by_seeds_and_splits_that_they_do_not_depend_on(data, fitted):
    of_dataset = FitCache()
    for _ in range(2):  # splits
        of_split = FitCache()
        for seed in (1, 2):
            fits = Fits(data, seed, silent, of_split, of_dataset)
            for name, config in CONFIGS.items():
                assert fits.get(name, config) is fits.get(name, config)
    assert fitted == {Als: [1, 2, 1, 2], Content: [1, 2], Ease: [1, 1]}


def test_threads_that_ask_at_once_get_the_one_fit(data, fitted):
    fits, together = Fits(data, 1, silent), Barrier(4)

    def ask(_):
        together.wait()
        return fits.get("als", CONFIGS["als"])

    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(ask, range(4)))
    assert all(model is models[0] for model in models)
    assert fitted[Als] == [1]


def test_another_configuration_is_another_fit(data, fitted):
    fits = Fits(data, 1, silent)
    assert fits.get("ease", CONFIGS["ease"]) is not fits.get("ease", configure("ease", ["regularization=5"]))
    assert len(fitted[Ease]) == 2


def test_a_failed_fit_is_tried_again(data, monkeypatch):
    fits = Fits(data, 1, silent)
    with monkeypatch.context() as broken:
        broken.setattr(Ease, "fit", lambda *args, **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fits.get("ease", CONFIGS["ease"])
    assert fits.get("ease", CONFIGS["ease"]).algorithm == "ease"


def test_what_was_not_rated_weighs_less_where_ratings_are_rare(data):
    """As likely as a rating of a pair is in MovieLens, nothing changes; also for the fold-in and in the record."""
    fits = Fits(data, 1, silent)
    for name, key, power in (("als", "alpha", 0.75), ("ials", "unobserved_weight", -1.0)):
        numbers = configure(name, ["factors=4"]).model_dump()
        dense = fits.get(name, configure(name, numbers | {"least_density": data.density}))
        rare = fits.get(name, configure(name, numbers | {"least_density": min(4 * data.density, 1)}))
        times = min(4 * data.density, 1) / data.density
        assert dense.parameters[key] == numbers[key]
        assert rare.parameters[key] == pytest.approx(numbers[key] * times**power)
        again = fits.get(name, configure(name, dict(rare.parameters)))
        assert again.parameters == rare.parameters, "what is recorded fits the same model again"
        assert rare.user_spec.model_dump()["fold_in"][key] == rare.parameters[key]


def test_likes_weigh_more_in_ials_where_they_alone_are_predicted(data):
    config = configure("ials", ["factors=4", "alpha=0.5", "likes_exponent=1"])
    every, likes = (Fits(replace(data, target=Target(least)), 1, silent).get("ials", config) for least in (None, 4.0))
    assert every.parameters["alpha"] == 0.5
    assert likes.parameters["alpha"] == pytest.approx(0.5 / np.mean(data.user_item.data >= 4))


def test_halves_of_a_validation_are_of_different_users_and_together_the_whole(data):
    (whole, _) = Fits(data, 0, silent).validations()
    halves = whole.halves()
    assert all(half.fits is whole.fits for half in halves)
    users = [np.flatnonzero(np.diff(half.relevant.indptr)) for half in halves]
    assert not set(users[0]) & set(users[1])
    assert abs(len(users[0]) - len(users[1])) <= 1
    assert (halves[0].relevant + halves[1].relevant != whole.relevant).nnz == 0


def test_ratings_of_zero_are_held_out_and_kept_like_all_others(data):
    zeros = with_data(data.user_item, np.where(data.user_item.data == 1, 0, data.user_item.data))
    data = replace(data, user_item=zeros, feedback=Feedback.scale(0, 5, 1), target=EVERY_ROW)
    validation, *_ = Fits(data, 0, silent).validations()
    assert validation.fits.data.user_item.nnz + validation.relevant.nnz == zeros.nnz
    halves = Validation(validation.fits, zeros).halves()
    assert sum(half.relevant.nnz for half in halves) == zeros.nnz
    assert not (halves[0].relevant.getnnz(axis=1) * halves[1].relevant.getnnz(axis=1)).any()
