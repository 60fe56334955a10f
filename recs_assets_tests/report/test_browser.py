"""The pages in a real browser: nothing wrong, nothing asked for, nothing to scroll sideways, and readable by everybody."""

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recs_assets.gates.verdict import FAIL
from recs_assets.report import explain, mail_changes
from recs_assets.report.facts import RecordedVerdict
from recs_assets.report.page import html
from recs_assets.report.served_lists import served_lists
from recs_assets.report.why_not import Asked, Rival, write
from recs_assets.steps.standing_rollout import Standing
from recs_assets_tests.conftest import Run
from recs_assets_tests.report.reading import page_of
from recs_assets_tests.report.test_text import FACTS
from recs_assets_tests.rollout.test_stages import GREEN, RUNNING
from recs_assets_tests.worlds import NEXT_WEEK, WEEK

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
AXE_VERSION = "4.14.1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "recs_assets" / f"axe-core-{AXE_VERSION}"
AXE = CACHE / "package" / "axe.min.js"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield chromium
        chromium.close()


def of_a_failed_week() -> str:
    """The page of a run that failed, in an experiment, in a week whose gate said FAIL, with names that nothing can break."""
    verdicts = {"gate_1": RecordedVerdict("gate_1", NEXT_WEEK, FAIL, f"{'x' * 200}.", {})}
    rollout = Standing(replace(RUNNING, held="z" * 200), GREEN, ["it is on hold"])
    return html(replace(FACTS, verdicts=verdicts, served=None, rollout=rollout, failures={"raw_users": f"users: {'y' * 200}"}))


@pytest.fixture(params=[WEEK, NEXT_WEEK, "failed"])
def week_page(request: pytest.FixtureRequest, browser: Any, night: Run, tmp_path: Path) -> Iterator[tuple[Any, list[str]]]:
    """A week's page, narrow, and what went wrong in it or was asked for besides itself."""
    text = of_a_failed_week() if request.param == "failed" else page_of(night.place, request.param)
    page, told = opened(browser, tmp_path / "week.html", text)
    yield page, told
    page.close()


def opened(browser: Any, file: Path, text: str) -> tuple[Any, list[str]]:
    """A narrow page of a text, and what is told or asked for besides itself."""
    file.write_text(text)
    page, told = browser.new_page(viewport={"width": 360, "height": 740}), list[str]()
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda asked: told.append(asked.url))
    page.goto(file.as_uri())
    return page, [one for one in told if one not in (file.as_uri(), "data:,")]


def width(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


def test_nothing_is_wrong_asked_for_or_too_wide(week_page: tuple[Any, list[str]]) -> None:
    page, told = week_page
    assert told == []
    assert width(page) == 360
    page.set_viewport_size({"width": 1280, "height": 900})
    assert width(page) == 1280
    papers = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        papers.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    page.emulate_media(media="print", color_scheme="dark")
    papers.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    # A4 between its margins.
    page.set_viewport_size({"width": 718, "height": 1047})
    assert width(page) == 718
    assert papers == ["rgb(255, 255, 255)", "rgb(13, 17, 23)", "rgb(255, 255, 255)"]


def test_every_picture_is_drawn_and_the_keyboard_comes_everywhere(week_page: tuple[Any, list[str]]) -> None:
    page, _ = week_page
    heights = page.evaluate("[...document.querySelectorAll('svg')].map(one => one.getBoundingClientRect().height)")
    assert heights
    assert min(heights) > 40
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the verdicts"
    anchors = page.evaluate("[...document.querySelectorAll('a')].filter(one => !document.querySelector(one.hash)).length")
    assert anchors == 0


@pytest.mark.skipif(not AXE.exists(), reason=f"there is no axe: npm pack axe-core@{AXE_VERSION}, and unpack it in {CACHE}")
def test_axe_finds_nothing(week_page: tuple[Any, list[str]]) -> None:
    assert violations(week_page[0]) == []


def answered(night: Run, question: str, folder: Path) -> str:
    """The page that answers a question: of parts with names that nothing can break, of the mail, of a person."""
    place = night.place
    if question == "why-not":
        attributes = {"title": "t" * 60, "part_type": "y" * 60, "price": 1.0, "ineligible_reason": None}
        asked = Asked("p" * 60, attributes, {"outranked": 7, "on_list": 5}, 0.1, 0.2, [Rival("r" * 60, 3)], 2)
        return write([asked] * 2, dt.date.fromisoformat(WEEK), folder)[1].read_text()
    if question == "changes":
        changes = mail_changes.gather(place.warehouse, place.store, place.settings, NEXT_WEEK)
        return mail_changes.write(changes, folder).read_text()
    served = served_lists(place.warehouse, place.store, place.settings, NEXT_WEEK)
    return explain.write(explain.gather(place.warehouse, served, place.settings, "sarah"), folder).read_text()


@pytest.mark.skipif(not AXE.exists(), reason=f"there is no axe: npm pack axe-core@{AXE_VERSION}, and unpack it in {CACHE}")
@pytest.mark.parametrize("question", ["why-not", "changes", "explain"])
def test_the_answer_to_a_question_is_as_sound(browser: Any, night: Run, question: str, tmp_path: Path) -> None:
    page, told = opened(browser, tmp_path / "answer.html", answered(night, question, tmp_path))
    # A person's page shows pictures of the shop, which these worlds do not have.
    assert [one for one in told if "https://images.example.com/" not in one and "net::ERR" not in one] == []
    assert width(page) == 360
    page.set_viewport_size({"width": 1280, "height": 900})
    assert width(page) == 1280
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1047})
    assert width(page) == 718
    page.emulate_media(media="screen")
    assert violations(page) == []
    page.close()


def violations(page: Any) -> list[str]:
    """What axe finds, in the light and in the dark."""
    violations = list[str]()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        page.evaluate(AXE.read_text())
        violations += page.evaluate("axe.run().then(result => result.violations.map(one => `${one.id}: ${one.nodes[0].html}`))")
    return violations
