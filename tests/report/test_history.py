"""A history's events as a run."""

import json
import random
from typing import Any

import pytest

from report.history import HistoryError, Run, folded, run_of
from tests.report.foreign import DANGEROUS, History, big_map, order
from tests.report.recorded import NAMES, recorded


def outcome(run: Run) -> tuple[str, str, str | None]:
    return run.status, run.error, run.failed.name if run.failed else None


@pytest.mark.parametrize(
    "name, expected",
    [
        ("succeeded", ("SUCCEEDED", "", None)),
        ("dry-run", ("SUCCEEDED", "", None)),
        ("killed", ("SUCCEEDED", "", None)),
        ("refused", ("FAILED", "AnyPasswordAcceptedError", "Check Endpoint")),
        ("locked-out", ("FAILED", "CurrentPasswordRefusedError", "Check Endpoint")),
        ("both-passwords", ("FAILED", "AnyPasswordAcceptedError", "Log In")),
        ("not-closed", ("FAILED", "AnyPasswordAcceptedError", "Log In")),
        ("aborted", ("ABORTED", "Operator", "Wait For User")),
    ],
)
def test_a_recorded_run_ends_as_it_did(name: str, expected: tuple[str, str, str | None]) -> None:
    assert outcome(recorded(name)) == expected


def test_every_recorded_history_is_whole() -> None:
    assert {name: recorded(name).notes for name in NAMES} == {name: [] for name in NAMES}


def test_a_task_that_is_tried_again_is_one_visit_with_its_attempts() -> None:
    [visit] = [each for each in recorded("killed").visits if each.name == "Modify User"]
    assert [attempt.outcome for attempt in visit.attempts] == ["failed", "failed", "succeeded"]
    assert [attempt.error for attempt in visit.attempts] == [
        "Runtime.ExitError",
        "UserBusyError",
        "",
    ]
    assert (visit.outcome, visit.quiet) == ("succeeded", False)


def test_waiting_and_looking_again_is_one_group() -> None:
    groups = [[v.name for v in group] for group in folded(recorded("succeeded").top())]
    loop = ["Wait For User", "Describe User", "User Active?"]
    assert [group for group in groups if len(group) > 1] == [loop * 2]
    assert groups[0] == ["Read Input"]


def test_every_type_of_state_has_its_outcome() -> None:
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


def test_a_state_knows_what_it_is_inside_of_and_what_led_to_it() -> None:
    visits = {visit.name: visit for visit in run_of(order().events).visits}
    assert visits["Print"].within is visits["Each Label"]
    assert visits["Each Label"].within is visits["Each Box"]
    assert visits["Each Box"].within is visits["Charge"].within is visits["Both"]
    assert visits["Both"].within is None
    assert visits["Boxes Done"].before is visits["Each Box"]
    assert visits["Charge"].before is None
    assert visits["Order Failed"].before is visits["Both"]


def test_attempts_have_their_errors_and_their_resource() -> None:
    [charge] = [visit for visit in run_of(order().events).visits if visit.name == "Charge"]
    assert [attempt.error for attempt in charge.attempts] == ["CardDeclined", "States.Timeout"]
    assert [attempt.outcome for attempt in charge.attempts] == ["failed", "timed out"]


def test_a_map_that_fails_has_the_error_of_its_item() -> None:
    [boxes] = [visit for visit in run_of(order().events).visits if visit.name == "Each Box"]
    assert boxes.attempts[0].error == "States.Timeout"
    assert boxes.iterations == {(1, 0): "succeeded", (1, 1): "failed"}


def test_a_map_in_a_map_that_fails_fails_the_item_around_it() -> None:
    h = History()
    outer = h.add("MapStateStarted", h.enter("Map", h.add("ExecutionStarted"), "Out"), length=1)
    at = h.add("MapIterationStarted", outer, name="Out", index=0)
    at = h.add("MapStateStarted", h.enter("Map", at, "In"), length=1)
    at = h.enter("Task", h.add("MapIterationStarted", at, name="In", index=0), "Work")
    at = h.add("TaskFailed", h.try_task(at), error="Broken", cause="for good")
    at = h.add("MapStateFailed", h.add("MapIterationFailed", at, name="In", index=0))
    at = h.add("MapIterationFailed", at, name="Out", index=0)
    h.add("ExecutionFailed", h.add("MapStateFailed", at), error="Broken")
    run = run_of(h.events)
    assert [visit.outcome for visit in run.visits] == ["failed"] * 3
    assert [len(visit.attempts) for visit in run.visits] == [1, 1, 1]
    assert [visit.iterations for visit in run.visits] == [{(1, 0): "failed"}] * 2 + [{}]
    assert run.failed is run.visits[2]


def test_a_state_that_named_the_error_without_failing_is_what_broke() -> None:
    h = History()
    at = h.passed("Task", h.add("ExecutionStarted"), "Look")
    at = h.enter("Pass", at, "Name It")
    at = h.add("PassStateExited", at, name="Name It", output='{"Error": "OddStatus"}')
    at = h.add("TaskFailed", h.try_task(h.enter("Task", at, "Clean Up")), error="Busy")
    at = h.enter("Fail", h.leave("Task", at, "Clean Up"), "Over")
    h.add("ExecutionFailed", at, error="OddStatus")
    assert outcome(run_of(h.events)) == ("FAILED", "OddStatus", "Name It")


