"""The answers of the HTTP API as types: one set for the service, its OpenAPI document and its callers.

Imports pydantic alone. Some classes bear the names of the published document (`FilmOut`); callers use the shorter ones.
"""

from client.answers.analytics import (
    FacetName,
    FacetValue,
    FacetValues,
    GenreFigures,
    Genres,
    HistogramBin,
    ItemWords,
    MovieRatings,
    OverTime,
    Period,
    ReleaseYear,
    ReleaseYears,
    Scale,
    Snapshot,
    Summary,
)
from client.answers.base import Answer, ModelIdentity
from client.answers.events import EventsErased, EventsKept, RejectedEvent
from client.answers.experiments import ExperimentLook, ExperimentSettings, ExperimentState
from client.answers.films import CommonViewers, Comparison, Feature, Features, FilmMap, InCommon, MapFilm, Movie, Movies
from client.answers.films import FilmOut as Film
from client.answers.films import SharedFeatureOut as SharedFeature
from client.answers.recommendations import Explained as Explanation
from client.answers.recommendations import (
    FilmPlace,
    FilmSubject,
    MatchedTitle,
    NextPage,
    PeopleSubject,
    PersonSubject,
    PredictedRating,
    Prediction,
    Reason,
    Recommendation,
    Recommendations,
    Suggestion,
    Tags,
    UnmatchedEntry,
)
from client.answers.recommendations import TagOut as Tag
from client.answers.versions import (
    AboutModel,
    AdminVersions,
    ChampionChange,
    Metric,
    ModelCard,
    RegisteredVersion,
    RegistryView,
    StoredVersion,
    Versions,
)
from client.answers.versions import PaperOut as Paper
from client.answers.versions import RefusalOut as Refusal

__all__ = [
    "AboutModel",
    "AdminVersions",
    "Answer",
    "ChampionChange",
    "CommonViewers",
    "Comparison",
    "EventsErased",
    "EventsKept",
    "ExperimentLook",
    "ExperimentSettings",
    "ExperimentState",
    "Explanation",
    "FacetName",
    "FacetValue",
    "FacetValues",
    "Feature",
    "Features",
    "Film",
    "FilmMap",
    "FilmPlace",
    "FilmSubject",
    "GenreFigures",
    "Genres",
    "HistogramBin",
    "InCommon",
    "ItemWords",
    "MapFilm",
    "MatchedTitle",
    "Metric",
    "ModelCard",
    "ModelIdentity",
    "Movie",
    "MovieRatings",
    "Movies",
    "NextPage",
    "OverTime",
    "Paper",
    "PeopleSubject",
    "Period",
    "PersonSubject",
    "PredictedRating",
    "Prediction",
    "Reason",
    "Recommendation",
    "Recommendations",
    "Refusal",
    "RegisteredVersion",
    "RegistryView",
    "RejectedEvent",
    "ReleaseYear",
    "ReleaseYears",
    "Scale",
    "SharedFeature",
    "Snapshot",
    "StoredVersion",
    "Suggestion",
    "Summary",
    "Tag",
    "Tags",
    "UnmatchedEntry",
    "Versions",
]
