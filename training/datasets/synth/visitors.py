"""People of the synthetic world who visit a service: their planted taste, and what they do with a list.

They look at a list from the top with falling attention, click what they expect to like and now and then anything, grow
tired of films that they have passed over before, watch most of what they click, rate some of it, and dismiss what they
expect to hate. Everything follows from the seed and the lists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.datasets.synth.people import Chooser, choice_shares, draw_themes, theme_liking
from training.datasets.synth.world import World

_VISITORS = 5  # purpose of random numbers
VISIT_CHANCE = 0.6  # on a day, of somebody who is content
ATTENTION_EXPONENT = 0.7  # position bias: the share that looks at position k is 1 / k to this power
CURIOSITY = 0.03  # chance to click anything that is looked at
CLICK_STARS, CLICK_SPREAD = 3.9, 0.25  # expected stars with which every second look becomes a click
FATIGUE = 0.5  # share of attention that is left for a film after each time that it was passed over
WATCH_CHANCE, RATE_CHANCE = 0.8, 0.6
DISMISS_STARS, DISMISS_CHANCE = 2.8, 0.1
DISCONTENT = 0.7  # chance to come back, as a share, after a list without a click


class Act(NamedTuple):
    """One thing that a person does with an item of a list; `position` from 1."""

    kind: str  # as events name it
    row: int  # of the film in the world
    position: int
    rating: float | None = None


@dataclass
class Memory:
    """What a person remembers."""

    ratings: dict[int, float] = field(default_factory=dict)  # by film row
    passed: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    is_content: bool = True


class Visitors:
    """Some people of a world who are not in its data set."""

    def __init__(self, world: World, people: int, seed: int) -> None:
        config, rng = world.config, world.rng(_VISITORS, seed)
        themes = draw_themes(config, people, rng)
        self.world = world
        self._liking = theme_liking(themes, choice_shares(themes, Chooser(world).theme_mass))
        self._traits = rng.standard_normal((people, config.latent_traits)) / np.sqrt(config.latent_traits)
        self._bias = config.user_bias * rng.standard_normal(people)
        self._rngs = [world.rng(_VISITORS, seed, person + 1) for person in range(people)]
        self.memories = [Memory() for _ in range(people)]

    def stars(self, person: int, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the stars that a person would give films on average: the truth that models are to find."""
        world, films = self.world, np.asarray(rows, dtype=np.int64)
        stars = world.config.mean_rating + self._bias[person] + world.bias[films]
        stars += world.config.theme_taste * self._liking[person, world.themes[films]]
        latent: NDArray[np.float64] = stars + world.config.latent_taste * world.traits[films] @ self._traits[person]
        return latent

    def comes(self, person: int) -> bool:
        """Draw whether a person visits today."""
        chance = VISIT_CHANCE if self.memories[person].is_content else VISIT_CHANCE * DISCONTENT
        return bool(self._rngs[person].random() < chance)

    def use(self, person: int, rows: Sequence[int]) -> list[Act]:
        """Draw what a person does with a list of films, and let the person remember it."""
        rng, memory = self._rngs[person], self.memories[person]
        acts: list[Act] = []
        expected = self.stars(person, rows) - self._bias[person]
        for position, (row, stars) in enumerate(zip(rows, expected.tolist(), strict=True), start=1):
            attention = position**-ATTENTION_EXPONENT * FATIGUE ** memory.passed[row]
            if rng.random() >= attention:
                continue
            appeal = 1.0 / (1.0 + np.exp((CLICK_STARS - stars) / CLICK_SPREAD))
            if rng.random() < max(appeal, CURIOSITY):
                acts.append(Act("clicked", row, position))
                acts += self._after_click(person, row, position, rng)
            elif stars < DISMISS_STARS and rng.random() < DISMISS_CHANCE:
                acts.append(Act("dismissed", row, position))
            else:
                memory.passed[row] += 1
        memory.is_content = any(act.kind == "clicked" for act in acts)
        return acts

    def _after_click(self, person: int, row: int, position: int, rng: np.random.Generator) -> list[Act]:
        if rng.random() >= WATCH_CHANCE:
            return []
        acts = [Act("watched", row, position)]
        noise = self.world.config.noise * rng.standard_normal()
        if rng.random() < RATE_CHANCE:
            rating = float(np.clip(np.rint(2.0 * (self.stars(person, [row])[0] + noise)) / 2.0, 0.5, 5.0))
            self.memories[person].ratings[row] = rating
            acts.append(Act("rated", row, position, rating))
        return acts
