"""What every algorithm keeps, whatever it does inside."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp

from recommender import schema
from recommender.model import Model, Wanted
from recommender.scoring.scale import scale_of, scaled
from recommender.scoring.scorers import item_scorer, user_scorer
from tests.training.conftest import FILMS, FIRST_ENTRY, PEOPLE, SECOND_ENTRY, UNRATED, taste_of_film
from training.bundling.build import build_bundle, compose
from training.models import ENGINES, NAMES, RATING_MODELS, algorithm_class, config_type, configure, make

# Numbers that suit sixty people; everything else is what configs/models says. Content counts little, because directors
# have nothing to do with taste here.
SMALL = {
    "svd": ["factors=8", "iterations=60", "learning_rate=0.02"],
    "stars": ["factors=4", "implied_factors=4"],
    "als": ["factors=8", "regularization=1"],
    "ials": ["factors=8"],
    "content": ["factors=4"],
    "ease": ["regularization=1", "content_weight=0.01"],
    "low_pass": ["factor_share=0.05"],
    "blend": ["als.factors=8", "als.regularization=1", "content.factors=4"],
    "ensemble": [
        "als.factors=8",
        "als.regularization=1",
        "ials.factors=8",
        "ease.regularization=1",
        "ease.content_weight=0.01",
    ],
}
RATED = np.array([row for row in range(FILMS) if row not in (UNRATED, SECOND_ENTRY)])
PERSONAL = [name for name in NAMES if name != "popularity"]


def fit(name, data, seed=7):
    shares = []
    fitted = make(name, configure(name, SMALL.get(name, ()))).fit(
        data, seed=seed, progress=lambda what, done: shares.append(done)
    )
    assert shares, "no progress was told"
    assert all(0 <= share <= 1 for share in shares)
    return fitted


@pytest.fixture(scope="module")
def fits(data):
    made = {}

    def get(name):
        if name not in made:
            made[name] = fit(name, data)
        return made[name]

    return get


@pytest.fixture(scope="module")
def model(fits, dataset, data, tmp_path_factory):
    made = {}

    def get(name):
        if name not in made:
            path = tmp_path_factory.mktemp("bundles") / name
            build_bundle(path, fits(name), dataset, data)
            made[name] = Model.load(path)
        return made[name]

    return get


@pytest.mark.parametrize("name", NAMES)
def test_arrays_are_finite_and_carry_the_name_of_an_algorithm(fits, name):
    for key, array in fits(name).arrays.items():
        assert key.startswith(NAMES), key
        assert np.isfinite(array).all(), key


def test_als_has_users_by_items(fits):
    assert fits("als").arrays["als_user_factors"].shape == (PEOPLE, 8)
    assert fits("als").arrays["als_item_factors"].shape == (FILMS, 8)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_arrays(fits, data, name):
    again = fit(name, data)
    assert again.arrays.keys() == fits(name).arrays.keys()
    for key, array in fits(name).arrays.items():
        np.testing.assert_array_equal(again.arrays[key], array, err_msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_and_loaded_bundle_gives_the_same_scores(fits, model, data, name):
    fitted, loaded = fits(name), model(name)
    films, people = np.arange(FILMS), np.arange(PEOPLE)
    np.testing.assert_array_equal(loaded.item_scorer.similar(films), similarities(fitted))
    history = loaded.history.ratings(people)
    assert (history != data.user_item).nnz == 0
    np.testing.assert_array_equal(
        loaded.user_scorer.known(people, history),
        user_scorer(fitted.user_spec, fitted.arrays).known(people, data.user_item),
    )
    loaded.check_golden()


def similarities(fitted):
    """The similarities (FILMS, FILMS) of a fitted model, at most 1."""
    spec, arrays = fitted.item_spec, fitted.arrays
    return item_scorer(scaled(spec, scale_of(spec, arrays)), arrays).similar(np.arange(FILMS))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "svd"])  # SVD's fold-in is a ridge, its fit is not
def test_a_known_person_gets_what_the_same_ratings_get_folded_in(fits, data, name):
    scorer = user_scorer(fits(name).user_spec, fits(name).arrays)
    known = scorer.known(np.arange(PEOPLE), data.user_item)
    np.testing.assert_allclose(scorer.folded(data.user_item), known, rtol=1e-3, atol=1e-3 * np.abs(known).max())


@pytest.mark.parametrize("name", NAMES)
def test_a_person_without_ratings_gets_finite_scores(fits, data, name):
    scores = user_scorer(fits(name).user_spec, fits(name).arrays).folded(data.user_item[:1] * 0)
    assert scores.shape == (1, FILMS)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", NAMES)
def test_what_a_person_rated_never_comes_back(model, data, name):
    for person in range(PEOPLE):
        shown = set(model(name).for_user(person, Wanted(n=FILMS)).rows)
        rated = set(data.user_item[person].indices)
        assert not shown & (rated | {SECOND_ENTRY})
        assert FIRST_ENTRY not in shown or SECOND_ENTRY not in rated
        assert shown, "an empty list"


@pytest.mark.parametrize("name", NAMES)
def test_a_film_recommends_neither_itself_nor_a_second_entry(model, name):
    for row in range(FILMS):
        shown = model(name).neighbours(row).rows
        assert not {row, SECOND_ENTRY} & set(shown)
        assert row != SECOND_ENTRY or FIRST_ENTRY not in shown


@pytest.mark.parametrize("name", NAMES)
def test_prebuilt_neighbours_are_the_best_of_the_full_scores(model, name):
    loaded = model(name)
    for row in range(FILMS):
        prebuilt = loaded.neighbours(row)
        pairs = zip(prebuilt.scores, prebuilt.rows, strict=True)
        assert all(a > b or (a == b and i < j) for (a, i), (b, j) in pairwise(pairs))
        full = loaded.item_scorer.similar(np.array([row]))[0]
        np.testing.assert_allclose(prebuilt.scores, full[prebuilt.rows], rtol=1e-4, atol=1e-5)
        left_out = set(range(FILMS)) - set(prebuilt.rows)
        assert left_out <= {row, SECOND_ENTRY, FIRST_ENTRY, *np.flatnonzero(full <= 1e-6)}  # a list ends at 0


@pytest.mark.parametrize("name", PERSONAL)
def test_films_of_one_taste_are_alike(model, name):
    same = [taste_of_film(model(name).neighbours(row).rows[:3]) == taste_of_film(row) for row in RATED]
    assert np.mean(same) > 0.9


@pytest.mark.parametrize("name", PERSONAL)
def test_people_get_films_of_their_own_taste(model, data, name):
    unseen = [np.setdiff1d(RATED, data.user_item[person].indices) for person in range(PEOPLE)]
    best = [model(name).for_user(person, Wanted(n=1)).rows for person in range(PEOPLE)]
    own = [
        taste_of_film(rows) == person % 2
        for person, rows in enumerate(best)
        if person % 2 in taste_of_film(unseen[person])
    ]
    assert np.mean(own) > 0.9


@pytest.mark.parametrize("name", ["content", "blend"])
def test_a_film_without_ratings_has_neighbours_by_content(model, name):
    assert (taste_of_film(model(name).neighbours(UNRATED).rows[:3]) == taste_of_film(UNRATED)).all()


@pytest.mark.parametrize("name", RATING_MODELS)
def test_predicted_stars_follow_taste(fits, data, name):
    fitted = fits(name)
    stars = user_scorer(fitted.rating_spec, fitted.arrays).known(np.arange(2), data.user_item[:2])
    for person in range(2):
        mine = taste_of_film(RATED) == person
        assert stars[person, RATED[mine]].min() > stars[person, RATED[~mine]].max()


def test_the_composite_answers_with_each_part(fits, dataset, data, tmp_path):
    whole = compose("recommender", item=fits("blend"), user=fits("ease"), rating=fits("stars"))
    build_bundle(tmp_path / "bundle", whole, dataset, data)
    loaded = Model.load(tmp_path / "bundle")
    people, films = np.arange(PEOPLE), np.arange(FILMS)
    ease, blend = fits("ease"), fits("blend")
    np.testing.assert_array_equal(
        loaded.user_scorer.folded(data.user_item), user_scorer(ease.user_spec, ease.arrays).folded(data.user_item)
    )
    np.testing.assert_array_equal(loaded.item_scorer.similar(films), similarities(blend))
    assert loaded.rating_scorer is not None
    assert loaded.rating_scorer.known(people, data.user_item).shape == (PEOPLE, FILMS)
    assert loaded.manifest.parameters["user"]["algorithm"] == "ease"


def test_a_raw_title_finds_its_film(model, dataset):
    titles = model("popularity").titles
    for row, raw in enumerate(dataset.movies[schema.ORIGINAL_TITLE]):
        assert titles.resolve(raw).row in (row, FIRST_ENTRY if row == SECOND_ENTRY else row)


def test_people_without_a_like_get_films_like_those_they_rated(model):
    loaded = model("blend")
    shown = loaded.for_profile(np.array([2, 4]), np.array([3.0, 3.0], dtype=np.float32), Wanted(n=3))
    assert (taste_of_film(shown.rows) == 0).all()
    assert shown.scores.max() > shown.scores.min()


@pytest.mark.parametrize("name", [*NAMES, *ENGINES])
def test_every_model_declares_what_is_known_about_it(name):
    kind = algorithm_class(name)
    assert kind.about.label
    assert kind.about.sentence.endswith(".")
    assert kind.about.papers
    assert kind.config_type is config_type(name)
    assert isinstance(kind.seeded, bool)
    assert isinstance(kind.uses_ratings, bool)


def same_arrays(first, second):
    return all(np.array_equal(array, second.arrays[key]) for key, array in first.arrays.items())


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_gives_another_model_where_the_model_says_so(fits, data, name):
    assert same_arrays(fits(name), fit(name, data, seed=8)) != algorithm_class(name).seeded


@pytest.mark.parametrize("name", NAMES)
def test_other_ratings_give_another_model_where_the_model_says_so(fits, data, name):
    ratings = data.user_item.toarray()
    ratings[:10] = 0
    fewer = replace(data, user_item=sp.csr_matrix(ratings))
    assert same_arrays(fits(name), fit(name, fewer)) != algorithm_class(name).uses_ratings
