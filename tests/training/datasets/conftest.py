"""A small sound directory in the ratings.csv layout, made for the test, and real data where the machine has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

N_USERS, N_FILMS = 60, 50
GENRES = ("Comedy", "Drama", "Action|Thriller", "(no genres listed)")


class RawDirectory:
    """Raw files whose lines a test adds to or replaces."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("ratings.csv", "userId,movieId,rating,timestamp", *rating_lines())
        self.write("movies.csv", "movieId,title,genres", *(f"{m},Film {m} (1990),{GENRES[m % 4]}" for m in film_ids()))

    def write(self, name: str, *lines: str, encoding: str = "utf-8", end: str = "\n") -> None:
        self.path.mkdir(exist_ok=True)
        (self.path / name).write_bytes("".join(line + end for line in lines).encode(encoding))

    def lines(self, name: str) -> list[str]:
        return (self.path / name).read_text("utf-8").splitlines()

    def add(self, name: str, *lines: str) -> int:
        """Append lines; gives the number of the first of them."""
        before = self.lines(name)
        self.write(name, *before, *lines)
        return len(before) + 1


def film_ids() -> range:
    return range(1, N_FILMS + 1)


def rating_lines() -> list[str]:
    return [
        f"{user},{movie},{(user * movie) % 10 / 2 + 0.5},{1_000_000_000 + user * 1000 + movie}"
        for user in range(1, N_USERS + 1)
        for movie in film_ids()
    ]


@pytest.fixture
def raw(tmp_path) -> RawDirectory:
    return RawDirectory(tmp_path / "raw")


@pytest.fixture
def real_data() -> Path:
    """Directory of real GroupLens files, which may not travel with the project."""
    directory = os.environ.get("MOVIEREC_REAL_DATA")
    if not directory:
        pytest.skip("MOVIEREC_REAL_DATA does not name a directory with real MovieLens files")
    return Path(directory)
