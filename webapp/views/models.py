"""The Models page: why the served version answers, how all versions compare, and two of them on a bench."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from html import escape

import streamlit as st

from client.answers import Metric, ModelCard, RegisteredVersion, Versions
from client.errors import optional
from webapp import comparing, source
from webapp.charts.models import OTHER, SERVED, trade_off
from webapp.elements import cards
from webapp.elements.bench import bench
from webapp.elements.chart import chart
from webapp.elements.frame import guarded, heading, run_guarded
from webapp.elements.online import online
from webapp.palette import ACCENT, CALM
from webapp.wording import DEFINITIONS_URL, PROTOCOLS, count, counted, metric_help, metric_title

INTERVALS = (
    "The interval of a difference follows from both versions' own intervals, as if other people had tested each. The "
    "same people tested both, so the true one is often narrower; the promotion gate compares person by person."
)
DECISIONS = {
    "promote": "The promotion gate let it through.",
    "refuse": "The promotion gate refused it.",
    "undecided": "The promotion gate could not decide: the test people were too few to tell.",
    "forced": "It was promoted by force, whatever the gate said.",
}


def draw() -> None:
    """Draw the Models page: the served version and its evidence, the leaderboard, and the bench."""
    heading("Models and their evidence", "Which version answers, why it was chosen, and how the others compare.")
    card = source.served()
    _served(card)
    registered = optional(source.versions)
    if registered is not None:
        _why(registered, card)
    with guarded("online"):
        online()
    versions = registered.versions if registered is not None else []
    if not versions:
        st.info("Nothing is known of other versions: the service has not read the registry.", icon=":material/info:")
        return
    _compare(versions)
    with guarded("bench"):
        bench(source.api(), versions)
    _in_full(versions, card)


def _served(card: ModelCard) -> None:
    words = source.words()
    about = card.about.get(card.model.algorithm)
    st.html(
        cards.figures(
            [
                (f"Version {card.model.version}", "answers now", ""),
                (card.model.algorithm, "algorithm", about.sentence if about else ""),
                (card.created[:10], "made on", ""),
                (count(card.movies), f"{words.many} it knows", ""),
                (count(card.users), "people it learned from", ""),
            ]
        )
    )
    if card.model.stale:
        st.html(cards.note("The service cannot confirm with the registry that this is the version to serve."))


def _why(registered: Versions, card: ModelCard) -> None:
    """Draw the gate's evidence for the served version, and the earlier champions."""
    version = next((one for one in registered.versions if one.version == card.model.version), None)
    if version is None:
        return
    st.header("Why this version answers", anchor=False)
    _verdict(version)
    changes = [change for change in registered.timeline if change.kind != "lost"]
    if changes:
        words = {"promote": "promoted", "rollback": "brought back"}
        lines = [f"{change.at[:10]}: version {change.version} was {words[change.kind]}" for change in changes[-5:]]
        with st.expander("Champions so far", icon=":material/history:"):
            st.html(cards.bullets(lines[::-1]))


def _verdict(version: RegisteredVersion) -> None:
    """Draw the gate's verdict on a version: decision, comparisons as a table, and remarks."""
    if version.warning:
        st.error(cards.plain(version.warning), icon=":material/warning:")
    if version.verdict is None or not version.verdict_summary:
        st.html(cards.note("This version has not been up for promotion."))
        return
    decision = DECISIONS.get(version.verdict, version.verdict)
    reason = f" Reason given: {version.verdict_reason}." if version.verdict_reason else ""
    st.html(cards.lead(decision + reason))
    evidence = comparing.evidence(version.verdict_summary)
    if evidence.rows:
        st.html(cards.table(evidence.rows))
    if evidence.notes:
        st.html(cards.bullets(evidence.notes))


def _compare(versions: Sequence[RegisteredVersion]) -> None:
    st.header("Leaderboard", anchor=False)
    versions = _of_one_data_set(versions)
    names = comparing.protocols(versions)
    if not names:
        st.info("No version has figures yet.", icon=":material/info:")
        return
    left, middle, right = st.columns(3, gap="medium")
    protocol = left.selectbox("How it was tested", names, key="protocol", bind="query-params")
    metrics = comparing.metric_names(versions, protocol)
    metric = middle.selectbox("Figure", metrics, format_func=metric_title, key="figure", bind="query-params")
    order = right.selectbox("Order", list(comparing.SORTS), key="order", bind="query-params")
    st.html(f'<p class="mr-note"><b>{escape(protocol)}.</b> {escape(PROTOCOLS.get(protocol, ""))}</p>')
    st.html(f'<p class="mr-note"><b>{escape(metric_title(metric))}.</b> {escape(metric_help(metric))}</p>')
    rows = comparing.leaderboard(versions, protocol, metric, order)
    st.html(cards.table(rows, "Leaderboard"))
    without = [comparing.label(version) for version in versions if not version.figures]
    unmeasured = f" Without any figures: {', '.join(without)}." if without else ""
    st.html(cards.note(f"{counted(len(rows), 'version')}. {INTERVALS}{unmeasured}"))
    _charts(versions, protocol, metrics)


