"""The adapter of Step Functions. Stubber holds calls and answers against botocore's model."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from rotation.adapters.step_functions import (
    FAILURE_STATES,
    THROTTLED_BY_LAMBDA,
    Ending,
    Execution,
    StepFunctions,
)
from rotation.errors import (
    AccessDeniedError,
    ConfigurationError,
    RotationError,
    ServiceUnavailableError,
    ThrottlingError,
)
from tests.unit.fakes import EXECUTION_ARN, MACHINE_ARN, SECRET_ARN

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MACHINE = Path(__file__).parents[2] / "statemachine" / "rotation.asl.json"
HISTORY = {"executionArn": EXECUTION_ARN, "includeExecutionData": False, "maxResults": 1000}


class Stub:
    """An adapter on a stubbed client."""

    def __init__(self) -> None:
        client = boto3.client("stepfunctions")
        self.stubber = Stubber(client)
        self.adapter = StepFunctions(client, MACHINE_ARN)

    def history(self, *events: dict[str, Any], newest_first: bool) -> None:
        numbered = [
            {"timestamp": NOW, "id": number, **event} for number, event in enumerate(events, 1)
        ]
        expected = HISTORY | {"reverseOrder": newest_first}
        self.stubber.add_response("get_execution_history", {"events": numbered}, expected)


@pytest.fixture
def stub() -> Iterator[Stub]:
    found = Stub()
    with found.stubber:
        yield found
        found.stubber.assert_no_pending_responses()


def entered(name: str, kind: str = "Task") -> dict[str, Any]:
    return {"type": f"{kind}StateEntered", "stateEnteredEventDetails": {"name": name}}


def test_an_execution_is_started_by_name_and_runs(stub: Stub) -> None:
    given = {"SecretId": SECRET_ARN, "Attempt": 1}
    stub.stubber.add_response(
        "start_execution",
        {"executionArn": EXECUTION_ARN, "startDate": NOW},
        {"stateMachineArn": MACHINE_ARN, "name": "run-1", "input": json.dumps(given)},
    )
    assert stub.adapter.start("run-1", given) == Execution(EXECUTION_ARN, "RUNNING")


def test_without_a_machine_nothing_is_started() -> None:
    with pytest.raises(ConfigurationError, match="STATE_MACHINE_ARN"):
        StepFunctions(None).start("run-1", {})


def described(status: str, **more: Any) -> dict[str, Any]:
    return {
        "executionArn": EXECUTION_ARN,
        "stateMachineArn": MACHINE_ARN,
        "status": status,
        "startDate": NOW,
        **more,
    }


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "TIMED_OUT", "ABORTED"])
def test_an_execution_is_found_by_name(stub: Stub, status: str) -> None:
    ended = {} if status == "RUNNING" else {"stopDate": NOW}
    stub.stubber.add_response(
        "describe_execution", described(status, **ended), {"executionArn": EXECUTION_ARN}
    )
    expected = Execution(EXECUTION_ARN, status, "", "", ended.get("stopDate"))
    assert stub.adapter.find("run-1") == expected


def test_a_failed_execution_tells_its_error_and_cause(stub: Stub) -> None:
    told = {"error": "UserBusyError", "cause": "It is busy."}
    stub.stubber.add_response("describe_execution", described("FAILED", stopDate=NOW, **told))
    found = stub.adapter.find("run-1")
    assert found == Execution(EXECUTION_ARN, "FAILED", "UserBusyError", "It is busy.", NOW)


def test_an_execution_that_is_not_there_is_none(stub: Stub) -> None:
    stub.stubber.add_client_error("describe_execution", "ExecutionDoesNotExist")
    assert stub.adapter.find("run-1") is None


@pytest.mark.parametrize(
    "code,status,kind",
    [
        ("ThrottlingException", 400, ThrottlingError),
        ("AccessDeniedException", 400, AccessDeniedError),
        ("InternalServerError", 500, ServiceUnavailableError),
    ],
)
def test_error_codes_have_names(
    stub: Stub, code: str, status: int, kind: type[RotationError]
) -> None:
    for call in ("describe_execution", "start_execution", "get_execution_history"):
        stub.stubber.add_client_error(call, code, "", status)
    with pytest.raises(kind):
        stub.adapter.find("run-1")
    with pytest.raises(kind):
        stub.adapter.start("run-1", {})
    with pytest.raises(kind):
        stub.adapter.transitions(EXECUTION_ARN)


@pytest.mark.parametrize(
    "after, state",
    [
        (["Log In", "Test Authentication", "Find Endpoints Again"], "Log In"),
        (["Find Endpoints Again", "User Active?"], "Find Endpoints Again"),
        # An endpoint did not answer, and no others were found.
        (["Find Endpoints Again", "Log In", "Test Authentication"], "Log In"),
    ],
)
def test_the_failed_state_is_the_last_one_before_the_closing(
    stub: Stub, after: list[str], state: str
) -> None:
    stub.history(
        {"type": "ExecutionFailed"},
        entered("Close Rotation"),
        *map(entered, after),
        newest_first=True,
    )
    assert stub.adapter.failed_state(EXECUTION_ARN) == state


def test_an_execution_that_has_not_entered_a_state_has_no_failed_one(stub: Stub) -> None:
    stub.history({"type": "ExecutionAborted"}, {"type": "ExecutionStarted"}, newest_first=True)
    assert stub.adapter.failed_state(EXECUTION_ARN) is None


def states_after_a_failure() -> dict[str, str]:
    """Name and type of the states of the real machine that only tell of a failure."""
    states = json.loads(MACHINE.read_text())["States"]
    # Where a Catch leads; what succeeds after all is asked for no failed state.
    caught = {way["Next"] for state in states.values() for way in state.get("Catch", ())}
    waiting = [*caught - {"Find Endpoints Again", "Rotated"}]
    found: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        state = states[name]
        found[name] = state["Type"]
        inner = state.get("ItemProcessor", {}).get("States", {})
        found |= {each: inner[each]["Type"] for each in inner}
        following = [state.get("Next"), state.get("Default")]
        waiting += [each for each in following if each and each not in found]
    return dict(sorted(found.items()))


def test_the_states_that_follow_a_failure_are_those_of_the_machine() -> None:
    assert set(FAILURE_STATES) == set(states_after_a_failure())


@pytest.mark.parametrize("name,kind", states_after_a_failure().items())
def test_no_state_that_follows_a_failure_is_taken_for_the_failed_one(
    stub: Stub, name: str, kind: str
) -> None:
    stub.history(entered(name, kind), entered("Modify User"), newest_first=True)
    assert stub.adapter.failed_state(EXECUTION_ARN) == "Modify User"


def failed(error: str) -> dict[str, Any]:
    told = {"resourceType": "lambda", "resource": "invoke", "error": error}
    return {"type": "TaskFailed", "taskFailedEventDetails": told}


SCHEDULED, SUCCEEDED = {"type": "TaskScheduled"}, {"type": "TaskSucceeded"}
REFUSED = failed(THROTTLED_BY_LAMBDA)


@pytest.mark.parametrize(
    "newest_first,waits",
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
def test_an_execution_waits_for_lambda_whose_newest_task_was_refused(
    stub: Stub, newest_first: list[dict[str, Any]], waits: bool
) -> None:
    stub.history(*newest_first, newest_first=True)
    assert stub.adapter.waits_for_lambda(EXECUTION_ARN) is waits


def left(name: str, output: dict[str, Any]) -> dict[str, Any]:
    details = {"name": name, "output": json.dumps(output)}
    return {"type": "TaskStateExited", "stateExitedEventDetails": details}


CODES = {"Clients": "NOT_LOCKED_OUT"}
TARGET = {"Target": {"UserId": "app"}}
REACHED = entered("Modify User")
REACHED["stateEnteredEventDetails"]["input"] = json.dumps(TARGET)


@pytest.mark.parametrize(
    "newest_first, ending",
    [
        ([left("Close Rotation", {"Closing": CODES}), REACHED], Ending(CODES)),
        ([left("Close Rotation", {"Closing": CODES, **TARGET})], Ending(CODES, user_id="app")),
        # Its Catch was taken.
        ([left("Close Rotation", {}), REACHED], Ending(user_reached=True, user_id="app")),
        ([REACHED], Ending(user_reached=True, user_id="app")),
        ([entered("Check Target")], Ending()),
    ],
)
def test_what_a_run_has_left_is_in_its_history(
    stub: Stub, newest_first: list[dict[str, Any]], ending: Ending
) -> None:
    events = [{"timestamp": NOW, "id": 1, **event} for event in newest_first]
    expected = HISTORY | {"includeExecutionData": True, "maxResults": 20, "reverseOrder": True}
    stub.stubber.add_response("get_execution_history", {"events": events}, expected)
    assert stub.adapter.ending(EXECUTION_ARN) == ending


def test_transitions_are_the_states_entered_and_the_retries(stub: Stub) -> None:
    stub.history(
        {"type": "ExecutionStarted"},
        entered("Read Input", "Pass"),
        {"type": "PassStateExited"},
        entered("Check Target"),
        {"type": "TaskScheduled"},
        {"type": "TaskFailed"},
        {"type": "TaskScheduled"},
        {"type": "TaskSucceeded"},
        {"type": "TaskStateExited"},
        entered("Check Network", "Map"),
        {"type": "MapIterationStarted"},
        entered("Check Endpoint"),
        {"type": "TaskScheduled"},
        newest_first=False,
    )
    assert stub.adapter.transitions(EXECUTION_ARN) == 5


def test_all_pages_of_a_history_count(stub: Stub) -> None:
    page = [{"timestamp": NOW, "id": 1, "type": "PassStateEntered"}]
    expected = HISTORY | {"reverseOrder": False}
    stub.stubber.add_response(
        "get_execution_history", {"events": page, "nextToken": "more"}, expected
    )
    stub.stubber.add_response(
        "get_execution_history", {"events": page}, expected | {"nextToken": "more"}
    )
    assert stub.adapter.transitions(EXECUTION_ARN) == 2


def test_the_machine_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_MACHINE_ARN", MACHINE_ARN)
    connect = StepFunctions.connect.__func__.__wrapped__  # type: ignore[attr-defined]
    assert connect(StepFunctions)._arn("run-1") == EXECUTION_ARN


def test_a_name_that_is_taken_starts_nothing(stub: Stub) -> None:
    # By an execution that has ended, or has another input; StartExecution does not tell which.
    stub.stubber.add_client_error("start_execution", "ExecutionAlreadyExists")
    assert stub.adapter.start("run-1", {}) is None


def test_all_pages_of_running_executions_are_found(stub: Stub) -> None:
    expected = {"stateMachineArn": MACHINE_ARN, "statusFilter": "RUNNING", "maxResults": 1000}

    def page(name: str) -> dict[str, Any]:
        found = {"stateMachineArn": MACHINE_ARN, "status": "RUNNING", "startDate": NOW}
        return {"executions": [found | {"executionArn": f"{EXECUTION_ARN}{name}", "name": name}]}

    stub.stubber.add_response("list_executions", page("a") | {"nextToken": "more"}, expected)
    stub.stubber.add_response("list_executions", page("b"), expected | {"nextToken": "more"})
    assert stub.adapter.running() == {f"{EXECUTION_ARN}{name}": NOW for name in "ab"}


def test_a_machine_without_running_executions_has_none(stub: Stub) -> None:
    stub.stubber.add_response("list_executions", {"executions": []})
    assert stub.adapter.running() == {}
