"""Typed evaluation protocols; each is a file `configs/protocols/<name>.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from recommender.errors import UsageError
from recommender.feedback import Feedback
from training.config import CONFIG_ROOT, Config, load_config
from training.models.target import Target

PROTOCOL_ROOT = CONFIG_ROOT / "protocols"

FileMask = Literal["train", "train+valid"]
# Rules that hold in every protocol. They were keys of its file once and stay in the digest of registered versions.
_COMMON_RULES = {"candidates": "all_films", "masked": "train", "ties": "movie_row"}

RatingMetric = Literal["rmse", "mae"]
ListMetric = Literal[
    "ndcg", "recall", "recall_capped", "precision", "map", "map_by_relevant", "mrr", "hit_rate"
]  # fmt: skip
WeightedMetric = Literal["weighted_hit_rate", "weighted_ndcg"]
BeyondMetric = Literal[
    "coverage", "gini", "novelty", "popularity_lift", "diversity", "rare_lists", "thin_films", "new_films",
    "chance_hit_rate",
]  # fmt: skip
# Computed together, where ratings have a scale.
DislikeMetric = Literal["disliked_share", "shown_rating", "rated_shown"]
ActivityMetric = Literal["least_active"]  # nDCG and recall of the quarter of users with the fewest training ratings
LATER_METRICS = (*get_args(DislikeMetric), *get_args(ActivityMetric))  # versions judged without them stay comparable


class _Rule(Config):
    needs_times: ClassVar[bool] = False


class _ShareOfRatings(_Rule):
    share: float = Field(gt=0, lt=1, description="share of each user's ratings that is held out, at least one rating")
    min_ratings: int = Field(ge=2, description="users with fewer are in no test part")


class _ShareOfLikes(_Rule):
    share: float = Field(gt=0, lt=1, description="share of each user's likes that is held out, at least one like")
    min_likes: int = Field(ge=2, description="users with fewer are in no test part")
    queries: int = Field(ge=1, description="at most so many liked training films per user, drawn by the seed")


class LatestSplit(_ShareOfRatings):
    """Hold out each user's latest ratings; file order breaks ties in time."""

    needs_times = True
    kind: Literal["latest"]


class RandomSplit(_ShareOfRatings):
    """Hold out a random share of each user's ratings."""

    kind: Literal["random"]


class LatestLikesSplit(_ShareOfLikes):
    """Hold out each user's latest likes; some of the earlier likes are the query items."""

    needs_times = True
    kind: Literal["latest_likes"]


class RandomLikesSplit(_ShareOfLikes):
    """Hold out a random share of each user's likes; some of the other likes are the query items."""

    kind: Literal["random_likes"]


class TemporalSplit(_Rule):
    """Split all ratings at one point in time, the same for all users."""

    needs_times = True
    kind: Literal["temporal"]
    share: float = Field(gt=0, lt=1, description="share of all ratings that lies before the cut")
    min_train_ratings: int = Field(ge=1, description="users with fewer before the cut are in no test part")


class RollingSplit(_Rule):
    """Split all ratings at several points in time; each part up to the next point is tested, of users who come back."""

    needs_times = True
    kind: Literal["rolling"]
    cuts: list[float] = Field(min_length=1, description="shares of all ratings that lie before each cut, ascending")
    min_train_ratings: int = Field(ge=1, description="users with fewer before a cut are not tested by it")
    min_gap: int = Field(ge=0, description="seconds between a user's last rating before a cut and their next one")


class FoldsSplit(_Rule):
    """Assign ratings at random to equal folds; each fold is the test part once."""

    kind: Literal["folds"]
    folds: int = Field(ge=2, description="number of folds")


class PerItemSplit(_Rule):
    """Train on a random share of each item's ratings, drawn by `np.random.RandomState(seed)`."""

    kind: Literal["per_item"]
    share: float = Field(gt=0, lt=1, description="share of each film's ratings that trains")
    validation_share: float = Field(
        gt=0, lt=1, description="share of each film's training ratings that trains while parameters are chosen"
    )


class HeldOutUsersSplit(_Rule):
    """Hold out some users from training; part of their ratings is folded in, the rest tested (Liang et al., 2018)."""

    kind: Literal["held_out_users"]
    share: float = Field(gt=0, lt=1, description="share of the users held out")
    fold_in: float = Field(gt=0, lt=1, description="share of a held-out user's ratings that the model is shown")
    ratings: Literal["likes", "all"] = Field(
        "likes", description="which ratings take part; the likes tested are the same"
    )
    min_likes: int = Field(ge=2, description="users with fewer likes are in no part")


class HeldOutFilmsSplit(_Rule):
    """Hold out all ratings of some items, and features; users' likes of other items are the queries."""

    kind: Literal["held_out_films"]
    share: float = Field(gt=0, lt=1, description="share of the films held out")
    described_by: list[str] = Field([], description="blocks of features that the films have; the others are not drawn")
    hidden: list[str] = Field([], description="blocks of features that training doesn't know of films without ratings")
    queries: int = Field(ge=1, description="at most so many liked training films per user, drawn by the seed")


class FilesSplit(_Rule):
    """Read the parts from published files; relative paths are resolved in the data set's raw directory."""

    kind: Literal["files"]
    train: Path | None = Field(None, description="file of the training part")
    valid: Path | None = Field(None, description="file of the validation part, if there is one")
    test: Path | None = Field(None, description="file of the test part")
    masked: FileMask = Field("train", description="the files whose items a user's list leaves out")
    order_is_time: bool = Field(False, description="each user's rows stand in the order in which they happened")
    refit_with_valid: bool = Field(False, description="the validation file trains, too, what the test file judges")
    validation_share: float = Field(
        0.1, gt=0, lt=1, description="share of each user's training rows to choose parameters by, without such a file"
    )

    def validation_rule(self, *, has_times: bool) -> LatestSplit | RandomSplit:
        """Return the rule that cuts a validation part from the training file: the latest rows, or random ones."""
        if has_times:
            return LatestSplit(kind="latest", share=self.validation_share, min_ratings=2)
        return RandomSplit(kind="random", share=self.validation_share, min_ratings=2)


