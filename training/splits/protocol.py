"""Evaluation protocols as data: each `configs/protocols/<name>.yaml`, typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from recommender.errors import UsageError
from training.config import CONFIG_ROOT, Config, load_config

PROTOCOL_ROOT = CONFIG_ROOT / "protocols"

Mask = Literal["train", "train+valid"]
RatingMetric = Literal["rmse", "mae"]
ListMetric = Literal[
    "ndcg", "recall", "recall_capped", "precision", "map", "map_by_relevant", "mrr", "hit_rate"
]  # fmt: skip
WeightedMetric = Literal["weighted_hit_rate", "weighted_ndcg"]
BeyondMetric = Literal[
    "coverage", "gini", "novelty", "popularity_lift", "diversity", "rare_lists", "thin_films", "chance_hit_rate"
]


class LatestSplit(Config):
    """Each user's latest ratings are the test part; ties in time are broken by file order."""

    kind: Literal["latest"]
    share: float = Field(gt=0, lt=1, description="share of each user's ratings that is held out, at least one rating")
    min_ratings: int = Field(ge=2, description="users with fewer are in no test part")


class LatestLikesSplit(Config):
    """Each user's latest likes are held out; some of the earlier ones are the films that are asked about."""

    kind: Literal["latest_likes"]
    share: float = Field(gt=0, lt=1, description="share of each user's likes that is held out, at least one like")
    min_likes: int = Field(ge=2, description="users with fewer are in no test part")
    queries: int = Field(ge=1, description="at most so many liked training films per user, drawn by the seed")


class TemporalSplit(Config):
    """One cut in time for everybody."""

    kind: Literal["temporal"]
    share: float = Field(gt=0, lt=1, description="share of all ratings that lies before the cut")
    min_train_ratings: int = Field(ge=1, description="users with fewer before the cut are in no test part")


class FoldsSplit(Config):
    """Ratings dealt at random to equal folds; each is the test part once."""

    kind: Literal["folds"]
    folds: int = Field(ge=2)


class PerItemSplit(Config):
    """Of each film's ratings a random share trains, drawn as `np.random.RandomState(seed)` gives it."""

    kind: Literal["per_item"]
    share: float = Field(gt=0, lt=1, description="share of each film's ratings that trains")
    validation_share: float = Field(
        gt=0, lt=1, description="share of each film's training ratings that trains while parameters are chosen"
    )


class HeldOutUsersSplit(Config):
    """Some users are unknown to training; part of their likes is folded in, the rest tested (Liang et al., 2018)."""

    kind: Literal["held_out_users"]
    share: float = Field(gt=0, lt=1, description="share of the users held out")
    fold_in: float = Field(gt=0, lt=1, description="share of a held-out user's likes that the model is shown")
    min_likes: int = Field(ge=2, description="users with fewer likes are in no part")


class HeldOutFilmsSplit(Config):
    """Some films have no rating in training; people's liked other films are asked about."""

    kind: Literal["held_out_films"]
    share: float = Field(gt=0, lt=1, description="share of the films held out")
    queries: int = Field(ge=1, description="at most so many liked training films per user, drawn by the seed")


class FilesSplit(Config):
    """Parts published as files; relative paths are looked for in the data set's raw directory."""

    kind: Literal["files"]
    train: Path | None = None
    valid: Path | None = None
    test: Path | None = None


# The splits that are cut from the ratings alone.
CutSplit = (
    LatestSplit | LatestLikesSplit | TemporalSplit | FoldsSplit | PerItemSplit | HeldOutUsersSplit | HeldOutFilmsSplit
)
AnySplit = Annotated[CutSplit | FilesSplit, Field(discriminator="kind")]


class ProtocolConfig(Config):
    """One protocol: a figure without it means nothing."""

    name: str
    split: AnySplit
    judges: Literal["user_scorer", "item_scorer", "rating_scorer"] = Field(description="which answers are judged")
    relevance: float | None = Field(description="stars from which a test rating is relevant; null: every test row is")
    candidates: Literal["all_films"] = Field(description="what is ranked")
    masked: Mask = Field(description="whose films a user's list leaves out")
    ties: Literal["movie_row"] = Field(description="what decides between equal scores")
    k: list[int] = Field(description="list lengths")
    metrics: list[ListMetric | WeightedMetric | BeyondMetric | RatingMetric]
    seeds: list[int] = Field(min_length=1, description="seeds of the split; one figure is the mean over them")
    validation_cuts: int = Field(1, ge=1, description="validation parts cut from each training part")

    @property
    def judging(self) -> dict[str, Any]:
        """What figures depend on: all but how validation parts are cut."""
        return self.model_dump(mode="json", exclude={"validation_cuts": True, "split": {"validation_share"}})

    def with_files(self, train: Path, test: Path, valid: Path | None = None, mask: Mask = "train") -> ProtocolConfig:
        """The same protocol on the given files. Raises UsageError where its split is not made of files."""
        if not isinstance(self.split, FilesSplit):
            raise UsageError(
                f"Protocol {self.name} makes its own split; only `files` and `u1` take --train and --test."
            )
        if mask == "train+valid" and valid is None:
            raise UsageError("--mask train+valid needs the validation file: give --valid FILE.")
        files = FilesSplit(kind="files", train=train, valid=valid, test=test)
        return self.model_copy(update={"split": files, "masked": mask})


def load_protocol(name: str) -> ProtocolConfig:
    """The protocol `name`. Raises UsageError, which names the protocols that exist."""
    path = PROTOCOL_ROOT / f"{name}.yaml"
    if not path.is_file():
        raise UsageError(f"No protocol {name!r}; expected one of: {', '.join(protocol_names())}.")
    return load_config(path, ProtocolConfig)


def protocol_names() -> list[str]:
    """Every protocol that has a configuration file."""
    return sorted(path.stem for path in PROTOCOL_ROOT.glob("*.yaml"))
