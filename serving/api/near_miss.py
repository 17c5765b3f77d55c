"""Name the parameter that a caller's unknown one is a near miss of, without repeating what the caller sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_args

from fastapi.dependencies.models import Dependant
from pydantic import BaseModel
from rapidfuzz.distance import OSA


def meant_parameter(dependant: Dependant, location: Sequence[int | str]) -> str | None:
    """Return the parameter that the last step of `location` may have meant, of a route with these dependencies."""
    place, *steps, unknown = location
    return nearest_name(str(unknown), _names(_models(dependant, str(place)), steps))


def nearest_name(unknown: str, names: Iterable[str]) -> str | None:
    """Return the name a typo or two away, or that `unknown` is the beginning of; None where no name is so near."""
    typed = _plain(unknown)
    distances = {name: OSA.distance(typed, _plain(name)) for name in names}
    close = [name for name, distance in distances.items() if distance * 3 <= len(typed)]
    longer = [name for name in distances if len(typed) > 1 and name.startswith(f"{typed}_")]
    return min(close or longer, key=lambda name: (distances[name], name), default=None)


def _plain(name: str) -> str:
    """Return a name without case and separators: minRatings, min-ratings and min_ratings are one."""
    return "".join(letter for letter in name[:40].lower() if letter.isalnum())


def _models(dependant: Dependant, place: str) -> list[type[BaseModel]]:
    """Return the models that the parameters of `query`, or the `body`, are read into."""
    fields = dependant.body_params if place == "body" else dependant.query_params
    own = [model for field in fields for model in _models_in(field.field_info.annotation)]
    return own + [model for inner in dependant.dependencies for model in _models(inner, place)]


def _names(models: Iterable[type[BaseModel]], steps: Sequence[int | str]) -> list[str]:
    """Return the names of the fields of the models, or of those that `steps` lead to within them."""
    for step in steps:
        if isinstance(step, str):
            fields = [model.model_fields[step] for model in models if step in model.model_fields]
            models = [model for field in fields for model in _models_in(field.annotation)]
    return [name for model in models for name in model.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models in a type such as list[RatedFilm]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]
