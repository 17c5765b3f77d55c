"""Models: versions, their evidence, and how they compare."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from webapp import source
from webapp.api_models import ModelCard
from webapp.charts.models import figure, metric_intervals
from webapp.frame import guarded, heading, run_guarded
from webapp.registry import Version, read_versions
from webapp.wording import DEFINITIONS_URL, PROTOCOLS, count, metric_help, metric_title

REGISTRY_SECONDS = 15


def draw() -> None:
    """The page."""
    heading("Models and their evidence", "Every registered version, how it was judged, and which one answers.")
    with guarded("served"):
        _served(source.served())
    st.header("Registered versions", anchor=False)
    with guarded("registry"):
        settings = source.settings()
        versions = _versions(settings.tracking_uri, settings.registered_model)
        if not versions:
            st.info("No version is registered yet. Train one: movierec train all.", icon=":material/info:")
            return
        _table(versions)
        _compare(versions)
        _evidence(versions)


@st.cache_data(ttl=REGISTRY_SECONDS, show_spinner="Reading the registry …")
def _versions(tracking_uri: str, name: str) -> list[Version]:
    return read_versions(tracking_uri, name)


def _served(card: ModelCard) -> None:
    st.markdown(
        f"**Serving now:** version {card.model.version} of {card.model.name} ({card.model.algorithm}), "
        f"made {card.created[:10]}, with {count(card.movies)} films and {count(card.users)} people."
    )
    if card.model.stale:
        st.caption("The service cannot reach the registry at the moment and answers from its last good copy.")


def _table(versions: Sequence[Version]) -> None:
    rows = [
        {
            "Version": version.number, "Alias": ", ".join(version.aliases), "Algorithm": version.algorithm,
            "Data set": version.dataset, "Gate": version.verdict, "Made": version.created,
        }
        for version in versions
    ]  # fmt: skip
    st.dataframe(
        rows, hide_index=True, column_config={"Made": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")}
    )


def _compare(versions: Sequence[Version]) -> None:
    st.header("Side by side", anchor=False)
    protocols = sorted({metric.protocol for version in versions for metric in version.metrics})
    if not protocols:
        st.info("No version carries figures yet.", icon=":material/info:")
        return
    left, right = st.columns(2)
    protocol = left.selectbox("Protocol", protocols, key="protocol", bind="query-params")
    names = metric_names(versions, protocol)
    name = right.selectbox("Metric", names, key="metric", format_func=metric_title)
    st.html(f'<p class="mr-note">{PROTOCOLS.get(protocol, "")} {metric_help(name).capitalize()}.</p>')
    shown = [version for version in versions if figure(version, protocol, name)]
    st.altair_chart(metric_intervals(shown, protocol, name), width="stretch")
    st.caption(f"What such figures mean: [evaluation measures]({DEFINITIONS_URL}).")


def metric_names(versions: Sequence[Version], protocol: str) -> list[str]:
    """The metrics that some version has on a protocol, nDCG@10 first where it is there."""
    names = {metric.name for version in versions for metric in version.metrics if metric.protocol == protocol}
    return sorted(names, key=lambda name: (name != "ndcg_at_10", name))


def _evidence(versions: Sequence[Version]) -> None:
    st.header("One version in full", anchor=False)
    version = st.selectbox("Version", versions, format_func=lambda v: v.label, key="version")
    st.markdown(f"**Gate:** {version.verdict}. {version.verdict_summary}")
    mlflow_url = source.settings().mlflow_url
    if mlflow_url:
        link = f"{mlflow_url}/#/experiments/{version.experiment_id}/runs/{version.run_id}"
        st.link_button("Open its run in MLflow", link, icon=":material/open_in_new:")
    with st.expander("Parameters"):
        st.dataframe([{"Parameter": k, "Value": v} for k, v in sorted(version.parameters.items())], hide_index=True)


if __name__ == "__main__":
    run_guarded(draw)
