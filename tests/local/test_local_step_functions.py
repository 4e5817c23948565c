"""Executions: their Lambda tasks, names, histories and ends."""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.instance import LocalAws
from local.step_functions import adopt_state_machines
from tests.local.helpers import eventually, make_function

ROLE = "arn:aws:iam::123456789012:role/any"
CODE = """
import os, time

class TeapotError(Exception):
    pass

def handler(event, context):
    if event.get("do") == "raise":
        raise TeapotError("short and stout")
    if event.get("do") == "exit":
        os._exit(3)
    if event.get("do") == "sleep":
        time.sleep(event["seconds"])
    return {"got": event}
"""


@pytest.fixture(scope="module")
def task(aws: LocalAws) -> str:
    return make_function(aws, "task-of-tests", CODE, Timeout=1)


Machine = Callable[..., str]


@pytest.fixture
def machine(stepfunctions: Any) -> Machine:
    def make(**states: dict[str, Any]) -> str:
        definition = {"StartAt": next(iter(states)), "States": states}
        return str(
            stepfunctions.create_state_machine(
                name=f"m{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=ROLE
            )["stateMachineArn"]
        )

    return make


def invoke(function: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        "OutputPath": "$.Payload",
        "End": True,
    } | more


def run(stepfunctions: Any, machine: str, **data: Any) -> dict[str, Any]:
    arn = stepfunctions.start_execution(stateMachineArn=machine, input=json.dumps(data))
    return ended(stepfunctions, arn["executionArn"])


def ended(stepfunctions: Any, arn: str) -> dict[str, Any]:
    def look() -> Any:
        execution = stepfunctions.describe_execution(executionArn=arn)
        return execution if execution["status"] != "RUNNING" else None

    return dict(eventually(look))


def history(stepfunctions: Any, arn: str) -> list[dict[str, Any]]:
    return list(stepfunctions.get_execution_history(executionArn=arn)["events"])


def test_a_task_runs_on_the_deployed_function(
    stepfunctions: Any, machine: Machine, task: str
) -> None:
    execution = run(stepfunctions, machine(Go=invoke(task)), x=1)
    assert execution["status"] == "SUCCEEDED"
    assert json.loads(execution["output"]) == {"got": {"x": 1}}
    assert execution["executionArn"].startswith("arn:aws:states:us-east-1:123456789012:execution:")
    assert uuid.UUID(execution["name"])


@pytest.mark.parametrize(
    "data,error",
    [
        ({"do": "raise"}, "TeapotError"),
        ({"do": "exit"}, "Runtime.ExitError"),
        ({"do": "sleep", "seconds": 5}, "Sandbox.Timedout"),
    ],
)
def test_errors_have_the_names_that_lambda_gives_them(
    stepfunctions: Any, machine: Machine, task: str, data: dict[str, Any], error: str
) -> None:
    caught = {"ErrorEquals": [error], "Next": "Caught"}
    arn = machine(Go=invoke(task, Catch=[caught]), Caught={"Type": "Fail", "ErrorPath": "$.Error"})
    execution = run(stepfunctions, arn, **data)
    assert (execution["status"], execution["error"]) == ("FAILED", error)
    failed = [
        event["taskFailedEventDetails"]
        for event in history(stepfunctions, execution["executionArn"])
        if event["type"] == "TaskFailed"
    ]
    assert [details["error"] for details in failed] == [error]
    assert json.loads(failed[0]["cause"])["errorType"] == error


def test_an_uncaught_error_and_its_cause_are_the_executions(
    stepfunctions: Any, machine: Machine, task: str
) -> None:
    execution = run(stepfunctions, machine(Go=invoke(task)), do="raise")
    assert (execution["status"], execution["error"]) == ("FAILED", "TeapotError")
    assert json.loads(execution["cause"])["errorMessage"] == "short and stout"
    assert execution["stopDate"] >= execution["startDate"]


def test_a_function_that_lambda_refuses(
    aws: LocalAws, stepfunctions: Any, machine: Machine, task: str
) -> None:
    execution = run(stepfunctions, machine(Go=invoke(task + "-missing")))
    assert execution["error"] == "Lambda.ResourceNotFoundException"
    blocked = make_function(aws, "blocked", CODE)
    aws.client("lambda").put_function_concurrency(
        FunctionName="blocked", ReservedConcurrentExecutions=0
    )
    execution = run(stepfunctions, machine(Go=invoke(blocked)))
    assert execution["error"] == "Lambda.TooManyRequestsException"


def test_one_name_is_one_execution(stepfunctions: Any, machine: Machine) -> None:
    arn = machine(Wait={"Type": "Wait", "Seconds": 60, "Next": "End"}, End={"Type": "Succeed"})

    def start(text: str) -> str:
        answer = stepfunctions.start_execution(stateMachineArn=arn, name="same", input=text)
        return str(answer["executionArn"])

    def refusal(text: str) -> str:
        with pytest.raises(ClientError) as caught:
            start(text)
        return str(caught.value.response["Error"]["Code"])

    execution = start('{"a": 1}')
    assert start('{"a": 1}') == execution
    assert refusal('{"a": 2}') == "ExecutionAlreadyExists"
    stepfunctions.stop_execution(executionArn=execution)
    assert refusal('{"a": 1}') == "ExecutionAlreadyExists"
    assert len(stepfunctions.list_executions(stateMachineArn=arn)["executions"]) == 1


