"""What the tests of this folder share besides fixtures."""

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from local.deploy import zipped
from local.instance import LocalAws

T = TypeVar("T")
Arm = Callable[..., None]

MODIFYING_SECONDS = 0.3
SLOW_SECONDS = 600
SLOW = f"""
import os, pathlib, time

def handler(event, context):
    pathlib.Path(os.environ["TMPDIR"], "busy").touch()
    time.sleep({SLOW_SECONDS})
"""


def any_role(aws: LocalAws) -> str:
    """The ARN of a role that may do everything."""
    iam = aws.client("iam")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="any", AssumeRolePolicyDocument=_policy(Principal="*"))
    iam.put_role_policy(
        RoleName="any",
        PolicyName="any",
        PolicyDocument=_policy(Action="*", Resource="*"),
    )
    return "arn:aws:iam::123456789012:role/any"


def _policy(**statement: str) -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", **statement}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_function(aws: LocalAws, name: str, code: str, **settings: Any) -> str:
    """Creates a Lambda of this Python, `handler(event, context)` in the code; returns its ARN."""
    function = aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="code_under_test.handler",
        Role=any_role(aws),
        Code={"ZipFile": zipped({"code_under_test.py": code.encode()})},
        **settings,
    )
    return str(function["FunctionArn"])


def execute(stepfunctions: Any, name: str, states: dict[str, Any]) -> Any:
    """The execution of a machine with these states, the first of which begins, once it ended."""
    definition = {"StartAt": next(iter(states)), "States": states}
    machine = stepfunctions.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/any"
    )["stateMachineArn"]
    arn = stepfunctions.start_execution(stateMachineArn=machine)["executionArn"]
    describe = stepfunctions.describe_execution
    eventually(lambda: describe(executionArn=arn)["status"] != "RUNNING")
    return describe(executionArn=arn)


def log_in(aws: LocalAws, endpoint: dict[str, Any], name: str, password: str) -> str:
    """The node's answer to AUTH, over TLS that verifies its certificate and name."""
    context = ssl.create_default_context(cafile=aws.environment["LOCAL_CA_FILE"])
    with (
        socket.create_connection((endpoint["Address"], endpoint["Port"]), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=endpoint["Address"]) as connection,
    ):
        connection.sendall(f"AUTH {name} {password}\r\n".encode())
        return connection.recv(4096).decode().strip()


def eventually(look: Callable[[], T | None], what: str = "it", seconds: float = 180) -> T:
    """The first true answer; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while time.monotonic() < deadline:
        if answer := look():
            return answer
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)  # to look costs both sides more than to wait
    raise AssertionError(f"not within {seconds} s: {what}")


def read_calls(path: Path) -> list[dict[str, Any]]:
    """The events that a function of a test has written down, one JSON line each."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def members(group: int) -> dict[int, str]:
    """The processes of the group that live, with their names."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                name, _, rest = (folder / "stat").read_text().rpartition(")")
            except OSError:
                continue
            state, _, process_group = rest.split()[:3]
            if int(process_group) == group and state != "Z":
                found[int(folder.name)] = name.partition("(")[2]
    return found


def occupy(aws: LocalAws) -> None:
    """Has cache nodes, a Lambda worker that works, and an execution under way."""
    aws.client("elasticache").create_replication_group(
        ReplicationGroupId="r", ReplicationGroupDescription="test", NumCacheClusters=2
    )
    function = make_function(aws, "slow", SLOW, Timeout=SLOW_SECONDS)
    stepfunctions = aws.client("stepfunctions")
    definition = {
        "StartAt": "Go",
        "States": {
            "Go": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": function},
                "End": True,
            }
        },
    }
    machine = stepfunctions.create_state_machine(
        name="m", definition=json.dumps(definition), roleArn=any_role(aws)
    )["stateMachineArn"]
    stepfunctions.start_execution(stateMachineArn=machine)
    directory = Path(aws.environment["LOCAL_CA_FILE"]).parent
    eventually((directory / "server.tmp" / "busy").exists)
    assert aws._process
    group = aws._process.pid
    names = list(members(group).values())
    assert names.count("valkey-server") == 2
