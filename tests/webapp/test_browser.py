"""The pages in a real Chromium, in front of the real service over the toy bundle."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from movierec.cli.serve import streamlit_command
from serving.versions.model_store import ModelStore
from testing.foreign import plant_foreign_packages
from testing.service import free_port
from tests.webapp.conftest import serving
from webapp.state import DECK

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000  # milliseconds; two busy cores
PAGES = {
    "": "Films like the ones you love",
    "recommendations": "Films like a film",
    "for-you": "A list of your own",
    "for-two": "Tonight for two",
    "map": "The map of films",
    "analytics": "What people rated, and how",
    "models": "Models and their evidence",
}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Chromium: apt-get install chromium"),
]
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def api_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def site(two_versions: ModelStore, api_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the web page, started as `movierec webapp` starts it, in front of a service at `api_port`."""
    root = tmp_path_factory.mktemp("site")
    plant_foreign_packages(root)
    with serving(two_versions, api_port, challenger=True), web_page(root, api_port) as address:
        yield address


@contextmanager
def web_page(root: Path, api_port: int) -> Iterator[str]:
    """The web page as a process with its log in `root`, which must stay without a traceback; its address."""
    port = free_port()
    environment = os.environ | {"MOVIEREC_API_URL": f"http://127.0.0.1:{api_port}"}
    with (root / "log").open("wb") as log:
        command = streamlit_command("127.0.0.1", port)
        process = subprocess.Popen(command, env=environment, cwd=root, stdout=log, stderr=log)
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}/_stcore/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)
    assert "Traceback" not in (root / "log").read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def visit(page: Page, address: str) -> None:
    """Open a page and wait until its script has ended: a control that is used while it is still drawn may be lost."""
    page.goto(address)
    settled(page)


# The script has ended, and what it drew stands still: code of controls is loaded after the script's end, and what
# moves below a pointer or an open list closes the list and takes the click.
SETTLED = """(call) => {
  const isDone = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning"
    && !document.querySelector("[data-testid=stSkeleton], [data-stale=true]")
    && document.getAnimations().every((one) => one.playState !== "running");
  const drawn = [...document.querySelectorAll("[data-testid=stMainBlockContainer] *")];
  const height = drawn.length + " " + drawn.at(0)?.scrollHeight;
  const isCalm = isDone && height === window.lastHeight && call === window.lastCall;
  window.calmFrames = isCalm ? window.calmFrames + 1 : 0;
  [window.lastHeight, window.lastCall] = [height, call];
  return window.calmFrames >= 5;
}"""


def settled(page: Page) -> None:
    """Wait until the page's script has ended and everything that it drew is in its place."""
    page.wait_for_function(SETTLED, arg=time.monotonic())


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_from_its_own_address_and_fits_a_phone(site: str, page: Page, path: str) -> None:
    visit(page, f"{site}/{path}")
    expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[path])
    expect(page.locator(".mr-foot")).to_contain_text("version 1")
    expect(page.get_by_text("Traceback")).to_have_count(0)
    page.set_viewport_size({"width": 360, "height": 780})
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollWidth <= 360")


def test_a_typed_title_gives_recommendations_by_keyboard_alone(site: str, page: Page) -> None:
    visit(page, f"{site}/recommendations")
    box = page.get_by_role("combobox", name="A film that you like")
    box.press_sequentially("star voyage")
    box.press("Enter")
    expect(page.locator(".mr-hero h2")).to_contain_text("Star Voyage")
    expect(page.locator(".mr-card h3").first).to_be_visible()
    expect(page).to_have_url(re.compile("film="))


def test_a_misspelt_title_is_one_click_from_the_right_one(site: str, page: Page) -> None:
    visit(page, f"{site}/recommendations?film=Star+Voyge")
    page.get_by_role("button", name="Star Voyage (1977)").click()
    expect(page.locator(".mr-hero h2")).to_contain_text("Star Voyage")


def test_a_shared_link_opens_the_same_state(site: str, page: Page, browser: Browser) -> None:
    visit(page, f"{site}/recommendations?film=Star+Voyage+(1977)")
    page.get_by_text("Filters, variety and steering").click()
    settled(page)
    page.get_by_role("combobox", name="Genres").press_sequentially("Comedy")
    page.get_by_role("option", name="Comedy").click()
    expect(page.locator(".mr-card h3")).to_have_count(3)
    expect(page).to_have_url(re.compile("genres=Comedy"))
    titles = page.locator(".mr-card h3").all_inner_texts()
    other = browser.new_context().new_page()
    visit(other, page.url)
    expect(other.locator(".mr-card h3")).to_have_count(3, timeout=PATIENCE)
    assert other.locator(".mr-card h3").all_inner_texts() == titles
    other.context.close()


