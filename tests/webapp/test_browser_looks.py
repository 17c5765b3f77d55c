"""How the pages look and feel in Chromium: accessibility by axe-core, tab titles, posters, the wheel over the map."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.webapp.test_browser import PATIENCE, api_port, browser, page, pytestmark, settled, site, visit
from webapp.elements import cards
from webapp.elements.frame import STYLE

__all__ = ["api_port", "browser", "page", "pytestmark", "site"]
AXE = "axe-core@4.14.1"
PAGES = {
    "": "Overview",
    "recommendations?film=Star+Voyage+(1977)": "Recommendations",
    "for-you": "For you",
    "for-two?one=Star+Voyage+(1977)&two=Letters+from+Lyon+(1994)": "For two",
    "map?spot=Star+Voyage+(1977)": "Map",
    "analytics?view=Two+films": "Analytics",
    "models": "Models",
}
SIZES = (ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844))


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from npm."""
    npm, directory = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if npm is None:
        pytest.skip("axe-core comes from npm, which is not installed")
    try:
        command = [npm, "pack", AXE, "--pack-destination", str(directory)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip(f"npm does not reach {AXE}")
    with tarfile.open(next(Path(directory).glob("*.tgz"))) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(
    site: str, browser: Browser, axe: str, path: str, theme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport=SIZES[0], color_scheme=theme)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    visit(page, f"{site}/{path}")
    expect(page.locator(".mr-foot")).to_be_visible()
    page.evaluate(axe)
    faults = []
    for size in SIZES:
        page.set_viewport_size(size)
        violations = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        faults += [
            f"{size['width']}: {fault['id']} {fault['nodes'][0]['html'][:200]}"
            for fault in violations
            if fault["impact"] in ("serious", "critical")
        ]
    context.close()
    assert not faults


def test_tabs_are_named_after_their_pages(site: str, page: Page) -> None:
    for path, name in (("", "Overview"), ("map", "Map")):
        visit(page, f"{site}/{path}")
        expect(page).to_have_title(f"{name} · MovieLens recommender")


def test_where_the_keyboard_is_differs_from_the_page_that_is_open(site: str, page: Page) -> None:
    visit(page, f"{site}/map")
    links = page.get_by_test_id("stTopNavLink")
    links.first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(links.first).to_have_css("outline-style", "solid")
    expect(links.filter(has_text="Map")).not_to_have_css("outline-style", "solid")


def test_a_poster_of_the_overview_opens_its_list(site: str, page: Page) -> None:
    visit(page, site)
    expect(page.get_by_role("heading", name="Thirty years of recommending")).to_be_visible()
    settled(page)  # now that the last part is drawn
    page.locator(".mr-poster").first.click(force=True)  # the link lies over the poster
    expect(page.get_by_role("heading", level=1)).to_have_text("Films like a film")
    expect(page.locator(".mr-card").first).to_be_visible()
    expect(page).to_have_url(re.compile("recommendations.*film="))


def test_the_wheel_over_the_map_scrolls_the_page(site: str, page: Page) -> None:
    visit(page, f"{site}/map")
    frame = page.locator(".mr-map svg").bounding_box()
    assert frame is not None
    titles = [title.bounding_box() for title in page.locator(".mr-map text:visible").all()]
    assert titles
    for box in filter(None, titles):
        assert box["x"] >= frame["x"] - 1
        assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1, "a title is cut off at the map's edge"
    point = page.locator(".mr-map circle").first
    point.hover()
    before = point.get_attribute("cx")
    page.mouse.wheel(0, 200)
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop > 100")
    assert point.get_attribute("cx") == before
    page.keyboard.down("Control")
    point.hover()
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    expect(point).not_to_have_attribute("cx", before or "")
    page.get_by_role("button", name="Show the whole map").click()
    expect(point).to_have_attribute("cx", before or "")


def test_a_drag_ends_where_the_button_is_let_go(site: str, page: Page) -> None:
    visit(page, f"{site}/map")
    page.get_by_role("button", name="Look closer").click()
    frame = page.locator(".mr-map svg").bounding_box()
    assert frame is not None
    edge, middle = frame["x"] + 2, frame["y"] + frame["height"] / 2
    page.mouse.move(edge, middle)
    page.mouse.down()
    page.mouse.move(frame["x"] - 30, middle, steps=2)
    page.mouse.up()
    point = page.locator(".mr-map circle").first
    before = point.get_attribute("cx")
    page.mouse.move(edge + 100, middle, steps=3)
    assert point.get_attribute("cx") == before
    lost = "(svg) => svg.dispatchEvent(new PointerEvent('pointermove', {clientX: 400, clientY: 400, buttons: 0}))"
    page.mouse.down()
    page.locator(".mr-map svg").evaluate(lost)
    page.mouse.move(edge + 200, middle, steps=3)
    assert point.get_attribute("cx") == before
    page.mouse.up()


def test_nothing_is_fetched_from_outside(site: str, page: Page) -> None:
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    for path in PAGES:
        visit(page, f"{site}/{path}")
    assert addresses
    assert [address for address in addresses if not address.startswith((site, "data:", "blob:"))] == []


def test_what_is_opened_on_the_map_is_in_sight_and_in_the_address(site: str, page: Page) -> None:
    visit(page, f"{site}/map")
    point = page.locator(".mr-map circle").last
    point.scroll_into_view_if_needed()
    point.click()
    expect(page.locator(".mr-hero h2")).to_be_in_viewport()
    expect(page).to_have_url(re.compile("spot="))


def test_a_phone_has_lists_in_the_place_of_dots(site: str, page: Page) -> None:
    page.set_viewport_size(SIZES[1])
    visit(page, f"{site}/map?spot=Star+Voyage+(1977)")
    expect(page.locator(".mr-map")).to_be_hidden()
    expect(page.get_by_role("heading", name="Close to Star Voyage")).to_be_visible()
    visit(page, site)
    page.get_by_text("The papers as a list").click()
    expect(page.get_by_role("link", name="Probabilistic Matrix Factorization")).to_be_visible()
    settled(page)


def test_a_long_table_shows_on_a_phone_that_it_goes_on(page: Page) -> None:
    page.set_viewport_size(SIZES[1])
    table = cards.table([{"version": str(number), "nDCG@10": "0.1"} for number in range(99)], "Leaderboard")
    page.set_content(f"<style>{STYLE.read_text()}</style>{table}")
    long = page.locator(".mr-long")

    def edges() -> list[int]:
        """Lightness of the last visible column of pixels at the table's upper and lower edge."""
        picture = Image.open(BytesIO(long.screenshot())).convert("L")
        return [int(picture.getpixel((picture.width - 20, y))) for y in (1, picture.height - 2)]  # type: ignore[arg-type]

    top, bottom = edges()
    assert bottom < top - 30
    long.evaluate("(table) => table.scrollTo(0, table.scrollHeight)")
    top, bottom = edges()
    assert top < bottom - 30
