"""Each picture of docs/ is current, and of a run that the state machine can still make.

``make pictures`` records the runs; here they are only read.
"""

import re
import xml.etree.ElementTree as ET

import pytest

from report.definition import Definition, inner_of, transitions_of
from tests.report.recorded import DEFINITION
from tools.pictures.__main__ import (
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
    assert not re.search(r"<script|href|url\((?!#)|@import", picture), "it loads something"
    title = ET.fromstring(picture).get("aria-label")
    shown = f"![{title}](pictures/{name}.svg)"
    assert TROUBLESHOOTING.count(shown) == TROUBLESHOOTING.count(f"pictures/{name}.") == 1
    assert TROUBLESHOOTING.split(shown)[0].rsplit("\n### ")[-1].startswith(f"{name}\n")


def test_the_readmes_picture_is_current_and_there_is_no_other_one_or_history() -> None:
    assert REPORT.read_text() == report_picture(), "run `make snapshots`"
    for folder in (PICTURES, HISTORIES):
        assert {path.stem for path in folder.iterdir()} == FAILURES.keys()


def test_each_run_continues_after_its_failure_in_another_way() -> None:
    ways = {frozenset(run_in(name).transitions()) for name in FAILURES}
    assert len(ways) == len(FAILURES)


def steps(definition: Definition) -> set[tuple[str, str]]:
    """Each state with its type, and each transition."""
    found = set()
    for name, state in definition["States"].items():
        found |= {(name, state["Type"]), *((name, to) for to, _, _ in transitions_of(state))}
        for inner in inner_of(state):
            found |= steps(inner)
    return found


@pytest.mark.parametrize("name", FAILURES)
def test_the_state_machine_can_still_make_the_run(name: str) -> None:
    run = run_in(name)
    assert (run.status if name == "ABORTED" else run.error, run.notes) == (name, [])
    used = {(visit.name, visit.type) for visit in run.visits} | run.transitions()
    assert used - steps(DEFINITION) == set(), "run `make pictures`"
