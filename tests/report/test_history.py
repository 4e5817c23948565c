"""A history's events as a run."""

import random
from typing import Any

import pytest

from report.history import run_of
from report.run import Run
from tests.report.foreign import DANGEROUS, History, big_map, order


def outcome(run: Run) -> tuple[str, str, str | None]:
    return run.status, run.error, run.failed.name if run.failed else None


def test_every_type_of_state_has_its_outcome_its_place_and_its_attempts() -> None:
    run = run_of(order().events)
    assert outcome(run) == ("FAILED", "OrderFailed", "Charge")
    assert run.outcomes() == {
        DANGEROUS: "succeeded",
        "Is It Big?": "succeeded",
        "Both": "caught",
        "Charge": "failed",
        "Cool Off": "succeeded",
        "Each Box": "caught",
        "Pack": "failed",
        "Each Label": "succeeded",
        "Print": "succeeded",
        "Boxes Done": "succeeded",
        "Order Failed": "failed",
    }
    visits = {visit.name: visit for visit in run.visits}
    assert visits["Print"].within is visits["Each Label"]
    assert visits["Each Label"].within is visits["Each Box"]
    assert visits["Each Box"].within is visits["Charge"].within is visits["Both"]
    assert visits["Both"].within is None
    assert visits["Boxes Done"].before is visits["Each Box"]
    assert visits["Charge"].before is None
    assert visits["Order Failed"].before is visits["Both"]
    attempts = [(attempt.error, attempt.outcome) for attempt in visits["Charge"].attempts]
    assert attempts == [("CardDeclined", "failed"), ("States.Timeout", "timed out")]
    # A Map that fails has the error of its item.
    assert visits["Each Box"].attempts[0].error == "States.Timeout"
    assert visits["Each Box"].iterations == {(1, 0): "succeeded", (1, 1): "failed"}


def test_a_map_in_a_map_that_fails_fails_the_item_around_it() -> None:
    h = History()
    at = h.item("Started", h.start_map("Out", h.add("ExecutionStarted")), "Out")
    at = h.item("Started", h.start_map("In", at), "In")
    at = h.add("MapStateFailed", h.item("Failed", h.fail_task("Work", at), "In"))
    at = h.add("MapStateFailed", h.item("Failed", at, "Out"))
    h.add("ExecutionFailed", at, error="Broken")
    run = run_of(h.events)
    assert [visit.outcome for visit in run.visits] == ["failed"] * 3
    assert [len(visit.attempts) for visit in run.visits] == [1, 1, 1]
    assert [visit.iterations for visit in run.visits] == [{(1, 0): "failed"}] * 2 + [{}]
    assert run.failed is run.visits[2]


def test_a_map_that_is_retried_has_the_outcome_of_its_last_round() -> None:
    h = History()
    at = h.item("Started", h.start_map("All", h.add("ExecutionStarted")), "All")
    at = h.add("MapStateFailed", h.item("Failed", h.fail_task("One", at), "All"))
    at = h.item("Started", h.add("MapStateStarted", at, length=1), "All")
    at = h.item("Succeeded", h.passed("Task", h.passed("Pass", at, "Rest"), "One"), "All")
    h.add("ExecutionSucceeded", h.leave("Map", h.add("MapStateSucceeded", at), "All"))
    run = run_of(h.events)
    assert run.outcomes() == {"All": "succeeded", "One": "succeeded", "Rest": "succeeded"}
    assert [visit.round for visit in run.visits] == [1, 1, 2, 2]


def test_a_pass_state_that_set_the_error_is_the_one_that_failed() -> None:
    h = History()
    at = h.enter("Pass", h.passed("Task", h.add("ExecutionStarted"), "Look"), "Name It")
    at = h.add("PassStateExited", at, name="Name It", output='{"Error": "OddStatus"}')
    at = h.leave("Task", h.fail_task("Clean Up", at, "Busy"), "Clean Up")
    h.add("ExecutionFailed", h.enter("Fail", at, "Over"), error="OddStatus")
    assert outcome(run_of(h.events)) == ("FAILED", "OddStatus", "Name It")


def test_items_that_a_failed_map_stopped_are_aborted() -> None:
    h = History()
    begun = h.start_map("All", h.add("ExecutionStarted"), 2)
    one, two = (h.item("Started", begun, "All", index) for index in range(2))
    h.enter("Task", two, "One")
    h.add("ExecutionFailed", h.add("MapStateFailed", h.fail_task("One", one)), error="Broken")
    run = run_of(h.events)
    assert [visit.outcome for visit in run.visits] == ["failed", "aborted", "failed"]
    assert run.failed is run.visits[2]