def test_more_like_this_updates_the_address(site: str, page: Page) -> None:
    visit(page, f"{site}/recommendations?film=Star+Voyage+(1977)")
    page.get_by_role("button", name="More like ").first.click()
    expect(page.locator(".mr-hero h2")).not_to_contain_text("Star Voyage")
    expect(page).to_have_url(re.compile("film=(?!Star)"))


def test_rating_five_films_changes_the_list(site: str, page: Page) -> None:
    visit(page, f"{site}/for-you")
    expect(page.get_by_role("heading", name="What most people like, until you rate")).to_be_visible()
    # Stars appear one after another, also after the script has ended: counted early, the nth is another film's.
    expect(page.get_by_test_id("stFeedback")).to_have_count(DECK)
    cards = page.locator(".mr-card h3")
    seen = [tuple(cards.all_inner_texts())]
    for number in range(5):
        stars = 5 - number % 2
        page.get_by_test_id("stFeedback").nth(number).get_by_role("radio", name=f"{stars} out of 5 stars").click()
        expect(page.locator(".st-key-rated button:visible")).to_have_count(number + 1)
        seen.append(tuple(cards.all_inner_texts()))
    expect(page.get_by_role("heading", name="Your list")).to_be_visible()
    assert len(set(seen)) >= 3
    assert seen[-1] != seen[0]


def test_champion_and_challenger_side_by_side(site: str, page: Page) -> None:
    visit(page, f"{site}/recommendations?film=Star+Voyage+(1977)&n=4")
    page.get_by_role("radio", name="Side by side").click()
    expect(page.get_by_text("rank-biased overlap")).to_be_visible()
    expect(page.get_by_role("heading", name="Challenger: version 2")).to_be_visible()


def test_the_csv_is_the_list_on_the_page(site: str, page: Page, tmp_path: Path) -> None:
    visit(page, f"{site}/recommendations?film=Star+Voyage+(1977)&n=5")
    expect(page.locator(".mr-card h3")).to_have_count(5)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    download.value.save_as(tmp_path / "list.csv")
    with (tmp_path / "list.csv").open(encoding="utf-8", newline="") as file:
        titles = [row["title"] for row in csv.DictReader(file)]
    shown = page.locator(".mr-card h3").all_inner_texts()
    assert [title.rsplit(" ", 1)[0] for title in shown] == titles


def test_a_click_on_the_map_opens_the_film(site: str, page: Page) -> None:
    visit(page, f"{site}/map")
    point = page.locator(".mr-map circle").first
    point.click()
    expect(page.locator(".mr-hero h2")).to_be_visible()
    page.get_by_role("link", name="Films like this").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Films like a film")
    expect(page.locator(".mr-card").first).to_be_visible()
    expect(page).to_have_url(re.compile("recommendations.*film="))


def test_a_film_of_ones_own_list_leads_on(site: str, page: Page) -> None:
    visit(page, f"{site}/for-you")
    page.get_by_role("link", name="Films like ").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Films like a film")
    expect(page.locator(".mr-hero")).to_be_visible()
    expect(page).to_have_url(re.compile("recommendations.*film="))


def test_the_page_survives_the_service_stopping_and_starting_again(
    two_versions: ModelStore, page: Page, tmp_path: Path
) -> None:
    api = free_port()
    with web_page(tmp_path, api) as address:
        with serving(two_versions, api):
            visit(page, f"{address}/recommendations?film=Star+Voyage+(1977)")
            expect(page.locator(".mr-card").first).to_be_visible()
        time.sleep(5.5)  # until the page asks anew which version is served
        page.get_by_role("button", name="More like ").first.click()
        expect(page.get_by_text("The recommendation service does not answer")).to_be_visible()
        expect(page.get_by_text("Traceback")).to_have_count(0)
        with serving(two_versions, api):
            page.get_by_role("button", name="Try again").click()
            expect(page.locator(".mr-card").first).to_be_visible()


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer; {sys.executable}")
