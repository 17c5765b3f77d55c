"""Make the old store anew, with the code as it is: `python -m tests.golden make-store`.

A synthetic data set, every algorithm trained and registered, two champions one after the other, one challenger, all of
them pulled. Only to be run when the code of today may no longer read what the code of yesterday wrote, on purpose.
"""

from __future__ import annotations

import csv
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from tests.golden.service import environment
from tests.golden.store import pack

USERS, FILMS, RATINGS = "190", "115", "5200"
FIRST_CHAMPION, CHAMPION, REFUSED, CHALLENGER = "1", "10", "3", "9"
DATASET = "twin"
# In the place of made-up titles of often rated films: what titles may look like. Two share title and year.
TITLES = (
    "Café Éternel (1995)",
    "Twins (1988)",
    "Twins (1996)",
    "Letters from Lyon (1994)",
    "Letters from Lyon (1994)",
    "2001 Kisses",
    "Night Train, The (Der Nachtzug) (1959)",
    "七つの夢 (2001)",
    'Say "Yes" & Go! (2003)',
    "1984 (1984)",
    "Zoë + Ölaf: 100% (a.k.a. Zoe) (2010)",
    "A (1998)",
)
_EVERY = 6  # films between two of these titles, in the order of their ratings


def make_store(file: Path, movierec: Path) -> None:
    """Make the store in a directory of its own and pack it to `file`."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch).resolve()

        def run(*words: str, expected_code: int = 0) -> str:
            done = subprocess.run(
                [str(movierec), *words], cwd=home, env=environment(), capture_output=True, text=True, check=False
            )
            if done.returncode != expected_code:
                raise RuntimeError(f"movierec {' '.join(words)}: exit code {done.returncode}\n{done.stderr}")
            return done.stdout

        sizes = ("--users", USERS, "--movies", FILMS, "--ratings", RATINGS)
        run("data", "synth", *sizes, "--seed", "7", "--genome", "--out", "raw")
        _edit_films(home / "raw")
        _write_credits(home / "raw", home / "credits.csv")
        run("data", "prepare", DATASET, "--raw", "raw", "--credits", "credits.csv")
        run("train", "all", "--dataset", DATASET)
        run("promote", "--version", FIRST_CHAMPION, "--force", "--reason", "the first one")
        run("pull", "--once")
        run("promote", "--version", CHAMPION)
        run("promote", "--version", REFUSED, expected_code=3)
        _name_challenger(home, movierec)
        run("pull", "--once")
        expected = home / "expected"
        expected.mkdir()
        (expected / "describe.json").write_text(run("data", "describe", DATASET, "--json"))
        (expected / "compare.json").write_text(run("compare", "--json"))
        (expected / "diff.json").write_text(run("diff", FIRST_CHAMPION, CHAMPION, "--json"))
        pack(home, file, {str(movierec.absolute().parents[2]): "/checkout"})


def _name_challenger(home: Path, movierec: Path) -> None:
    """By hand: no version of a small data set is left undecided."""
    code = f"MlflowClient('sqlite:///{home}/mlruns/mlflow.db').set_registered_model_alias"
    call = f"('movielens-recommender', 'challenger', '{CHALLENGER}')"
    words = [str(movierec.with_name("python")), "-c", f"from mlflow import MlflowClient; {code}{call}"]
    subprocess.run(words, cwd=home, env=environment(), check=True)


def _edit_films(raw: Path) -> None:
    """Give some of the often rated films titles of every kind; one becomes a second entry of another."""
    chosen = _most_rated(raw)[::_EVERY][: len(TITLES)]
    titles = dict(zip(chosen, TITLES, strict=True))
    films = _rows(raw / "movies.csv")
    for film in films[1:]:
        film[1] = titles.get(film[0], film[1])
    _write(raw / "movies.csv", films)
    first, second = chosen[3:5]
    links = _rows(raw / "links.csv")
    imdb_ids = {movie: imdb for movie, imdb, _ in links}
    _write(raw / "links.csv", [[m, imdb_ids[first] if m == second else imdb, tmdb] for m, imdb, tmdb in links])


def _write_credits(raw: Path, file: Path) -> None:
    """Directors and actors of every second film, who plainly are nobody."""
    rows = [["movieId", "directors", "actors"]]
    for number, movie in enumerate(_most_rated(raw)[::2]):
        actors = "|".join(f"Actor {(number * step) % 31 + 1}" for step in (1, 3, 7))
        rows.append([movie, f"Director {number % 9 + 1}", actors])
    _write(file, rows)


def _most_rated(raw: Path) -> list[str]:
    counts = Counter(row[1] for row in _rows(raw / "ratings.csv")[1:])
    return [movie for movie, _ in sorted(counts.items(), key=lambda pair: (-pair[1], int(pair[0])))]


def _rows(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as source:
        return list(csv.reader(source))


def _write(file: Path, rows: list[list[str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as sink:
        csv.writer(sink, lineterminator="\n").writerows(rows)
