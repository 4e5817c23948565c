"""Each fault does what its line in the table says, seen from outside."""

import json
import socket
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
from local.faults import FaultError, control, parse, table
from local.instance import MOTO_SERVICES, LocalAws, make_client
from tests.local.helpers import Arm, eventually, execute, log_in, make_function

PASSWORDS = ["Old-password-of-a-user", "New-password-of-a-user"]
FUNCTION = """
import os, boto3, redis
from botocore.config import Config

def handler(event, context):
    if "Address" in event:
        redis.Redis(
            host=event["Address"], port=event["Port"], username="faulty",
            password=event["Password"], ssl=True, ssl_ca_certs=os.environ["SSL_CERT_FILE"],
        ).ping()
    else:
        config = Config(retries={"total_max_attempts": 1})
        boto3.client("secretsmanager", config=config).put_secret_value(**event)
    return "answered"
"""


@pytest.fixture(scope="module")
def secret(secretsmanager: Any) -> str:
    return str(secretsmanager.create_secret(Name="faulty", SecretString="old")["ARN"])


@pytest.fixture(scope="module")
def endpoints(aws: LocalAws, elasticache: Any) -> list[dict[str, Any]]:
    """Of a cache of two nodes, where user `faulty` logs in with the first password."""
    faulty = {"UserId": "faulty", "UserName": "faulty", "Engine": "valkey"}
    elasticache.create_user(**faulty, AccessString="on ~* +@all", Passwords=PASSWORDS[:1])
    elasticache.create_user_group(UserGroupId="faulty", Engine="valkey", UserIds=["faulty"])
    elasticache.create_replication_group(
        ReplicationGroupId="faulty",
        ReplicationGroupDescription="test",
        Engine="valkey",
        NumCacheClusters=2,
        UserGroupIds=["faulty"],
        TransitEncryptionEnabled=True,
    )
    return list(nodes(aws, "faulty").values())


@pytest.fixture(scope="module")
def function(aws: LocalAws) -> str:
    return make_function(aws, "faulty", FUNCTION, Timeout=20)


def value(aws: LocalAws, secret: str) -> str:
    return str(aws.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])


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
def test_an_answer_instead_of_an_effect(
    aws: LocalAws, arm: Arm, called: Any, secret: str, kind: str, codes: list[tuple[str, int]]
) -> None:
    arm(f"{kind}:ModifyUser:1", f"{kind}:PutSecretValue:1", f"{kind}:StartExecution:1")
    users, secrets, start = (
        called("elasticache").modify_user,
        called("secretsmanager").put_secret_value,
        called("stepfunctions").start_execution,
    )
    before = value(aws, secret)
    assert answer(users, UserId="nobody") == codes[0]
    assert answer(secrets, SecretId=secret, SecretString="x") == codes[1]
    assert value(aws, secret) == before
    nothing = {"stateMachineArn": "arn:aws:states:::stateMachine:none"}
    assert answer(start, **nothing)[0] != "StateMachineDoesNotExist"
    assert answer(users, UserId="nobody") == ("UserNotFound", 404)


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


def test_a_lost_reply(aws: LocalAws, arm: Arm, called: Any, secret: str) -> None:
    arm("lose-reply:PutSecretValue", "kill-before:DescribeSecret")
    with pytest.raises(HTTPClientError):
        called("secretsmanager").put_secret_value(SecretId=secret, SecretString="lost")
    assert value(aws, secret) == "lost"
    # What is no function is not killed.
    with pytest.raises(HTTPClientError):
        called("secretsmanager").describe_secret(SecretId=secret)


@pytest.mark.parametrize("kind, effect", [("kill-before", False), ("kill-after", True)])
def test_a_killed_function(
    aws: LocalAws, arm: Arm, secret: str, function: str, kind: str, effect: bool
) -> None:
    arm(f"{kind}:PutSecretValue")
    event = {"SecretId": secret, "SecretString": kind}
    assert invoke(aws, function, event)["errorType"] == "Runtime.ExitError"
    assert (value(aws, secret) == kind) == effect
    assert invoke(aws, function, event) == "answered"


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("kind", ["kill-before", "kill-after"])
def test_a_function_killed_at_its_login(
    aws: LocalAws, arm: Arm, function: str, endpoints: list[dict[str, Any]], kind: str
) -> None:
    arm(f"{kind}:AUTH")
    # Not a function's: neither counted nor hit.
    assert log_in(aws, endpoints[0], "faulty", PASSWORDS[0]) == "+OK"
    event = {**endpoints[0], "Password": PASSWORDS[0]}
    assert invoke(aws, function, event)["errorType"] == "Runtime.ExitError"
    assert invoke(aws, function, event) == "answered"


