"""Estimates of the time and memory of a fit, so that they are known before they are spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from recommender.errors import UsageError
from training.config import Config
from training.kernels.threads import cores
from training.models import members_of
from training.models.fits import VALIDATIONS
from training.models.neighbours.sparse_ease import ENTRIES, PREDICTORS
from training.models.parameters import EaseConfig, EnsembleConfig

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


def check_needs(configs: Mapping[str, Config], size: Size, say: Callable[[str], None]) -> None:
    """Say what large fits of `configs` and of their members need, each once.

    Raises UsageError for one that needs more memory than there is.
    """
    limit, said = available_memory(), set()
    for name, config in chain.from_iterable(_fits(name, config) for name, config in configs.items()):
        need = _ESTIMATES[name](config, size)
        if need.memory > limit:
            raise UsageError(
                f"{name} needs {need} for {size.items:,} items and {size.users:,} users; {limit / _GIB:.1f} GiB are "
                f"free. {_REMEDY.get(name, 'Lower its factors with --set, or leave it out.')}"
            )
        if name not in said and (need.memory >= _GIB or need.seconds >= _SAID_SECONDS):
            say(f"{name} will take {need}.")
            said.add(name)
    if any(isinstance(config, EnsembleConfig) and config.weights is None for config in configs.values()) and said:
        say(f"ensemble may fit its members {1 + VALIDATIONS} times, to weigh them; a validation file spares that.")


def _fits(name: str, config: Config) -> Iterator[tuple[str, Config]]:
    """Yield the algorithms with estimates that a fit of `name` fits, with their parameters."""
    for member in members_of(name):
        yield from _fits(member, getattr(config, member))
    if name in _ESTIMATES:
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


_REMEDY = {
    "ease": "Lower max_films with --set: above so many items its weights are sparse.",
    "item_knn": "Lower neighbours with --set.",
}
_ESTIMATES: dict[str, Callable[[Any, Size], Needs]] = {
    "als": _factors,
    "ials": _exact_factors,
    "ease": _ease,
    "item_knn": _neighbours,
    "low_pass": _low_pass,
}
