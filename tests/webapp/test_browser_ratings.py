"""Titles, ratings and filters in a real Chromium: typed, tapped, kept, brought from elsewhere."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.webapp.test_browser import PATIENCE, api_port, browser, page, pytestmark, settled, site, visit

__all__ = ["api_port", "browser", "page", "pytestmark", "site"]  # fixtures, and the mark of browser tests


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def title_box(page: Page, label: str = "A film that you like") -> Locator:
    return page.get_by_role("combobox", name=label)


def stars_of(page: Page, title: str) -> Locator:
    return page.locator("[class*=st-key-deck-]").filter(has_text=title).get_by_test_id("stFeedback")


def star(page: Page, title: str, count: int) -> Locator:
    return stars_of(page, title).get_by_role("radio", name=f"{count} out of 5 stars")


def said(page: Page, text: str) -> Locator:
    return page.locator(".st-key-rated").get_by_role("button", name=text)


@pytest.mark.parametrize(("typed", "first"), [("moon thi", "The Moon Thieves (1985)"), ("cafe e", "Café Éternel")])
def test_part_of_a_title_offers_films_and_nothing_else(site: str, page: Page, typed: str, first: str) -> None:
    visit(page, f"{site}/recommendations")
    title_box(page).press_sequentially(typed)
    expect(page.get_by_role("option").first).to_contain_text(first)
    expect(page.get_by_text("Add:")).to_have_count(0)


def test_enter_takes_the_first_film_even_before_it_is_offered(site: str, page: Page) -> None:
    visit(page, f"{site}/recommendations")
    title_box(page).press_sequentially("robot su")
    title_box(page).press("Enter")
    expect(page.locator(".mr-hero h2")).to_contain_text("Robot Summer")
    expect(page).to_have_url(re.compile(r"film=Robot\+Summer"))


def test_titles_are_chosen_with_the_arrow_keys(site: str, page: Page) -> None:
    visit(page, f"{site}/recommendations")
    title_box(page).press_sequentially("twins")
    expect(page.get_by_role("option")).to_have_count(2)
    second = page.get_by_role("option").nth(1).inner_text()
    title_box(page).press("ArrowDown")
    title_box(page).press("ArrowDown")
    active = title_box(page).get_attribute("aria-activedescendant")
    assert page.get_by_role("option", selected=True).get_attribute("id") == active
    title_box(page).press("Enter")
    expect(title_box(page)).to_have_value(second)
    year = re.sub(r"\D", "", second)
    expect(page.locator(".mr-hero h2")).to_contain_text(year)


def test_a_title_that_no_film_has_is_said_so(site: str, page: Page) -> None:
    visit(page, f"{site}/recommendations")
    title_box(page).press_sequentially("qqqqzzzz")
    title_box(page).press("Enter")
    expect(page.get_by_text("No film has a title like that.")).to_be_visible()
    assert "film=" not in page.url


def test_back_leads_to_the_film_before(site: str, page: Page) -> None:
    visit(page, f"{site}/recommendations?film=Star+Voyage+(1977)")
    page.get_by_role("button", name="More like").last.click()
    expect(page.locator(".mr-hero h2")).not_to_contain_text("Star Voyage")
    expect(page.locator(".mr-hero h2")).to_be_in_viewport()
    page.go_back()
    expect(page.locator(".mr-hero h2")).to_contain_text("Star Voyage")
    expect(title_box(page)).to_have_value("Star Voyage (1977)")


def test_a_film_clicked_on_the_map_is_in_the_address_and_in_view(site: str, page: Page) -> None:
    visit(page, f"{site}/map")
    page.locator(".mr-map circle").first.click()
    expect(page.locator(".mr-hero h2")).to_be_in_viewport()
    expect(page).to_have_url(re.compile("spot="))


def test_a_genre_on_the_map_filters_no_list(site: str, page: Page) -> None:
    visit(page, f"{site}/map")
    page.get_by_role("combobox", name="Let genres stand out").press_sequentially("Comedy")
    page.get_by_role("option", name="Comedy").click()
    settled(page)
    for link in ("Recommendations", "For you"):
        page.get_by_test_id("stTopNavLink").filter(has_text=link).click()
        expect(page.get_by_text("Filters, variety and steering")).to_be_visible()
        assert "genres" not in page.url


def test_filters_that_act_are_counted_and_cleared(site: str, page: Page) -> None:
    visit(page, f"{site}/recommendations?film=Star+Voyage+(1977)&genres=Comedy&least=5")
    expect(page.get_by_text("Filters (2 on)")).to_be_visible()
    settled(page)
    few = page.locator(".mr-card").count()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_text("Filters, variety and steering")).to_be_visible()
    expect(page).not_to_have_url(re.compile("genres"))
    expect(page.locator(".mr-card")).not_to_have_count(few)


def test_ratings_survive_a_reload_and_reach_another_tab(site: str, page: Page) -> None:
    visit(page, f"{site}/for-you")
    expect(page.locator(".mr-row p").nth(1)).to_be_visible()
    first, second = page.locator(".mr-row p").all_inner_texts()[:2]
    star(page, first, 4).click()
    expect(said(page, ": 4")).to_be_visible()
    settled(page)
    page.reload()
    expect(said(page, ": 4")).to_be_visible()
    other = page.context.new_page()
    visit(other, f"{site}/for-you")
    expect(said(other, ": 4")).to_be_visible()
    star(other, second, 2).click()
    expect(said(page, ": 2")).to_be_visible()
    expect(said(page, ": 4")).to_be_visible()
    settled(page)
    page.get_by_text("Bring and keep your ratings").click()
    page.get_by_role("button", name="Erase all").click()
    expect(page.locator(".st-key-rated")).to_have_count(0)
    settled(page)
    page.reload()
    settled(page)
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('movierec:'))") == []
    expect(page.locator(".st-key-rated")).to_have_count(0)


def test_a_double_click_rates_once(site: str, page: Page) -> None:
    visit(page, f"{site}/for-you")
    title = page.locator(".mr-row p").first.inner_text()
    star(page, title, 5).dblclick()
    expect(said(page, ": 5")).to_be_visible()
    settled(page)
    star(page, title, 5).click()
    page.wait_for_timeout(500)
    settled(page)
    expect(said(page, ": 5")).to_be_visible()
    expect(star(page, title, 5)).to_have_attribute("aria-checked", "true")


def test_one_star_is_no_reason_and_what_is_expected_low_is_said(site: str, page: Page) -> None:
    visit(page, f"{site}/for-you")
    title = page.locator(".mr-row p").first.inner_text()
    star(page, title, 1).click()
    expect(page.get_by_text("a low rating never brings a film up")).to_be_visible()
    expect(page.get_by_text(re.compile("Because you gave"))).to_have_count(0)
    expect(page.locator(".mr-card h3").filter(has_text=title.rsplit(" ", 1)[0])).to_have_count(0)


def test_a_star_on_a_phone_changes_what_is_in_view(site: str, phone: Page) -> None:
    visit(phone, f"{site}/for-you")
    expect(phone.get_by_role("button", name="see your list")).to_have_count(0)
    title = phone.locator(".mr-row p").first.inner_text()
    box = star(phone, title, 4).bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    star(phone, title, 4).tap()
    bar = phone.get_by_role("button", name="1 rated · see your list")
    expect(bar).to_be_in_viewport()
    bar.tap()
    expect(phone.get_by_role("heading", name="Your list")).to_be_in_viewport()
    expect(phone.locator(".mr-card").first).to_be_in_viewport()
    expect(bar).to_be_hidden()


def test_a_letterboxd_export_is_brought_asked_about_and_taken_out(site: str, page: Page) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        head = "Date,Name,Year,Letterboxd URI"
        archive.writestr("ratings.csv", f"{head},Rating\n,Star Voyage,1977,u,4.5\n,The Moon Theives,1985,u,3\n")
        archive.writestr("watchlist.csv", f'{head}\n,"Robot Summer",1991,u\n,Not In Any Data,1950,u\n')
    visit(page, f"{site}/for-you")
    page.get_by_text("Bring and keep your ratings").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "letterboxd.zip", "mimeType": "application/zip", "buffer": sink.getvalue()}
    )
    expect(page.get_by_text("2 films found and added.")).to_be_visible()
    expect(said(page, "Star Voyage (1977): 4.5")).to_be_visible()
    expect(said(page, "Robot Summer (1991): watchlist")).to_be_visible()
    settled(page)
    page.get_by_role("combobox", name="The Moon Theives (1985)").press_sequentially("Moon")
    page.get_by_role("option", name="The Moon Thieves (1985)").click()
    page.get_by_role("button", name="Add these").click()
    expect(said(page, "The Moon Thieves (1985): 3")).to_be_visible()
    settled(page)  # the panel with the file is drawn after what was said
    with page.expect_download() as download:
        page.get_by_role("button", name="Download my ratings").last.click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))
    assert {(row["title"], row["rating"], row["mark"]) for row in rows} == {
        ("Star Voyage (1977)", "4.5", ""),
        ("Robot Summer (1991)", "", "watchlist"),
        ("The Moon Thieves (1985)", "3", ""),
    }


def test_each_of_two_finds_any_title_and_takes_it_back(site: str, page: Page) -> None:
    visit(page, f"{site}/for-two")
    box = title_box(page, "One of you likes")
    for typed, title in (("robot su", "Robot Summer (1991)"), ("moon thi", "The Moon Thieves (1985)")):
        box.press_sequentially(typed)
        box.press("Enter")
        expect(page.get_by_role("button", name=title)).to_be_visible()
        expect(box).to_have_value("")
    expect(page).to_have_url(re.compile("one=Robot.*&one=The"))
    page.get_by_role("button", name="Robot Summer (1991)").click()
    expect(page.get_by_role("button", name="Robot Summer (1991)")).to_have_count(0)
    expect(page.get_by_role("button", name="The Moon Thieves (1985)")).to_be_visible()


def test_a_poster_in_a_list_opens_its_film(site: str, page: Page) -> None:
    visit(page, f"{site}/recommendations?film=Star+Voyage+(1977)")
    title = page.locator(".mr-card h3").first.inner_text().rsplit(" ", 1)[0]
    page.locator(".mr-card .mr-poster").first.click(force=True)  # the button lies over the poster
    expect(page.locator(".mr-hero h2")).to_contain_text(title)
