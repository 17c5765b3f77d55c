"""Estimates of the time and memory of a fit, so that they are known before they are spent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from recommender.errors import UsageError
from training.config import Config
from training.kernels.threads import cores
from training.models import members_of
from training.models.combined.ensemble import MOST_USERS, STEPS, USERS_AT_ONCE, members
from training.models.fits import VALIDATIONS
from training.models.neighbours.ease import ENTRIES, PREDICTORS
from training.models.parameters import EaseConfig, EnsembleConfig, StarsConfig

_GIB = 1 << 30  # from so many bytes on a fit is announced, and from so many seconds
_SAID_SECONDS = 60
_OPERATIONS = 2e9  # multiplications in a second on one core, about: kernels reach one to four
_CGROUP = Path("/sys/fs/cgroup/memory.max")


class Size(NamedTuple):
    """Users, items and ratings of what a model is fitted on; those without ratings do not count."""

    users: int
    items: int
    ratings: int


class Needs(NamedTuple):
    """Bytes at the peak of a fit and its multiplications, as orders of magnitude."""

    memory: float
    operations: float

    @property
    def seconds(self) -> float:
        """Return about how long the fit takes on this machine's cores."""
        return self.operations / (_OPERATIONS * cores())

    def __str__(self) -> str:
        return f"about {self.memory / _GIB:.1f} GiB and {max(self.seconds / 60, 0.1):.1f} minutes"


def check_needs(
    configs: Mapping[str, Config], size: Size, say: Callable[[str], None], weighing_fits: int = VALIDATIONS
) -> None:
    """Report the estimated memory and time of large fits of `configs` and their members, and the total time.

    `weighing_fits`: how many more times the ensemble's members are fitted to choose their weights. Raises UsageError
    for a fit that needs more memory than there is.
    """
    limit = available_memory()
    fits = {(name, repr(config)): config for top, of_top in configs.items() for name, config in _fits(top, of_top)}
    needs = [(name, _ESTIMATES[name](config, size)) for (name, _), config in fits.items()]
    large: dict[str, Needs] = {}
    for name, need in needs:
        if need.memory > limit:
            raise UsageError(
                f"{name} needs {need} for {size.items:,} items and {size.users:,} users; {limit / _GIB:.1f} GiB are "
                f"free. {_REMEDY.get(name, 'Lower its factors with --set, or leave it out.')}"
            )
        if need.memory >= _GIB or need.seconds >= _SAID_SECONDS:
            large.setdefault(name, need)
    for name, need in large.items():
        say(f"{_LABELS.get(name, name)} will take {need}.")
    seconds = sum(need.seconds for _, need in needs)
    if len(needs) > 1 and seconds >= _SAID_SECONDS:
        say(f"One fit of each takes about {seconds / 60:.1f} minutes together.")
    is_weighed = any(isinstance(config, EnsembleConfig) and config.weights is None for config in configs.values())
    if (large or seconds >= _SAID_SECONDS) and is_weighed and weighing_fits:
        say(f"ensemble may fit its members {1 + weighing_fits} times, to weigh them.")


def _fits(name: str, config: Config) -> Iterator[tuple[str, Config]]:
    """Yield the algorithms with estimates that a fit of `name` fits, with their parameters."""
    # What predicts stars corrects the ensemble on few data sets, and must not be why it is refused on the others.
    chosen = members(config) if isinstance(config, EnsembleConfig) else members_of(name)
    for member in chosen:
        yield from _fits(member, getattr(config, member))
    if name in _ESTIMATES and getattr(config, "weights", None) is None:  # given weights are not chosen
        yield name, config


def available_memory() -> float:
    """Return the bytes that this process may still take, of the machine or of its control group."""
    free = float(psutil.virtual_memory().available)
    text = _CGROUP.read_text().strip() if _CGROUP.is_file() else "max"
    return min(free, float(text) - psutil.Process().memory_info().rss) if text.isdecimal() else free


def _factors(config: Any, size: Size) -> Needs:
    """Return the needs of alternating least squares by conjugate gradients: three steps for each side."""
    both, d = size.users + size.items, config.factors
    operations = config.iterations * 3 * (4 * size.ratings * d + both * d**2)
    return Needs(24 * size.ratings + 12 * both * d, operations)


def _exact_factors(config: Any, size: Size) -> Needs:
    both, d = size.users + size.items, config.factors
    operations = config.iterations * (2 * size.ratings * d**2 + both * d**3 / 6)
    return Needs(24 * size.ratings + 12 * both * d, operations)


def _ease(config: EaseConfig, size: Size) -> Needs:
    if size.items <= config.max_films:
        return Needs(24 * size.items**2, size.items**3)  # the Gram matrix once sparse, once dense; B
    pairs = size.ratings**2 / max(size.users, 1)
    system = PREDICTORS * 2 * ENTRIES + PREDICTORS**3 / 6
    return Needs(48 * ENTRIES * size.items, pairs + size.items**2 + size.items * system)


def _neighbours(config: Any, size: Size) -> Needs:
    return Needs(24 * config.neighbours * size.items, size.ratings**2 / max(size.users, 1) + size.items**2)


def _low_pass(config: Any, size: Size) -> Needs:
    both, d = size.users + size.items, config.factors_for(size.users, size.items)
    return Needs(12 * both * d, config.iterations * (4 * size.ratings * d + 4 * size.items * d**2))


def _stars(config: StarsConfig, size: Size) -> Needs:
    """Return the needs of two fits, one of them for the intervals: a square of factors for each user and item."""
    width, both = 1 + config.factors, size.users + size.items
    operations = 2 * config.iterations * (2 * size.ratings * width**2 + 3 * both * width**3)
    return Needs(24 * size.ratings + 24 * max(size.users, size.items) * width**2, operations)


def _weighing(config: EnsembleConfig, size: Size) -> Needs:
    """Return the needs of ranking with every weight of the grid, which one core does."""
    of_members = len(members(config))
    weightings = math.comb(STEPS + of_members - 1, STEPS)
    cells = VALIDATIONS * min(size.users, MOST_USERS) * size.items
    return Needs(8 * (of_members + 2) * USERS_AT_ONCE * size.items, 8 * weightings * cells * cores())


_LABELS = {"ensemble": "Choosing the weights of ensemble"}
_REMEDY = {
    "ensemble": "Give its weights with --set, or leave it out.",
    "ease": "Lower max_films with --set: above so many items its weights are sparse.",
    "item_knn": "Lower neighbours with --set.",
}
_ESTIMATES: dict[str, Callable[[Any, Size], Needs]] = {
    "als": _factors,
    "ials": _exact_factors,
    "ease": _ease,
    "item_knn": _neighbours,
    "low_pass": _low_pass,
    "stars": _stars,
    "ensemble": _weighing,
}
