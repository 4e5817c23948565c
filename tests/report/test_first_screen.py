"""What broke and what to do about it is on the first screen, for each error of the page.

The runs are those of the pictures, each with the longest cause that docs/troubleshooting.md quotes.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright
from rich.console import Console

from report.history import Run
from report.page import html
from report.remedy import remedy_of
from report.terminal import show, show_outcome
from tests.docs.test_troubleshooting import ENTRIES, causes_of, names_of
from tests.pictures.failures import FAILURES
from tests.pictures.picture import DEFINITION, run_in
from tests.report.test_page import CHROMIUM, FLAGS, in_browser

COLUMNS, LINES = 80, 24
#: What `python -m local rotate` says after a failed run's outcome: how it all ended, and where the
#: page and the history are; then there is the shell's prompt.
LINES_AFTER = 4


def run_with_its_cause(name: str) -> Run:
    run = run_in(name)
    if run.status == "FAILED":
        [entry] = [
            text
            for heading, text in ENTRIES.items()
            if name in names_of(heading) or heading == f"{name.split('.')[0]}.*"
        ]
        run.cause = max(causes_of(entry), key=len)
    return run


def lines_of(name: str, *, brief: bool) -> list[str]:
    run = run_with_its_cause(name)
    console = Console(width=COLUMNS, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        if brief:
            show_outcome(run, remedy_of(run), console, brief=True)
        else:
            show(run, remedy_of(run), console)
    # A command is not broken where the line ends, but by the terminal.
    return [
        line[at : at + COLUMNS]
        for line in captured.get().splitlines()
        for at in range(0, max(len(line), 1), COLUMNS)
    ]


@pytest.mark.parametrize("name", FAILURES)
def test_the_first_screen_of_the_terminal_tells_the_cause_and_what_to_do(name: str) -> None:
    first = lines_of(name, brief=False)[: LINES - 1]
    assert first[0].startswith("Clients: ")
    assert first[1].startswith("Since then: ")
    assert first[2].startswith((f"FAILED {name}", name))
    assert any(line.startswith("What to do (") for line in first)
    assert any(line.startswith("aws ") for line in first)


@pytest.mark.parametrize("name", FAILURES)
def test_the_last_screen_of_a_failed_rotation_does_as_well(name: str) -> None:
    assert len(lines_of(name, brief=True)) + LINES_AFTER <= LINES


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page(viewport={"width": 1280, "height": 800})
        browser.close()


@in_browser
@pytest.mark.parametrize("name", FAILURES)
def test_the_first_screen_of_the_page_tells_the_cause_and_what_to_do(page: Page, name: str) -> None:
    run = run_with_its_cause(name)
    page.set_content(html(run, DEFINITION, remedy_of(run)))
    header = page.locator("header").bounding_box()
    assert header
    assert header["y"] + header["height"] < 800
    assert page.locator("header h2", has_text="What to do").is_visible()
    assert " ".join(run.cause.split()) in page.locator("header").inner_text()
