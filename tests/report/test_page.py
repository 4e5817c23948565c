"""The report's page, in a real browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from report.graph import Definition, observed
from report.history import Run, run_of
from report.page import html
from report.remedy import remedy_of
from tests.report.foreign import DANGEROUS, ORDER, History, big_map, order
from tests.report.recorded import DEFINITION, NAMES, recorded

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
in_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]

RUNS: dict[str, tuple[Run, Definition]] = {
    **{name: (recorded(name), DEFINITION) for name in NAMES},
    "order": (run_of(order().events), ORDER),
    "big map": (run_of(big_map(400).events), observed(run_of(big_map(400).events))),
}


def page_of(name: str) -> str:
    run, definition = RUNS[name]
    return html(run, definition, remedy_of(run))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def heard() -> list[str]:
    """What the page says that it should not: errors, and requests other than for itself."""
    return []


@pytest.fixture
def show(browser: Browser, tmp_path: Path, heard: list[str]) -> Iterator[Any]:
    pages: list[Page] = []

    def show(name: str, width: int = 1440, scheme: Any = "light") -> Page:
        file = tmp_path / "page.html"
        file.write_text(page_of(name), encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        pages.append(page)
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: heard.append(request.url))
        page.goto(file.as_uri())
        heard.remove(file.as_uri())
        return page

    yield show
    for page in pages:
        page.close()


@in_browser
@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_requested_and_nothing_goes_wrong(
    show: Any, heard: list[str], name: str
) -> None:
    page = show(name)
    run, _ = RUNS[name]
    assert page.title() == f"{run.status}: {run.name}"
    assert page.locator("h1 b").inner_text() == run.status
    assert heard == []


@in_browser
def test_the_failed_state_is_shown_with_its_error_cause_and_remedy(show: Any) -> None:
    page = show("both-passwords")
    assert "AnyPasswordAcceptedError in Log In" in page.locator("h1").inner_text()
    header = page.locator("header").inner_text()
    assert header.startswith("Clients: not locked out (AWSCURRENT logged in on 2 of 2 endpoints")
    assert "What to do" in header
    assert "AWSCURRENT logs in on 2 of 2 endpoints" in header
    row = page.locator("details.row.failed[open]")
    assert row.count() == 1
    assert "AnyPasswordAcceptedError" in row.inner_text()
    assert page.locator("svg a[aria-label^='Log In: failed'] g.failed").is_visible()


@in_browser
def test_the_cause_and_what_to_do_are_on_the_first_screen(show: Any) -> None:
    for width in (360, 1440):
        page = show("refused", width)
        assert page.get_by_text("What to do").bounding_box()["y"] < 900


@in_browser
@pytest.mark.parametrize(
    "name, broke", [("refused", "Check Endpoint"), ("both-passwords", "Log In")]
)
def test_what_broke_is_in_sight_on_a_narrow_screen(show: Any, name: str, broke: str) -> None:
    page = show(name, 360)
    box = page.locator(f"svg a[aria-label^='{broke}: failed'] g.failed").bounding_box()
    assert 0 <= box["x"] <= 360 - box["width"]


@in_browser
def test_a_click_on_a_state_opens_its_attempts_again_and_again(show: Any) -> None:
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


@in_browser
def test_keys_alone_open_a_state_from_the_graph(show: Any) -> None:
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


@in_browser
def test_the_list_of_states_says_all_that_the_graph_does(show: Any) -> None:
    page = show("both-passwords")
    in_graph = {label.split(":")[0] for label in labels(page)}
    rows = page.locator(".row .name").evaluate_all("all => all.map(e => e.firstChild.data.trim())")
    assert in_graph == set(rows)
    assert "Not entered: " in page.locator(".states").inner_text()


def labels(page: Page) -> list[str]:
    found: list[str] = page.locator("svg a").evaluate_all(
        "all => all.map(each => each.getAttribute('aria-label'))"
    )
    return found


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
() => [...document.querySelectorAll("svg g.node")].filter((node) => {
  const around = node.querySelector("rect").getBoundingClientRect();
  return [...node.querySelectorAll("text")].map((text) => text.getBoundingClientRect())
    .some((text) => text.left < around.left || text.right > around.right);
}).map((node) => node.textContent)
"""


