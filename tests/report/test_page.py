"""The report's page and the pictures, in a real browser; at the end, what needs none."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from report.definition import Definition, observed
from report.history import run_of
from report.page import html
from report.remedy import remedy_of
from report.run import Run
from tests.docs.test_troubleshooting import causes_of
from tests.report.foreign import DANGEROUS, ORDER, History, big_map, order
from tests.report.recorded import DEFINITION, NAMES, recorded
from tests.report.test_remedy import ERRORS
from tools.pictures.__main__ import PICTURES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
BIG_MAP = run_of(big_map(400).events)
RUNS: dict[str, tuple[Run, Definition]] = {
    **{name: (recorded(name), DEFINITION) for name in NAMES},
    "order": (run_of(order().events), ORDER),
    "big map": (BIG_MAP, observed(BIG_MAP)),
}


def page_of(name: str) -> str:
    run, definition = RUNS[name]
    return html(run, definition, remedy_of(run))


Show = Callable[..., Page]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this computer: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


@pytest.fixture
def show(page: Page, tmp_path: Path) -> Show:
    def show(what: str | Path, width: int = 1440, scheme: Any = "light") -> Page:
        file = what if isinstance(what, Path) else tmp_path / "page.html"
        if isinstance(what, str):
            file.write_text(page_of(what), encoding="utf-8")
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(media="screen", color_scheme=scheme)
        page.goto(file.as_uri())
        return page

    return show


OVERLAPS = """
() => {
  const box = (each) => [each.textContent, each.getBoundingClientRect()];
  const texts = [...document.querySelectorAll("svg text, .row .name, .row .track, h1, h2")]
    .filter((each) => each.getBoundingClientRect().width).map(box);
  const found = [];
  for (const [i, [one, a]] of texts.entries())
    for (const [other, b] of texts.slice(i + 1))
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
          && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
        found.push([one, other]);
  return found;
}
"""
OUTSIDE = """
() => [...document.querySelectorAll("svg g.node, svg")].filter((node) => {
  const around = (node.querySelector(":scope > rect") ?? node).getBoundingClientRect();
  return [...node.querySelectorAll("text")].map((text) => text.getBoundingClientRect())
    .some((text) => text.left < around.left || text.right > around.right);
}).map((node) => node.textContent)
"""
SMALLEST = """
() => Math.min(...[...document.querySelectorAll("svg text")].map((text) => {
  const { a } = text.getScreenCTM();
  return parseFloat(getComputedStyle(text).fontSize) * a;
}))
"""


@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_requested_and_nothing_goes_wrong(page: Page, show: Show, name: str) -> None:
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url))
    show(name)
    run, _ = RUNS[name]
    assert page.title() == f"{run.status}: {run.name}"
    assert page.locator("h1 b").inner_text() == run.status
    assert heard == [page.url]


def test_the_first_screen_has_the_cause_and_what_to_do_of_each_error(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    for name, entry in ERRORS.items():
        run = replace(RUNS["locked-out"][0], error=name, cause=max(causes_of(entry), key=len))
        page.set_content(html(run, DEFINITION, remedy_of(run)))
        header: Any = page.locator("header").bounding_box()
        assert header["y"] + header["height"] < 800, name
        assert page.locator("header h2", has_text="What to do").is_visible()
        assert " ".join(run.cause.split()) in page.locator("header").inner_text()


@pytest.mark.parametrize(
    "name, state", [("refused", "Check Endpoint"), ("both-passwords", "Log In")]
)
def test_a_narrow_screen_shows_what_to_do_and_the_state_that_failed(
    show: Show, name: str, state: str
) -> None:
    page = show(name, 360)
    todo: Any = page.get_by_text("What to do").bounding_box()
    assert todo["y"] < 900
    box: Any = page.locator(f"svg a[aria-label^='{state}: failed'] g.failed").bounding_box()
    assert 0 <= box["x"] <= 360 - box["width"]
    [row] = page.locator("details.row.failed[open]").all()
    assert f"AnyPasswordAcceptedError in {state}" in page.locator("h1").inner_text()
    assert "AnyPasswordAcceptedError" in row.inner_text()


def test_a_click_on_a_state_opens_its_attempts_again_and_again(show: Show) -> None:
    page = show("killed")
    state = page.locator("svg a[aria-label^='Modify User:']")
    row = page.locator("details.row", has_text="Modify User").first
    for _ in range(2):
        assert not row.evaluate("row => row.open")
        state.click()
        page.wait_for_function("row => row.open", arg=row.element_handle())
        assert "Attempt 3: succeeded" in row.inner_text()
        assert "Runtime.ExitError" in row.inner_text()
        row.locator("summary").first.click()


def test_keys_alone_open_a_state_from_the_graph(show: Show) -> None:
    page = show("order")
    for _ in range(40):
        page.keyboard.press("Tab")
        label = page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''")
        if label.startswith("Pack: failed"):
            break
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.tagName === 'SUMMARY'")
    row = page.locator("details.row[open]", has_text="Pack")
    assert '{"box": 2}' in row.inner_text()
    page.keyboard.press("Enter")
    assert page.locator("details.row[open]", has_text="Pack").count() == 0


def test_the_list_of_states_has_all_of_the_graph_and_the_graph_its_conditions_and_legend(
    show: Show,
) -> None:
    page = show("both-passwords")
    labels = page.locator("svg a").evaluate_all("all => all.map(e => e.ariaLabel.split(':')[0])")
    rows = page.locator(".row .name").evaluate_all("all => all.map(e => e.firstChild.data.trim())")
    assert {*labels} == {*rows}
    assert "Not entered: " in page.locator(".states").inner_text()
    conditions = page.locator("svg .condition").all_text_contents()
    assert {"Status = active", "Status = modifying", "otherwise", "DryRun = false"} <= {*conditions}
    # Few of the Catches of any error: all of them would cover the graph.
    assert 0 < page.locator("svg .arrow.catch").count() < 10
    for word in ("succeeded", "failed, and the run continued", "stopped", "not entered"):
        assert word in page.locator(".legend").inner_text()


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("name", ["both-passwords", "order", "big map"])
def test_no_label_overlaps_another_or_leaves_its_box(show: Show, name: str, width: int) -> None:
    page = show(name, width)
    page.evaluate("document.querySelector('.states').style.maxHeight = 'none'")
    assert page.evaluate(OVERLAPS.replace("svg text, ", "")) == []
    if width == 1440:
        assert page.evaluate(SMALLEST) >= 11
    page.evaluate("document.querySelector('.states').remove()")
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_picture_has_its_own_background_and_no_label_overlaps_or_is_cut(show: Show) -> None:
    background = "getComputedStyle(document.querySelector('rect')).fill"
    for file in PICTURES.iterdir():
        page = show(file, scheme="dark")
        assert page.evaluate(background) == "rgb(13, 17, 23)"
        assert page.evaluate(OVERLAPS) == []
        assert page.evaluate(OUTSIDE) == []
    assert show(file).evaluate(background) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["both-passwords", "aborted", "order"])
def test_axe_finds_no_barrier(show: Show, name: str, scheme: str) -> None:
    page = show(name, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    violations = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in violations] == []


def test_paper_is_light_and_the_graph_is_whole_on_its_page(show: Show) -> None:
    page = show("both-passwords", scheme="dark")
    page.emulate_media(media="print")
    # A4 at 96 dpi, less the browser's margins.
    page.set_viewport_size({"width": 718, "height": 1047})
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    graph: Any = page.locator("svg").bounding_box()
    assert graph["height"] < 1047 - 120
    assert graph["width"] <= 718
    assert page.pdf(format="A4").count(b"/Type /Page\n") == 5


# -- without a browser


def test_everything_is_escaped() -> None:
    page = page_of("order")
    for dangerous in ("<script>alert", "<img src=x", "<i>money", "<b>&#34;Defaults", DANGEROUS):
        assert dangerous not in page
    assert "&lt;img src=x&gt;" in page
    assert "no &lt;i&gt;money&lt;/i&gt;" in page


def test_a_big_map_is_folded_and_its_eventful_items_are_shown() -> None:
    page = page_of("big map")
    assert len(page) < 100_000
    assert "Item 2: " in page
    assert "Item 4: " in page
    assert "Item 399: " not in page
    assert "and 393 more" in page


def test_an_attempt_of_a_function_links_to_its_log() -> None:
    log_of_ours = "#logsV2:log-groups/log-group/$252Faws$252Flambda$252Felasticache-rotation/"
    assert log_of_ours in page_of("refused")
    assert "log-group/$252Faws$252Flambda$252Fcharge/log-events" in page_of("order")
    assert 'href="https://eu-west-1.console.aws.amazon.com/cloudwatch/' in page_of("order")


def test_a_run_that_has_only_started_has_a_page() -> None:
    h = History()
    h.add("ExecutionStarted", input="{}")
    run = run_of(h.events)
    for definition in (ORDER, observed(run)):
        assert "No state was entered." in html(run, definition, None)
