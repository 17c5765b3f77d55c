"""The Models page: registered versions, their metrics, and how they compare."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from client.answers import Film, ModelCard
from client.client import CHALLENGER, CHAMPION, Api
from webapp import source
from webapp.charts.models import OTHER, SERVED, figure, metric_intervals, trade_off
from webapp.comparing import ACCURACY, BEYOND, FIRST_LOOK, datasets, metric_names, protocols, worth_comparing
from webapp.elements import cards
from webapp.elements.frame import guarded, heading, run_guarded
from webapp.elements.picker import FILM, pick_film
from webapp.overlap import difference
from webapp.palette import ACCENT, CALM
from webapp.registry import Version, read_versions
from webapp.wording import DEFINITIONS_URL, PROTOCOLS, count, film_label, metric_help, metric_title

REGISTRY_SECONDS = 15
LIST_LENGTH = 12


def draw() -> None:
    """Draw the Models page: the served version, all registered ones, and how they compare."""
    heading("Models and their evidence", "Every registered version, how it was judged, and which one answers.")
    with guarded("served"):
        _served(source.served())
    with guarded("registry"):
        settings = source.settings()
        versions = _versions(settings.tracking_uri, settings.registered_model)
        if versions:
            _table(versions)
            _compare(versions)
            _in_full(versions)
        else:
            st.info("No version is registered yet. Train one: movierec train all.", icon=":material/info:")
    with guarded("slots"):
        _champion_and_challenger()


@st.cache_data(ttl=REGISTRY_SECONDS, show_spinner="Reading the registry …")
def _versions(tracking_uri: str, name: str) -> list[Version]:
    return read_versions(tracking_uri, name)


def _served(card: ModelCard) -> None:
    words = source.words()
    st.html(
        cards.figures(
            [
                (f"Version {card.model.version}", "serving now", f"{card.model.name}, run {card.model.run_id}"),
                (card.model.algorithm, "algorithm", _sentence(card)),
                (card.created[:10], "made on", card.created),
                (count(card.movies), f"{words.many} it knows", f"{words.many_first} in its catalogue"),
                (count(card.users), "people it learned from", "People whose ratings it was fitted on"),
            ]
        )
    )
    if card.model.stale:
        st.caption("The service cannot confirm with the registry that this is the version to serve.")


def _sentence(card: ModelCard) -> str:
    about = card.about.get(card.model.algorithm)
    return about.sentence if about else ""


def _table(versions: Sequence[Version]) -> None:
    st.header("Registered versions", anchor=False)
    rows = [
        {
            "Version": version.number,
            "Alias": ", ".join(version.aliases),
            "Algorithm": version.algorithm,
            "Data set": version.dataset,
            "Gate": version.verdict,
            "Against popularity": "worse" if version.warning else "",
            "Made (UTC)": f"{version.created:%Y-%m-%d %H:%M}",
        }
        for version in versions
    ]
    narrow = st.column_config.NumberColumn(width="small")
    st.dataframe(rows, hide_index=True, column_config={"Version": narrow}, height=320 if len(rows) > 8 else "auto")
    if warnings := [f"**{version.label}**: {version.warning}" for version in versions if version.warning]:
        st.error("\n\n".join(warnings), icon=":material/warning:")


def _compare(versions: Sequence[Version]) -> None:
    st.header("Side by side", anchor=False)
    versions = _of_one_data_set(versions)
    numbers = {version.number: version for version in versions}
    default = [version.number for version in worth_comparing(versions)]
    chosen = st.multiselect(
        "Versions",
        list(numbers),
        default,
        key=f"versions-{versions[0].dataset}",
        format_func=lambda number: numbers[number].label,
    )
    picked = [numbers[number] for number in chosen]
    names = protocols(picked)
    if not names:
        st.info("Choose versions that were judged.", icon=":material/info:")
        return
    left, right = st.columns([1, 2], gap="medium")
    protocol = left.selectbox("Protocol", names, key="protocol", bind="query-params")
    metrics = metric_names(picked, protocol)
    chosen_metrics = right.multiselect(
        "Figures", metrics, [name for name in FIRST_LOOK if name in metrics][:4], key=f"figures-{protocol}",
        format_func=metric_title,
    )  # fmt: skip
    st.html(f'<p class="mr-note"><b>{protocol}.</b> {PROTOCOLS.get(protocol, "")}</p>')
    st.html(cards.legend([(SERVED, ACCENT), (OTHER, CALM), ("Lines are 95 % intervals", "transparent")]))
    _metric_charts(picked, protocol, chosen_metrics)
    _trade_offs(picked, protocol, metrics)


def _of_one_data_set(versions: Sequence[Version]) -> list[Version]:
    """Draw the choice of a data set and return its versions; figures of two data sets cannot be compared."""
    names = datasets(versions)
    chosen = st.selectbox("Data set", names, key="dataset", bind="query-params") if len(names) > 1 else names[0]
    return [version for version in versions if version.dataset == chosen]


def _metric_charts(versions: Sequence[Version], protocol: str, names: Sequence[str]) -> None:
    with st.grid(2, min_column_width=330, gap="medium"):
        for name in names:
            with st.container(key=f"metric-{name}"):
                st.subheader(metric_title(name), anchor=False, help=metric_help(name) or None)
                measured = [version for version in versions if figure(version, protocol, name)]
                st.altair_chart(metric_intervals(measured, protocol, name), width="stretch")


def _trade_offs(versions: Sequence[Version], protocol: str, names: Sequence[str]) -> None:
    accuracy = next((name for name in ACCURACY if name in names), None)
    beyond = [name for name in BEYOND if name in names]
    if accuracy is None or not beyond:
        return
    st.subheader("Accuracy against reach", anchor=False)
    across = st.segmented_control(
        "Across", beyond, default=beyond[0], required=True, format_func=metric_title, key="across",
        label_visibility="collapsed",
    )  # fmt: skip
    st.html(f'<p class="mr-note">{metric_help(across or beyond[0])} Up and to the right is better on both.</p>')
    st.altair_chart(trade_off(versions, protocol, across or beyond[0], accuracy), width="stretch")
    st.caption(f"What such figures mean: [evaluation measures]({DEFINITIONS_URL}).")


def _in_full(versions: Sequence[Version]) -> None:
    st.header("One version in full", anchor=False)
    numbers = {version.number: version for version in versions}
    champion = next((version.number for version in versions if CHAMPION in version.aliases), versions[0].number)
    number = st.selectbox(
        "Version", list(numbers), index=list(numbers).index(champion), key="version",
        format_func=lambda number: numbers[number].label,
    )  # fmt: skip
    version = numbers[number]
    if version.sentence:
        st.html(f"<p><b>{escape(version.algorithm)}:</b> {escape(version.sentence)}</p>")
    st.html(f"<p><b>The promotion gate:</b> {escape(_verdict(version))}</p>")
    mlflow_url = source.settings().mlflow_url
    if mlflow_url and version.experiment_id:
        link = f"{mlflow_url}/#/experiments/{version.experiment_id}/runs/{version.run_id}"
        st.link_button("Open its run in MLflow", link, icon=":material/open_in_new:")
    with st.expander("Parameters"):
        st.dataframe([{"Parameter": name, "Value": value} for name, value in sorted(version.parameters.items())])
    with st.expander("All figures"):
        st.dataframe(
            [
                {"Protocol": m.protocol, "Figure": metric_title(m.name), "Value": m.value, "From": m.lo, "To": m.hi}
                for m in version.metrics
            ],
            hide_index=True,
        )


def _verdict(version: Version) -> str:
    if version.verdict == "forced":
        return f"promoted by force ({version.verdict_reason}); the gate's own verdict was {version.verdict_summary}"
    return version.verdict_summary or "this version has not been up for promotion."


def _champion_and_challenger() -> None:
    st.header("Champion against challenger", anchor=False)
    if source.challenger() is None:
        st.info(
            "The service answers from one version only. Start it with MOVIEREC_CHALLENGER_ALIAS=challenger, and what a "
            "promotion would change for one of them shows here.",
            icon=":material/compare_arrows:",
        )
        return
    api = source.api()
    film = pick_film(api, FILM, label=f"For {source.words().many} like") or api.top("count", n=1)[0]
    _change(api, film)


def _change(api: Api, film: Film) -> None:
    words = source.words()
    lists = [api.similar(film.movie_id, {"n": LIST_LENGTH}, slot).recommendations for slot in (CHAMPION, CHALLENGER)]
    change = difference(*([entry.movie_id for entry in films] for films in lists))
    films = {entry.movie_id: entry for entry in [*lists[0], *lists[1]]}
    st.html(
        cards.figures(
            [
                (f"{change.overlap:.2f}", "rank-biased overlap", "1 is the same list; the top counts most"),
                (str(len(change.stay)), "stay", f"{words.many_first} in both lists"),
                (str(len(change.enter)), "enter", f"{words.many_first} that only the challenger shows"),
                (str(len(change.leave)), "leave", f"{words.many_first} that only the champion shows"),
            ]
        )
    )
    for column, title, ids in zip(
        st.columns(3, gap="medium"), ("Stay", "Enter", "Leave"), (change.stay, change.enter, change.leave), strict=True
    ):
        with column:
            st.subheader(title, anchor=False)
            names = [film_label(films[movie_id].title, films[movie_id].year) for movie_id in ids]
            st.html(cards.bullets(names or ["none"]))


if __name__ == "__main__":
    run_guarded(draw)
