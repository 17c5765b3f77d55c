"""Registry of the algorithms, one per file, by name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from recommender.errors import UsageError
from training.config import CONFIG_ROOT, Config, build_config, merge, override, read_mapping
from training.models.base import Algorithm

# In the order in which they are registered; the longest fit comes late, so that others are registered meanwhile.
CLASSES = {
    "popularity": "training.models.popularity:Popularity",
    "svd": "training.models.svd:Svd",
    "als": "training.models.als:Als",
    "content": "training.models.content:Content",
    "item_knn": "training.models.item_knn:ItemKnn",
    "ease": "training.models.ease:Ease",
    "blend": "training.models.blend:Blend",
    "ials": "training.models.ials:Ials",
    "ensemble": "training.models.ensemble:Ensemble",
}
NAMES = tuple(CLASSES)
RATING_MODELS = ("svd",)  # fitted to the values of ratings: events have none to predict
# The same algorithms on other engines; `all` leaves them out.
ENGINES = {"spark_als": "training.spark.als:SparkAls"}
# For judging alone: what a model must beat to know anything.
CONTROLS = {"presence": "training.models.presence:Presence"}


def make(name: str, config: Config | None = None) -> Algorithm:
    """Return the algorithm `name`, with `config` or else the one of configs/models/<name>.yaml."""
    algorithm: Algorithm = algorithm_class(name)(configure(name) if config is None else config)
    return algorithm


def configure(name: str, overrides: Sequence[str] = (), root: Path = CONFIG_ROOT / "models") -> Config:
    """Return configs/models/<name>.yaml with `key=value` overrides on top.

    A composite has a section for each member, which states only what differs from that member's own file.
    """
    kind: type[Config] = algorithm_class(name).config_type
    file = root / f"{name}.yaml"
    raw = {} if name in CONTROLS else read_mapping(file)  # nothing to configure
    members = {member: read_mapping(root / f"{member}.yaml") for member in members_of(name)}
    return build_config(override(merge(members, raw), overrides), kind, file.name)


def members_of(name: str) -> tuple[str, ...]:
    """Return the algorithms that the composite `name` combines; none for other algorithms."""
    return tuple(field for field in algorithm_class(name).config_type.model_fields if field in CLASSES)


def algorithm_class(name: str) -> Any:
    """Return the class of the algorithm `name`, imported now: each brings a library of its own.

    Raises UsageError for an unknown name.
    """
    classes = CLASSES | ENGINES | CONTROLS
    if name not in classes:
        raise UsageError(f"Unknown model {name!r}; expected one of: {', '.join(NAMES)}.")
    module, _, attribute = classes[name].partition(":")
    return getattr(import_module(module), attribute)
