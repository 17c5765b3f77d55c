"""One algorithm per file; here they are found by name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from recommender.errors import UsageError
from training.config import CONFIG_ROOT, Config, build_config, merge, override, read_mapping
from training.models.base import Algorithm

CLASSES = {
    "popularity": "training.models.popularity:Popularity",
    "svd": "training.models.svd:Svd",
    "als": "training.models.als:Als",
    "ials": "training.models.ials:Ials",
    "content": "training.models.content:Content",
    "item_knn": "training.models.item_knn:ItemKnn",
    "ease": "training.models.ease:Ease",
    "blend": "training.models.blend:Blend",
    "ensemble": "training.models.ensemble:Ensemble",
}
NAMES = tuple(CLASSES)
# The same algorithms fitted elsewhere than in this process; `all` leaves them out.
ENGINES = {"spark_als": "training.spark.als:SparkAls"}


def make(name: str, config: Config | None = None) -> Algorithm:
    """The algorithm `name`, with `config` or else the one of configs/models/<name>.yaml."""
    algorithm: Algorithm = algorithm_class(name)(configure(name) if config is None else config)
    return algorithm


def configure(name: str, overrides: Sequence[str] = (), root: Path = CONFIG_ROOT / "models") -> Config:
    """configs/models/<name>.yaml with `key=value` overrides on top.

    A model that is made of others has a section for each, which states only what differs from that model's own file.
    """
    kind: type[Config] = algorithm_class(name).config_type
    file = root / f"{name}.yaml"
    parts = {part: read_mapping(root / f"{part}.yaml") for part in parts_of(name)}
    return build_config(override(merge(parts, read_mapping(file)), overrides), kind, file.name)


def parts_of(name: str) -> tuple[str, ...]:
    """The algorithms that `name` is made of; none for most."""
    return tuple(field for field in algorithm_class(name).config_type.model_fields if field in CLASSES)


def algorithm_class(name: str) -> Any:
    """The class of the algorithm `name`; imported when asked for, as each brings a library of its own."""
    known = CLASSES | ENGINES
    if name not in known:
        raise UsageError(f"Unknown model {name!r}; expected one of: {', '.join(NAMES)}.")
    module, _, attribute = known[name].partition(":")
    return getattr(import_module(module), attribute)