def _charts(versions: Sequence[RegisteredVersion], protocol: str, metrics: Sequence[str]) -> None:
    """Draw chosen versions with their intervals, and accuracy against reach; offer MLflow's comparison."""
    st.header("Several figures at once", anchor=False)
    numbers = {comparing.label(version): version for version in versions if version.figures}
    default = [comparing.label(version) for version in comparing.worth_comparing(versions)]
    chosen = st.multiselect(
        "Versions", list(numbers), default, key=f"versions-{versions[0].dataset}", bind="query-params"
    )
    picked = [numbers[name] for name in chosen]
    if not picked:
        st.info("Choose versions to compare.", icon=":material/info:")
        return
    mlflow_url = source.settings().mlflow_url
    if mlflow_url and (link := comparing.compare_link(mlflow_url, picked)):
        st.link_button("Compare exactly these runs in MLflow", link, icon=":material/open_in_new:")
    st.html(cards.legend([(SERVED, ACCENT), (OTHER, CALM), ("Lines are 95 % intervals", "transparent")]))
    with st.grid(2, min_column_width=330, gap="medium"):
        for name in [name for name in comparing.FIRST_LOOK if name in metrics][:4] or metrics[:4]:
            with st.container(gap="xsmall"):
                st.subheader(metric_title(name), anchor=False)
                st.html(cards.note(metric_help(name)) + cards.intervals(picked, protocol, name))
    _trade_offs(picked, protocol, metrics)


def _of_one_data_set(versions: Sequence[RegisteredVersion]) -> list[RegisteredVersion]:
    """Draw the choice of a data set and return its versions; figures of two data sets cannot be compared."""
    names = comparing.datasets(versions)
    chosen = st.selectbox("Data set", names, key="dataset", bind="query-params") if len(names) > 1 else names[0]
    return [version for version in versions if version.dataset == chosen]


def _trade_offs(versions: Sequence[RegisteredVersion], protocol: str, names: Sequence[str]) -> None:
    accuracy = next((name for name in comparing.ACCURACY if name in names), None)
    beyond = [name for name in comparing.BEYOND if name in names]
    if accuracy is None or not beyond:
        return
    st.subheader("Accuracy against reach", anchor=False)
    across = st.segmented_control(
        "Compare accuracy with", beyond, default=beyond[0], required=True, format_func=metric_title, key="across",
        bind="query-params",
    ) or beyond[0]  # fmt: skip
    direction = "Up and to the right" if accuracy != "rmse" else "Down and to the right"
    note = f"{metric_help(across)} {direction} is better on both. Labels too close together show on hover."
    st.html(cards.note(note))
    text = f"{metric_title(accuracy)} against {metric_title(across)} of {len(versions)} versions by {protocol}"
    chart(partial(trade_off, versions, protocol, across, accuracy), alt=text)
    st.html(f'<p class="mr-note">What such figures mean: <a href="{DEFINITIONS_URL}">evaluation measures</a>.</p>')


def _in_full(versions: Sequence[RegisteredVersion], card: ModelCard) -> None:
    st.header("One version in full", anchor=False)
    by_label = {comparing.label(version): version for version in versions}
    champion = comparing.champion_of(versions) or versions[0]
    first = list(by_label).index(comparing.label(champion))
    chosen = st.selectbox("Version", list(by_label), index=first, key="version", bind="query-params")
    version = by_label[chosen]
    made = datetime.fromtimestamp(version.created, UTC)
    sentence = f" {version.sentence}" if version.sentence else ""
    st.html(f"<p><b>{escape(version.algorithm)}</b>, made on {made:%Y-%m-%d %H:%M} UTC.{escape(sentence)}</p>")
    _verdict(version)
    mlflow_url = source.settings().mlflow_url
    if mlflow_url and version.experiment_id:
        link = f"{mlflow_url}/#/experiments/{version.experiment_id}/runs/{version.run_id}"
        st.link_button("Open its run in MLflow", link, icon=":material/open_in_new:")
    if version.version == card.model.version and card.parameters:
        with st.expander("Parameters"):
            parameters = [{"Parameter": name, "Value": str(value)} for name, value in sorted(card.parameters.items())]
            st.html(cards.table(parameters, "Parameters"))
    if version.figures:
        with st.expander("All figures"):
            st.html(cards.table([_in_words(metric) for metric in version.figures], "All figures"))


def _in_words(metric: Metric) -> dict[str, str]:
    """Return a row of the table of all figures."""
    low, high = ("" if end is None else f"{end:.4f}" for end in (metric.lo, metric.hi))
    cells = {"Protocol": metric.protocol, "Figure": metric_title(metric.name), "Value": f"{metric.value:.4f}"}
    return cells | {"95 % interval": f"{low} to {high}" if low and high else ""}


if __name__ == "__main__":
    run_guarded(draw)
