"""Cold loads, a chosen film, ten sessions at once and the memory of the web page, beside an empty Streamlit page.

Everything is seen by a browser, in front of a large synthetic model; both pages are processes of their own, and each of
ours is measured in turn with the empty one.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.tools.figures import Figure
from recommender.errors import MissingInputError, MovierecError
from serving.process.python import module_command
from serving.versions.records import write_record
from serving.versions.snapshot import SNAPSHOT, Snapshot
from testing.service import Service, answers, free_port, server
from training.bundling.extras import MAP_FILMS
from training.bundling.synthetic import Size, write

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
# Each page, and what its visitors come for.
PAGES = {
    "": ".mr-poster",
    "recommendations": ".mr-poster",
    "for-you": ".mr-poster",
    "for-two": "[data-testid=stSlider]",
    "map": ".mr-map circle",
    "analytics": ".mr-hero",
    "models": ".mr-table",
}
LOAD_RATIO = 2.0
MEGABYTES = 200.0
SESSIONS = 10
CARDS = 6
VERSIONS = 30  # in the registry that the Models page shows
PATIENCE = 60.0
SETTLED = "document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state') === 'notRunning'"
# Asked at every frame: Playwright's own waiting looks up to half a second apart, and would round both sides to that.
SEEN = """([content, place]) => {
  const box = document.querySelectorAll(content)[place]?.getBoundingClientRect();
  return Boolean(box && box.width && box.height);
}"""
EMPTY = "import streamlit as st\nst.title('Empty')\nif st.button('Again'):\n    st.header('Drawn again')\n"


def run(*, size: float = 1.0, rounds: int = 3) -> list[Figure]:
    """Measure the web page in a browser. Raises MissingInputError without Chromium."""
    if not Path(CHROMIUM).exists():
        raise MissingInputError("The page is painted by Chromium; install it: apt-get install chromium")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        full = Size()
        movies = int(full.movies * size)
        write(root / "bundle", Size(movies, users=int(full.users * size), map_films=min(movies, MAP_FILMS)))
        service = Service(root / "api", workers=1)
        service.promote(root / "bundle", "1")
        write_record(service.store.root / SNAPSHOT, registry())
        with service:
            service.wait(lambda: service.status("/readyz") == httpx.codes.OK)
            os.environ["MOVIEREC_API_URL"] = f"http://127.0.0.1:{service.port}"
            return _measured(root, rounds)


def registry() -> Snapshot:
    """Return what the puller would write of a registry of VERSIONS versions with figures."""
    names = ("ndcg_at_10", "recall_at_10", "hit_rate_at_10", "coverage_at_10", "novelty_at_10", "diversity_at_10")
    figures = [
        {"protocol": protocol, "name": name, "value": 0.2, "lo": 0.19, "hi": 0.21}
        for protocol in ("latest20", "temporal", "item2item")
        for name in names
    ]
    summary = "promote: better: latest20/ndcg_at_10 0.2000 against 0.1000, difference +0.1000 [+0.0900, +0.1100]"
    versions = [
        {
            "version": str(number), "run_id": f"{number:032x}", "algorithm": f"model{number % 9}", "dataset": "x",
            "aliases": ["champion"] if number == 1 else [], "created": 0.0, "verdict": "promote",
            "verdict_summary": summary, "figures": figures,
        }
        for number in range(VERSIONS, 0, -1)
    ]  # fmt: skip
    return Snapshot.model_validate({"taken_at": 0.0, "versions": versions, "timeline": []})


def _measured(root: Path, rounds: int) -> list[Figure]:
    from playwright.sync_api import sync_playwright

    (root / "empty.py").write_text(EMPTY)
    with ExitStack() as stack:
        address, process = stack.enter_context(_site(["movierec.cli.main", "webapp"], "--port"))
        empty_address, empty_process = stack.enter_context(
            _site(["streamlit", "run", str(root / "empty.py"), "--server.headless", "true"], "--server.port")
        )
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        loads = [_load_figure(browser, address, empty_address, page, rounds) for page in PAGES]
        chosen = _choice_figure(browser, address, empty_address, rounds)
        at_once = _sessions_figure(browser, address)
        memory = [psutil.Process(site.pid).memory_info().rss / 2**20 for site in (process, empty_process)]
        browser.close()
    note = f"resident after every page and {SESSIONS} sessions at once, less an empty page's"
    above = Figure(
        "memory above an empty page", memory[0] - memory[1], MEGABYTES, ours=memory[0], theirs=memory[1], unit="MB",
        note=note,
    )  # fmt: skip
    return [*loads, chosen, at_once, above]


def _load_figure(browser: Any, address: str, empty_address: str, page: str, rounds: int) -> Figure:
    """Measure a page from its address to its content, in a browser without a cache, in turn with the empty page."""
    sides = [(f"{address}/{page}", PAGES[page]), (empty_address, "h1")]
    times = [[_load(browser, url, content) for url, content in sides] for _ in range(rounds + 1)]
    mine, other = (statistics.median(side) for side in zip(*times[1:], strict=True))  # the first fills the caches
    note = "from the address to the content"
    return Figure.against(f"cold load: {page or 'overview'}", mine, other, LOAD_RATIO, rounds=rounds, note=note)


def _load(browser: Any, url: str, content: str) -> float:
    with _page(browser) as page:
        start = time.perf_counter()
        page.goto(url)
        _see(page, content)
        seconds = time.perf_counter() - start
        page.wait_for_function(SETTLED, timeout=PATIENCE * 1000)  # or the next page would wait for the rest of this one
        return seconds


def _see(page: Any, content: str, place: int = 0) -> None:
    """Wait until an element that `content` selects is drawn; `place`: how many of them stand before it."""
    page.wait_for_function(SEEN, arg=[content, place], polling="raf", timeout=PATIENCE * 1000)


def _choice_figure(browser: Any, address: str, empty_address: str, rounds: int) -> Figure:
    """Measure from the click on a film to six cards, in turn with a click that draws the empty page again."""
    times: list[tuple[float, float]] = []
    for step in range(rounds):
        with _page(browser) as page:
            page.goto(f"{address}/recommendations")
            page.wait_for_function(SETTLED, timeout=PATIENCE * 1000)
            start = time.perf_counter()
            page.locator("[class*=st-key-pick-] button").nth(step).click()
            _see(page, ".mr-card", CARDS - 1)
            mine = time.perf_counter() - start
        with _page(browser) as page:
            page.goto(empty_address)
            page.wait_for_function(SETTLED, timeout=PATIENCE * 1000)
            start = time.perf_counter()
            page.get_by_role("button", name="Again").click()
            _see(page, "h2")
            times.append((mine, time.perf_counter() - start))
    mine, other = (statistics.median(side) for side in zip(*times, strict=True))
    note = "no target: an empty page asks nothing and draws nothing"
    return Figure.against("film chosen to six cards", mine, other, rounds=rounds, note=note)


def _sessions_figure(browser: Any, address: str) -> Figure:
    """Open sessions at once, each with another number of films, and count those without their list."""
    with ExitStack() as stack:
        pages = [stack.enter_context(_page(browser)) for _ in range(SESSIONS)]
        for number, page in enumerate(pages):
            page.goto(f"{address}/for-you?n={CARDS + number}", wait_until="commit")
        failed = sum(not _has_cards(page) for page in pages)
    note = f"of {SESSIONS} sessions opened at once, those with an error or without their list"
    return Figure("sessions at once", failed, 0, unit="sessions", note=note)


def _has_cards(page: Any) -> bool:
    from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

    try:
        page.locator(".mr-card").nth(CARDS - 1).wait_for(timeout=PATIENCE * 1000)
    except PlaywrightTimeoutError:
        return False
    return not page.locator("[data-testid=stException], [data-testid=stAlert]").count()


@contextmanager
def _page(browser: Any) -> Iterator[Any]:
    """Open a tab of a new browser profile, without a cache."""
    context = browser.new_context()
    try:
        yield context.new_page()
    finally:
        context.close()


@contextmanager
def _site(module: list[str], option: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a server as `python -m module… option port`, and give its address and process."""
    port = free_port()
    address, quiet = f"http://127.0.0.1:{port}", subprocess.DEVNULL
    command, failure = module_command(*module, option, str(port)), MovierecError(f"{module[0]} did not answer.")
    with server(command, lambda: answers(f"{address}/_stcore/health"), failure, stdout=quiet, stderr=quiet) as process:
        yield address, process
