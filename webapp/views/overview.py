"""The Overview page: what this is, the data behind it, and the research that its models follow."""

from __future__ import annotations

from html import escape

import streamlit as st

from client.answers import Snapshot
from client.client import Api
from webapp import source
from webapp.charts.films import rating_shares
from webapp.charts.timeline import timeline
from webapp.data_words import FILMS, DataWords
from webapp.elements.cards import figures
from webapp.elements.frame import guarded, heading, run_guarded
from webapp.milestones import followed
from webapp.wording import count, share, stars

STEPS = (
    ("Training", "Several models learn from them: from plain popularity to factorisation and tags."),
    ("Evidence", "Each is judged on ratings it has not seen; every figure has its protocol and interval."),
    ("Promotion", "The best version is promoted in the registry, if it passes the gate."),
    ("Service", "An API answers from exactly that version, and keeps answering if the registry is away."),
    ("You", "These pages ask the API and nothing else. What you see is what is served."),
)


def draw() -> None:
    """Draw the Overview page: the data set, how the system works, and the timeline of papers."""
    words = source.words()
    heading(
        f"{words.many_first} like the ones you love",
        f"Name {words.an} and see what is like it, and why. Rate a few and get a list of your own. Or open the hood: "
        "every figure here comes from the model that is serving right now.",
    )
    with st.container(horizontal=True, gap="small"):
        st.page_link("views/recommendations.py", label=f"Find {words.many} like {words.an}", icon=":material/movie:")
        st.page_link("views/analytics.py", label="Explore the ratings", icon=":material/bar_chart:")
        st.page_link("views/models.py", label="Compare the models", icon=":material/science:")
    st.header("The data behind the answers", anchor=False)
    with guarded("snapshot"):
        _snapshot(source.api())
    st.header("How it works", anchor=False)
    st.html(flow((_first_step(words), *STEPS)))
    st.header("Thirty years of recommending", anchor=False)
    st.html(
        '<p class="mr-note">Each point is a paper: hover to see who wrote it, click to read it. '
        "The large red ones are what the served model stands on.</p>"
    )
    st.altair_chart(timeline(followed(source.about())), width="stretch")


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
    st.html(figures(snapshot_figures(api.dataset())))
    histogram = api.summary().histogram
    if histogram:
        st.html('<p class="mr-note">How people spread their ratings over the whole data set:</p>')
        chart = rating_shares([("All ratings", histogram)], height=220, words=source.words())
        st.altair_chart(chart, width="stretch")


def snapshot_figures(data: Snapshot) -> list[tuple[str, str, str]]:
    """Return value, label and explanation of each figure that is known of the data set."""
    words = DataWords.of(data)
    entries = [
        (data.name, "data set", "Name of the data set that the served model was fitted on"),
        (count(data.films), words.many, f"{words.many_first} in the catalogue"),
        (count(data.users), "people", "People who rated, without names"),
        (count(data.ratings), "ratings" if words.has_ratings else "events", "All that the models learn from"),
        (stars(data.mean_rating), "average rating", f"Mean of all ratings; {words.rating_axis.lower()}"),
        (_average(data.mean_ratings_per_film), f"ratings per {words.one}", f"Mean number of ratings of {words.an}"),
        (
            share(data.density),
            "of the table filled",
            f"Ratings divided by {words.many} times people: the rest is what a model guesses",
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
    return share(coverage) if coverage else "–"


def _average(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _year(date: str | None) -> int | None:
    return int(date[:4]) if date else None


def _span(first: int | None, last: int | None) -> str:
    if first is None or last is None:
        return "–"
    return str(first) if first == last else f"{first}–{last}"


if __name__ == "__main__":
    run_guarded(draw)
