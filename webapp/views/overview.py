"""The Overview page: what this is, the data behind it, and the research that its models follow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape

import streamlit as st

from client.answers import Snapshot
from client.client import Api
from client.errors import WebappError
from webapp import source
from webapp.charts.films import rating_shares
from webapp.charts.timeline import timeline
from webapp.data_words import FILMS, DataWords
from webapp.elements import cards
from webapp.elements.chart import chart
from webapp.elements.frame import guarded, heading, run_guarded
from webapp.elements.lists import poster_links
from webapp.milestones import Milestone, followed
from webapp.wording import count, share, stars

FIRST = 8  # films to begin with
LEAST_SHOWN = 0.005  # a share that rounds to 0 % says nothing
STEPS = (
    ("Training", "Several models learn what people like, from plain popularity to shared taste and tags."),
    ("Test", "Each has to guess ratings that were hidden from it. Every figure says how it was tested."),
    ("Promotion", "A version that is better than the one before, beyond chance, takes its place."),
    ("Service", "It answers from exactly that version, and goes on answering if the rest is down."),
    ("You", "These pages show what the service answers, and nothing else."),
)


def draw() -> None:
    """Draw the Overview page: films to begin with, how the system works, the data set, and the timeline of papers."""
    words = source.words()
    heading(
        f"{words.many_first} like the ones you love",
        f"Choose {words.an} and see what is similar, and why. Or rate a few and get a list of your own.",
    )
    with st.container(horizontal=True, gap="small"):
        st.page_link("views/recommendations.py", label=f"Find {words.many} like {words.an}", icon=":material/movie:")
        st.page_link("views/for_you.py", label="Get a list of your own", icon=":material/favorite:")
        st.page_link("views/for_two.py", label="Find one for two", icon=":material/group:")
    with guarded("start"):
        _start(source.api())
    st.header("How it works", anchor=False)
    st.html(flow((_first_step(words), *STEPS)))
    try:
        api = source.api()
    except WebappError:  # said above
        pass
    else:
        with guarded("snapshot"):
            st.header("The data behind the answers", anchor=False)
            _snapshot(api)
    _timeline()


def _start(api: Api) -> None:
    """Draw well-known films; each opens the list of films like it."""
    words = source.words()
    st.subheader(f"Begin with {words.an} that you like", anchor=False)
    poster_links(api.top("count", n=FIRST))


def _timeline() -> None:
    st.header("Thirty years of recommending", anchor=False)
    papers = followed(source.about())
    with st.container(key="wide-timeline"):
        st.html(
            cards.note(
                "Each point is a paper: a click opens it. The large red ones are what the served model stands on. "
                "Below, the same as a list."
            )
        )
        chart(partial(timeline, papers), alt=f"{len(papers)} papers by year and kind of method")
    with st.expander("The papers as a list", icon=":material/list:"):
        st.html(paper_list(papers))


def paper_list(papers: Sequence[Milestone]) -> str:
    """Return the HTML of the papers by year, each a link."""
    lines = "".join(
        f'<li>{paper.year}: <a href="{escape(paper.url, quote=True)}">{escape(paper.title)}</a>, '
        f"{escape(paper.authors)}"
        f"{' <b>(the served model stands on it)</b>' if paper.algorithms else ''}</li>"
        for paper in sorted(papers, key=lambda paper: paper.year)
        if paper.url.startswith("https://") or paper.url.startswith("http://")
    )
    return f'<ul class="mr-list">{lines}</ul>'


def flow(steps: tuple[tuple[str, str], ...]) -> str:
    """Return the HTML of the steps from ratings to answers, as a row of boxes."""
    boxes = "".join(f"<li><b>{escape(name)}</b><span>{escape(text)}</span></li>" for name, text in steps)
    return f'<ol class="mr-flow">{boxes}</ol>'


def _first_step(words: DataWords) -> tuple[str, str]:
    if words == FILMS:
        return "Ratings", "Films and star ratings from GroupLens's MovieLens are read, checked and cleaned."
    kind = "ratings" if words.has_ratings else "events"
    return kind.capitalize(), f"{words.many_first} and {kind} are read, checked and cleaned."


def _snapshot(api: Api) -> None:
    st.html(cards.figures(snapshot_figures(api.dataset())))
    histogram = api.summary().histogram
    if histogram:
        st.html(cards.note("How people spread their ratings over the whole data set:"))
        drawing = partial(rating_shares, [("All ratings", histogram)], height=220, words=source.words())
        chart(drawing, alt="Share of each rating in the whole data set")


def snapshot_figures(data: Snapshot) -> list[tuple[str, str, str]]:
    """Return value, label and explanation of each figure that is known of the data set."""
    words = DataWords.of(data)
    per_item = "–" if data.mean_ratings_per_film is None else f"{data.mean_ratings_per_film:.1f}"
    entries = [
        (data.name, "data set", "Name of the data set that the served model was fitted on"),
        (count(data.films), words.many, f"{words.many_first} in the catalogue"),
        (count(data.users), "people", "People in the data, without names"),
        (count(data.ratings), "ratings" if words.has_ratings else "events", "All that the models learn from"),
        (stars(data.mean_rating), "average rating", f"Mean of all ratings; {words.rating_axis.lower()}"),
        (per_item, f"ratings per {words.one}", f"Mean number of ratings of {words.an}"),
        (
            share(data.density),
            "of all pairs rated",
            f"Of all people and {words.many}, so many pairs have a rating; a model guesses the rest",
        ),
        (
            _span(data.first_year, data.last_year),
            "years of cinema" if words == FILMS else "years",
            f"Years of the oldest and the newest {words.one}",
        ),
        (_span(_year(data.first_rating), _year(data.last_rating)), "years of rating", "When the ratings were given"),
        (_some(data.credit_coverage), "with credits", "Films whose directors or leading actors are known"),
        (_some(data.genome_coverage), "with a tag genome", "Films with GroupLens’s 1,128 tag scores"),
    ]
    return [entry for entry in entries if entry[0] != "–"]


def _some(coverage: float | None) -> str:
    return share(coverage) if coverage and coverage >= LEAST_SHOWN else "–"


def _year(date: str | None) -> int | None:
    return int(date[:4]) if date else None


def _span(first: int | None, last: int | None) -> str:
    if first is None or last is None:
        return "–"
    return str(first) if first == last else f"{first}–{last}"


if __name__ == "__main__":
    run_guarded(draw)
