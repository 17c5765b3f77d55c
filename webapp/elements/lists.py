"""Lists of recommendations as grids of cards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from client.answers import Film, Recommendation, Recommendations
from webapp import source
from webapp.elements import cards, reasons
from webapp.elements.picker import FILM, references
from webapp.exports import recommendations_csv
from webapp.overlap import difference
from webapp.wording import counted

SCORE_NOTE = (
    "“{label}” is the model's score. It compares within this list alone: a full bar is the best score here. The bar's "
    "colours show what the score is made of."
)
LIKES = "Likes"  # label of a list that is not made for anybody
LIKES_NOTE = "“Likes” is how many people liked it; a full bar is the most here."
Why = Callable[[Recommendation], list[str]]


def listing(
    answer: Recommendations, why: Why, *, key: str, label: str, more: Callable[[str, str, Recommendation], None],
    labels: cards.Labels = cards.NO_LABELS, badges: Mapping[int | str, str] | None = None, digits: int = 2,
    one_column: bool = False,
) -> None:  # fmt: skip
    """Draw a card for each recommendation.

    `more(key, reference, film)` draws the link below a card; `badges`: words beside titles, by movie_id; `labels`: of
    facets by name.
    """
    films = answer.recommendations
    about = source.about()
    if films:
        st.html(cards.note(LIKES_NOTE if label == LIKES else SCORE_NOTE.format(label=label)))
    top_score = max((film.score for film in films), default=0.0)
    with st.grid(1 if one_column else "auto", min_column_width=320):
        for film, reference in zip(films, references(films), strict=True):
            with st.container(
                border=True, key=f"leads-{key}-{film.movie_id}", height="stretch", vertical_alignment="distribute"
            ):
                bar = cards.score_bar(label, f"{film.score:.{digits}f}", reasons.segments(film, top_score, about))
                badge = (badges or {}).get(film.movie_id, "")
                st.html(cards.recommendation(film, bar, why(film), badge, labels))
                more(f"{key}-more-{film.movie_id}", reference, film)


def headline(title: str, answer: Recommendations, file: str) -> None:
    """Draw the title of a list, and beside it the button that downloads the list as `file`."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(title, anchor=False)
        st.download_button(
            "Download CSV", recommendations_csv(answer), file, "text/csv", icon=":material/download:", on_click="ignore"
        )


def poster_links(films: Sequence[Film], *, with_ratings: bool = False) -> None:
    """Draw the posters of films; each opens the list of films like it."""
    with st.grid("auto", min_column_width=104, gap="small"):
        for film, reference in zip(films, references(films), strict=True):
            with st.container(key=f"start-{film.movie_id}", gap="xsmall"):
                st.html(cards.poster(film) + (cards.rating(film) if with_ratings else ""))
                link = {FILM: reference}
                st.page_link("views/recommendations.py", label=cards.plain(film.title), query_params=link)


def overlap_line(before: Recommendations, after: Recommendations) -> str:
    """Return the overlap of two lists as an HTML sentence."""
    change = difference(*([film.movie_id for film in answer.recommendations] for answer in (before, after)))
    both = counted(len(change.stay), source.words().one, source.words().many)
    verb = "is" if len(change.stay) == 1 else "are"
    return cards.lead(
        f"{both} {verb} in both lists. They agree by {change.overlap:.0%}: 100% is the same list, and the top counts "
        "most (rank-biased overlap)."
    )


def key_to_colours(answer: Recommendations) -> None:
    """Draw the legend of the score bars' colours that occur in this list."""
    about = source.about()
    used = {name for film in answer.recommendations for name, _, _ in reasons.segments(film, 1.0, about)}
    entries = [entry for entry in reasons.SEGMENTS.values() if entry[0] in used]
    if len(entries) > 1:
        st.html(cards.legend(entries))
