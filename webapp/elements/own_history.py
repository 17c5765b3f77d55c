"""The panel in which visitors upload, download and erase their ratings and marks."""

from __future__ import annotations

import streamlit as st

from client.client import Api
from webapp.data_words import DataWords
from webapp.elements.cards import plain
from webapp.elements.keeping import current_shelf, set_shelf
from webapp.exports import shelf_csv
from webapp.histories.matching import Matched, entry, match
from webapp.histories.reading import HistoryError, HistoryLine, read_history
from webapp.shelf import Entry, RawId, ratings
from webapp.wording import counted, film_label

FILES = "history-files"  # key of the uploader
BROUGHT = "brought"  # key of what was read last: (id of the upload, Matched)
MEGABYTES = 20


def own_history(api: Api, words: DataWords) -> None:
    """Draw the panel: files in, CSV out, and erasing everything."""
    shelf = current_shelf()
    summary = f"{len(ratings(shelf))} rated, {len(shelf)} in all" if shelf else "nothing yet"
    with st.expander(f"Bring and keep your ratings ({summary})", icon=":material/inventory_2:", key="own-history"):
        st.markdown(
            "What you say is kept **in this browser** until you erase it, and nowhere else: the service gets it with "
            "each question and stores nothing. Private windows forget it when they are closed."
        )
        _bring(api, words)
        with st.container(horizontal=True):
            st.download_button(
                "Download my ratings", shelf_csv(shelf, words), "my-ratings.csv", "text/csv",
                icon=":material/download:", on_click="ignore", disabled=not shelf,
            )  # fmt: skip
            st.button("Erase all", icon=":material/delete:", on_click=set_shelf, args=({},), disabled=not shelf)


def _bring(api: Api, words: DataWords) -> None:
    """Draw the uploader; add the films of its file to the shelf, and ask about ambiguous ones."""
    upload = st.file_uploader(
        "Letterboxd export (zip or CSV), IMDb ratings (CSV) or MovieLens ratings.csv", key=FILES,
        max_upload_size=MEGABYTES, help=f"A file of ids alone is read as ids of {api.dataset().name}.",
    )  # fmt: skip
    if upload is None:
        return
    brought = st.session_state.get(BROUGHT)
    if brought is None or brought[0] != upload.file_id:
        try:
            history = read_history(upload.name, upload.getvalue())
        except HistoryError as problem:
            st.error(str(problem), icon=":material/error:")
            return
        bar = st.progress(0.0, f"Looking for {counted(len(history), words.one, words.many)} …")

        def show(share: float) -> None:
            bar.progress(share)

        matched = match(api, history, progress=show)
        bar.empty()
        _take({movie_id: entry(label, line, words) for movie_id, (label, line) in matched.films.items()})
        brought = st.session_state[BROUGHT] = (upload.file_id, matched)
        st.rerun()
    _report(brought[1], words)


def _report(matched: Matched, words: DataWords) -> None:
    """Report the matched films, ask about ambiguous ones, and list those that are not in the data."""
    st.success(f"{counted(len(matched.films), words.one, words.many)} found and added.", icon=":material/check:")
    if matched.doubtful:
        _ask(matched, words)
    if matched.missing:
        with st.expander(f"{counted(len(matched.missing), words.one, words.many)} not in the data"):
            st.text("\n".join(_spelled(line) for line in matched.missing[:500]))


def _ask(matched: Matched, words: DataWords) -> None:
    st.write(f"Which {words.one} is meant? ({len(matched.doubtful)} left)")
    with st.form("doubtful"):
        choices = []
        for place, (line, films) in enumerate(matched.doubtful):
            labels = {film.movie_id: film_label(film.title, film.year) for film in films}
            choice = st.selectbox(
                plain(_spelled(line)), list(labels), index=None, key=f"doubtful-{place}-{_spelled(line)}",
                placeholder="None of these", format_func=labels.__getitem__,
            )  # fmt: skip
            choices.append((choice, labels, line))
        if st.form_submit_button("Add these"):
            chosen = {film: (labels[film], line) for film, labels, line in choices if film is not None}
            matched.films |= chosen
            _take({movie_id: entry(label, line, words) for movie_id, (label, line) in chosen.items()})
            matched.doubtful.clear()
            st.rerun()


def _take(entries: dict[RawId, Entry]) -> None:
    """Add uploaded entries to the shelf; they replace earlier ones of the same film."""
    set_shelf({**current_shelf(), **entries})


def _spelled(line: HistoryLine) -> str:
    return film_label(line.titles[0], line.year) if line.titles else f"#{line.movie_id}"
