"""Invocations that Lambda refuses: by faults, and because they are too many."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.faults import SECRETS_MANAGER, STEP_FUNCTIONS, Faults, ask, functions, lambda_errors
from local.instance import LocalAws
from tests.local.helpers import Arm, any_role, eventually, execute, make_function

CODE = """
import pathlib, time

def handler(event, context):
    if event.get("here"):
        pathlib.Path(event["here"]).touch()
        while not pathlib.Path(event["go"]).exists():
            time.sleep(0.01)
    return "answered"
"""
LOG_IN = "arn:aws:lambda:us-east-1:123456789012:function:stack-LogInFunction-ABC"


def armed(*texts: str) -> tuple[Faults, list[float]]:
    now = [0.0]
    faults = Faults(now=lambda: now[0])
    status, text = faults.control("POST", json.dumps(texts).encode())
    assert status == 200, text
    return faults, now


def invoke(faults: Faults, function: str, caller: str = STEP_FUNCTIONS) -> tuple[str, int]:
    try:
        faults.invoked(function, caller)
    except ClientError as error:
        answer = error.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]
    return "OK", 200


def test_each_idle_function_wakes_by_its_own_first_invocation() -> None:
    faults, now = armed("idle-function:30")
    idle = ("ResourceNotReadyException", 502)
    now[0] = 10
    assert invoke(faults, LOG_IN) == idle
    now[0] = 39.9
    assert invoke(faults, LOG_IN) == invoke(faults, "CheckEndpointFunction") == idle
    now[0] = 40
    assert invoke(faults, LOG_IN) == ("OK", 200)
    assert invoke(faults, "CheckEndpointFunction") == idle
    # Not in the VPC.
    assert invoke(faults, "CheckTargetFunction") == ("OK", 200)
    assert functions(in_vpc=True) == ["CheckEndpoint", "LogIn", "LogInWithCurrent"]


def test_a_function_that_is_named_is_the_idle_one() -> None:
    faults, _ = armed("idle-function:30:RotateSecret")
    assert invoke(faults, LOG_IN) == ("OK", 200)
    named = invoke(faults, "RotateSecretFunction", SECRETS_MANAGER)
    assert named == ("ResourceNotReadyException", 502)


@pytest.mark.parametrize("error", lambda_errors())
def test_every_error_of_lambda_has_its_status(error: str) -> None:
    faults, _ = armed(f"lambda-error:{error}:2")
    answers = [invoke(faults, name, SECRETS_MANAGER) for name in ("a", LOG_IN, "b")]
    assert answers == [("OK", 200), (error, lambda_errors()[error]), ("OK", 200)]


def test_lambda_errors_come_from_botocores_model() -> None:
    assert lambda_errors()["ResourceNotReadyException"] == 502
    assert lambda_errors()["TooManyRequestsException"] == 429
    assert len(lambda_errors()) > 40


def test_errors_of_one_function_count_its_invocations() -> None:
    faults, _ = armed("lambda-error:ENINotReadyException:2-3:LogIn", "throttle:Invoke:1")
    names = [LOG_IN, "CheckTargetFunction", LOG_IN, LOG_IN, LOG_IN]
    codes = [invoke(faults, name)[0] for name in names]
    error = "ENINotReadyException"
    assert codes == ["TooManyRequestsException", "OK", error, error, "OK"]


def test_faults_of_invoke_are_of_step_functions_only() -> None:
    faults, _ = armed("throttle:Invoke")
    assert invoke(faults, LOG_IN, SECRETS_MANAGER) == ("OK", 200)
    assert invoke(faults, LOG_IN) == ("TooManyRequestsException", 429)


def task(function: str, event: dict[str, str]) -> dict[str, Any]:
    parameters = {"FunctionName": function, "Payload": event}
    resource = "arn:aws:states:::lambda:invoke"
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}


def rotator(aws: LocalAws, name: str) -> str:
    function = make_function(aws, name, CODE, Timeout=60)
    aws.client("lambda").add_permission(
        FunctionName=function,
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    return function


def told(aws: LocalAws, function: str) -> str:
    """What Secrets Manager says of the first step of a rotation."""
    secrets, name = aws.client("secretsmanager"), f"invoked-{function.rpartition(':')[2]}"
    secrets.create_secret(Name=name, SecretString="x")
    rules = {"AutomaticallyAfterDays": 30}
    token = secrets.rotate_secret(SecretId=name, RotationLambdaARN=function, RotationRules=rules)[
        "VersionId"
    ]
    url = f"{aws.environment['LOCAL_CONTROL_URL']}/rotations/{token}"
    return str(eventually(lambda: ask(url)["told"])[0])


def test_step_functions_and_secrets_manager_meet_the_same_errors(
    aws: LocalAws, arm: Arm, stepfunctions: Any
) -> None:
    function = rotator(aws, "LogInFunction")
    arm("idle-function:3600:LogIn")
    ended = execute(stepfunctions, "idle", {"Go": task(function, {})})
    assert ended["error"] == "Lambda.ResourceNotReadyException"
    assert ended["cause"] == (
        "By fault idle-function:3600:LogIn. (Service: AWSLambda; Status Code: 502; "
        "Error Code: ResourceNotReadyException; Request ID: local; Proxy: null)"
    )
    assert "createSecret failed: ResourceNotReadyException" in told(aws, function)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[LocalAws]:
    with LocalAws(tmp_path / "aws", concurrency=1) as aws:
        any_role(aws)
        yield aws


def test_one_invocation_too_many_is_refused_whoever_asks(small: LocalAws, tmp_path: Path) -> None:
    client, step_functions = small.client("lambda"), small.client("stepfunctions")
    assert client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1
    function, other = rotator(small, "slow"), rotator(small, "other")
    event = {name: str(tmp_path / name) for name in ("here", "go")}
    definition = {"StartAt": "Go", "States": {"Go": task(function, event)}}
    machine = step_functions.create_state_machine(
        name="slow", definition=json.dumps(definition), roleArn=any_role(small)
    )["stateMachineArn"]
    slow = step_functions.start_execution(stateMachineArn=machine)["executionArn"]
    eventually(Path(event["here"]).exists)
    ended = execute(step_functions, "other", {"Go": task(other, {})})
    assert ended["error"] == "Lambda.TooManyRequestsException"
    begin, rest = (
        "Rate Exceeded. (Service: AWSLambda; Status Code: 429; Error Code: ",
        ended["cause"],
    )
    assert rest.startswith(f"{begin}TooManyRequestsException; Request ID: ")
    assert "createSecret failed: TooManyRequestsException" in told(small, other)
    with pytest.raises(client.exceptions.TooManyRequestsException) as caught:
        client.invoke(FunctionName=other)
    assert caught.value.response["Reason"] == "ConcurrentInvocationLimitExceeded"
    Path(event["go"]).touch()
    describe = step_functions.describe_execution
    eventually(lambda: describe(executionArn=slow)["status"] == "SUCCEEDED")
    assert json.load(client.invoke(FunctionName=other)["Payload"]) == "answered"