def test_nodes_that_cannot_be_reached(
    aws: LocalAws, arm: Arm, endpoints: list[dict[str, Any]]
) -> None:
    def log_in_at(node: int) -> str:
        return log_in(aws, endpoints[node - 1], "faulty", PASSWORDS[0])

    arm("drop-node:2", "slow-node:1:0.5")
    with pytest.raises(OSError):  # noqa: PT011
        log_in_at(2)
    begun = time.monotonic()
    assert log_in_at(1) == "+OK"
    assert time.monotonic() - begun > 0.4
    control(aws.environment["LOCAL_CONTROL_URL"], "DELETE")
    assert log_in_at(2) == "+OK"
    arm("wrong-certificate:1", "plain-node:2")
    with pytest.raises(ssl.SSLCertVerificationError):
        log_in_at(1)
    with socket.create_connection(("127.0.0.1", endpoints[1]["Port"]), timeout=30) as plain:
        plain.sendall(b"PING\r\n")
        assert plain.recv(100).startswith(b"-NOAUTH")


def test_a_node_that_takes_any_password(
    aws: LocalAws, arm: Arm, endpoints: list[dict[str, Any]]
) -> None:
    arm("open-node:1")
    answers = [log_in(aws, endpoint, "faulty", "made-up-password") for endpoint in endpoints]
    assert [each.partition(" ")[0] for each in answers] == ["+OK", "-WRONGPASS"]


def test_the_watcher_of_a_rotation(aws: LocalAws, arm: Arm, elasticache: Any) -> None:
    rotate._create(aws)
    arm("drop-node:2")
    with Watcher(aws, rotate.CACHE, rotate.USER, rotate.SECRET, unreachable={2}) as watcher:
        eventually(lambda: watcher.logins > 2)
        assert watcher.lock_outs == []
        elasticache.modify_user(UserId=rotate.USER, Passwords=PASSWORDS)
        eventually(lambda: watcher.lock_outs)
    assert all("sessions-001: refused" in each for each in watcher.lock_outs)
    with Watcher(aws, rotate.CACHE, rotate.USER, rotate.SECRET, unreachable=set()) as watcher:
        eventually(lambda: any("sessions-002: Conn" in each for each in watcher.lock_outs))


def test_an_execution_stopped_at_a_state(arm: Arm, stepfunctions: Any) -> None:
    arm("stop-at:Log In:2")
    item = {"StartAt": "Log In", "States": {"Log In": {"Type": "Pass", "End": True}}}
    states = {
        "Read Input": {"Type": "Pass", "Result": [1, 2], "Next": "Test Authentication"},
        "Test Authentication": {"Type": "Map", "ItemProcessor": item, "End": True},
    }
    for status in ("ABORTED", "SUCCEEDED"):
        ended = execute(stepfunctions, states)
        assert ended["status"] == status
        events = stepfunctions.get_execution_history(executionArn=ended["executionArn"])["events"]
        assert events[-1]["type"] == f"Execution{status.capitalize()}"


def test_a_node_lost_from_a_state_on(
    aws: LocalAws, arm: Arm, stepfunctions: Any, endpoints: list[dict[str, Any]]
) -> None:
    arm("drop-node:1:Wait For User")
    assert log_in(aws, endpoints[0], "faulty", PASSWORDS[0]) == "+OK"
    execute(stepfunctions, {"Wait For User": {"Type": "Pass", "End": True}})
    with pytest.raises(OSError):  # noqa: PT011
        log_in(aws, endpoints[0], "faulty", PASSWORDS[0])


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


def test_of_several_faults_all_are_set_or_none(aws: LocalAws, arm: Arm, endpoints: Any) -> None:
    with pytest.raises(FaultError, match="drop-node:99"):
        arm("throttle:ModifyUser", "drop-node:99")
    assert control(aws.environment["LOCAL_CONTROL_URL"], "GET") == []


def test_the_documentation_has_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "local-aws.md").read_text()
    for written, does in table():
        assert f"| `{written}` | {does} |" in page


def test_iam_sees_no_tags_of_a_user_in_transition(aws: LocalAws, arm: Arm) -> None:
    elasticache, iam = aws.client("elasticache"), aws.client("iam")
    tags = [{"Key": "rotation-secret", "Value": "any"}]
    user = {"UserId": "hidden", "UserName": "hidden", "Engine": "redis", "AccessString": "on"}
    elasticache.create_user(**user, Tags=tags, Passwords=PASSWORDS)
    tagged = {"Null": {"aws:ResourceTag/rotation-secret": "false"}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": tagged}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.create_user(UserName="by-tag")
    iam.put_user_policy(UserName="by-tag", PolicyName="by-tag", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="by-tag")["AccessKey"]
    url = aws.environment[MOTO_SERVICES["elasticache"]]
    ours = make_client("elasticache", url, key["AccessKeyId"], key["SecretAccessKey"])
    describe = partial(answer, ours.describe_users, UserId="hidden")
    arm("lag-tags:3600", "hide-tags")
    assert describe() == ("OK", 200)
    arn = "arn:aws:elasticache:us-east-1:123456789012:user:hidden"
    elasticache.add_tags_to_resource(ResourceName=arn, Tags=tags)
    assert describe() == ("AccessDenied", 403)
    control(aws.environment["LOCAL_CONTROL_URL"], "DELETE")
    elasticache.modify_user(UserId="hidden", Passwords=PASSWORDS[:1])
    assert describe() == ("OK", 200)
