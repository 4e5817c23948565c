"""Each fault does what its line in the table says, seen from outside."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from local import rotate
from local.client import Watcher, nodes
from local.faults import FaultError, Faults, control, parse, table
from local.instance import MOTO_SERVICES, LocalAws, make_client
from tests.local.helpers import MODIFYING_SECONDS, Arm, eventually, execute, log_in, make_function

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
def cache(elasticache: Any) -> str:
    """A cache of two nodes and the user `faulty`."""
    elasticache.create_user(
        UserId="faulty",
        UserName="faulty",
        Engine="valkey",
        AccessString="on ~* +@all",
        Passwords=PASSWORDS[:1],
    )
    elasticache.create_user_group(UserGroupId="faulty", Engine="valkey", UserIds=["faulty"])
    elasticache.create_replication_group(
        ReplicationGroupId="faulty",
        ReplicationGroupDescription="test",
        Engine="valkey",
        NumCacheClusters=2,
        UserGroupIds=["faulty"],
        TransitEncryptionEnabled=True,
    )
    return "faulty"


@pytest.fixture(scope="module")
def function(aws: LocalAws) -> str:
    return make_function(aws, "faulty", FUNCTION, Timeout=20)


@pytest.fixture
def endpoints(aws: LocalAws, cache: str, elasticache: Any) -> Iterator[list[dict[str, Any]]]:
    """The two nodes', where the first password logs in and the second does not."""
    yield list(nodes(aws, cache).values())
    eventually(lambda: status(elasticache) == "active")
    elasticache.modify_user(UserId="faulty", Passwords=PASSWORDS[:1])
    eventually(lambda: status(elasticache) == "active")


def status(elasticache: Any) -> str:
    return str(elasticache.describe_users(UserId="faulty")["Users"][0]["Status"])


def value(secretsmanager: Any, secret: str) -> str:
    return str(secretsmanager.get_secret_value(SecretId=secret)["SecretString"])


def invoke(aws: LocalAws, function: str, event: dict[str, Any]) -> Any:
    client = aws.client("lambda")
    return json.load(client.invoke(FunctionName=function, Payload=json.dumps(event))["Payload"])


def answer(call: Callable[[], Any]) -> tuple[str, int]:
    """The error code of an answer, or OK, and its status."""
    try:
        return "OK", call()["ResponseMetadata"]["HTTPStatusCode"]
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
    arm: Arm,
    called: Callable[[str], Any],
    secretsmanager: Any,
    secret: str,
    endpoints: Any,
    kind: str,
    codes: list[tuple[str, int]],
) -> None:
    arm(f"{kind}:ModifyUser:1", f"{kind}:PutSecretValue:1", f"{kind}:StartExecution:1")
    users, before = called("elasticache"), value(secretsmanager, secret)
    assert answer(lambda: users.modify_user(UserId="faulty", Passwords=PASSWORDS)) == codes[0]
    assert status(users) == "active"
    secrets = called("secretsmanager")
    assert answer(lambda: secrets.put_secret_value(SecretId=secret, SecretString="x")) == codes[1]
    assert value(secretsmanager, secret) == before
    start = called("stepfunctions").start_execution
    code, _ = answer(lambda: start(stateMachineArn="arn:aws:states:::stateMachine:none"))
    assert code != "StateMachineDoesNotExist"
    assert answer(lambda: users.modify_user(UserId="faulty", Passwords=PASSWORDS)) == ("OK", 200)


def test_calls_are_counted_from_when_the_fault_is_set_and_only_those_of_functions(
    aws: LocalAws, arm: Arm, called: Callable[[str], Any], secretsmanager: Any, secret: str
) -> None:
    def read(client: Any) -> str:
        return answer(lambda: client.get_secret_value(SecretId=secret))[0]

    ours = called("secretsmanager")
    read(ours)
    arm("throttle:GetSecretValue:2-3", "error-500:GetSecretValue:5-")
    codes = []
    for _ in range(6):
        assert read(secretsmanager) == "OK"
        codes.append(read(ours))
    assert codes == ["OK", *["ThrottlingException"] * 2, "OK", *["InternalServiceError"] * 2]
    listed = control(aws.environment["LOCAL_CONTROL_URL"], "GET")
    assert [each["met"] for each in listed] == [2, 2]


def test_deny_is_for_every_call_by_default(
    arm: Arm, called: Callable[[str], Any], secret: str
) -> None:
    arm("deny:DescribeSecret")
    client = called("secretsmanager")
    for _ in range(2):
        with pytest.raises(ClientError, match="not authorized to perform: secretsmanager:Describe"):
            client.describe_secret(SecretId=secret)


