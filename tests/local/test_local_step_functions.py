"""Executions: their Lambda tasks, names, histories and ends."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.instance import LocalAws
from local.step_functions import adopt_state_machines
from tests.local.helpers import (
    ROLE,
    ended,
    eventually,
    execute,
    make_function,
    make_machine,
    start,
    task,
)

CODE = """
import os, pathlib, time

class TeapotError(Exception):
    pass

def handler(event, context):
    if event.get("do") == "raise":
        raise TeapotError("short and stout")
    if event.get("do") == "exit":
        os._exit(3)
    if event.get("do") == "wait":
        while not pathlib.Path(event["go"]).exists():
            time.sleep(0.01)
        pathlib.Path(event["done"]).touch()
    return {"got": event}
"""
WAIT = {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}


@pytest.fixture(scope="module")
def function(aws: LocalAws) -> str:
    return make_function(aws, "task-of-tests", CODE, Timeout=1)


def history(stepfunctions: Any, arn: str) -> list[dict[str, Any]]:
    return list(stepfunctions.get_execution_history(executionArn=arn)["events"])


def error_of(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    "do, error",
    [("raise", "TeapotError"), ("exit", "Runtime.ExitError"), ("wait", "Sandbox.Timedout")],
)
def test_errors_have_the_names_that_lambda_gives_them(
    stepfunctions: Any, function: str, tmp_path: Path, do: str, error: str
) -> None:
    paths = {name: str(tmp_path / name) for name in ("go", "done")}
    execution = execute(stepfunctions, {"Go": task(function)}, do=do, **paths)
    assert (execution["status"], execution["error"]) == ("FAILED", error)
    assert json.loads(execution["cause"])["errorType"] == error
    assert execution["stopDate"] >= execution["startDate"]
    failed = [
        event["taskFailedEventDetails"]
        for event in history(stepfunctions, execution["executionArn"])
        if event["type"] == "TaskFailed"
    ]
    assert [(each["error"], each["cause"]) for each in failed] == [(error, execution["cause"])]


def test_one_name_is_one_execution(stepfunctions: Any) -> None:
    machine = {"stateMachineArn": make_machine(stepfunctions, WAIT)}
    begin, same = stepfunctions.start_execution, {**machine, "name": "same"}
    execution = begin(**same, input='{"a": 1}')["executionArn"]
    assert begin(**same, input='{"a": 1}')["executionArn"] == execution
    assert error_of(begin, **same, input='{"a": 2}') == "ExecutionAlreadyExists"
    stepfunctions.stop_execution(executionArn=execution)
    assert error_of(begin, **same, input='{"a": 1}') == "ExecutionAlreadyExists"
    assert len(stepfunctions.list_executions(**machine)["executions"]) == 1


def test_a_stopped_execution_keeps_its_reason_and_does_nothing_more(
    aws: LocalAws, stepfunctions: Any, tmp_path: Path
) -> None:
    slow = make_function(aws, "slow-of-tests", CODE, Timeout=60)
    first = task(slow, Next="Second", ResultPath=None)
    del first["End"]
    go, done = tmp_path / "go", tmp_path / "done"
    states = {"First": first, "Second": task(slow)}
    execution = start(stepfunctions, states, do="wait", go=str(go), done=str(done))
    eventually(lambda: any(e["type"] == "TaskStarted" for e in history(stepfunctions, execution)))
    reason = {"error": "Enough", "cause": "by hand"}
    stepfunctions.stop_execution(executionArn=execution, **reason)
    stopped = history(stepfunctions, execution)
    last = stopped[-1]
    assert (last["type"], last["executionAbortedEventDetails"]) == ("ExecutionAborted", reason)
    go.touch()
    eventually(done.exists)
    # A second stop changes nothing either.
    stepfunctions.stop_execution(executionArn=execution, error="Late")
    assert history(stepfunctions, execution) == stopped
    described = stepfunctions.describe_execution(executionArn=execution)
    assert described.items() >= {"status": "ABORTED", **reason}.items()
    assert described["stopDate"] >= described["startDate"]


@pytest.mark.parametrize("reverse", [False, True])
def test_pages_of_a_history(stepfunctions: Any, reverse: bool) -> None:
    states = {f"S{index}": {"Type": "Pass", "Next": f"S{index + 1}"} for index in range(6)}
    arn = execute(stepfunctions, {**states, "S6": {"Type": "Succeed"}})["executionArn"]
    ids = [event["id"] for event in history(stepfunctions, arn)]
    assert ids == list(range(1, 17))
    paginator = stepfunctions.get_paginator("get_execution_history")
    size = {"PaginationConfig": {"PageSize": 5}}
    pages = list(paginator.paginate(executionArn=arn, reverseOrder=reverse, **size))
    assert [len(page["events"]) for page in pages] == [5, 5, 5, 1]
    paged = [event["id"] for page in pages for event in page["events"]]
    assert paged == (ids[::-1] if reverse else ids)
    wrong = {"executionArn": arn, "nextToken": "nonsense"}
    assert error_of(stepfunctions.get_execution_history, **wrong) == "InvalidToken"


def test_a_time_out_has_an_end(stepfunctions: Any) -> None:
    machine = make_machine(stepfunctions, WAIT, TimeoutSeconds=1)
    execution = stepfunctions.start_execution(stateMachineArn=machine)["executionArn"]
    described = ended(stepfunctions, execution)
    assert (described["status"], "stopDate" in described) == ("TIMED_OUT", True)


def test_an_execution_keeps_the_definition_it_started_with(stepfunctions: Any) -> None:
    arn = make_machine(stepfunctions, {"Only": {"Type": "Succeed"}})
    before = stepfunctions.describe_state_machine(stateMachineArn=arn)["definition"]
    execution = stepfunctions.start_execution(stateMachineArn=arn)["executionArn"]
    after = before.replace("Only", "Other")
    stepfunctions.update_state_machine(stateMachineArn=arn, definition=after)
    shown = stepfunctions.describe_state_machine_for_execution(executionArn=execution)
    assert (shown["stateMachineArn"], shown["definition"]) == (arn, before)


def test_deployed_state_machines_are_adopted_and_then_updated(
    aws: LocalAws, stepfunctions: Any
) -> None:
    source = aws.deployment_client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    machine = {"definition": definition, "roleArn": ROLE}
    arn = source.create_state_machine(name="deployed", **machine)["stateMachineArn"]
    for changed in (definition, definition.replace('"A"', '"B"')):
        source.update_state_machine(stateMachineArn=arn, definition=changed)
        adopt_state_machines(source, stepfunctions)
        adopted = stepfunctions.describe_state_machine(stateMachineArn=arn)
        assert (adopted["definition"], adopted["roleArn"]) == (changed, ROLE)
