"""What the tests of this folder share besides fixtures."""

import contextlib
import json
import socket
import ssl
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from local.deploy import zipped
from local.instance import LocalAws

T = TypeVar("T")
Arm = Callable[..., None]

MODIFYING_SECONDS = 0.3
ROLE = "arn:aws:iam::123456789012:role/any"
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
        RoleName="any", PolicyName="any", PolicyDocument=_policy(Action="*", Resource="*")
    )
    return ROLE


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


def make_rotator(aws: LocalAws, code: str, **settings: Any) -> str:
    """The same, for Secrets Manager to invoke."""
    arn = make_function(aws, f"f{uuid.uuid4().hex[:8]}", code, **settings)
    aws.client("lambda").add_permission(
        FunctionName=arn,
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    return arn


def make_machine(stepfunctions: Any, states: dict[str, Any], **more: Any) -> str:
    """The ARN of a state machine that begins with the first of the states."""
    definition = {"StartAt": next(iter(states)), "States": states, **more}
    machine = stepfunctions.create_state_machine(
        name=f"m{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=ROLE
    )
    return str(machine["stateMachineArn"])


def task(function: str, **more: Any) -> dict[str, Any]:
    """A state that hands its input to the function, and ends."""
    parameters = {"FunctionName": function, "Payload.$": "$"}
    resource = "arn:aws:states:::lambda:invoke"
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True} | more


def start(stepfunctions: Any, states: dict[str, Any], **data: Any) -> str:
    """The ARN of an execution of a state machine with these states."""
    machine = make_machine(stepfunctions, states)
    answer = stepfunctions.start_execution(stateMachineArn=machine, input=json.dumps(data))
    return str(answer["executionArn"])


def ended(stepfunctions: Any, execution: str) -> dict[str, Any]:
    """The execution, once it has ended."""
    describe = stepfunctions.describe_execution
    eventually(lambda: describe(executionArn=execution)["status"] != "RUNNING")
    return dict(describe(executionArn=execution))


def execute(stepfunctions: Any, states: dict[str, Any], **data: Any) -> dict[str, Any]:
    """The execution of a state machine with these states, once it has ended."""
    return ended(stepfunctions, start(stepfunctions, states, **data))


def log_in(aws: LocalAws, endpoint: dict[str, Any], name: str, password: str) -> str:
    """The node's answer to AUTH, over TLS that verifies its certificate and name."""
    parts = (f"${len(part)}\r\n{part}\r\n" for part in ("AUTH", name, password))
    context = ssl.create_default_context(cafile=aws.environment["LOCAL_CA_FILE"])
    with (
        socket.create_connection((endpoint["Address"], endpoint["Port"]), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=endpoint["Address"]) as connection,
    ):
        connection.sendall(f"*3\r\n{''.join(parts)}".encode())
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


def occupy(aws: LocalAws) -> int:
    """Has cache nodes, a Lambda worker that works, and an execution; the process group of all."""
    aws.client("elasticache").create_replication_group(
        ReplicationGroupId="r", ReplicationGroupDescription="test", NumCacheClusters=2
    )
    function = make_function(aws, "slow", SLOW, Timeout=SLOW_SECONDS)
    start(aws.client("stepfunctions"), {"Go": task(function)})
    directory = Path(aws.environment["LOCAL_CA_FILE"]).parent
    eventually((directory / "server.tmp" / "busy").exists)
    assert aws._process
    group = aws._process.pid
    names = list(members(group).values())
    assert names.count("valkey-server") == 2
    return group
