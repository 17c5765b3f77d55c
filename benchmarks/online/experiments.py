"""False alarms of simulated experiments without a difference, and visitors until planted differences are seen.

Visitors differ in how easily they click, come back, look at ten positions with falling attention, and are looked at
after every 100: through the code that `movierec experiment status` runs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.tools.figures import Figure
from online.decision import Counts, Pair, Rules, examine
from online.estimators.interleaving import win_concentration
from online.estimators.mean_difference import ArmSums
from online.estimators.sample_ratio import log_evidence
from online.estimators.sample_size import fixed_size

# Frozen before the first run: by how much more often each item of the challenger is clicked.
EFFECTS = (0.1, 0.2, 0.4)
EXPERIMENTS, VISITORS, LOOK, SEED = 1000, 10_000, 100, 23
POWERED_EXPERIMENTS = 200  # of each effect
SHARE, POSITIONS, ITEMS = 0.5, 10, 2000
ATTENTION = 1.0 / np.arange(1, POSITIONS + 1)
DISLIKE_RATE, ERROR_RATE, SLOW_RATE = 0.01, 0.002, 0.05
RULES = Rules()

Floats = npt.NDArray[np.float64]


class Visitors(NamedTuple):
    """Visitors in their order: how many lists each saw, and the chance to click an item that has full attention."""

    visits: npt.NDArray[np.int64]
    ease: Floats


def run(*, size: float) -> list[Figure]:
    """Return the figures of experiments; `size` scales how many are simulated."""
    experiments = max(round(EXPERIMENTS * size), 10)
    figures = [_false_alarms(experiments), _false_wins(experiments)]
    for effect in EFFECTS:
        figures += _detection(effect, max(round(POWERED_EXPERIMENTS * size), 10))
    return figures


def visitors(draw: np.random.Generator, number: int) -> Visitors:
    """Draw visitors: on average 2.5 lists each, and some click six times as easily as others."""
    return Visitors(1 + draw.poisson(1.5, number), draw.beta(1.2, 8.0, number))


def click_chance(ease: Floats, effect: float | Floats) -> Floats:
    """Return the chance that a list of one version has a click."""
    appeal = np.clip(ease * (1.0 + effect), 0.0, 1.0)
    unclicked: Floats = np.prod(1.0 - appeal[:, np.newaxis] * ATTENTION, axis=1)
    return 1.0 - unclicked


def counts(draw: np.random.Generator, number: int, effect: float) -> Counts:
    """Simulate one experiment in mode `ab`; return its counts after every LOOK visitors."""
    people = visitors(draw, number)
    is_challenger = draw.random(number) < SHARE

    def mean_of(chance: Floats | float) -> Floats:
        return np.asarray(draw.binomial(people.visits, chance) / people.visits, np.float64)

    def at_looks(values: npt.NDArray[np.generic]) -> Pair:
        sides = (np.cumsum(np.where(member, values, 0))[LOOK - 1 :: LOOK] for member in (~is_challenger, is_challenger))
        return Pair(*(side.astype(np.float64) for side in sides))

    def sums(values: Floats) -> tuple[ArmSums, ArmSums]:
        columns = [at_looks(column) for column in (np.ones(number), values, values**2)]
        return ArmSums(*(column.champion for column in columns)), ArmSums(*(column.challenger for column in columns))

    clicks = mean_of(click_chance(people.ease, np.where(is_challenger, effect, 0.0)))
    return Counts(
        SHARE,
        at_looks(np.ones(number)),
        sums(clicks),
        sums(mean_of(DISLIKE_RATE)),
        at_looks(people.visits),
        at_looks(draw.binomial(people.visits, ERROR_RATE)),
        at_looks(draw.binomial(people.visits, SLOW_RATE)),
        _items_shown(draw, people.visits, is_challenger),
    )


def _items_shown(
    draw: np.random.Generator, visits: npt.NDArray[np.int64], is_challenger: npt.NDArray[np.bool_]
) -> Pair:
    """Return how many different items were shown at each look, in as many lists of each arm; some are shown often."""
    weights = np.cumsum(1.0 / np.arange(1, ITEMS + 1))
    firsts, lists = [], []
    for member in (~is_challenger, is_challenger):
        arm_visits = np.where(member, visits, 0)
        shown = np.searchsorted(weights / weights[-1], draw.random(int(arm_visits.sum()) * POSITIONS))
        firsts.append(np.sort(np.unique(shown, return_index=True)[1] // POSITIONS))
        lists.append(np.cumsum(arm_visits)[LOOK - 1 :: LOOK])
    shorter = np.minimum(*lists)
    return Pair(*(np.searchsorted(first, shorter).astype(np.float64) for first in firsts))


def wins(draw: np.random.Generator, number: int, effect: float) -> Pair:
    """Simulate woven lists for `number` visitors; return the lists that each version won, after every LOOK visitors."""
    people = visitors(draw, number)
    visitor = np.repeat(np.arange(number), people.visits)
    first = draw.random((len(visitor), POSITIONS // 2)) < 0.5
    is_challengers = np.stack([first, ~first], axis=2).reshape(len(visitor), POSITIONS)
    appeal = np.clip(people.ease[visitor, np.newaxis] * (1.0 + effect * is_challengers), 0.0, 1.0)
    clicked = draw.random(appeal.shape) < appeal * ATTENTION
    balance = (clicked * np.where(is_challengers, 1, -1)).sum(axis=1)
    by_visitor = (np.bincount(visitor[won], minlength=number) for won in (balance < 0, balance > 0))
    return Pair(*(np.cumsum(side)[LOOK - 1 :: LOOK].astype(np.float64) for side in by_visitor))


def _false_alarms(experiments: int) -> Figure:
    alarms = dict.fromkeys(("primary", "any"), 0)
    for number in range(experiments):
        findings = examine(counts(np.random.default_rng([SEED, 0, number]), VISITORS, 0.0), RULES, VISITORS / 4)
        raised = {name: bool(alarm.any()) for name, alarm in findings.alarms.items()}
        raised["primary"] = bool(((findings.effect.lower > 0) | (findings.effect.upper < 0)).any())
        for name, is_raised in (raised | {"any": any(raised.values())}).items():
            alarms[name] = alarms.get(name, 0) + is_raised
    shares = ", ".join(f"{name} {alarm / experiments:.3f}" for name, alarm in alarms.items() if name != "any")
    note = f"{experiments} experiments of {VISITORS:,} visitors, {VISITORS // LOOK} looks each: {shares}"
    return Figure("loop/A/A experiments with a false alarm", alarms["any"] / experiments, RULES.error, note=note)


def _false_wins(experiments: int) -> Figure:
    alarms = 0
    for number in range(experiments):
        won = wins(np.random.default_rng([SEED, 1, number]), VISITORS // 10, 0.0)
        alarms += bool(_sees(won, VISITORS / 40).any())
    note = f"{experiments} experiments of {VISITORS // 10:,} visitors"
    return Figure("loop/A/A woven lists with a false alarm", alarms / experiments, RULES.error, note=note)


def _sees(won: Pair, planned: float) -> npt.NDArray[np.bool_]:
    """Return at which looks the won lists exclude an even share; `planned`: lists with a winner."""
    concentration = win_concentration(planned, RULES.primary_error)
    evidence = log_evidence(won.challenger, won.champion, 0.5, concentration)
    sees: npt.NDArray[np.bool_] = evidence >= -np.log(RULES.primary_error)
    return sees


def _detection(effect: float, experiments: int) -> list[Figure]:
    """Return the median visitors to detection of an effect against a test of fixed size, and of woven lists."""
    fixed = _fixed_size(effect)
    many = max(6 * fixed // LOOK, 20) * LOOK
    divided, woven = [], []
    for number in range(experiments):
        findings = examine(counts(np.random.default_rng([SEED, 2, number]), many, effect), RULES, fixed)
        divided.append(_first_look(findings.effect.lower > 0))
        won = wins(np.random.default_rng([SEED, 3, number]), max(many // 4, 20 * LOOK), effect)
        woven.append(_first_look(_sees(won, fixed / 2) & (won.challenger > won.champion)))
    name = f"planted {effect:.0%}"
    halves = float(np.median(divided)), float(np.median(woven))
    return [
        Figure(
            f"loop/{name}: visitors to detection against a fixed-size test",
            halves[0] / fixed,
            2.5,
            ours=halves[0],
            theirs=fixed,
            unit="visitors",
            rounds=experiments,
        ),
        Figure(
            f"loop/{name}: visitors of woven lists against those of divided ones",
            halves[1] / halves[0],
            ours=halves[1],
            theirs=halves[0],
            unit="visitors",
            rounds=experiments,
            note="0.2 was expected",
        ),
    ]


def _fixed_size(effect: float) -> int:
    """Return the visitors of a fixed-size test at the same error with a power of 80 %, the truth being known to it."""
    draw = np.random.default_rng([SEED, 4])
    people = visitors(draw, 400_000)
    values = draw.binomial(people.visits, click_chance(people.ease, 0.0)) / people.visits
    gain = float((click_chance(people.ease, effect) - click_chance(people.ease, 0.0)).mean())
    return fixed_size(gain, float(values.std()), share=SHARE, error=RULES.error, power=0.8)


def _first_look(seen: npt.NDArray[np.bool_]) -> float:
    """Return the visitors at the first look that saw the effect; infinite where none did."""
    return float(LOOK * (int(seen.argmax()) + 1)) if seen.any() else float("inf")
