"""Names for what is made up: titles, genres by theme, tags. Any resemblance to a real film is chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recommender.schema import GENRE_NAMES


def _words(text: str) -> list[str]:
    return text.split()


_FIRST = _words("""
Silent Crimson Hidden Broken Golden Distant Burning Frozen Midnight Electric Paper Velvet Iron Hollow Restless Borrowed
Endless Secret Wild Lonely Bitter Gentle Savage Stolen Painted Northern Southern Invisible Perfect Last First Second
Final Quiet Lost Little Great Strange Blue Black White Scarlet Emerald Amber Glass Stone Wooden Salt
""")
_SECOND = _words("""
Harbour Garden River Mountain Letter Promise Shadow Mirror Summer Winter Autumn Station Orchard Empire Kingdom Circus
Lighthouse Voyage Waltz Serenade Conspiracy Inheritance Stranger Detective Dancer Soldier Widow Tailor Prophet Machine
Planet Engine Signal Frontier Horizon Island Desert Forest Ocean Bridge Tower Castle Market Cathedral Theatre Hotel
Museum Library Carnival Wedding Funeral Reunion Duel Heist Trial Rescue Escape Return
""")
_OTHER = ("Le secret", "La promesse", "El viaje", "Die Reise", "Il giardino", "Den siste", "O segredo", "L'ombre")
_MOODS = _words("""
dark funny slow tense tender absurd violent visual quirky bleak hopeful clever lyrical gritty surreal epic intimate
eerie cynical warm noisy minimal lavish witty
""")
_SUBJECTS = _words("""
family war crime love space politics school music sports ghosts revenge travel religion medicine robots magic court sea
city village desert animals friendship memory dreams history journalism prison spies time art food chess aliens dystopia
heist noir western vampires zombies samurai trains mountains winter
""")
_GENRE_COUNTS = (1, 2, 3)


def theme_genres(themes: int, rng: np.random.Generator) -> list[list[str]]:
    """Three typical genres of each theme."""
    return [[str(name) for name in rng.choice(GENRE_NAMES, size=3, replace=False)] for _ in range(themes)]


def film_genres(themes: NDArray[np.int64], typical: list[list[str]], rng: np.random.Generator) -> list[str]:
    """Genres of each film as the file spells them; one film in twelve lists none."""
    counts = rng.choice(_GENRE_COUNTS, size=len(themes))
    unlisted = rng.random(len(themes)) < 1 / 12
    return [
        "(no genres listed)" if none else "|".join(sorted(typical[theme][:count]))
        for theme, count, none in zip(themes, counts, unlisted, strict=True)
    ]


def film_titles(years: NDArray[np.int64], rng: np.random.Generator) -> list[str]:
    """A raw title for each film: year in brackets, articles behind a comma, now and then another title."""
    first = rng.integers(len(_FIRST), size=len(years))
    second = rng.integers(len(_SECOND), size=len(years))
    number = np.arange(len(years)) // (len(_FIRST) * len(_SECOND) // 2)  # sequels keep titles apart
    habit = rng.random(len(years))
    return [
        _title(f"{_FIRST[one]} {_SECOND[two]}" + (f" {part + 1}" if part else ""), int(year), how)
        for one, two, part, year, how in zip(first, second, number, years, habit, strict=True)
    ]


def _title(name: str, year: int, habit: float) -> str:
    if habit < 0.35:
        name = f"{name}, The"
    elif habit < 0.40:
        name = f"{name} ({_OTHER[int(habit * 1e6) % len(_OTHER)]})"
    return name if habit > 0.999 else f"{name} ({year})"


def tag_names(count: int) -> list[str]:
    """`count` different tags: moods, subjects, and both together."""
    singles = [*_MOODS, *_SUBJECTS]
    pairs = [f"{mood} {subject}" for subject in _SUBJECTS for mood in _MOODS]
    names = [*singles, *pairs]
    return [names[at] if at < len(names) else f"theme {at}" for at in range(count)]
