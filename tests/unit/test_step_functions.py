"""The adapter of Step Functions. Its error codes are in test_error_codes.py."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rotation.adapters.step_functions import Execution, StepFunctions
from rotation.errors import ConfigurationError
from rotation.rules.run_history import STATES_AFTER_FAILURE, THROTTLED_BY_LAMBDA, Ending
from tests.unit.conftest import SetEnv
from tests.unit.fakes import EXECUTION_ARN, MACHINE_ARN, NOW, SECRET_ARN, Json
from tests.unit.stubs import Stub, stubbed

STATES = json.loads((Path(__file__).parents[2] / "statemachine" / "rotation.asl.json").read_text())[
    "States"
]


Stubbed = Stub[StepFunctions]


def has_history(
    stub: Stubbed, *events: Json, data: bool = False, answer: Json = {}, **more: Any
) -> None:
    """GetExecutionHistory answers these events, newest first unless the call asks otherwise."""
    asked = {"executionArn": EXECUTION_ARN, "includeExecutionData": data, "reverseOrder": True}
    asked |= {"maxResults": 20 if data else 1000, **more}
    dated = [{"timestamp": NOW, "id": 1, **event} for event in events]
    stub.answers("get_execution_history", {"events": dated, **answer}, **asked)


@pytest.fixture
def stub() -> Iterator[Stubbed]:
    with stubbed("stepfunctions", lambda client: StepFunctions(client, MACHINE_ARN)) as stub:
        yield stub


def entered(name: str, kind: str = "Task", state: Any = None) -> Json:
    details = {"name": name, **({"input": json.dumps(state)} if state else {})}
    return {"type": f"{kind}StateEntered", "stateEnteredEventDetails": details}


def test_an_execution_is_started_under_a_name_that_is_free(stub: Stubbed) -> None:
    execution_input = {"SecretId": SECRET_ARN, "Attempt": 1}
    asked = {"name": "run-1", "input": json.dumps(execution_input)}
    started = {"executionArn": EXECUTION_ARN, "startDate": NOW}
    stub.answers("start_execution", started, stateMachineArn=MACHINE_ARN, **asked)
    # By an execution that has ended or has another input: StartExecution does not say which.
    stub.fails("start_execution", "ExecutionAlreadyExists")
    assert stub.adapter.start("run-1", execution_input) == Execution(EXECUTION_ARN, "RUNNING")
    assert stub.adapter.start("run-1", execution_input) is None


def test_without_a_state_machine_nothing_is_started() -> None:
    with pytest.raises(ConfigurationError, match="STATE_MACHINE_ARN"):
        StepFunctions(None).start("run-1", {})


ENDED = {"stopDate": NOW}
FAILED = {**ENDED, "error": "UserBusyError", "cause": "It is busy."}


@pytest.mark.parametrize(
    "status,more,end",
    [
        ("RUNNING", {}, ("", "", None)),
        ("SUCCEEDED", ENDED, ("", "", NOW)),
        ("FAILED", FAILED, ("UserBusyError", "It is busy.", NOW)),
    ],
)
def test_an_execution_is_found_by_name(
    stub: Stubbed, status: str, more: Json, end: tuple[str, str, datetime | None]
) -> None:
    described = {"executionArn": EXECUTION_ARN, "stateMachineArn": MACHINE_ARN, "startDate": NOW}
    answer = {**described, "status": status, **more}
    stub.answers("describe_execution", answer, executionArn=EXECUTION_ARN)
    assert stub.adapter.find("run-1") == Execution(EXECUTION_ARN, status, *end)


def test_an_execution_that_is_not_there_is_none(stub: Stubbed) -> None:
    stub.fails("describe_execution", "ExecutionDoesNotExist")
    assert stub.adapter.find("run-1") is None


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
    stub: Stubbed, after: list[str], state: str | None
) -> None:
    states = map(entered, ["Close Rotation", *after])
    has_history(stub, {"type": "ExecutionFailed"}, *states, {"type": "ExecutionStarted"})
    assert stub.adapter.failed_state(EXECUTION_ARN) == state


def states_after_a_failure() -> dict[str, str]:
    """Name and type of the states that a failed execution passes on its way to the end."""
    # Where a Catch leads; what succeeds after all is asked for no failed state.
    caught = {way["Next"] for state in STATES.values() for way in state.get("Catch", ())}
    waiting = [*caught - {"Find Endpoints Again", "Rotated"}]
    after: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        states = STATES[name].get("ItemProcessor", {}).get("States", {}) | {name: STATES[name]}
        after |= {inner: state["Type"] for inner, state in states.items()}
        following = {STATES[name].get("Next"), STATES[name].get("Default")}
        waiting += following - {None, *after}
    return after


def test_no_state_after_a_failure_is_taken_for_the_failed_one(stub: Stubbed) -> None:
    after = states_after_a_failure()
    assert set(STATES_AFTER_FAILURE) == set(after)
    has_history(stub, *(entered(*state) for state in after.items()), entered("Modify User"))
    assert stub.adapter.failed_state(EXECUTION_ARN) == "Modify User"


def failed(error: str) -> Json:
    details = {"resourceType": "lambda", "resource": "invoke", "error": error}
    return {"type": "TaskFailed", "taskFailedEventDetails": details}


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
    stub: Stubbed, history: list[Json], waits: bool
) -> None:
    has_history(stub, *history)
    assert stub.adapter.waits_for_lambda(EXECUTION_ARN) is waits


def exited(state: Json) -> Json:
    details = {"name": "Close Rotation", "output": json.dumps(state)}
    return {"type": "TaskStateExited", "stateExitedEventDetails": details}


CODES = {"Clients": "NOT_LOCKED_OUT"}
TARGET = {"Target": {"UserId": "app"}}
REACHED = entered("Modify User", state=TARGET)


@pytest.mark.parametrize(
    "history,ending",
    [
        ([exited({"Closing": CODES}), REACHED], Ending(CODES)),
        ([exited({"Closing": CODES, **TARGET})], Ending(CODES, user_id="app")),
        # Its Catch was taken.
        ([exited({}), REACHED], Ending(user_reached=True, user_id="app")),
        ([REACHED], Ending(user_reached=True, user_id="app")),
        ([entered("Check Target")], Ending()),
    ],
)
def test_what_a_run_has_left_is_in_its_history(
    stub: Stubbed, history: list[Json], ending: Ending
) -> None:
    has_history(stub, *history, data=True)
    assert stub.adapter.ending(EXECUTION_ARN) == ending


def test_transitions_are_states_entered_and_retries_on_all_pages(stub: Stubbed) -> None:
    first: list[Json] = [entered("Read Input", "Pass"), entered("Check Target"), SCHEDULED, REFUSED]
    second = [SCHEDULED, SUCCEEDED, entered("Check Network", "Map"), entered("Check Endpoint")]
    asked: Json = {"reverseOrder": False}
    has_history(stub, *first, answer={"nextToken": "more"}, **asked)
    has_history(
        stub, *second, {"type": "MapIterationStarted"}, SCHEDULED, **asked, nextToken="more"
    )
    assert stub.adapter.transitions(EXECUTION_ARN) == 5


def test_all_pages_of_running_executions_are_found(stub: Stubbed) -> None:
    asked = {"stateMachineArn": MACHINE_ARN, "statusFilter": "RUNNING", "maxResults": 1000}
    running = {"stateMachineArn": MACHINE_ARN, "status": "RUNNING", "startDate": NOW}
    a, b = ({**running, "executionArn": f"{EXECUTION_ARN}{end}", "name": end} for end in "ab")
    stub.answers("list_executions", {"executions": [a], "nextToken": "more"}, **asked)
    stub.answers("list_executions", {"executions": [b]}, **asked, nextToken="more")
    stub.answers("list_executions", {"executions": []})
    assert stub.adapter.running() == {f"{EXECUTION_ARN}{end}": NOW for end in "ab"}
    assert stub.adapter.running() == {}


def test_the_state_machine_is_that_of_the_environment(set_env: SetEnv) -> None:
    set_env("STATE_MACHINE_ARN", MACHINE_ARN)
    connect = StepFunctions.connect.__func__.__wrapped__  # type: ignore[attr-defined]
    assert connect(StepFunctions)._arn("run-1") == EXECUTION_ARN
