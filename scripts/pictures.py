"""Take the pictures of docs/pictures again: python scripts/pictures.py http://localhost:8501 [NAME ...]

The address is that of a running web page (`make run`). A picture is left as it is where the page lacks its text:
`side-by-side` needs a challenger beside the champion (MOVIEREC_CHALLENGER_ALIAS), `online` an experiment
(`make run ARGS=--simulate`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from webapp.state import DECK

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
PHONE, DESK = 390, 1280
RATED = {0: 5, 1: 4, 2: 5, 3: 4, 4: 5}  # place among the films offered -> stars


class Shot(NamedTuple):
    """One picture: its file name, the page's path, size and theme, and what to do before taking it."""

    name: str
    path: str
    height: int
    width: int = DESK
    dark: bool = False
    before: Callable[[Page], None] | None = None
    needs: str = ""  # text that must be on the page, or no picture is taken


def rate(page: Page) -> None:
    """Rate five films, once all offered films have their stars."""
    expect(page.get_by_test_id("stFeedback")).to_have_count(DECK)
    for place, stars in RATED.items():
        page.get_by_test_id("stFeedback").nth(place).get_by_role("radio", name=f"{stars} out of 5 stars").click()
        expect(page.locator(".st-key-rated button:visible")).to_have_count(place + 1)


def rate_on_a_phone(page: Page) -> None:
    """Rate five films, then scroll to the top of the list."""
    rate(page)
    page.get_by_role("heading", name="Your list").scroll_into_view_if_needed()


SHOTS = [
    Shot("overview", "", 1500),
    Shot("recommendations", "recommendations?film=Toy+Story+(1995)&n=8", 1180),
    Shot("recommendations-dark", "recommendations?film=Toy+Story+(1995)&n=8", 1180, dark=True),
    Shot("recommendations-phone", "recommendations?film=Toy+Story+(1995)&n=8", 1100, PHONE),
    Shot("side-by-side", "recommendations?film=Fargo+(1996)&model=Side+by+side", 1200, dark=True, needs="Side by side"),
    Shot("for-you", "for-you", 1180, before=rate),
    Shot("for-you-phone", "for-you", 1100, PHONE, before=rate_on_a_phone),
    Shot("for-two", "for-two?one=Fargo+(1996)&two=Star+Wars+(1977)&two=Aladdin+(1992)", 1180),
    Shot("map", "map?spot=Toy+Story+(1995)", 1300),
    Shot("map-dark", "map", 1050, dark=True),
    Shot("analytics", "analytics?view=Two+films&film=Fargo+(1996)&other=Scream+(1996)", 1250),
    Shot("analytics-phone", "analytics?view=Genres", 1100, PHONE),
    Shot("models", "models", 1900),
    Shot("models-phone", "models", 1100, PHONE),
    Shot("online", "models", 1700, needs="Lists won"),
]


def main(address: str, names: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Take the pictures of these names, or all, from the web page at an address such as http://localhost:8501."""
    expect.set_options(timeout=60_000)
    base = (address if "://" in address else f"http://{address}").rstrip("/")
    with sync_playwright() as playwright:
        # no sandbox: works for root too, and only our own page is opened
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for shot in [shot for shot in SHOTS if not names or shot.name in names]:
            size = ViewportSize(width=shot.width, height=shot.height)
            with browser.new_context(viewport=size, color_scheme="dark" if shot.dark else "light") as context:
                take(shot, context.new_page(), f"{base}/{shot.path}")


def take(shot: Shot, page: Page, address: str) -> None:
    """Take one picture of the page at `address`."""
    page.goto(address)
    wait_until_drawn(page)
    if shot.needs and not page.get_by_text(shot.needs).count():
        return
    if shot.before:
        shot.before(page)
        wait_until_drawn(page)
    page.screenshot(path=PICTURES / f"{shot.name}.png")


def wait_until_drawn(page: Page) -> None:
    """Wait until the page's script has ended and its controls and charts are drawn."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.wait_for_timeout(3000)


if __name__ == "__main__":
    typer.run(main)
