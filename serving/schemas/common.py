"""Types of the values that callers send, and the query strings of films and figures."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

MAX_N = 100
DEFAULT_N = 10
TITLE_LENGTH = 200
_DIGITS = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def _plain_integer(value: object) -> object:
    """Python reads true, 1_0, 10.0 and other scripts' digits as integers; a caller does not mean them so."""
    if isinstance(value, bool) or (isinstance(value, str) and not _DIGITS.fullmatch(value)):
        raise ValueError("expected an integer in decimal digits")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("expected more than white space")
    return value


Integer = Annotated[int, BeforeValidator(_plain_integer)]
Count = Annotated[Integer, Field(ge=1, le=MAX_N)]
TitleText = Annotated[str, StringConstraints(min_length=1, max_length=TITLE_LENGTH), AfterValidator(_not_blank)]
Year = Annotated[Integer, Field(ge=1800, le=2200)]


class RequestModel(BaseModel):
    """Base of what callers send: an unknown name is an error."""

    model_config = ConfigDict(extra="forbid")


class Query(RequestModel):
    """Base of query strings."""

    model: Literal["champion", "challenger"] = Field("champion", description="which of the served versions answers")


class SearchQuery(Query):
    """Films by what a person typed."""

    q: TitleText = Field(description="beginning of a title, words of it, or a misspelling", examples=["usual sus"])
    limit: Annotated[Integer, Field(ge=1, le=50)] = Field(10, description="how many films", examples=[10])


class TopQuery(Query):
    """The most rated or best rated films."""

    by: Literal["count", "average"] = Field("count", description="number of ratings, or damped average")
    genre: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = Field(None, examples=["Drama"])
    min_ratings: Annotated[Integer, Field(ge=0, le=10**9)] = Field(
        0, description="leave rarer films out", examples=[20]
    )
    n: Count = Field(DEFAULT_N, description="how many films", examples=[10])