def test_a_lost_reply(
    arm: Arm, called: Callable[[str], Any], secretsmanager: Any, secret: str
) -> None:
    arm("lose-reply:PutSecretValue")
    with pytest.raises(HTTPClientError):
        called("secretsmanager").put_secret_value(SecretId=secret, SecretString="lost")
    assert value(secretsmanager, secret) == "lost"


@pytest.mark.parametrize("kind, effect", [("kill-before", False), ("kill-after", True)])
def test_a_killed_function(
    aws: LocalAws,
    arm: Arm,
    secretsmanager: Any,
    secret: str,
    function: str,
    kind: str,
    effect: bool,
) -> None:
    arm(f"{kind}:PutSecretValue")
    event = {"SecretId": secret, "SecretString": kind}
    assert invoke(aws, function, event)["errorType"] == "Runtime.ExitError"
    assert (value(secretsmanager, secret) == kind) == effect
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


def test_only_a_function_is_killed(arm: Arm, called: Callable[[str], Any], secret: str) -> None:
    arm("kill-before:DescribeSecret")
    with pytest.raises(HTTPClientError):
        called("secretsmanager").describe_secret(SecretId=secret)


def test_a_busy_user(
    arm: Arm, called: Callable[[str], Any], elasticache: Any, endpoints: Any
) -> None:
    arm("busy-user:2")

    def modify() -> str:
        users = called("elasticache")
        return answer(lambda: users.modify_user(UserId="faulty", Passwords=PASSWORDS[1:]))[0]

    begun = time.monotonic()
    assert modify() == "InvalidUserState"
    assert status(elasticache) == "modifying"
    eventually(lambda: status(elasticache) == "active")
    assert time.monotonic() - begun > 1.9
    assert modify() == "OK"


def test_modifications_that_take_long(arm: Arm, elasticache: Any, endpoints: Any) -> None:
    arm(f"keep-modifying:{4 * MODIFYING_SECONDS}")
    begun = time.monotonic()
    elasticache.modify_user(UserId="faulty", Passwords=PASSWORDS)
    eventually(lambda: status(elasticache) == "active")
    assert time.monotonic() - begun > 4 * MODIFYING_SECONDS


def test_a_node_that_lags(
    aws: LocalAws, arm: Arm, elasticache: Any, endpoints: list[dict[str, Any]]
) -> None:
    arm("lag-password:2:3")
    elasticache.modify_user(UserId="faulty", Passwords=PASSWORDS)
    eventually(lambda: status(elasticache) == "active")
    answers = [log_in(aws, endpoint, "faulty", PASSWORDS[1]) for endpoint in endpoints]
    assert [each.partition(" ")[0] for each in answers] == ["+OK", "-WRONGPASS"]
    eventually(lambda: log_in(aws, endpoints[1], "faulty", PASSWORDS[1]) == "+OK")


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
    arm("wrong-certificate:1")
    with pytest.raises(ssl.SSLCertVerificationError):
        log_in_at(1)
    assert log_in_at(2) == "+OK"
    arm("plain-node:2")
    with pytest.raises(TimeoutError):
        log_in_at(2)  # Valkey waits for the rest of what it takes for a command.


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


def mapped(state: dict[str, Any]) -> dict[str, Any]:
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Log In"}
    return {
        "Type": "Map",
        "ItemsPath": "$.Items",
        "ItemProcessor": {**processor, "States": {"Log In": {**state, "End": True}}},
    }


def test_an_execution_stopped_at_a_state(arm: Arm, stepfunctions: Any) -> None:
    arm("stop-at:Log In:2")
    items = {"Type": "Pass", "Result": {"Items": [1, 2]}, "Next": "Test Authentication"}
    for name, next_state in (("in-a-map", "Rotated"), ("again", "Rotated")):
        states = {
            "Read Input": items,
            "Test Authentication": {**mapped({"Type": "Pass"}), "Next": next_state},
            "Rotated": {"Type": "Succeed"},
        }
        ended = execute(stepfunctions, name, states)
        assert ended["status"] == ("ABORTED" if name == "in-a-map" else "SUCCEEDED")
        events = stepfunctions.get_execution_history(executionArn=ended["executionArn"])["events"]
        assert events[-1]["type"] == (
            "ExecutionAborted" if name == "in-a-map" else "ExecutionSucceeded"
        )


def test_a_node_lost_from_a_state_on(
    aws: LocalAws, arm: Arm, stepfunctions: Any, endpoints: list[dict[str, Any]]
) -> None:
    arm("drop-node:1:Wait For User")
    assert log_in(aws, endpoints[0], "faulty", PASSWORDS[0]) == "+OK"
    execute(stepfunctions, "waits", {"Wait For User": {"Type": "Pass", "End": True}})
    with pytest.raises(OSError):  # noqa: PT011
        log_in(aws, endpoints[0], "faulty", PASSWORDS[0])


