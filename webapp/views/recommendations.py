"""The Recommendations page: films similar to a chosen film, with reasons."""

from __future__ import annotations

import streamlit as st

from client.answers import CommonViewers, Film, Recommendation, Recommendations
from client.client import CHALLENGER, CHAMPION, Api, Options
from client.errors import ApiProblem, optional
from webapp import source
from webapp.elements import cards, reasons
from webapp.elements.controls import list_controls, tuner
from webapp.elements.frame import heading, run_guarded
from webapp.elements.lists import headline, key_to_colours, listing, overlap_line
from webapp.elements.picker import FILM, choose, pick_film, references
from webapp.elements.why_not import why_not_similar
from webapp.exports import file_name
from webapp.overlap import difference
from webapp.wording import counted

BOTH = "Side by side"
SLOTS = {"Champion": CHAMPION, "Challenger": CHALLENGER}


def draw() -> None:
    """Draw the Recommendations page: films similar to the chosen film, with reasons."""
    words = source.words()
    heading(
        f"{words.many_first} like {words.an}",
        f"Choose {words.an} that you like. The list comes straight from the model that is served, and says why each "
        f"{words.one} is in it.",
    )
    api = source.api()
    film = pick_film(api, FILM, label=f"{words.an[:1].upper()}{words.an[1:]} that you like")
    chosen, which = list_controls(api), _which()
    if film is None:
        _invite(api)
        return
    st.html(cards.hero(film, words.labels))
    options = tuner(api, film, chosen)
    try:
        if which == BOTH:
            _side_by_side(api, film, options)
        else:
            _one_list(api, film, options, SLOTS[which])
            why_not_similar(api, film, options, SLOTS[which])
    except ApiProblem as problem:
        st.info(cards.problem_text(problem), icon=":material/info:")


def _which() -> str:
    """Return which served version answers; draw a choice if there are two."""
    if source.challenger() is None:
        return "Champion"
    options = [*SLOTS, BOTH]
    chosen = st.segmented_control("Model", options, default="Champion", required=True, key="model", bind="query-params")
    return chosen or "Champion"


def _one_list(api: Api, film: Film, options: Options, slot: str) -> None:
    answer = api.similar(film.movie_id, options, slot)
    words = source.words()
    title = f"{counted(len(answer.recommendations), words.one, words.many)} like {cards.plain(film.title)}"
    headline(title, answer, file_name(f"like-{film.movie_id}.csv"))
    if not answer.recommendations:
        st.info(f"No {words.one} passes these filters. Loosen one of them.", icon=":material/filter_alt_off:")
        return
    key_to_colours(answer)
    _cards(api, film, answer, slot)
    st.html(cards.note("The address of this page holds the choice and the filters: share it to share the list."))


def _side_by_side(api: Api, film: Film, options: Options) -> None:
    answers = {name: api.similar(film.movie_id, options, slot) for name, slot in SLOTS.items()}
    st.html(overlap_line(*answers.values()))
    before, after = ([entry.movie_id for entry in answer.recommendations] for answer in answers.values())
    change = difference(before, after)
    for column, (name, answer) in zip(st.columns(2, gap="medium"), answers.items(), strict=True):
        with column:
            st.subheader(f"{name}: version {answer.model.version}", anchor=False)
            st.html(cards.note(f"{answer.model.algorithm}"))
            fresh = change.leave if name == "Champion" else change.enter
            _cards(api, film, answer, name, badges=dict.fromkeys(fresh, "only here"))


def _cards(api: Api, film: Film, answer: Recommendations, key: str, badges: dict[int | str, str] | None = None) -> None:
    """Draw the list with its reasons; with `badges`, in one column beside another list."""
    common, words = _common(api, film, answer.recommendations), source.words()

    def why(entry: Recommendation) -> list[str]:
        return reasons.for_film(entry, common.get(entry.movie_id), words)

    alone = badges is None
    listing(
        answer, why, key=f"card-{key}", label="Similarity", more=_more, labels=words.labels, badges=badges,
        one_column=not alone,
    )  # fmt: skip


def _common(api: Api, film: Film, films: list[Recommendation]) -> dict[int | str, CommonViewers]:
    """Return people in common by movie_id; empty where the served version lacks that data."""
    common = optional(lambda: api.common(film.movie_id, [entry.movie_id for entry in films])) if films else []
    return {entry.movie_id: entry for entry in common or []}


def _more(key: str, reference: str, _: Recommendation) -> None:
    st.button(
        f"More like {cards.plain(reference)}", key=key, type="tertiary", icon=":material/arrow_forward:",
        on_click=choose, args=(FILM, reference),
    )  # fmt: skip


def _invite(api: Api) -> None:
    """Draw well-known films to begin with."""
    st.subheader("Or begin with one of these", anchor=False)
    films = api.top("count", n=12)
    with st.grid("auto", min_column_width=140, gap="small"):
        for film, reference in zip(films, references(films), strict=True):
            with st.container(key=f"start-{film.movie_id}", gap="xsmall"):
                st.html(cards.poster(film))
                st.button(
                    cards.plain(film.title), key=f"pick-{film.movie_id}", type="tertiary", width="stretch",
                    on_click=choose, args=(FILM, reference),
                )  # fmt: skip


if __name__ == "__main__":
    run_guarded(draw)
