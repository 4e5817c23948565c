"""Invocations and calls that are refused: by faults, and because they are too many."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.faults import SECRETS_MANAGER, STEP_FUNCTIONS, Faults, ask, functions, lambda_errors
from local.faults.answers import CODES
from local.instance import LocalAws
from tests.local.helpers import any_role, ended, eventually, execute, make_rotator, start, task

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
    faults, _ = armed("idle-function:30:RotateSecret")
    assert invoke(faults, LOG_IN) == ("OK", 200)
    assert invoke(faults, "RotateSecretFunction", SECRETS_MANAGER) == idle


def test_every_error_of_lambda_has_its_status() -> None:
    statuses = {"ResourceNotReadyException": 502, "TooManyRequestsException": 429}
    assert statuses.items() <= lambda_errors().items()
    assert len(lambda_errors()) > 40
    for error in lambda_errors().items():
        faults, _ = armed(f"lambda-error:{error[0]}:2")
        answers = [invoke(faults, name, SECRETS_MANAGER) for name in ("a", LOG_IN, "b")]
        assert answers == [("OK", 200), error, ("OK", 200)]


def test_errors_of_one_function_count_its_invocations() -> None:
    faults, _ = armed("lambda-error:ENINotReadyException:2-3:LogIn", "throttle:Invoke:1")
    names = [LOG_IN, "CheckTargetFunction", LOG_IN, LOG_IN, LOG_IN]
    codes = [invoke(faults, name)[0] for name in names]
    error = "ENINotReadyException"
    assert codes == ["TooManyRequestsException", "OK", error, error, "OK"]


@pytest.mark.parametrize("kind", CODES)
def test_faults_of_invoke_are_of_step_functions_only(kind: str) -> None:
    faults, _ = armed(f"{kind}:Invoke")
    assert invoke(faults, LOG_IN, SECRETS_MANAGER) == ("OK", 200)
    assert invoke(faults, LOG_IN) == CODES[kind]["lambda"]


def test_calls_beyond_the_rate_are_throttled_until_the_second_is_over() -> None:
    faults, now = armed("rate-limit:2")
    assert [faults.limits("elasticache") for _ in range(3)] == [False, False, True]
    assert not faults.limits("states")
    now[0] = 0.9
    assert faults.limits("elasticache")
    now[0] = 1.0
    assert not faults.limits("elasticache")
    assert json.loads(faults.control("GET", b"")[1])[0]["met"] == 2


def first_outcome(aws: LocalAws, function: str) -> str:
    """What Secrets Manager says of the first step of a rotation."""
    secrets, name = aws.client("secretsmanager"), f"invoked-{function.rpartition(':')[2]}"
    secrets.create_secret(Name=name, SecretString="x")
    token = secrets.rotate_secret(SecretId=name, RotationLambdaARN=function)["VersionId"]
    url = f"{aws.environment['LOCAL_CONTROL_URL']}/rotations/{token}"
    return str(eventually(lambda: ask(url)["messages"])[0])


@pytest.fixture
def small(tmp_path: Path) -> Iterator[LocalAws]:
    with LocalAws(tmp_path / "aws", concurrency=1) as aws:
        any_role(aws)
        yield aws


def test_one_invocation_too_many_is_refused_whoever_asks(small: LocalAws, tmp_path: Path) -> None:
    client, step_functions = small.client("lambda"), small.client("stepfunctions")
    assert client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1
    function, other = make_rotator(small, CODE, Timeout=60), make_rotator(small, CODE)
    event = {name: str(tmp_path / name) for name in ("here", "go")}
    slow = start(step_functions, {"Go": task(function)}, **event)
    eventually(Path(event["here"]).exists)
    refused = execute(step_functions, {"Go": task(other)})
    assert refused["error"] == "Lambda.TooManyRequestsException"
    code = "Error Code: TooManyRequestsException"
    begin = f"Rate Exceeded. (Service: AWSLambda; Status Code: 429; {code}; Request ID: "
    assert refused["cause"].startswith(begin)
    assert "createSecret failed: TooManyRequestsException" in first_outcome(small, other)
    with pytest.raises(client.exceptions.TooManyRequestsException) as caught:
        client.invoke(FunctionName=other)
    assert caught.value.response["Reason"] == "ConcurrentInvocationLimitExceeded"
    Path(event["go"]).touch()
    assert ended(step_functions, slow)["status"] == "SUCCEEDED"
    assert json.load(client.invoke(FunctionName=other)["Payload"]) == "answered"
