"""Faults as a client of the local AWS meets them; tests/rotation has whole rotations with them."""

import json
import ssl
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from local import rotate
from local.client import Watcher, nodes
from local.faults import KINDS, FaultError, control, parse, table
from local.instance import LocalAws
from tests.local.helpers import Arm, eventually, log_in, make_function

Served = tuple[list[dict[str, Any]], str]
FUNCTION = """
import os, redis

def handler(event, context):
    redis.Redis(**event, ssl=True, ssl_ca_certs=os.environ["SSL_CERT_FILE"]).get("app:key")
    return "answered"
"""


@pytest.fixture(scope="module")
def secret(secretsmanager: Any) -> str:
    return str(secretsmanager.create_secret(Name="faulty", SecretString="old")["ARN"])


@pytest.fixture(scope="module")
def served(aws: LocalAws, secretsmanager: Any) -> Served:
    """The endpoints of the cache of `make rotate`, and its user's password."""
    rotate._create(aws)
    value = secretsmanager.get_secret_value(SecretId=rotate.SECRET)["SecretString"]
    return list(nodes(aws, rotate.CACHE).values()), json.loads(value)["password"]


@pytest.fixture(scope="module")
def function(aws: LocalAws) -> str:
    return make_function(aws, "faulty", FUNCTION, Timeout=20)


def invoke(aws: LocalAws, function: str, event: dict[str, Any]) -> Any:
    client = aws.client("lambda")
    return json.load(client.invoke(FunctionName=function, Payload=json.dumps(event))["Payload"])


def answer(call: Callable[..., Any], **request: Any) -> tuple[str, int]:
    """The error code of an answer, or OK, and its status."""
    try:
        return "OK", call(**request)["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    "kind, codes",
    [
        ("throttle", [("Throttling", 400), ("ThrottlingException", 400)]),
        ("error-500", [("InternalFailure", 500), ("InternalServiceError", 500)]),
        ("deny", [("AccessDenied", 403), ("AccessDeniedException", 400)]),
    ],
)
def test_a_refusal_has_the_code_and_the_status_of_its_service(
    arm: Arm, called: Any, secret: str, kind: str, codes: list[tuple[str, int]]
) -> None:
    arm(f"{kind}:ModifyUser:1", f"{kind}:PutSecretValue")
    modify = partial(answer, called("elasticache").modify_user, UserId="nobody")
    put = called("secretsmanager").put_secret_value
    assert [modify(), answer(put, SecretId=secret, SecretString="x")] == codes
    assert modify() == ("UserNotFound", 404)


def test_a_caller_that_is_no_function_loses_its_reply_and_is_not_killed(
    arm: Arm, called: Any, secretsmanager: Any, secret: str
) -> None:
    arm("kill-after:PutSecretValue")
    with pytest.raises(HTTPClientError):
        called("secretsmanager").put_secret_value(SecretId=secret, SecretString="lost")
    assert secretsmanager.get_secret_value(SecretId=secret)["SecretString"] == "lost"


def test_calls_are_counted_from_when_the_fault_is_set_and_only_those_of_functions(
    aws: LocalAws, arm: Arm, called: Any, secret: str
) -> None:
    read, of_a_person = (
        partial(answer, client.get_secret_value, SecretId=secret)
        for client in (called("secretsmanager"), aws.client("secretsmanager"))
    )
    read()
    arm("throttle:GetSecretValue:2-3", "error-500:GetSecretValue:5-", "deny:DescribeSecret")
    codes = []
    for _ in range(6):
        assert of_a_person()[0] == "OK"
        codes.append(read()[0])
    assert codes == ["OK", *["ThrottlingException"] * 2, "OK", *["InternalServiceError"] * 2]
    for _ in range(2):  # a denial is for every call
        with pytest.raises(ClientError, match="not authorized to perform: secretsmanager:Describe"):
            called("secretsmanager").describe_secret(SecretId=secret)
    listed = control(aws.environment["LOCAL_CONTROL_URL"], "GET")
    assert [each["met"] for each in listed] == [2, 2, 2]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("kind", ["kill-before", "kill-after"])
