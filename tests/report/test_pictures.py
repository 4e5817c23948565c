"""Each picture of docs/ is current, and of a run that the state machine can still make.

``make pictures`` records the runs; here they are only read.
"""

import copy
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from report.definition import Definition, State, inner_of, transitions_of
from report.run import Run
from tests.report.recorded import DEFINITION
from tools.pictures import (
    FAILURES,
    HISTORIES,
    PICTURES,
    REPORT,
    ROOT,
    picture_of,
    report_picture,
    run_in,
)

TROUBLESHOOTING = (ROOT / "docs/troubleshooting.md").read_text()


@pytest.mark.parametrize("name", FAILURES)
def test_a_picture_is_current_and_shown_once_at_its_error(name: str) -> None:
    picture = picture_of(name)
    assert (PICTURES / f"{name}.svg").read_text() == picture, "run `make snapshots`"
    title = ET.fromstring(picture).get("aria-label")
    shown = f"![{title}](pictures/{name}.svg)"
    assert TROUBLESHOOTING.count(shown) == TROUBLESHOOTING.count(f"pictures/{name}.") == 1
    assert TROUBLESHOOTING.split(shown)[0].rsplit("\n### ")[-1].startswith(f"{name}\n")


@pytest.mark.parametrize("folder", [PICTURES, HISTORIES])
def test_there_is_no_other_picture_or_history(folder: Path) -> None:
    assert {path.stem for path in folder.iterdir()} == FAILURES.keys()


def test_the_readmes_picture_is_current() -> None:
    assert REPORT.read_text() == report_picture(), "run `make snapshots`"


def test_a_picture_loads_nothing() -> None:
    for name in FAILURES:
        assert not re.search(r"<script|href|url\((?!#)|@import", picture_of(name))


def test_each_run_continues_after_its_failure_in_another_way() -> None:
    ways = {frozenset(run_in(name).transitions()) for name in FAILURES}
    assert len(ways) == len(FAILURES)


def states_of(definition: Definition) -> Iterator[tuple[str, State]]:
    for name, state in definition["States"].items():
        yield name, state
        for inner in inner_of(state):
            yield from states_of(inner)


def impossible(run: Run, definition: Definition) -> list[str]:
    """The steps of a run that the definition does not allow."""
    states = dict(states_of(definition))
    allowed = {(name, to) for name, state in states.items() for to, _, _ in transitions_of(state)}
    found = [f"{source} to {target}" for source, target in run.transitions() - allowed]
    for visit in run.visits:
        state = states.get(visit.name, {"Type": "none"})
        if state["Type"] != visit.type:
            found.append(f"{visit.name} is of type {visit.type}")
        # A state that failed was tried as often as the Retry for its last error allows.
        if visit.type == "Task" and visit.outcome in ("caught", "failed"):
            error = visit.failures[-1].error
            rules = [rule for rule in state["Retry"] if error in rule["ErrorEquals"]]
            most = rules[0]["MaxAttempts"] if rules else 0
            if sum(attempt.error == error for attempt in visit.attempts) != most + 1:
                found.append(f"{visit.name} has {len(visit.attempts)} attempts")
    return found


@pytest.mark.parametrize("name", FAILURES)
def test_the_state_machine_can_still_make_the_run(name: str) -> None:
    run = run_in(name)
    assert (run.status if name == "ABORTED" else run.error, run.notes) == (name, [])
    assert impossible(run, DEFINITION) == [], "run `make pictures`"


@pytest.mark.parametrize(
    "name, path, to",
    [
        ("ThrottlingError", ("Check Target", "Catch", 0, "Next"), "Verify Current Password"),
        ("ThrottlingError", ("Check Target", "Retry", 5, "MaxAttempts"), 7),
        ("ABORTED", ("Modify User", "Next"), "Describe User"),
        ("PasswordRefusedError", ("Rotation Failed", "Type"), "Succeed"),
    ],
)
def test_a_run_that_the_state_machine_cannot_make_is_found(
    name: str, path: tuple[str | int, ...], to: object
) -> None:
    edited = copy.deepcopy(DEFINITION)
    at: Any = edited["States"]
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = to
    assert len(impossible(run_in(name), edited)) == 1
