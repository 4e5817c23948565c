"""Each picture of docs/troubleshooting.md is of a run that failed so, and that could today.

``make pictures`` records the runs; here is only checked that what it has left is current.
"""

import copy
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from report.graph import inner_of
from report.history import Run, Visit
from tests.docs.test_troubleshooting import ENTRIES, names_of, parts_of
from tests.pictures.failures import FAILURES
from tests.pictures.picture import (
    DEFINITION,
    HISTORIES,
    PICTURES,
    REPORT,
    picture_of,
    report_picture,
    run_in,
)
from tests.report.test_page import CHROMIUM, FLAGS, OUTSIDE, OVERLAPS, in_browser

ENDS = ("ABORTED", "TIMED_OUT")
NO_PICTURE = re.compile(r"^No picture: .+\.$", re.M)


@pytest.mark.parametrize("name", FAILURES)
def test_a_picture_is_what_is_drawn_today(name: str) -> None:
    assert (PICTURES / f"{name}.svg").read_text() == picture_of(name), "run `make pictures`"


def test_the_readmes_picture_is_what_the_report_shows_today() -> None:
    assert REPORT.read_text() == report_picture(), "run `python -m tests.pictures --draw`"


def test_there_is_no_other_picture_and_no_other_history() -> None:
    assert {path.name for path in PICTURES.iterdir()} == {f"{name}.svg" for name in FAILURES}
    assert {path.name for path in HISTORIES.iterdir()} == {f"{name}.json" for name in FAILURES}


@pytest.mark.parametrize("name", FAILURES)
def test_a_run_has_failed_with_its_error_and_is_whole(name: str) -> None:
    run = run_in(name)
    assert (run.status if name in ENDS else run.error) == name
    assert run.notes == []


# -- the machine


def impossible(run: Run, definition: Mapping[str, Any]) -> list[str]:
    """What the machine, as it is defined, cannot have done."""
    return [wrong for visit in run.visits for wrong in _impossible(visit, run, definition)]


def _impossible(visit: Visit, run: Run, definition: Mapping[str, Any]) -> Iterator[str]:
    machine = definition
    if visit.within:
        machines = dict(_machines(definition))
        machine = machines.get(visit.within.name, {"StartAt": "", "States": {}})
    state = machine["States"].get(visit.name, {"Type": "none"})
    if state["Type"] != visit.type:
        yield f"{visit.name} is of type {state['Type']}, not {visit.type}"
    before = visit.before
    nexts = (
        _next(machine["States"].get(before.name, {}), before) if before else {machine["StartAt"]}
    )
    if visit.name not in nexts:
        yield f"{visit.name} does not follow {before.name if before else 'the start'}"
    if visit.type == "Task":
        yield from _tried(visit, state, run)
    if visit is run.visits[-1] and run.status == "FAILED" and visit.type != "Fail":
        yield f"{visit.name} is no Fail"


def _machines(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, state in definition["States"].items():
        for inner in inner_of(state):
            yield name, inner
            yield from _machines(inner)


def _next(state: Mapping[str, Any], visit: Visit) -> set[str]:
    if visit.outcome == "caught":
        caught = _first(state.get("Catch", ()), visit.failures[-1].error)
        return {caught["Next"]} if caught else set()
    ways = [state, *state.get("Choices", ()), {"Next": state.get("Default")}]
    return {way["Next"] for way in ways if "Next" in way}


def _first(rules: list[Mapping[str, Any]], error: str) -> Mapping[str, Any] | None:
    """The Retry or Catch for an error."""
    return next((r for r in rules if {error, "States.ALL"} & {*r["ErrorEquals"]}), None)


def _tried(visit: Visit, state: Mapping[str, Any], run: Run) -> Iterator[str]:
    """Tried again exactly as often as its Retry says."""
    counted: Counter[str] = Counter()
    for number, attempt in enumerate(visit.attempts, 1):
        again = False
        if attempt.error and (rule := _first(state.get("Retry", ()), attempt.error)):
            counted[str(rule["ErrorEquals"])] += 1
            again = counted[str(rule["ErrorEquals"])] <= rule["MaxAttempts"]
        if again != (number < len(visit.attempts)) and visit.outcome != "aborted":
            yield f"{visit.name}: attempt {number}, {attempt.error}, of {len(visit.attempts)}"


@pytest.mark.parametrize("name", FAILURES)
def test_the_machine_can_still_run_so(name: str) -> None:
    assert impossible(run_in(name), DEFINITION) == [], "run `make pictures`"


@pytest.mark.parametrize(
    "name, path, to",
    [
        ("UserNotBoundError", ("Check Target", "Catch", 0, "Next"), "Verify Current Password"),
        ("ThrottlingError", ("Check Target", "Retry", 5, "MaxAttempts"), 5),
        ("ThrottlingError", ("Check Target", "Retry", 5, "MaxAttempts"), 7),
        ("ABORTED", ("Modify User", "Next"), "Describe User"),
        ("AccessDeniedError", ("Promoted After All?", "Default"), "Report Rotation"),
        ("CertificateError", ("Check Network", "ItemProcessor", "StartAt"), "Look"),
        ("UserNotBoundError", ("Rotation Failed", "Type"), "Succeed"),
    ],
)
def test_a_run_that_the_machine_cannot_make_is_noticed(
    name: str, path: tuple[str | int, ...], to: object
) -> None:
    edited = copy.deepcopy(DEFINITION)
    at: Any = edited["States"]
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = to
    assert impossible(run_in(name), edited)


# -- the page


def shown_in(entry: str) -> list[str]:
    return re.findall(r"^!\[.+\]\(pictures/(.+)\.svg\)$", entry, flags=re.M)


@pytest.mark.parametrize("heading", ENTRIES)
def test_an_entry_has_the_pictures_of_its_errors_or_says_why_there_is_none(heading: str) -> None:
    looks = parts_of(ENTRIES[heading])["How it looks"]
    there = [
        name
        for name in FAILURES
        for wanted in names_of(heading)
        if re.fullmatch(re.escape(wanted).replace(r"\*", ".+"), name)
    ]
    assert shown_in(ENTRIES[heading]) == shown_in(looks) == there
    assert len(NO_PICTURE.findall(looks)) == (0 if there else 1)


def test_each_picture_is_shown_once_with_its_own_title() -> None:
    page = "".join(ENTRIES.values())
    assert sorted(shown_in(page)) == sorted(FAILURES)
    for name in FAILURES:
        title = ET.fromstring(picture_of(name)).get("aria-label")
        assert f"![{title}](pictures/{name}.svg)" in page


# -- the pictures themselves


def test_a_picture_stands_alone_and_is_small() -> None:
    for name in FAILURES:
        picture = picture_of(name)
        assert len(picture) < 20_000
        assert not re.search(r"<script|href|url\((?!#)|@import", picture)


@in_browser
@pytest.mark.parametrize(
    "scheme, page", [("light", "rgb(255, 255, 255)"), ("dark", "rgb(13, 17, 23)")]
)
def test_a_picture_brings_its_own_background_and_no_label_overlaps(scheme: Any, page: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        shown = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
        shown.goto((PICTURES / "PasswordRefusedError.svg").as_uri())
        assert shown.evaluate("getComputedStyle(document.querySelector('rect')).fill") == page
        assert shown.evaluate(OVERLAPS) == []
        assert shown.evaluate(OUTSIDE) == []
        browser.close()