def test_a_function_killed_at_its_login(
    aws: LocalAws, arm: Arm, function: str, served: Served, kind: str
) -> None:
    [endpoint, _], password = served
    arm(f"{kind}:AUTH")
    # Not a function's: neither counted nor hit.
    assert log_in(aws, endpoint, rotate.USER, password) == "+OK"
    login = {"username": rotate.USER, "password": password}
    event = {"host": endpoint["Address"], "port": endpoint["Port"], **login}
    assert invoke(aws, function, event)["errorType"] == "Runtime.ExitError"
    assert invoke(aws, function, event) == "answered"


def test_a_slow_node_that_accepts_any_password_and_one_with_a_wrong_certificate(
    aws: LocalAws, arm: Arm, served: Served
) -> None:
    [slow, wrong], password = served
    arm("slow-node:1:0.5", "open-node:1", "wrong-certificate:2")
    with pytest.raises(ssl.SSLCertVerificationError):
        log_in(aws, wrong, rotate.USER, password)
    begun = time.monotonic()
    assert log_in(aws, slow, rotate.USER, "made-up-password") == "+OK"
    assert time.monotonic() - begun > 0.4


def test_the_watcher_of_a_rotation(
    aws: LocalAws, arm: Arm, elasticache: Any, served: Served
) -> None:
    arm("drop-node:2")
    with Watcher(aws, rotate.CACHE, rotate.USER, rotate.SECRET, unreachable={2}) as watcher:
        eventually(lambda: watcher.logins > 2)
        assert watcher.lock_outs == []
        elasticache.modify_user(UserId=rotate.USER, Passwords=["New-password-of-a-user"])
        eventually(lambda: watcher.lock_outs)
    assert all("sessions-001: refused" in each for each in watcher.lock_outs)
    with Watcher(aws, rotate.CACHE, rotate.USER, rotate.SECRET, unreachable=set()) as watcher:
        eventually(lambda: any("sessions-002: Conn" in each for each in watcher.lock_outs))


@pytest.mark.parametrize(
    "text, named",
    [
        ("throtle:ModifyUser", "lose-reply"),
        ("throttle:ModifyUsr", "ModifyUser"),
        ("throttle", "throttle:API[:CALLS]"),
        ("throttle:ModifyUser:1:2", "throttle:API[:CALLS]"),
        ("throttle:AUTH", "ModifyUser"),
        ("kill-after:Invoke", "ModifyUser"),
        ("throttle:ModifyUser:0", "1-3"),
        ("throttle:ModifyUser:3-1", "1-3"),
        ("drop-node:0", "1 to 2"),
        ("drop-node:3", "1 to 2"),
        ("slow-node:1:soon", "SECONDS"),
        ("keep-modifying:3601", "3600"),
        ("stop-at:log in", "Log In"),
        ("stop-at:", "Log In"),
        ("stale:PutSecretValue", "DescribeSecret"),
        ("stale:GetExecutionHistory", "DescribeExecution"),
        ("lambda-error:NotReady", "ResourceNotReadyException"),
        ("lambda-error", "lambda-error:ERROR[:CALLS][:FUNCTION]"),
        ("idle-function:9:LogInn", "LogInWithCurrent"),
        ("", "throttle"),
    ],
)
def test_a_wrong_fault_is_answered_in_one_line_that_names_what_there_is(
    text: str, named: str
) -> None:
    with pytest.raises(FaultError) as caught:
        parse(text, nodes=2)
    assert str(caught.value).startswith(f"{text}: ")
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_several_faults_all_are_set_or_none(aws: LocalAws, arm: Arm) -> None:
    with pytest.raises(FaultError, match="drop-node:99"):
        arm("throttle:ModifyUser", "drop-node:99")
    assert control(aws.environment["LOCAL_CONTROL_URL"], "GET") == []


def test_the_documentation_has_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "local-aws.md").read_text()
    assert {written.partition(":")[0] for written, _ in table()} >= set(KINDS)
    for written, does in table():
        assert f"| `{written}` | {does} |" in page
