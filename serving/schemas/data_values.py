"""Types of values that depend on the data of the model version that answers: ids of films and users, and ratings.

A version's ids are integers or text, and its ratings lie on the scale of its data set. Which version answers is known
only when a request comes, and pydantic's types before: the dependency that finds the version says so here
(`answering_from`), in the request's own context, and the types look it up.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any, TypeVar

from pydantic import Field, PlainValidator, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from recommender.feedback import MOVIELENS, Feedback
from recommender.films.ids import CONTROL, TEXT_BYTES, RawId
from recommender.model import Model
from serving.schemas.common import Integer

T = TypeVar("T")
_LARGEST_ID = 2**53


@dataclass(frozen=True)
class _Data:
    """Kinds of ids, and feedback, of a model version."""

    text_movie_ids: bool = False
    text_user_ids: bool = False
    feedback: Feedback = MOVIELENS

    @cached_property
    def rating_type(self) -> TypeAdapter[float]:
        """The type of ratings on the data's scale, or of positive weights of events."""
        return _rating_type(self.feedback)


_MOVIELENS = _Data()
_ANSWERING: ContextVar[_Data] = ContextVar("answering", default=_MOVIELENS)
_INTEGER_ID: TypeAdapter[int] = TypeAdapter(Annotated[Integer, Field(ge=0, le=_LARGEST_ID)])


def answering_from(model: Model) -> None:
    """Hold the values of the current request to the data of `model`."""
    _ANSWERING.set(_Data(model.movie_ids.is_text, model.user_ids.is_text, model.feedback))


def _movie_id(value: object) -> RawId:
    return _text_id(value) if _ANSWERING.get().text_movie_ids else _validated(_INTEGER_ID, value)


def _liked_id(value: object) -> RawId:
    """Return an id from where a title may stand as well: a text of digits is a title, unless ids are text."""
    if isinstance(value, str) and not _ANSWERING.get().text_movie_ids:
        raise ValueError("expected a number, as the ids of this data set are")
    return _movie_id(value)


def _user_id(value: object) -> RawId:
    return _text_id(value) if _ANSWERING.get().text_user_ids else _validated(_INTEGER_ID, value)


def _rating(value: object) -> float:
    return _validated(_ANSWERING.get().rating_type, value)


@cache
def _rating_type(feedback: Feedback) -> TypeAdapter[float]:
    """Return the type of ratings on a scale, or of positive weights of events."""
    if feedback.has_ratings:
        limits = Field(ge=feedback.minimum, le=feedback.maximum, allow_inf_nan=False)
    else:
        limits = Field(gt=0, allow_inf_nan=False)
    return TypeAdapter(Annotated[float, limits])


def _text_id(value: object) -> str:
    """Return an id that is text. A number in JSON is none: it could stand for several spellings."""
    if not isinstance(value, str):
        raise ValueError("expected text, as the ids of this data set are")
    value = value.replace("\0", "/")  # `keep_slashes_of_ids`
    if not 1 <= len(value.encode("utf-8", "surrogatepass")) <= TEXT_BYTES or CONTROL.search(value):
        raise ValueError(f"expected an id of 1 to {TEXT_BYTES} bytes without control characters")
    return value


def _validated(kind: TypeAdapter[T], value: object) -> T:
    """Return `value` as `kind`; its first fault is raised as one of the field that the value belongs to."""
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        fault = error.errors()[0]
        raise PydanticCustomError(fault["type"], fault["msg"]) from error


_ID_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": _LARGEST_ID, "examples": [1]},
        {"type": "string", "minLength": 1, "maxLength": TEXT_BYTES},
    ]
}
MovieId = Annotated[RawId, PlainValidator(_movie_id), WithJsonSchema(_ID_SCHEMA)]
LikedId = Annotated[RawId, PlainValidator(_liked_id), WithJsonSchema(_ID_SCHEMA)]  # beside titles
UserId = Annotated[RawId, PlainValidator(_user_id), WithJsonSchema(_ID_SCHEMA)]
Rating = Annotated[float, PlainValidator(_rating), WithJsonSchema({"type": "number"})]
