"""Generate the ratings of some users at a time: which films they choose, when and how they rate them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.datasets.synth.world import LAST_YEAR, SyntheticConfig, World
from training.kernels.ordering import positions

_CHUNK = 400_000  # ratings, about
_RATINGS, _TAGS = 1, 2  # purposes of random generators
_YEAR_SECONDS = 31_556_952
_EPOCH_YEAR = 1970
_OPENED = 1996  # the first year of ratings
_SESSION = 40  # ratings in a visit, on average
_TYPICAL_AGE = 16  # years from a film's release to a rating
_FLAT_THEMES = 0.25  # share of choices by overall popularity
# exponents of popularity: users who have seen the popular films turn to others
_KEENNESS = (1.0, 1.0, 1.0, 1.0, 0.7, 0.4, 0.2)


@dataclass(frozen=True)
class Batch:
    """Ratings sorted by user and movie: (n,) user ids, movie rows, half stars (1 to 10), seconds since 1970."""

    users: NDArray[np.int32]
    movies: NDArray[np.int32]
    half_stars: NDArray[np.int8]
    times: NDArray[np.int64]


class Chooser:
    """Draws films of given themes, within a theme by popularity to the power of `keenness`."""

    def __init__(self, world: World, keenness: float = 1.0) -> None:
        self._order = np.argsort(world.themes, kind="stable")
        weights = world.popularity[self._order] ** keenness
        themes = world.themes[self._order]
        mass = np.bincount(themes, weights, minlength=world.config.themes)
        within = np.cumsum(weights) - np.concatenate([[0.0], np.cumsum(mass)])[themes]
        # theme + share of the theme's popularity up to this film: ascending over all films
        self._edges = themes + np.minimum(within / mass[themes], 1.0)
        self.theme_mass = mass / mass.sum()

    def draw(self, themes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int32]:
        """Draw one film row for each theme."""
        places = np.searchsorted(self._edges, themes + rng.random(len(themes)))
        return self._order[np.minimum(places, len(self._order) - 1)].astype(np.int32)


def batches(world: World) -> Iterator[Batch]:
    """Yield all ratings of `world`, user after user, in batches of limited size."""
    choosers = [Chooser(world, keenness) for keenness in _KEENNESS]
    ends = np.cumsum(world.activity)
    first = 0
    while first < len(ends):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + _CHUNK, side="right")))
        yield _batch(world, choosers, first, last, world.rng(_RATINGS, first))
        first = last


def _batch(world: World, choosers: list[Chooser], first: int, last: int, rng: np.random.Generator) -> Batch:
    """Generate the ratings of the users with rows first..last-1; user ids are rows plus one."""
    config, activity = world.config, world.activity[first:last]
    people = last - first
    themes = draw_themes(config, people, rng)
    joined = _OPENED + (LAST_YEAR + 1 - _OPENED) * rng.random(people) ** 0.8
    choices = choice_shares(themes, choosers[0].theme_mass)
    users, movies = _choose(world, choosers, activity, choices, joined, rng)
    times = _times(users, activity, joined, rng)
    order = np.lexsort((movies, users))
    users, movies, times = users[order], movies[order], times[order]
    half_stars = _rate(world, users, movies, times, theme_liking(themes, choices), rng)
    return Batch((users + first + 1).astype(np.int32), movies, half_stars, times)


def draw_themes(config: SyntheticConfig, people: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw how much of each theme people want, (people, n_themes); rows add up to 1."""
    themes = rng.standard_gamma(config.theme_focus, (people, config.themes)) + 1e-9
    shares: NDArray[np.float64] = themes / themes.sum(axis=1, keepdims=True)
    return shares


