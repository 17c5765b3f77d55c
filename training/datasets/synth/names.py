"""Made-up titles, genres by theme, and tags. Any resemblance to a real film is chance."""

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
    """Draw three typical genres for each theme."""
    return [[str(name) for name in rng.choice(GENRE_NAMES, size=3, replace=False)] for _ in range(themes)]


def film_genres(themes: NDArray[np.int64], typical: list[list[str]], rng: np.random.Generator) -> list[str]:
    """Draw the genres of each film, as the file spells them; one film in twelve has none."""
    counts = rng.choice(_GENRE_COUNTS, size=len(themes))
    unlisted = rng.random(len(themes)) < 1 / 12
    return [
        "(no genres listed)" if none else "|".join(sorted(typical[theme][:count]))
        for theme, count, none in zip(themes, counts, unlisted, strict=True)
    ]


def film_titles(years: NDArray[np.int64], rng: np.random.Generator) -> list[str]:
    """Draw a raw title for each film: year in brackets, article after a comma, sometimes an alternative title."""
    first_words = rng.integers(len(_FIRST), size=len(years))
    second_words = rng.integers(len(_SECOND), size=len(years))
    sequels = np.arange(len(years)) // (len(_FIRST) * len(_SECOND) // 2)  # sequels keep titles apart
    styles = rng.random(len(years))
    return [
        _title(f"{_FIRST[first_word]} {_SECOND[second_word]}" + (f" {sequel + 1}" if sequel else ""), int(year), style)
        for first_word, second_word, sequel, year, style in zip(
            first_words, second_words, sequels, years, styles, strict=True
        )
    ]


def _title(name: str, year: int, style: float) -> str:
    if style < 0.35:
        name = f"{name}, The"
    elif style < 0.40:
        name = f"{name} ({_OTHER[int(style * 1e6) % len(_OTHER)]})"
    return name if style > 0.999 else f"{name} ({year})"


def tag_names(count: int) -> list[str]:
    """Return `count` different tags: moods, subjects, and pairs of both."""
    singles = [*_MOODS, *_SUBJECTS]
    pairs = [f"{mood} {subject}" for subject in _SUBJECTS for mood in _MOODS]
    names = [*singles, *pairs]
    return [names[index] if index < len(names) else f"theme {index}" for index in range(count)]
