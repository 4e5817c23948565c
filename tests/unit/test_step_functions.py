"""The adapter of Step Functions. Its error codes are in test_error_codes.py."""

import json
from collections.abc import Iterator
from datetime import datetime

import pytest

from rotation.adapters.step_functions import Execution, StepFunctions
from rotation.errors import ConfigurationError
from tests.unit.conftest import SetEnv
from tests.unit.stubs import Stub, stubbed
from tests.unit.values import EXECUTION_ARN, MACHINE_ARN, NO_CLIENT, NOW, SECRET_ARN, Json

Stubbed = Stub[StepFunctions]


@pytest.fixture
def stub() -> Iterator[Stubbed]:
    with stubbed("stepfunctions", lambda client: StepFunctions(client, MACHINE_ARN)) as stub:
        yield stub


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
        StepFunctions(NO_CLIENT).start("run-1", {})


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


@pytest.mark.parametrize("data,page_size", [(False, 1000), (True, 20)])
def test_a_history_has_the_events_of_all_pages(stub: Stubbed, data: bool, page_size: int) -> None:
    asked = {"executionArn": EXECUTION_ARN, "includeExecutionData": data, "reverseOrder": True}
    asked["maxResults"] = page_size
    first, second = ({"timestamp": NOW, "id": number, "type": "TaskScheduled"} for number in (2, 1))
    answer = {"events": [first], "nextToken": "more"}
    stub.answers("get_execution_history", answer, **asked)
    stub.answers("get_execution_history", {"events": [second]}, **asked, nextToken="more")
    events = stub.adapter.history(EXECUTION_ARN, newest_first=True, with_data=data)
    assert [event["id"] for event in events] == [2, 1]


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