def test_a_redriven_run_continues_in_the_state_that_failed() -> None:
    h = History()
    failed = h.fail_task("Work", h.add("ExecutionStarted"), "Down")
    redriven = h.add("ExecutionRedriven", h.add("ExecutionFailed", failed, error="Down"))
    at = h.leave("Task", h.add("TaskSucceeded", h.try_task(redriven)), "Work")
    h.add("ExecutionSucceeded", at, output="{}")
    run = run_of(h.events)
    assert (run.status, run.error, run.redrives) == ("SUCCEEDED", "", 1)
    [visit] = run.visits
    assert [attempt.error for attempt in visit.attempts] == ["Down", ""]
    assert visit.outcome == "succeeded"


@pytest.mark.parametrize(
    "end, expected",
    [
        ("ExecutionAborted", ("ABORTED", "Operator", "Later", "aborted")),
        ("ExecutionTimedOut", ("TIMED_OUT", "Operator", "Later", "timed out")),
        ("", ("RUNNING", "", "Later", "running")),
    ],
)
def test_the_state_that_a_stopped_run_was_in_is_the_one_that_failed(
    end: str, expected: tuple[str, ...]
) -> None:
    h = History()
    caught = h.leave("Task", h.fail_task("Once", h.add("ExecutionStarted")), "Once")
    h.enter("Wait", caught, "Later")
    if end:
        h.add(end, error="Operator")
    run = run_of(h.events)
    assert (*outcome(run), run.visits[-1].outcome) == expected


def test_a_map_with_an_item_that_failed_and_was_caught_is_caught() -> None:
    h = History()
    node = h.item("Started", h.start_map("Verify", h.add("ExecutionStarted")), "Verify")
    left = h.leave("Task", h.fail_task("Log In", node), "Log In")
    item = h.item("Succeeded", h.passed("Pass", left, "Write Down"), "Verify")
    h.add("ExecutionSucceeded", h.leave("Map", h.add("MapStateSucceeded", item), "Verify"))
    run = run_of(h.events)
    assert run.status == "SUCCEEDED"
    assert run.outcomes() == {"Verify": "caught", "Log In": "caught", "Write Down": "succeeded"}


# -- histories that are not whole


def test_a_history_without_an_end_is_noted_unless_the_execution_is_known_to_run() -> None:
    events = order().events[:20]
    [note] = run_of(events).notes
    assert note.startswith("The history has no end: ")
    assert run_of(events, {"executionArn": "arn:x:1", "status": "RUNNING"}).notes == []


@pytest.mark.parametrize("events", [order().events, big_map(6).events], ids=["order", "map"])
def test_a_history_that_was_cut_anywhere_is_read_in_part(events: list[dict[str, Any]]) -> None:
    for cut in range(1, len(events)):
        assert run_of(events[:cut]).visits or cut < 3
        late = run_of(events[cut:])
        assert late.notes[0] == f"Missing from this history: {cut} of its events."
        assert late.status == "FAILED"


def test_unknown_events_are_counted_and_order_and_repetition_do_not_matter() -> None:
    h = order()
    names = [visit.name for visit in run_of(h.events).visits]
    for kind in ("QuantumStateTeleported", "QuantumStateTeleported", "ExecutionPaused"):
        h.add(kind, 3, anything={"at": "all"})
    mixed = h.events + h.events[5:9]
    random.Random(7).shuffle(mixed)
    run = run_of(mixed)
    assert [visit.name for visit in run.visits] == names
    assert run.notes == [
        "Left out: 2 of the unknown event type QuantumStateTeleported.",
        "Left out: 1 of the unknown event type ExecutionPaused.",
    ]


@pytest.mark.parametrize(
    "timestamp", ["2026-03-01T10:00:01Z", "2026-03-01T10:00:01+00:00", 1772359201.0]
)
def test_every_kind_of_timestamp_is_read(timestamp: object) -> None:
    events = [{"id": 1, "type": "ExecutionStarted", "timestamp": timestamp}]
    assert f"{run_of(events).started:%Y-%m-%d %H:%M:%S %Z}" == "2026-03-01 10:00:01 UTC"