def test_items_that_a_failed_map_stopped_are_aborted() -> None:
    h = History()
    begun = h.add("MapStateStarted", h.enter("Map", h.add("ExecutionStarted"), "All"), length=2)
    one, two = (h.add("MapIterationStarted", begun, name="All", index=i) for i in range(2))
    first, _ = h.enter("Task", one, "One"), h.enter("Task", two, "One")
    failed = h.add("TaskFailed", h.try_task(first), error="Broken")
    h.add("ExecutionFailed", h.add("MapStateFailed", failed), error="Broken")
    run = run_of(h.events)
    assert [visit.outcome for visit in run.visits] == ["failed", "failed", "aborted"]
    assert run.failed is run.visits[1]


def test_a_redriven_run_goes_on_in_the_state_that_failed() -> None:
    h = History()
    task = h.enter("Task", h.add("ExecutionStarted"), "Work")
    failed = h.add("TaskFailed", h.try_task(task), error="Down", cause="for now")
    redriven = h.add("ExecutionRedriven", h.add("ExecutionFailed", failed, error="Down"))
    at = h.leave("Task", h.add("TaskSucceeded", h.try_task(redriven)), "Work")
    h.add("ExecutionSucceeded", at, output="{}")
    run = run_of(h.events)
    assert (run.status, run.error, run.redrives) == ("SUCCEEDED", "", 1)
    [visit] = run.visits
    assert [attempt.error for attempt in visit.attempts] == ["Down", ""]
    assert visit.outcome == "succeeded"


@pytest.mark.parametrize(
    "end, status, expected",
    [
        ("ExecutionAborted", "ABORTED", "aborted"),
        ("ExecutionTimedOut", "TIMED_OUT", "timed out"),
        ("", "RUNNING", "running"),
    ],
)
def test_a_state_that_was_not_left_ends_as_the_run_does(
    end: str, status: str, expected: str
) -> None:
    h = History()
    h.try_task(h.enter("Task", h.add("ExecutionStarted"), "Work"))
    if end:
        h.add(end)
    run = run_of(h.events)
    assert (run.status, run.visits[0].outcome) == (status, expected)


def test_the_state_that_a_stopped_run_was_in_is_named_not_one_that_was_caught() -> None:
    h = History()
    failed = h.add("TaskFailed", h.try_task(h.enter("Task", h.add("ExecutionStarted"), "Once")))
    h.enter("Wait", h.leave("Task", failed, "Once"), "Later")
    h.add("ExecutionAborted", error="Operator")
    run = run_of(h.events)
    assert outcome(run) == ("ABORTED", "Operator", "Later")


def test_a_history_without_an_end_says_so_unless_the_execution_is_known_to_run() -> None:
    events = order().events[:20]
    assert run_of(events).notes == [
        "The history has no end: the execution ran still, or the history was cut."
    ]
    running = {"executionArn": "arn:x:1", "status": "RUNNING"}
    assert run_of(events, running).notes == []


@pytest.mark.parametrize("events", [order().events, big_map(6).events], ids=["order", "map"])
def test_a_history_that_was_cut_anywhere_is_read_in_part(events: list[dict[str, Any]]) -> None:
    for cut in range(1, len(events)):
        assert run_of(events[:cut]).visits or cut < 3
        late = run_of(events[cut:])
        assert late.notes[0] == f"Missing from this history: {cut} of its events."
        assert late.status == "FAILED"


def test_a_map_in_which_a_catch_has_taken_an_item_on_is_not_ticked() -> None:
    h = History()
    h.add("ExecutionStarted", input="{}")
    nodes = h.add("MapStateStarted", h.enter("Map", 1, "Verify"), length=1)
    node = h.add("MapIterationStarted", nodes, name="Verify", index=0)
    failed = h.add("TaskFailed", h.try_task(h.enter("Task", node, "Log In")), error="Refused")
    left = h.passed("Pass", h.leave("Task", failed, "Log In"), "Write Down")
    item = h.add("MapIterationSucceeded", left, name="Verify", index=0)
    h.add("ExecutionSucceeded", h.leave("Map", h.add("MapStateSucceeded", item), "Verify"))
    run = run_of(h.events)
    assert run.status == "SUCCEEDED"
    assert run.outcomes() == {"Verify": "caught", "Log In": "caught", "Write Down": "succeeded"}


def test_unknown_types_of_events_are_counted_and_left_out() -> None:
    h = order()
    known = [visit.name for visit in run_of(h.events).visits]
    for kind in ("QuantumStateTeleported", "QuantumStateTeleported", "ExecutionPaused"):
        h.add(kind, 3, anything={"at": "all"})
    run = run_of(h.events)
    assert [visit.name for visit in run.visits] == known
    assert run.notes == [
        "Left out: 2 of the unknown event type QuantumStateTeleported.",
        "Left out: 1 of the unknown event type ExecutionPaused.",
    ]


def test_the_order_of_the_events_and_doubles_do_not_matter() -> None:
    events = order().events
    mixed = events + events[5:9]
    random.Random(7).shuffle(mixed)
    names = [visit.name for visit in run_of(events).visits]
    assert [visit.name for visit in run_of(mixed).visits] == names


@pytest.mark.parametrize(
    "kind", ["2026-03-01T10:00:01Z", "2026-03-01T10:00:01+00:00", 1772359201.0]
)
def test_timestamps_of_each_kind_are_read(kind: object) -> None:
    events = [{"id": 1, "type": "ExecutionStarted", "timestamp": kind}]
    assert f"{run_of(events).started:%Y-%m-%d %H:%M:%S %Z}" == "2026-03-01 10:00:01 UTC"


@pytest.mark.parametrize(
    "events",
    [[], [{}], ["text"], [{"id": "1", "type": "X"}], [{"id": 1, "type": "X", "timestamp": "noon"}]],
    ids=json.dumps,
)
def test_what_is_no_history_is_refused_in_one_line(events: list[Any]) -> None:
    with pytest.raises(HistoryError) as refused:
        run_of(events)
    assert "\n" not in str(refused.value)
