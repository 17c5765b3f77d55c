"""Likes and dislikes in models for users: what is learnt, what speaks against a film, and what stays as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.explain import contributions
from recommender.feedback import Feedback
from recommender.model import Person, profile
from recommender.scoring.scorers import UserScorer, user_scorer
from tests.training.conftest import FILMS, PEOPLE, SECOND_ENTRY, UNRATED, taste_of_film
from tests.training.models.test_contract import SMALL
from tests.training.small import small_dataset
from training.models import configure, make
from training.models.fits import Fits
from training.models.target import Target
from training.pipeline.judge import TrainingSplit
from training.progress import silent
from training.splits.cut import all_ratings
from training.splits.protocol import load_protocol

SIGNED = ("als", "ials", "ease", "item_knn", "low_pass", "ensemble")
EVENTS = Feedback(kind="events", minimum=0, maximum=1, step=1, like=4)


@pytest.fixture(scope="module")
def likes(data):
    """The world where likes, ratings of 4 or more, are to be predicted."""
    return replace(data, target=Target(4.0))


@pytest.fixture(scope="module")
def scorers(likes):
    made: dict[str, UserScorer] = {}

    def get(name):
        made[name] = made.get(name) or scorer(name, likes)
        return made[name]

    return get


def scorer(name, data):
    fitted = make(name, configure(name, SMALL.get(name, ()))).fit(data, seed=7, progress=silent)
    return user_scorer(fitted.user_spec, fitted.arrays)


def ratings(stars, films):
    row = np.zeros((1, FILMS), dtype=np.float32)
    row[0, films] = stars
    return sp.csr_matrix(row)


@pytest.mark.parametrize("name", SIGNED)
def test_a_known_person_with_dislikes_gets_what_the_same_ratings_get_folded_in(scorers, likes, name):
    known = scorers(name).known(np.arange(PEOPLE), likes.user_item)
    folded = scorers(name).folded(likes.user_item)
    np.testing.assert_allclose(folded, known, rtol=1e-3, atol=1e-3 * np.abs(known).max())


@pytest.mark.parametrize("name", SIGNED)
def test_who_hates_films_of_one_taste_gets_the_other(scorers, name):
    hated = np.arange(4)
    for films, taste in ((hated, 1), (hated + FILMS // 2, 0)):
        unseen = np.setdiff1d(np.arange(FILMS), [*films, UNRATED, SECOND_ENTRY])
        best = unseen[np.argsort(-scorers(name).folded(ratings(0.5, films))[0, unseen])][:5]
        assert (taste_of_film(best) == taste).all()


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("stars", [0.5, 3.0, 3.5])
def test_a_rating_under_the_threshold_is_a_reason_against_similar_films(scorers, name, stars):
    history = ratings([5, 5, stars], [20, 21, 0])
    shares = contributions(scorers(name), history, np.arange(1, 5))
    assert shares[0].mean() < 0
    like = contributions(scorers(name), ratings([5, 5, 4], [20, 21, 0]), np.arange(1, 5))
    assert like[0].mean() > 0


@pytest.mark.parametrize("name", SIGNED[:-1])  # the ensemble's are standardised
def test_the_lower_the_rating_the_more_it_counts(scorers, name):
    own = [scorers(name).folded(ratings([5, 5, stars], [20, 21, 0]))[0, 1:5].mean() for stars in (4, 3, 2, 0.5)]
    assert own == sorted(own, reverse=True)
    assert len(set(own)) == len(own)


@pytest.mark.parametrize("name", SIGNED)
def test_weak_events_are_no_dislikes(data, name, monkeypatch):
    events = replace(data, feedback=EVENTS)  # what is held out to weigh members are likes in one of the two
    monkeypatch.setattr(Fits, "validations", lambda fits: [])
    same = np.array_equal(
        scorer(name, events).folded(data.user_item),
        scorer(name, replace(events, target=Target(4.0))).folded(data.user_item),
    )
    assert same


def test_who_has_only_dislikes_is_shown_what_most_people_like(scorers, likes):
    scores = scorers("item_knn").folded(ratings(0.5, np.arange(4)))[0]
    counts = likes.likes(np.ones(likes.user_item.nnz)).getnnz(axis=0)
    other_taste = np.flatnonzero(taste_of_film(range(FILMS)) == 1)
    best = np.argsort(-scores)[:5]
    assert sorted(counts[best]) == sorted(counts[other_taste])[-5:]


@pytest.mark.parametrize("name", ["low_pass", "blend"])
def test_who_likes_nothing_is_not_shown_the_films_most_like_the_hated(monkeypatch, name):
    dataset = small_dataset()
    split = TrainingSplit("all", dataset, load_protocol("latest20"), all_ratings(dataset), silent)
    model = split.builder.complete_model(split.fits(0).get(name, configure(name)))
    monkeypatch.setattr("recommender.scoring.avoiding.AVOIDED", 3)
    near = model.arrays["neighbour_rows"][0, :3]
    rest = np.setdiff1d(np.arange(len(model.movie_ids)), near)
    ratings_of_two = (np.array([0.5, stars], dtype=np.float32) for stars in (2, 4))
    hater, other = (Person(profile(np.array([0, 1]), stars, len(near) + len(rest))) for stars in ratings_of_two)
    scores = model.person_scores(hater)
    assert scores[near].max() < scores[rest].min()
    plain = model.user_scorer.folded(other.history)[0]
    np.testing.assert_array_equal(model.person_scores(other), plain)