@pytest.mark.parametrize(
    "kind, error",
    [("throttle", "TooManyRequestsException"), ("error-500", "ServiceException")],
)
def test_an_invocation_by_step_functions(
    arm: Arm, stepfunctions: Any, function: str, kind: str, error: str
) -> None:
    arm(f"{kind}:Invoke")
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    ended = execute(stepfunctions, kind, {"Go": {**task, "Parameters": {"FunctionName": function}}})
    assert (ended["status"], ended["error"]) == ("FAILED", f"Lambda.{error}")


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


def test_of_several_faults_all_are_set_or_none(aws: LocalAws, arm: Arm, cache: str) -> None:
    with pytest.raises(FaultError, match="drop-node:99"):
        arm("throttle:ModifyUser", "drop-node:99")
    assert control(aws.environment["LOCAL_CONTROL_URL"], "GET") == []


def test_the_documentation_has_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "local-aws.md").read_text()
    for written, does in table():
        assert f"| `{written}` | {does} |" in page


def test_calls_beyond_the_rate_are_throttled_until_the_second_is_over() -> None:
    now = [0.0]
    faults = Faults(now=lambda: now[0])
    faults.control("POST", b'["rate-limit:2"]')
    assert [faults.limits("elasticache") for _ in range(3)] == [False, False, True]
    assert not faults.limits("states")
    now[0] = 0.9
    assert faults.limits("elasticache")
    now[0] = 1.0
    assert not faults.limits("elasticache")
    assert json.loads(faults.control("GET", b"")[1])[0]["met"] == 2


def test_a_function_meets_the_rate_limit(
    called: Callable[[str], Any], arm: Arm, aws: LocalAws
) -> None:
    arm("rate-limit:1")
    manager, met = called("secretsmanager"), []
    for _ in range(20):
        try:
            manager.list_secrets()
        except ClientError as error:
            met.append(error.response["Error"]["Code"])
    assert set(met) == {"ThrottlingException"}
    aws.client("secretsmanager").list_secrets()


def test_a_user_waits_for_the_other_users_of_its_group(aws: LocalAws, arm: Arm) -> None:
    elasticache = aws.client("elasticache")
    users = [f"in-turn-{number}" for number in range(2)]
    for user in users:
        elasticache.create_user(
            UserId=user, UserName=user, Engine="valkey", AccessString="on", Passwords=PASSWORDS
        )
    elasticache.create_user_group(UserGroupId="in-turn", Engine="valkey", UserIds=users)
    arm("one-at-a-time", "keep-modifying:3600")
    elasticache.modify_user(UserId=users[0], Passwords=PASSWORDS[:1])
    with pytest.raises(ClientError, match=f"User {users[0]} of a user group of {users[1]}"):
        elasticache.modify_user(UserId=users[1], Passwords=PASSWORDS[:1])
    control(aws.environment["LOCAL_CONTROL_URL"], "DELETE")
    elasticache.modify_user(UserId=users[1], Passwords=PASSWORDS[:1])


def test_iam_sees_no_tags_of_a_user_in_transition(aws: LocalAws, arm: Arm) -> None:
    elasticache, iam = aws.client("elasticache"), aws.client("iam")
    request = {"Engine": "redis", "AccessString": "on", "Passwords": PASSWORDS}
    tags = [{"Key": "rotation-secret", "Value": "any"}]
    elasticache.create_user(UserId="hidden", UserName="hidden", Tags=tags, **request)
    tagged = {"Null": {"aws:ResourceTag/rotation-secret": "false"}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": tagged}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.create_user(UserName="by-tag")
    iam.put_user_policy(UserName="by-tag", PolicyName="by-tag", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="by-tag")["AccessKey"]
    ours = make_client(
        "elasticache",
        aws.environment[MOTO_SERVICES["elasticache"]],
        key["AccessKeyId"],
        key["SecretAccessKey"],
    )

    def modify() -> tuple[str, int]:
        return answer(lambda: ours.modify_user(UserId="hidden", Passwords=PASSWORDS))

    arm("lag-tags:3600", "hide-tags")
    assert modify() == ("OK", 200)
    eventually(
        lambda: elasticache.describe_users(UserId="hidden")["Users"][0]["Status"] == "active"
    )
    elasticache.add_tags_to_resource(
        ResourceName="arn:aws:elasticache:us-east-1:123456789012:user:hidden", Tags=tags
    )
    assert modify() == ("AccessDenied", 403)
    listed = control(aws.environment["LOCAL_CONTROL_URL"], "GET")
    assert [each["met"] for each in listed] == [1, 1]
    control(aws.environment["LOCAL_CONTROL_URL"], "DELETE")
    assert modify() == ("OK", 200)