def test_a_stop_takes_effect_at_once_and_keeps_its_reason(
    stepfunctions: Any, machine: Machine
) -> None:
    arn = machine(Wait={"Type": "Wait", "Seconds": 60, "Next": "End"}, End={"Type": "Succeed"})
    execution = stepfunctions.start_execution(stateMachineArn=arn)["executionArn"]
    stepfunctions.stop_execution(executionArn=execution, error="Enough", cause="by hand")
    described = stepfunctions.describe_execution(executionArn=execution)
    assert described["status"] == "ABORTED"
    assert (described["error"], described["cause"]) == ("Enough", "by hand")
    assert described["stopDate"] >= described["startDate"]
    last = history(stepfunctions, execution)[-1]
    assert last["type"] == "ExecutionAborted"
    assert last["executionAbortedEventDetails"] == {"error": "Enough", "cause": "by hand"}


def test_a_stopped_execution_does_nothing_more(
    stepfunctions: Any, machine: Machine, task: str
) -> None:
    first = invoke(task, Next="Second", ResultPath=None, OutputPath="$")
    del first["End"]
    arn = machine(First=first, Second=invoke(task))
    execution = stepfunctions.start_execution(
        stateMachineArn=arn, input=json.dumps({"do": "sleep", "seconds": 0.5})
    )["executionArn"]
    eventually(lambda: any(e["type"] == "TaskStarted" for e in history(stepfunctions, execution)))
    stepfunctions.stop_execution(executionArn=execution)
    stopped = history(stepfunctions, execution)
    time.sleep(1)
    assert history(stepfunctions, execution) == stopped
    assert stepfunctions.describe_execution(executionArn=execution)["status"] == "ABORTED"
    # A second stop changes nothing.
    stepfunctions.stop_execution(executionArn=execution, error="Late")
    assert "error" not in stepfunctions.describe_execution(executionArn=execution)


def test_a_time_out_has_an_end(stepfunctions: Any) -> None:
    definition = {
        "StartAt": "Wait",
        "TimeoutSeconds": 1,
        "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}},
    }
    arn = stepfunctions.create_state_machine(
        name="slow", definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    execution = run(stepfunctions, arn)
    assert execution["status"] == "TIMED_OUT"
    assert execution["stopDate"] > execution["startDate"]


def test_pages_of_a_history(stepfunctions: Any, machine: Machine) -> None:
    states: dict[str, Any] = {
        f"S{index}": {"Type": "Pass", "Next": f"S{index + 1}"} for index in range(6)
    }
    execution = run(stepfunctions, machine(**states, S6={"Type": "Pass", "End": True}))
    arn = execution["executionArn"]
    ids = [event["id"] for event in history(stepfunctions, arn)]
    assert ids == list(range(1, 17))
    for reverse in (False, True):
        pages = list(
            stepfunctions.get_paginator("get_execution_history").paginate(
                executionArn=arn, reverseOrder=reverse, PaginationConfig={"PageSize": 5}
            )
        )
        assert [len(page["events"]) for page in pages] == [5, 5, 5, 1]
        paged = [event["id"] for page in pages for event in page["events"]]
        assert paged == (ids[::-1] if reverse else ids)
    with pytest.raises(ClientError) as caught:
        stepfunctions.get_execution_history(executionArn=arn, nextToken="nonsense")
    assert caught.value.response["Error"]["Code"] == "InvalidToken"


def test_an_execution_keeps_the_machine_it_started_with(
    stepfunctions: Any, machine: Machine
) -> None:
    arn = machine(Only={"Type": "Pass", "End": True})
    before = stepfunctions.describe_state_machine(stateMachineArn=arn)["definition"]
    execution = run(stepfunctions, arn)["executionArn"]
    stepfunctions.update_state_machine(
        stateMachineArn=arn, definition=before.replace("Only", "Other")
    )
    shown = stepfunctions.describe_state_machine_for_execution(executionArn=execution)
    assert (shown["stateMachineArn"], shown["definition"]) == (arn, before)


def test_machines_are_taken_over_from_the_deployment_and_then_updated(
    aws: LocalAws, stepfunctions: Any
) -> None:
    source = aws.deployment_client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    logging = {"level": "ERROR", "includeExecutionData": False}
    arn = source.create_state_machine(
        name="deployed",
        definition=definition,
        roleArn=ROLE,
        loggingConfiguration=logging,
    )["stateMachineArn"]
    adopt_state_machines(source, stepfunctions)
    adopted = stepfunctions.describe_state_machine(stateMachineArn=arn)
    assert (adopted["definition"], adopted["roleArn"]) == (definition, ROLE)
    assert adopted["loggingConfiguration"]["level"] == "ERROR"
    changed = definition.replace('"A"', '"B"')
    source.update_state_machine(stateMachineArn=arn, definition=changed)
    adopt_state_machines(source, stepfunctions)
    assert stepfunctions.describe_state_machine(stateMachineArn=arn)["definition"] == changed
