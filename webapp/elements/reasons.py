"""Why a film is in a list: reasons in words, and the segments of its score bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from client.answers import AboutModel, CommonViewers, Reason, Recommendation, SharedFeature
from webapp.data_words import FILMS, DataWords
from webapp.palette import ACCENT, CALM, GOLD, MUTED
from webapp.wording import count, joined

EXPECTED = "expected"  # part of a film that nobody has rated: a guess
SEGMENTS = {
    "people": ("Loved by the same people", ACCENT),
    "content": ("Genres, people and tags in common", GOLD),
    "steering": ("What you asked for", CALM),
    "other": ("Other parts of the model", MUTED),
}
_WORDS = {
    "director": "Both directed by {}",
    "actor": "Both with {}",
    "genre": "Both {}",
    "tag": "Both tagged “{}”",
    "era": "From about the same time",
    "user_tag": "Both tagged “{}”",
    "word": "Both described with “{}”",
}
_KINDS_BY_WEIGHT = ("director", "actor", "tag", "user_tag", "word", "genre", "era")


def segments(
    film: Recommendation, top_score: float, about: Mapping[str, AboutModel] = MappingProxyType({})
) -> list[tuple[str, float, str]]:
    """Return name, width and colour of each segment of a film's score bar; `top_score` has width 1.

    `about`: what the served version says of its algorithms, which are parts of a score.
    """
    width = film.score / top_score if top_score > 0 else 0.0
    totals = _totals(film.explanation.reasons if film.explanation else (), about)
    positive = sum(value for value in totals.values() if value > 0)
    if positive <= 0:
        return [(SEGMENTS["people"][0], width, SEGMENTS["people"][1])]
    return [
        (SEGMENTS[kind][0], width * totals[kind] / positive, SEGMENTS[kind][1])
        for kind in SEGMENTS
        if totals.get(kind, 0) > 0
    ]


def for_film(film: Recommendation, common: CommonViewers | None, words: DataWords = FILMS) -> list[str]:
    """Return why a film is similar to another, in sentences: people in common, then shared facets, makers and tags."""
    lines = []
    if common and common.likes:
        people = "person" if common.likes == 1 else "people"
        lines.append(f"{count(common.likes)} {people} liked both")
    reasons = film.explanation.reasons if film.explanation else ()
    for kind in (*words.labels, *_KINDS_BY_WEIGHT):
        names = [reason.name for reason in reasons if reason.kind == kind and reason.contribution > 0]
        if names:
            lines.append(_in_common(kind, joined(names), words))
    return lines[:4]


def in_common(features: Sequence[SharedFeature], words: DataWords = FILMS) -> list[tuple[str, float]]:
    """Return the features that two films share, in words, each with its share from 0 to 1, the largest first."""
    parts: dict[str, float] = {}
    for feature in features:
        if feature.share > 0:  # what sets two apart counts against them
            line = _in_common(feature.kind, feature.name, words)
            parts[line] = parts.get(line, 0.0) + feature.share
    total = max(1.0, sum(parts.values()))
    return sorted(((line, share / total) for line, share in parts.items()), key=lambda line: -line[1])


def for_person(film: Recommendation, words: DataWords = FILMS) -> list[str]:
    """Return why a film is in a person's list: the two liked films that speak for it most."""
    return [_because(reason, words) for reason in (film.reasons_for or ())[:2]]


def against_person(film: Recommendation, words: DataWords = FILMS) -> list[str]:
    """Return what speaks most against a film in a person's list: a film that they rated low."""
    return [
        f"Against it: you gave {reason.name} {words.rating(f'{reason.rating:g}')}"
        for reason in (film.reasons_against or ())[:1]
        if reason.rating is not None and words.has_ratings
    ]


def badge(move: int | None) -> str:
    """Return how a film's place changed: “new”, “up 2”, “down 1”, or nothing."""
    if move is None:
        return "new"
    return f"up {move}" if move > 0 else f"down {-move}" if move < 0 else ""


def _in_common(kind: str, names: str, words: DataWords) -> str:
    if kind in words.labels:
        return f"Same {words.labels[kind].lower()}: {names}"
    return _WORDS.get(kind, f"{kind.capitalize()}: {{}}").format(names)


def _because(reason: Reason, words: DataWords) -> str:
    if reason.rating is None or not words.has_ratings:
        return f"Because of {reason.name}"
    return f"Because you gave {reason.name} {words.rating(f'{reason.rating:g}')}"


def _totals(reasons: Sequence[Reason], about: Mapping[str, AboutModel]) -> dict[str, float]:
    """Sum the contributions by segment."""
    totals: dict[str, float] = {}
    for reason in reasons:
        kind = _segment(reason, about)
        totals[kind] = totals.get(kind, 0.0) + reason.contribution
    return totals


def _segment(reason: Reason, about: Mapping[str, AboutModel]) -> str:
    if reason.kind == "steering":
        return "steering"
    if reason.kind == "film":
        return "people"
    if reason.kind != "part":
        return "content"
    if reason.name in about:
        return about[reason.name].share
    # Versions of older code say nothing of their parts.
    return {"content": "content", EXPECTED: "other"}.get(reason.name, "people")
