"""Where the raw files of a named data set are on this machine."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from recommender.errors import MissingInputError

RAW_ROOT = Path("data/raw")
_REPOSITORY = Path(__file__).resolve().parents[2]
_WHEEL = "recbole"
_WHEEL_FILE = "ml-100k.inter"


def find_raw(name: str) -> Path:
    """Directory of the raw files of `name`: data/raw/<name>, else (ml-100k) the installed sample.

    Raises MissingInputError with the commands that help.
    """
    local = RAW_ROOT / name
    if local.is_dir():
        return local
    if name == "ml-100k" and (sample := installed_sample()):
        return sample
    wheel_hint = " or `uv sync --group sample-data` (brings MovieLens 100K with the recbole wheel)" * (
        name == "ml-100k"
    )
    raise MissingInputError(
        f"No raw files of {name}: {local} does not exist. Run `movierec data fetch {name}`{wheel_hint}, "
        f"or name a directory with `movierec data prepare {name} --raw DIR`."
    )


def installed_sample() -> Path | None:
    """Directory of MovieLens 100K in the installed recbole wheel (read as data, never imported), or None."""
    try:
        files = metadata.files(_WHEEL) or []
    except metadata.PackageNotFoundError:
        return None
    found = (Path(str(file.locate())) for file in files if file.name == _WHEEL_FILE)
    return next((path.parent for path in found if path.is_file()), None)


def default_credits(name: str) -> Path | None:
    """The credits table that travels with the project, where there is one for `name`."""
    path = _REPOSITORY / "data" / "credits" / f"{name}.csv"
    return path if path.is_file() else None
