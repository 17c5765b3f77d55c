"""The bench of the Models page: two versions of the local store answer the same question, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from client.answers import Recommendations, RegisteredVersion
from client.client import CHALLENGER, CHAMPION, Api
from webapp import source
from webapp.comparing import label
from webapp.elements import cards, lists
from webapp.elements.keeping import current_shelf, keeper
from webapp.elements.picker import FILM, pick_film
from webapp.shelf import ratings
from webapp.wording import film_label

LIST_LENGTH = 10
FOR_FILM, FOR_RATINGS = "One title", "Your ratings"


def bench(api: Api, versions: Sequence[RegisteredVersion]) -> None:
    """Draw the choice of two versions and of a question, and both lists. Raises WebappError."""
    st.header("Two versions side by side", anchor=False)
    stored = {label(version): str(version.stored) for version in _preferred(versions)}
    if len(stored) < 2:
        st.info("The service keeps one version only. A second one can be tried here after the next promotion.")
        return
    columns = st.columns(2, gap="medium")
    names = [
        column.selectbox(title, list(stored), place, key=key, bind="query-params")
        for place, (column, title, key) in enumerate(
            zip(columns, ("One version", "Beside another"), ("bench-a", "bench-b"), strict=True)
        )
    ]
    answers = _answers(api, [stored[name] for name in names])
    st.html(lists.overlap_line(*answers))
    for column, name, answer, other in zip(st.columns(2, gap="medium"), names, answers, answers[::-1], strict=True):
        with column:
            st.subheader(cards.plain(name), anchor=False)
            shared = {film.movie_id for film in other.recommendations}
            st.html(cards.compact_list(answer.recommendations, shared))


def _answers(api: Api, cursors: Sequence[str]) -> list[Recommendations]:
    """Draw the choice of the question and return each version's list: of a film, or of the visitor's own ratings."""
    keeper(api.dataset().name, source.words())
    taste = ratings(current_shelf())
    kinds = [FOR_FILM, FOR_RATINGS] if taste else [FOR_FILM]
    if (
        len(kinds) > 1
        and st.segmented_control("Asked with", kinds, default=FOR_FILM, key="bench", bind="query-params") == FOR_RATINGS
    ):
        return [api.for_ratings(taste, {"n": LIST_LENGTH}, cursor=cursor) for cursor in cursors]
    film = pick_film(api, FILM, label=f"For {source.words().many} like") or api.top("count", n=1)[0]
    st.html(cards.note(f"Both were asked for {source.words().many} like {film_label(film.title, film.year)}."))
    return [api.similar(film.movie_id, {"n": LIST_LENGTH, "cursor": cursor}) for cursor in cursors]


def _preferred(versions: Sequence[RegisteredVersion]) -> list[RegisteredVersion]:
    """Return the versions of the local store, the champion and the challenger first."""

    def rank(version: RegisteredVersion) -> int:
        return 0 if CHAMPION in version.aliases else 1 if CHALLENGER in version.aliases else 2

    return sorted((version for version in versions if version.stored), key=rank)
