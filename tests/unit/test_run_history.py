"""What a history says about a run."""

import json
from pathlib import Path

import pytest

from rotation.rules.run_history import (
    STATES_AFTER_FAILURE,
    THROTTLED_BY_LAMBDA,
    Ending,
    failed_state,
    transitions,
    waits_for_lambda,
)
from tests.unit.values import Json, entered, exited, failed

STATES = json.loads((Path(__file__).parents[2] / "statemachine" / "rotation.asl.json").read_text())[
    "States"
]


@pytest.mark.parametrize(
    "after,state",
    [
        (["Log In", "Test Authentication", "Find Endpoints Again"], "Log In"),
        (["Find Endpoints Again", "User Active?"], "Find Endpoints Again"),
        # An endpoint did not answer, and no others were found.
        (["Find Endpoints Again", "Log In", "Test Authentication"], "Log In"),
        ([], None),
    ],
)
def test_the_failed_state_is_the_last_one_before_the_closing(
    after: list[str], state: str | None
) -> None:
    states = map(entered, ["Close Rotation", *after])
    history = [{"type": "ExecutionFailed"}, *states, {"type": "ExecutionStarted"}]
    assert failed_state(history) == state


def states_after_a_failure() -> set[str]:
    """The states that a failed execution passes on its way to the end."""
    # Where a Catch leads; what succeeds after all is asked for no failed state.
    caught = {way["Next"] for state in STATES.values() for way in state.get("Catch", ())}
    waiting = [*caught - {"Find Endpoints Again", "Rotated"}]
    after: set[str] = set()
    while waiting:
        name = waiting.pop()
        states = STATES[name].get("ItemProcessor", {}).get("States", {}) | {name: STATES[name]}
        after |= {*states}
        following = {STATES[name].get("Next"), STATES[name].get("Default")}
        waiting += following - {None, *after}
    return after


def test_no_state_after_a_failure_is_taken_for_the_failed_one() -> None:
    after = states_after_a_failure()
    # A state of a run that succeeds all the same is left out above, by the Next of its Catch.
    assert {*STATES_AFTER_FAILURE} == after, "states that only a failed run passes"
    history = [*map(entered, after), entered("Modify User")]
    assert failed_state(history) == "Modify User"


SCHEDULED, SUCCEEDED = {"type": "TaskScheduled"}, {"type": "TaskSucceeded"}
REFUSED = failed(THROTTLED_BY_LAMBDA)


@pytest.mark.parametrize(
    "history,waits",
    [
        ([], False),
        ([entered("Check Target")], False),
        ([REFUSED, SCHEDULED, entered("Check Target")], True),
        # Tried again just now: its outcome is not known, the last one is.
        ([SCHEDULED, REFUSED, SCHEDULED, entered("Check Target")], True),
        ([entered("Modify User"), SUCCEEDED, SCHEDULED, REFUSED, SCHEDULED], False),
        ([SCHEDULED, failed("UserBusyError"), SCHEDULED, REFUSED, SCHEDULED], False),
        ([failed("Lambda.Unknown"), SCHEDULED], False),
    ],
)
def test_an_execution_waits_for_lambda_after_a_refused_task(
    history: list[Json], waits: bool
) -> None:
    assert waits_for_lambda(history) is waits


CODES = {"Clients": "NOT_LOCKED_OUT"}
TARGET = {"Target": {"UserId": "app"}}
REACHED = entered("Modify User", TARGET)


@pytest.mark.parametrize(
    "history,ending",
    [
        ([exited("Close Rotation", {"Closing": CODES}), REACHED], Ending(CODES)),
        ([exited("Close Rotation", {"Closing": CODES, **TARGET})], Ending(CODES, user_id="app")),
        # Its Catch was taken.
        ([exited("Close Rotation", {}), REACHED], Ending(user_reached=True, user_id="app")),
        ([REACHED], Ending(user_reached=True, user_id="app")),
        ([entered("Check Target")], Ending()),
    ],
)
def test_what_a_run_has_left_is_in_its_history(history: list[Json], ending: Ending) -> None:
    assert Ending.of(history) == ending


def test_transitions_are_states_entered_and_retries() -> None:
    first = [{"type": "PassStateEntered"}, entered("Check Target"), SCHEDULED, REFUSED]
    second = [SCHEDULED, SUCCEEDED, {"type": "MapStateEntered"}, entered("Check Endpoint")]
    assert transitions([*first, *second, {"type": "MapIterationStarted"}, SCHEDULED]) == 5
