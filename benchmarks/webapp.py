"""First paint, script time of each interaction, and memory of the web page with a large synthetic model.

All are compared with an empty Streamlit page. First paint and memory are those of separate processes; script times come
from Streamlit's test runner in this process, which runs a page's script without drawing it.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.tools.figures import Figure, seconds
from recommender.errors import MissingInputError, MovierecError
from serving.process.python import module_command
from testing.service import Service
from training.bundling.synthetic import Size, write

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PAGES = ("", "recommendations", "for-you", "map", "analytics", "models")
INTERACTION_SECONDS = 1.0
MEGABYTES = 250.0
PATIENCE = 60.0
GENRES = ("Comedy", "Drama", "War")
Act = Callable[[Any, int], object]
EMPTY = "import streamlit as st\nst.title('Empty')\n"


def run(*, size: float = 1.0, rounds: int = 3) -> list[Figure]:
    """Measure first paint, script times and memory of the web page. Raises MissingInputError without Chromium."""
    if not Path(CHROMIUM).exists():
        raise MissingInputError("The page is painted by Chromium; install it: apt-get install chromium")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        full = Size()
        write(root / "bundle", Size(movies=int(full.movies * size), users=int(full.users * size)))
        service = Service(root / "api", workers=1)
        service.promote(root / "bundle", "1")
        with service:
            service.wait(lambda: service.status("/readyz") == httpx.codes.OK)
            os.environ["MOVIEREC_API_URL"] = f"http://127.0.0.1:{service.port}"
            os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{root}/none.db"
            return [*_painted(root, rounds), *_scripts(root, rounds)]


def _painted(root: Path, rounds: int) -> list[Figure]:
    """Measure the first paint of a page, and memory after visiting every page, against an empty page."""
    from playwright.sync_api import sync_playwright

    (root / "empty.py").write_text(EMPTY)
    with ExitStack() as stack:
        address, process = stack.enter_context(_site(["movierec.cli.main", "webapp"], "--port"))
        empty_address, empty_process = stack.enter_context(
            _site(["streamlit", "run", str(root / "empty.py"), "--server.headless", "true"], "--server.port")
        )
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for url in (*(f"{address}/{page}" for page in PAGES), empty_address):
            _paint(browser, url)
        painted = [(_paint(browser, address), _paint(browser, empty_address)) for _ in range(rounds)]
        browser.close()
        memory = [psutil.Process(site.pid).memory_info().rss / 2**20 for site in (process, empty_process)]
    mine, other = (statistics.median(side) for side in zip(*painted, strict=True))
    note = "overview and an empty page, from the address to the heading"
    more = "resident after every page was seen, less an empty page's"
    return [
        Figure("first paint", mine / other, ours=mine, theirs=other, rounds=rounds, note=note),
        Figure(
            "memory above an empty page",
            memory[0] - memory[1],
            MEGABYTES,
            ours=memory[0],
            theirs=memory[1],
            unit="MB",
            note=more,
        ),
    ]


def _scripts(root: Path, rounds: int) -> list[Figure]:
    """Measure the script time of each interaction; the target is the longest that a visitor should wait."""
    from streamlit.testing.v1 import AppTest

    import webapp

    empty = AppTest.from_file(str(root / "empty.py"), default_timeout=PATIENCE).run()
    nothing = statistics.median(seconds(empty.run) for _ in range(rounds))
    app = AppTest.from_file(str(Path(webapp.__file__).with_name("app.py")), default_timeout=PATIENCE).run()
    figures = []
    for name, act in _interactions():
        taken = [seconds(partial(act, app, step)) for step in range(rounds)]
        if app.exception:
            raise MovierecError(f"{name}: the page raised {app.exception[0].message}")
        # The longest: only the first may ask the service, later ones may find a cached answer.
        figures.append(Figure(name, max(taken), INTERACTION_SECONDS, ours=max(taken), theirs=nothing, rounds=rounds))
    return figures


def _interactions() -> Iterator[tuple[str, Act]]:
    """Give name and action of each interaction; the action runs the script to its end."""
    yield "open recommendations", _open("recommendations")
    yield "choose a film", _choose
    yield "change the number of films", lambda app, step: app.slider("n").set_value(20 + step).run()
    yield "filter by genre", lambda app, step: app.multiselect("genres").set_value([GENRES[step % 3]]).run()
    yield "ask for variety", lambda app, step: app.slider("variety").set_value((0.3, 0.6, 0.9)[step % 3]).run()
    yield "open for you", _open("for_you")
    yield "rate a film", lambda app, step: app.feedback[step % 6].set_value(4).run()
    yield "open the map", _open("film_map")
    yield "open the analytics", _open("analytics")
    for view in ("Two films", "Most rated", "Best rated", "Genres"):
        yield f"analytics: {view.lower()}", _view(view)
    yield "open the models", _open("models")


def _open(name: str) -> Act:
    return lambda app, _: app.switch_page(f"views/{name}.py").run()


def _view(name: str) -> Act:
    return lambda app, _: app.segmented_control("view").set_value(name).run()


def _choose(app: Any, step: int) -> None:
    from webapp import source
    from webapp.elements.picker import FILM, OFFERED, offers

    app.query_params[FILM] = offers(source.api(), "")[step % OFFERED]
    app.run()


@contextmanager
def _site(module: list[str], option: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a server as `python -m module… option port`, and give its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = module_command(*module, option, str(port))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _await(f"{address}/_stcore/health")
        yield address, process
    finally:
        process.terminate()
        process.wait(20)


def _await(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise MovierecError(f"{url} did not answer within {PATIENCE:.0f} s.")


def _paint(browser: Any, address: str) -> float:
    """Measure the seconds from requesting a page to its heading, in a browser without a cache."""
    context = browser.new_context()
    page = context.new_page()
    start = time.perf_counter()
    page.goto(address)
    page.get_by_role("heading", level=1).wait_for(timeout=PATIENCE * 1000)
    taken = time.perf_counter() - start
    context.close()
    return taken
