"""The Models page in front of the real service, over a registry snapshot as the puller writes it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from client.answers import Metric, RegisteredVersion
from serving.versions.model_store import ModelStore
from serving.versions.records import write_record
from serving.versions.snapshot import SNAPSHOT, Snapshot
from tests.webapp.conftest import Open, drawn
from webapp.comparing import compare_link, difference, evidence, leaderboard, protocols, worth_comparing

PROMOTED = (
    "promote: better: latest20/ndcg_at_10 0.2000 against 0.1000, difference +0.1000 [+0.0500, +0.1500]; "
    "latest20/gini_at_10 is not guarded: it was not measured."
)
FORCED = "refuse: latest20/rare_lists_at_10 0.0000, at least 0.0006"


def version(number: str, algorithm: str = "als", value: float | None = 0.2, **changes: object) -> dict[str, object]:
    """A registered version with figures by `cold` and `latest20` around `value`; none for None."""
    figures = [
        {"protocol": protocol, "name": name, "value": value, "lo": value - 0.05, "hi": value + 0.05}
        for protocol in ("cold", "latest20")
        for name in ("ndcg_at_10", "coverage_at_10")
        if value is not None
    ]
    return {
        "version": number, "run_id": f"{number:>032}", "algorithm": algorithm, "dataset": "toy", "aliases": [],
        "created": 0.0, "verdict": None, "verdict_summary": None, "figures": figures, "experiment_id": "7", **changes,
    }  # fmt: skip


def registered(number: str, algorithm: str = "als", value: float | None = 0.2, **changes: object) -> RegisteredVersion:
    return RegisteredVersion.model_validate(version(number, algorithm, value, **changes))


def board(text: str) -> str:
    """The leaderboard of a page's HTML."""
    return text.partition('aria-label="Leaderboard"')[2].partition("</table>")[0]


CHAMPION: dict[str, Any] = {"aliases": ["champion"], "verdict": "promote", "verdict_summary": PROMOTED}
Tell = Callable[..., None]


@pytest.fixture
def tell(two_versions: ModelStore) -> Iterator[Tell]:
    """Write what the puller would write of a registry with these versions."""
    file = two_versions.root / SNAPSHOT

    def write(*versions: dict[str, object]) -> None:
        change = {"kind": "promote", "version": 1, "before": None, "at": "2026-01-02T00:00:00+00:00", "verdict": "x"}
        told = {"taken_at": 0.0, "versions": list(versions), "timeline": [change]}
        write_record(file, Snapshot.model_validate(told))

    yield write
    file.unlink(missing_ok=True)


def test_the_page_opens_on_the_protocol_of_the_promotion_with_its_evidence(
    open_page: Open, duel_url: str, tell: Tell
) -> None:
    tell(version("2", "svd", 0.1), version("1", "als", 0.2, **CHAMPION), version("0", "empty", None))
    app = open_page("models", url=duel_url)
    assert not app.exception
    assert app.selectbox("protocol").value == "latest20"
    text = drawn(app)
    assert "The promotion gate let it through" in text
    assert "nDCG@10 (latest20)</td>" in text
    assert "was not compared" in text
    assert "latest20/" not in text
    assert re.findall(r'data-name="Version">([^<]*)<', board(text)) == ["1 · als", "2 · svd"]
    assert re.findall(r'data-name="From champion">([^ <]*)', board(text)) == ["", "-0.1000"]
    app.selectbox("order").set_value("Newest first").run()
    assert re.findall(r'data-name="Version">([^<]*)<', board(drawn(app))) == ["2 · svd", "1 · als"]
    assert "Without any figures: 0 · empty" in text
    assert "MOVIEREC_" not in text
    assert "2026-01-02: version 1 was promoted" in text


def test_a_version_promoted_by_force_says_why_and_what_it_failed(open_page: Open, duel_url: str, tell: Tell) -> None:
    warning = "Worse than popularity: *by* latest20."
    forced: dict[str, Any] = {
        "aliases": ["champion"],
        "verdict": "forced",
        "verdict_summary": FORCED,
        "verdict_reason": "a <b>trial</b>",
    }
    tell(version("1", warning=warning, **forced))
    app = open_page("models", url=duel_url)
    assert "promoted by force" in drawn(app)
    assert "a &lt;b&gt;trial&lt;/b&gt;" in drawn(app)
    assert "at least 0.0006</td>" in drawn(app)
    assert app.error[0].value == r"Worse than popularity\: \*by\* latest20."


