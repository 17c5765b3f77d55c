"""Write a synthetic data set as files in the format of MovieLens 25M, while it is generated."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from recommender.files import marked_directory
from recommender.schema import GENRE_NAMES
from training.datasets.synth.people import Batch, batches
from training.datasets.synth.world import SyntheticConfig, World, make_world
from training.progress import Progress, silent

_NAMES, _TAGS = 4, 2  # purposes of random numbers
_OFF_THEME = 0.15  # share of tags drawn regardless of the film's theme
STEP = 0.00025  # the resolution of the real genome
_STAR_TEXTS = pa.array([f"{half / 2:.1f}" for half in range(11)])
_RELEVANCE_TEXTS = pa.array([f"{step * STEP:.5f}".rstrip("0").ljust(3, "0") for step in range(round(1 / STEP) + 1)])
_GENOME = 3  # purpose of random numbers
_FILMS_AT_ONCE = 200
_BASE, _THEME, _TRAIT, _NOISE = -2.4, 3.2, 0.8, 0.35  # on the logit scale


def write_twin(config: SyntheticConfig, directory: Path, genome: bool = False, progress: Progress = silent) -> World:
    """Generate a synthetic data set and write its files to `directory`; `genome` adds the tag genome.

    Replaces an older synthetic data set. Raises UsageError where `directory` holds anything else.
    """
    with marked_directory(directory, "synth") as fresh:
        world = make_world(config)
        _write_films(world, fresh)
        _write_ratings(world, fresh, progress)
        if genome:
            _write_genome(world, fresh, progress)
    return world


def _write_films(world: World, directory: Path) -> None:
    rng = world.rng(_NAMES)
    genres = film_genres(world.themes, theme_genres(world.config.themes, rng), rng)
    titles = film_titles(world.years, rng)
    ids = world.movie_ids.tolist()
    _write_rows(directory / "movies.csv", ("movieId", "title", "genres"), zip(ids, titles, genres, strict=True))
    links = ((movie, f"{9_000_000 + movie:07d}", 900_000 + movie) for movie in ids)  # ids that no real film has
    _write_rows(directory / "links.csv", ("movieId", "imdbId", "tmdbId"), links)


def _write_ratings(world: World, directory: Path, progress: Progress) -> None:
    """Write ratings.csv and tags.csv, batch by batch."""
    tags = np.array(tag_names(world.config.genome_tags))
    written = 0
    with ExitStack() as stack:
        ratings = stack.enter_context(_Csv(directory / "ratings.csv", ("userId", "movieId", "rating", "timestamp")))
        tagged = stack.enter_context(_Csv(directory / "tags.csv", ("userId", "movieId", "tag", "timestamp")))
        for batch in batches(world):
            movie_ids = world.movie_ids[batch.movies]
            ratings.write(batch.users, movie_ids, _STAR_TEXTS.take(pa.array(batch.half_stars)), batch.times)
            tagged.write(*_tags(world, batch, tags))
            written += len(batch.users)
            progress("Writing ratings", written / world.config.ratings)


def _tags(world: World, batch: Batch, names: NDArray[np.str_]) -> tuple[Any, ...]:
    """Return user ids, movie ids, tags and times of the tags that users gave to films they rated."""
    rng = world.rng(_TAGS, int(batch.users[0]))
    rows = np.flatnonzero(rng.random(len(batch.users)) < world.config.tags_per_rating)
    themes = np.where(
        rng.random(len(rows)) < _OFF_THEME,
        rng.integers(world.config.themes, size=len(rows)),
        world.themes[batch.movies[rows]],
    )
    per_theme = max(len(names) // world.config.themes, 1)
    rank_in_theme = np.minimum(rng.zipf(1.6, len(rows)) - 1, per_theme - 1)  # a few tags are given most often
    tags = names[(themes + rank_in_theme * world.config.themes) % len(names)]
    times = batch.times[rows] + 60
    return batch.users[rows], world.movie_ids[batch.movies[rows]], tags, times


def _write_genome(world: World, directory: Path, progress: Progress) -> None:
    count = world.config.genome_tags
    tag_ids = np.arange(1, count + 1, dtype=np.int32)
    _write_rows(directory / "genome-tags.csv", ("tagId", "tag"), zip(tag_ids.tolist(), tag_names(count), strict=True))
    films, written = len(genome_films(world)), 0
    with _Csv(directory / "genome-scores.csv", ("movieId", "tagId", "relevance")) as scores:
        for rows, steps in relevance(world, tag_traits(world)):
            movies = np.repeat(world.movie_ids[rows], count)
            scores.write(movies, np.tile(tag_ids, len(rows)), _RELEVANCE_TEXTS.take(pa.array(steps.ravel())))
            written += len(rows)
            progress("Writing the tag genome", written / films)


def _write_rows(path: Path, header: tuple[str, ...], rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


class _Csv:
    """A CSV file of columns that need no quotes."""

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        self._names = names
        self._file = path.open("wb")
        self._file.write((",".join(names) + "\n").encode())
        self._options = arrow_csv.WriteOptions(include_header=False, quoting_style="none")

    def __enter__(self) -> _Csv:
        return self

    def __exit__(self, *_failure: object) -> None:
        self._file.close()

    def write(self, *columns: Any) -> None:
        """Append rows, given as one array per column."""
        table = pa.table([pa.array(column) for column in columns], names=list(self._names))
        arrow_csv.write_csv(table, self._file, self._options)


@dataclass(frozen=True)
class TagTraits:
    """Theme of each tag, strength of that link, and (n_tags, n_traits) direction in trait space."""

    themes: NDArray[np.int64]
    strength: NDArray[np.float64]
    directions: NDArray[np.float32]


def tag_traits(world: World) -> TagTraits:
    """Draw the traits of all tags; tag t belongs to theme t modulo the number of themes."""
    config, rng = world.config, world.rng(_GENOME)
    directions = rng.standard_normal((config.genome_tags, config.latent_traits), dtype=np.float32)
    return TagTraits(
        themes=np.arange(config.genome_tags) % config.themes,
        strength=rng.uniform(0.3, 1.0, config.genome_tags),
        directions=directions / np.float32(np.sqrt(config.latent_traits)),
    )


def genome_films(world: World) -> NDArray[np.int64]:
    """Return the rows of the films that have a genome, ascending: the most popular ones."""
    count = int(np.ceil(world.config.genome_share * len(world.movie_ids)))
    return np.sort(np.argsort(-world.popularity, kind="stable")[:count])


def relevance(world: World, tags: TagTraits) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int16]]]:
    """Yield film rows and their (n_films, n_tags) relevance in units of STEP, some films at a time."""
    films = genome_films(world)
    for start in range(0, len(films), _FILMS_AT_ONCE):
        rows = films[start : start + _FILMS_AT_ONCE]
        rng = world.rng(_GENOME, 1, start)
        logits = _BASE + _THEME * tags.strength * (world.themes[rows, None] == tags.themes)
        logits = logits + _TRAIT * world.traits[rows] @ tags.directions.T
        logits += _NOISE * rng.standard_normal(logits.shape, dtype=np.float32)
        yield rows, np.rint(1 / (1 + np.exp(-logits)) / STEP).astype(np.int16)


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