@in_browser
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("name", ["both-passwords", "order", "big map"])
def test_no_label_overlaps_another_or_leaves_its_box(show: Any, name: str, width: int) -> None:
    page = show(name, width)
    page.evaluate("document.querySelector('.states').style.maxHeight = 'none'")
    assert page.evaluate(OVERLAPS.replace("svg text, ", "")) == []
    page.evaluate("document.querySelector('.states').remove()")
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["succeeded", "both-passwords", "aborted", "order"])
def test_axe_finds_nothing_that_keeps_anybody_out(show: Any, name: str, scheme: str) -> None:
    page = show(name, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    violations = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in violations] == []


SMALLEST = """
() => Math.min(...[...document.querySelectorAll("svg text")].map((text) => {
  const { a } = text.getScreenCTM();
  return parseFloat(getComputedStyle(text).fontSize) * a;
}))
"""


@in_browser
@pytest.mark.parametrize("name", ["locked-out", "order"])
def test_no_text_of_the_graph_is_smaller_than_11_pixels(show: Any, name: str) -> None:
    assert show(name, 1400).evaluate(SMALLEST) >= 11


@in_browser
def test_the_graph_says_what_decides_and_what_its_colours_mean(show: Any) -> None:
    page = show("both-passwords")
    conditions = page.locator("svg .condition").all_text_contents()
    assert {"Status = active", "Status = modifying", "otherwise", "DryRun = false"} <= {*conditions}
    for word in ("succeeded", "failed, and the run went on", "stopped", "not entered"):
        assert word in page.locator(".legend").inner_text()


@in_browser
def test_on_paper_the_graph_is_whole_and_no_page_is_empty(show: Any) -> None:
    page = show("both-passwords")
    page.emulate_media(media="print")
    # A4 at 96 dpi, less the browser's margins.
    page.set_viewport_size({"width": 718, "height": 1047})
    assert page.locator("svg").bounding_box()["height"] < 1047 - 120
    assert page.pdf(format="A4").count(b"/Type /Page\n") == 5


@in_browser
def test_paper_is_light_and_as_wide_as_the_paper(show: Any) -> None:
    page = show("both-passwords", scheme="dark")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    assert page.locator("svg").bounding_box()["width"] <= 700


# -- without a browser


def test_everything_is_escaped() -> None:
    page = page_of("order")
    for dangerous in ("<script>alert", "<img src=x", "<i>money", "<b>&#34;Defaults", DANGEROUS):
        assert dangerous not in page
    assert "&lt;img src=x&gt;" in page
    assert "no &lt;i&gt;money&lt;/i&gt;" in page


def test_a_big_map_is_folded_and_its_odd_items_are_shown() -> None:
    page = page_of("big map")
    assert len(page) < 100_000
    assert "Item 2: " in page
    assert "Item 4: " in page
    assert "Item 399: " not in page
    assert "and 393 more" in page


def test_a_function_s_attempt_links_to_its_log() -> None:
    log_of_ours = "#logsV2:log-groups/log-group/$252Faws$252Flambda$252Felasticache-rotation/"
    assert log_of_ours in page_of("refused")
    assert "log-group/$252Faws$252Flambda$252Fcharge/log-events" in page_of("order")
    assert 'href="https://eu-west-1.console.aws.amazon.com/cloudwatch/' in page_of("order")


def test_a_run_that_has_only_begun_has_a_page() -> None:
    h = History()
    h.add("ExecutionStarted", input="{}")
    page = html(run_of(h.events), ORDER, None)
    assert "No state was entered." in page