def choice_shares(themes: NDArray[np.float64], crowd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of each theme per person; `crowd`: (n_themes,) shares of overall popularity."""
    choices = themes * crowd
    shares: NDArray[np.float64] = (1 - _FLAT_THEMES) * choices / choices.sum(axis=1, keepdims=True)
    return shares + _FLAT_THEMES * crowd


def _choose(
    world: World,
    choosers: list[Chooser],
    activity: NDArray[np.int64],
    choices: NDArray[np.float64],
    joined: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Choose each user's films: user rows in the batch, ascending, and film rows in order of viewing.

    No film occurs twice for a user; films that are not yet released only if nothing else is left.
    """
    movies_total = len(world.movie_ids)
    keys = np.empty(0, dtype=np.int64)  # user * movies + film, in order of viewing
    edges = np.cumsum(choices, axis=1)
    for chooser in choosers:
        missing = activity - np.bincount(keys // movies_total, minlength=len(activity))
        if not missing.any():
            break
        users = np.repeat(np.arange(len(activity)), np.where(missing > 0, missing + missing // 2 + 8, 0))
        themes = np.minimum((edges[users] < rng.random(len(users))[:, None]).sum(axis=1), edges.shape[1] - 1)
        films = chooser.draw(themes, rng)
        released = world.years[films] <= joined[users]
        keys = pd.unique(np.concatenate([keys, users[released] * movies_total + films[released]]))
        owners = keys // movies_total
        keys = keys[positions(owners, np.arange(len(keys))) < activity[owners]]  # the first ones of each user
    keys = np.concatenate([keys, _rest(world, keys, activity, joined, rng)])
    keys = keys[np.argsort(keys // movies_total, kind="stable")]
    return keys // movies_total, (keys % movies_total).astype(np.int32)


def _rest(
    world: World,
    keys: NDArray[np.int64],
    activity: NDArray[np.int64],
    joined: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Choose any other films for the few users who have seen nearly everything of their themes."""
    total = len(world.movie_ids)
    missing = activity - np.bincount(keys // total, minlength=len(activity))
    additions = [np.empty(0, dtype=np.int64)]
    for user in np.flatnonzero(missing):
        preference = rng.random(total) + (world.years > joined[user])  # films not yet released come last
        preference[keys[keys // total == user] % total] = np.inf
        films = np.argsort(preference)[: missing[user]]
        additions.append(films + int(user) * total)
    rest: NDArray[np.int64] = np.concatenate(additions)
    return rest


def _times(
    users: NDArray[np.int64], activity: NDArray[np.int64], joined: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the time of each rating in seconds since 1970: some seconds apart, sometimes weeks until the next visit."""
    starts = ((joined - _EPOCH_YEAR) * _YEAR_SECONDS).astype(np.int64)
    gaps = rng.exponential(15, len(users)) + 2
    gaps += (rng.random(len(users)) < 1 / _SESSION) * rng.exponential(40 * 86_400, len(users))
    passed = np.cumsum(gaps)
    before = np.repeat(np.concatenate([[0.0], passed])[np.cumsum(activity) - activity], activity)
    latest = (LAST_YEAR + 1 - _EPOCH_YEAR) * _YEAR_SECONDS
    times: NDArray[np.int64] = np.minimum(starts[users] + (passed - before).astype(np.int64), latest)
    return times


def theme_liking(themes: NDArray[np.float64], choices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the liking of each theme, (n_users, n_themes): standard deviation 1, mean 0 over the user's choices."""
    liking = np.log(themes)
    liking /= liking.std(axis=1, keepdims=True).clip(1e-9)
    centred: NDArray[np.float64] = liking - (choices * liking).sum(axis=1, keepdims=True)
    return centred


def _rate(
    world: World,
    users: NDArray[np.int64],
    movies: NDArray[np.int32],
    times: NDArray[np.int64],
    liking: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """Draw the half stars of each rating: mean + biases + taste for theme and traits + film's age + noise, rounded."""
    config, people = world.config, len(liking)
    traits = rng.standard_normal((people, config.latent_traits), dtype=np.float32) / np.sqrt(config.latent_traits)
    bias = config.user_bias * rng.standard_normal(people)
    whole = rng.random(people) < config.whole_star_users
    age = times / _YEAR_SECONDS + _EPOCH_YEAR - world.years[movies]
    # users choose good films that they like: subtract what that adds on average
    attraction = world.bias[movies] + config.theme_taste * liking[users, world.themes[movies]]
    stars = (
        config.mean_rating + bias[users] + attraction - attraction.mean() + config.drift_per_year * (age - _TYPICAL_AGE)
    )
    stars += config.latent_taste * np.einsum("nt,nt->n", traits[users], world.traits[movies])
    stars += config.noise * rng.standard_normal(len(users), dtype=np.float32)
    step = np.where(whole[users], 2, 1)
    half_stars: NDArray[np.int8] = np.clip(np.rint(2 * stars / step) * step, step, 10).astype(np.int8)
    return half_stars
