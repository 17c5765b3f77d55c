"""Registry of the algorithms, one per file, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from recommender.about import About
from recommender.errors import UsageError
from training.config import CONFIG_ROOT, Config, build_config, merge, override, read_mapping
from training.models import own
from training.models.parameters import PARAMETERS

if TYPE_CHECKING:
    from training.models.base import Algorithm

# In the order in which they are registered; the longest fit comes late, so that others are registered meanwhile.
CLASSES = {
    "popularity": "training.models.popularity:Popularity",
    "svd": "training.models.factors.svd:Svd",
    "stars": "training.models.factors.stars:Stars",
    "als": "training.models.factors.als:Als",
    "content": "training.models.features.content:Content",
    "item_knn": "training.models.neighbours.item_knn:ItemKnn",
    "low_pass": "training.models.factors.low_pass:LowPass",
    "ease": "training.models.neighbours.ease:Ease",
    "blend": "training.models.combined.blend:Blend",
    "ials": "training.models.factors.ials:Ials",
    "ensemble": "training.models.combined.ensemble:Ensemble",
}
NAMES = tuple(CLASSES)
RATING_MODELS = ("svd", "stars")  # fitted to the values of ratings: events have none to predict
# The same algorithms on other engines; `all` leaves them out.
ENGINES = {"spark_als": "training.spark.als:SparkAls"}
# For judging alone: what a model must beat to know anything.
CONTROLS = {"presence": "training.models.features.presence:Presence"}
Overrides = Sequence[str] | Mapping[str, Any]  # `key=value` or `section.key=value`, or keys and values

COMPOSITE = "recommender"
COMPOSITE_ABOUT = About(
    label="Recommender",
    sentence="The blend for similar titles, the best ranking model for people, stars for predicted stars.",
    share="other",
)


def make(name: str, config: Config | None = None) -> Algorithm:
    """Return the algorithm `name`, with `config` or else the one of configs/models/<name>.yaml."""
    algorithm: Algorithm = algorithm_class(name)(configure(name) if config is None else config)
    return algorithm


def configure(name: str, overrides: Overrides = ()) -> Config:
    """Return configs/models/<name>.yaml with `overrides` on top: `key=value`, or a mapping of keys to values.

    A composite has a section for each member, which states only what differs from that member's own file. A model of
    one's own has no file. Raises UsageError for an unknown name, an unknown key or a wrong value, and imports no
    library of an algorithm.
    """
    kind, changes = config_type(name), overrides if isinstance(overrides, Mapping) else override({}, overrides)
    has_file = name in CLASSES or name in ENGINES
    stated = read_mapping(CONFIG_ROOT / "models" / f"{name}.yaml") if has_file else {}
    members = {member: read_mapping(CONFIG_ROOT / "models" / f"{member}.yaml") for member in members_of(name)}
    return build_config(merge(merge(members, stated), changes), kind, f"{name}.yaml" if has_file else name)


def members_of(name: str) -> tuple[str, ...]:
    """Return the algorithms that the composite `name` combines; none for other algorithms."""
    return tuple(field for field in config_type(name).model_fields if field in CLASSES)


def config_type(name: str) -> type[Config]:
    """Return the type of the parameters of the algorithm `name`. Raises UsageError for an unknown name."""
    kind: type[Config] = PARAMETERS[name] if name in PARAMETERS else algorithm_class(name).config_type
    return kind


def algorithm_class(name: str) -> Any:
    """Return the class of the algorithm `name`, imported now: each brings a library of its own.

    Raises UsageError for an unknown name.
    """
    classes = CLASSES | ENGINES | CONTROLS
    if name in classes:
        module, _, attribute = classes[name].partition(":")
        return getattr(import_module(module), attribute)
    kind = own.find(name)
    if kind is None:
        hint = f" `all` trains the {COMPOSITE}, last." if name == COMPOSITE else ""
        raise UsageError(f"Unknown model {name!r}; expected one of: {', '.join([*NAMES, *own.names()])}.{hint}")
    return kind


def resolve(model: str | type) -> str:
    """Return the name of a model that is named, or given as a class, which this process then knows.

    Raises UsageError for an unknown name, an incomplete class, or a class with the name of a model that is there.
    """
    if isinstance(model, str):
        config_type(model)
        return model
    if not isinstance(model, type):
        raise UsageError(f"Expected the name of a model or a class, found a {type(model).__name__}.")
    if getattr(model, "name", None) in {*CLASSES, *ENGINES, *CONTROLS, COMPOSITE, "all"}:
        raise UsageError(f"{model.__qualname__}.name: {model.name!r} is taken; choose another.")  # type: ignore[attr-defined]
    return own.adopt(model)


def about(names: Sequence[str]) -> dict[str, About]:
    """Return the descriptions of the algorithms `names` and of the members of composites among them."""
    described: dict[str, About] = {}
    for name in names:
        if name == COMPOSITE:
            described[name] = COMPOSITE_ABOUT
        elif name in CLASSES or own.find(name) is not None:
            described |= {member: algorithm_class(member).about for member in (name, *members_of(name))}
    return described