def test_two_stored_versions_answer_the_same_question(
    open_page: Open, duel_url: str, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.elements.bench.LIST_LENGTH", 4)  # of five neighbours, which the second turns round
    tell(version("2", "second", aliases=["challenger"]), version("1", "first", **CHAMPION), version("0"))
    app = open_page("models", url=duel_url, film="Star Voyage (1977)")
    assert app.selectbox("bench-a").options == ["1 · first", "2 · second"], "the service keeps no version 0"
    text = drawn(app)
    lists = text.split('<ol class="mr-list">')[1:]
    assert len(lists) == 2
    assert lists[0].startswith("<li>The Moon Thieves (1985)<span class=mr-badge>only here")
    assert "The Moon Thieves" not in lists[1].partition("</ol>")[0]
    assert "3 films are in both lists" in text


def test_versions_of_different_data_sets_never_share_a_table(open_page: Open, duel_url: str, tell: Tell) -> None:
    tell(version("3", dataset="other"), version("2"), version("1", **CHAMPION))
    app = open_page("models", url=duel_url)
    assert app.selectbox("dataset").options == ["toy", "other"]
    assert sorted(re.findall(r'data-name="Version">(\d)', board(drawn(app)))) == ["1", "2"]
    app.selectbox("dataset").set_value("other").run()
    assert not app.exception
    assert re.findall(r'data-name="Version">(\d)', board(drawn(app))) == ["3"]


def test_what_the_service_does_not_tell_is_said_so(open_page: Open) -> None:
    app = open_page("models")
    assert not app.exception
    assert "the service has not read the registry" in drawn(app)


def test_the_page_never_loads_mlflow(open_page: Open, duel_url: str, tell: Tell) -> None:
    import webapp

    sources = Path(webapp.__file__).parent.rglob("*.py")
    assert not [file for file in sources if "import mlflow" in file.read_text() or "from mlflow" in file.read_text()]
    assert "webapp.registry" not in sys.modules


def test_a_difference_is_as_wide_as_both_intervals_say() -> None:
    ours, theirs = (Metric(protocol="p", name="n", value=v, lo=v - 0.03, hi=v + 0.04) for v in (0.5, 0.3))
    gap = difference(ours, theirs)
    assert (gap.value, gap.lo, gap.hi) == pytest.approx((0.2, 0.15, 0.25))
    assert gap.is_beyond_chance
    assert difference(ours, Metric(protocol="p", name="n", value=0.3)).lo is None


def test_lower_errors_lead_the_board() -> None:
    rmse = [Metric(protocol="cv5", name="rmse", value=value) for value in (0.9, 0.8)]
    versions = [registered(str(i)).model_copy(update={"figures": [metric]}) for i, metric in enumerate(rmse)]
    assert [row["Version"] for row in leaderboard(versions, "cv5", "rmse")] == ["1 · als", "0 · als"]


def test_what_to_compare_first() -> None:
    champion = registered("1", "als", **CHAMPION)
    versions = [registered("4", "none", None), registered("3", "als"), registered("2", "svd"), champion]
    assert [one.version for one in worth_comparing(versions)] == ["3", "2", "1"]
    assert protocols(versions) == ["latest20", "cold"]


def test_the_link_names_exactly_these_runs() -> None:
    link = compare_link("http://m", [registered("1"), registered("2")])
    assert link is not None
    assert link.count("00001") == link.count("00002") == 1
    assert "experiments=%5B%227%22%5D" in link
    assert compare_link("http://m", [registered("1"), registered("2", run_id=None)]) is None


def test_a_verdict_that_is_no_comparison_is_read_out() -> None:
    told = evidence("undecided: nothing of the kind")
    assert (told.rows, told.notes, told.protocols) == ([], ["Nothing of the kind"], [])
    assert evidence("").notes == []


def test_names_of_figures_and_protocols_keep_their_letters() -> None:
    told = evidence("promote: rolling/ndcg_at_10 0.16 against popularity's 0.12; latest20 measures one sitting")
    assert told.notes == ["nDCG@10 (rolling) 0.16 against popularity's 0.12", "latest20 measures one sitting"]


def test_a_comparison_of_people_who_come_back_is_a_row_of_the_evidence() -> None:
    clause = (
        "rolling/ndcg_at_10 0.1468 against popularity's 0.1188, ratio 1.236 [1.040, 1.469], 184 people who come back, "
        "smallest detectable difference 0.0327, margin 0.0059: it decides nothing, as it cannot see the loss"
    )
    [row] = evidence(f"promote: {clause}; at least 100 people are needed.").rows
    assert row["Found"] == "Decides nothing: too few people to see a loss"
    assert (row["This version"], row["Compared with"]) == ("0.1468", "0.1188 (popularity)")
    assert row["Difference"] == "1.236 times (1.040 to 1.469), 184 people who came back"