# The splits that are computed from the ratings alone.
CutSplit = (
    LatestSplit
    | LatestLikesSplit
    | TemporalSplit
    | RollingSplit
    | RandomSplit
    | RandomLikesSplit
    | FoldsSplit
    | PerItemSplit
    | HeldOutUsersSplit
    | HeldOutFilmsSplit
)
AnySplit = Annotated[CutSplit | FilesSplit, Field(discriminator="kind")]


class ProtocolConfig(Config):
    """How models are evaluated: the split, which scorer, which metrics at which list lengths, and the seeds."""

    name: str = Field(description="its name in commands and before its metrics; that of the file")
    split: AnySplit = Field(description="how training and test parts are made; see the kinds of splits below")
    judges: Literal["user_scorer", "item_scorer", "rating_scorer"] = Field(description="which scorer is evaluated")
    relevance: float | Literal["like"] | None = Field(
        description="rating from which a test rating is relevant; like: that of the data set; null: every test row is"
    )
    k: list[int] = Field(description="list lengths")
    metrics: list[ListMetric | WeightedMetric | BeyondMetric | RatingMetric | DislikeMetric | ActivityMetric] = Field(
        description="metrics to compute"
    )
    seeds: list[int] = Field(min_length=1, description="seeds of the split; metrics are means over them")
    validation_cuts: int = Field(1, ge=1, description="validation splits made from each training part")

    def on(self, feedback: Feedback) -> ProtocolConfig:
        """Return this protocol with the like threshold of a data set in place of `like`."""
        return self.model_copy(update={"relevance": feedback.like}) if self.relevance == "like" else self

    def check_metric(self, name: str) -> None:
        """Raise UsageError for a metric that this protocol does not compute."""
        of_lists = [metric for metric in self.metrics if metric not in get_args(RatingMetric)]
        metrics = [f"{metric}_at_{k}" for metric in of_lists for k in self.k]
        metrics += [metric for metric in self.metrics if metric not in of_lists]
        if name not in metrics:
            raise UsageError(f"Protocol {self.name} has no {name}; it has {', '.join(metrics)}.")

    def target(self, feedback: Feedback) -> Target:
        """Return which ratings are relevant in the test part, and are what models learn to predict in training."""
        relevance = self.on(feedback).relevance
        assert relevance != "like", "`on` replaces it"
        return Target(relevance)

    @property
    def judging(self) -> dict[str, Any]:
        """Return everything that metrics depend on, as JSON values: all but how validation splits are made.

        Metrics that were added later change no other, so they are left out.
        """
        values = self.model_dump(mode="json", exclude={"validation_cuts": True, "split": {"validation_share"}})
        for choice in ("order_is_time", "refit_with_valid"):  # the same
            if values["split"].get(choice) is False:
                del values["split"][choice]
        values["metrics"] = [name for name in self.metrics if name not in LATER_METRICS]
        return _COMMON_RULES | values

    def with_lengths(self, lengths: Sequence[int]) -> ProtocolConfig:
        """Return this protocol at other list lengths. Raises UsageError for one below 1, and where none are judged."""
        if not self.k:
            raise UsageError(f"Protocol {self.name} judges predicted ratings; leave --k out.")
        return self.model_copy(update={"k": list_lengths(lengths)})

    def with_files(
        self,
        train: Path,
        test: Path,
        valid: Path | None = None,
        mask: FileMask = "train",
        *,
        order_is_time: bool = False,
        refit_with_valid: bool = False,
    ) -> ProtocolConfig:
        """Return this protocol with the given split files. Raises UsageError where its split is not made of files."""
        if not isinstance(self.split, FilesSplit):
            raise UsageError(
                f"Protocol {self.name} makes its own split; only `files` and `u1` take --train and --test."
            )
        for option, is_given in (
            ("--mask train+valid", mask == "train+valid"),
            ("--refit-with-valid", refit_with_valid),
        ):
            if is_given and valid is None:
                raise UsageError(f"{option} needs the validation file: give --valid FILE.")
        parts = {"train": train, "valid": valid, "test": test, "masked": mask}
        choices = {"order_is_time": order_is_time, "refit_with_valid": refit_with_valid}
        return self.model_copy(update={"split": self.split.model_copy(update=parts | choices)})


def list_lengths(lengths: Sequence[int]) -> list[int]:
    """Return list lengths, each once. Raises UsageError for one below 1."""
    if min(lengths) < 1:
        raise UsageError(f"Expected list lengths of 1 or more, found {min(lengths)}.")
    return list(dict.fromkeys(lengths))


def load_protocol(name: str) -> ProtocolConfig:
    """Read the protocol `name` from its file. Raises UsageError, which names the existing protocols."""
    if name not in protocol_names():
        raise UsageError(f"No protocol {name!r}; expected one of: {', '.join(protocol_names())}.")
    return load_config(PROTOCOL_ROOT / f"{name}.yaml", ProtocolConfig)


def protocol_names() -> list[str]:
    """Return the names of all protocols that have a configuration file, sorted."""
    return sorted(path.stem for path in PROTOCOL_ROOT.glob("*.yaml"))
