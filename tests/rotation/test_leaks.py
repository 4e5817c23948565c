"""No password is anywhere on the local AWS, after rotations that went well and others that did not.

Searched for in all the forms of tests/unit/leaks.py: every password that any version of any secret
ever had. No file, log or process is exempt: the emulators keep secrets in memory only, and the
nodes get their ACLs over a socket.
"""

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.deploy import deploy
from local.faults import ask
from local.instance import LocalAws
from rotation.rules.executions import version_by_hand
from tests.rotation.recorded import invoke
from tests.rotation.world import Tenant, World
from tests.unit.leaks import found_in
from tests.unit.values import PENDING

#: What goes wrong in rotations that Secrets Manager begins, which it tries again, ...
SCHEDULED: tuple[list[str], ...] = ([], ["stop-at:Describe User"])
#: ... and in those that a person begins.
BY_HAND: tuple[list[str], ...] = (
    ["deny:ModifyUser"],
    [
        "lose-reply:PutSecretValue",
        "kill-after:ModifyUser",
        "error-500:GetSecretValue:1-3",
        "wrong-certificate:1:Log In",
    ],
)
#: Nobody else's: processes of other tests have theirs in their arguments.
FIRST_PASSWORD = f"first-{secrets.token_urlsafe(24)}"
Places = dict[str, list[str]]


@dataclass
class Watched:
    """A local AWS with all that can be looked through."""

    world: World
    directory: Path
    #: What the rotation function answers, in Lambda's and CloudTrail's words.
    exceptions: list[str] = field(default_factory=list)

    def rotate(self, tenant: Tenant, faults: list[str], *, by_hand: bool) -> None:
        """One rotation, to its end, and what the rotation function says of it."""
        with self.world.faults(*faults):
            token = tenant.start()["name"] if by_hand else tenant.rotate()
        if not by_hand:
            ended = f"{self.world.aws.environment['LOCAL_CONTROL_URL']}/rotations/{token}"
            self.world.eventually(lambda: ask(ended)["ended"], "the end of the retries")
            for step in ("testSecret", "finishSecret"):
                self.ask_rotation_function(step, tenant, token)

    def ask_rotation_function(self, step: str, tenant: Tenant, token: str) -> None:
        event = {"Step": step, "SecretId": tenant.secret_arn, "ClientRequestToken": token}
        function = self.world.stack.rotation_function_arn
        self.exceptions.append(json.dumps(invoke(self.world, function, event)))

    def executions(self) -> list[dict[str, Any]]:
        client, machine = self.world.step_functions, self.world.stack.state_machine_arn
        found = client.list_executions(stateMachineArn=machine)["executions"]
        return [client.describe_execution(executionArn=each["executionArn"]) for each in found]

    def passwords(self) -> set[str]:
        """The first one, and that of each execution's version, whatever became of it."""
        manager, found = self.world.secrets, {FIRST_PASSWORD}
        for execution in self.executions():
            execution_input = json.loads(execution["input"])
            token = execution_input.get("ClientRequestToken") or version_by_hand(
                execution["executionArn"]
            )
            with contextlib.suppress(manager.exceptions.ResourceNotFoundException):
                answer = manager.get_secret_value(
                    SecretId=execution_input["SecretId"], VersionId=token
                )
                found.add(json.loads(answer["SecretString"])["password"])
        return found

    def places(self) -> Places:
        """All texts there are."""
        executions, aws = self.executions(), self.world.aws
        history = self.world.step_functions.get_paginator("get_execution_history")
        logs = aws.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate
        return {
            "histories": [
                str(history.paginate(executionArn=each["executionArn"]).build_full_result())
                for each in executions
            ],
            "executions": [*map(str, executions)],
            "logs": [
                event["message"]
                for group in logs.describe_log_groups()["logGroups"]
                for page in pages(logGroupName=group["logGroupName"])
                for event in page["events"]
            ],
            "metrics": [str(aws.client("cloudwatch").list_metrics()["Metrics"])],
            "exceptions": [*self.exceptions],
            "arguments": [*texts(Path("/proc").glob("[0-9]*/cmdline"))],
            "environments": [*texts(Path("/proc").glob("[0-9]*/environ"))],
            "files": [*texts(self.directory.rglob("*"))],
        }


def texts(paths: Iterator[Path]) -> Iterator[str]:
    """Of what this user may read: a process has ended, or is another user's."""
    for path in paths:
        with contextlib.suppress(OSError):
            yield path.read_text(errors="replace")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    directory = tmp_path_factory.mktemp("leaks")
    with LocalAws(directory, modifying_seconds=0.2) as aws:
        yield Watched(World(aws, deploy(aws)), directory)


@pytest.fixture(scope="module")
def seen(watched: Watched) -> tuple[set[str], Places]:
    """The passwords of rotations, and all that there is after them."""
    for by_hand, runs in ((False, SCHEDULED), (True, BY_HAND)):
        for faults in runs:
            tenant = watched.world.tenant(password=FIRST_PASSWORD)
            tenant.serve("one node")
            watched.rotate(tenant, faults, by_hand=by_hand)
    malformed = watched.world.tenant(password=FIRST_PASSWORD)
    malformed.put(f'{{"password": "{FIRST_PASSWORD}"}}')
    watched.rotate(malformed, [], by_hand=False)
    return watched.passwords(), watched.places()


def test_no_password_is_anywhere(seen: tuple[set[str], Places]) -> None:
    passwords, places = seen
    assert len(passwords) == 1 + len(SCHEDULED) + len(BY_HAND)
    assert all(places.values())
    assert found_in(passwords, places) == []


@pytest.mark.usefixtures("seen")
def test_a_password_that_is_planted_is_found_everywhere(watched: Watched) -> None:
    planted, world = secrets.token_hex(16), watched.world
    tenant = world.tenant(name=planted, bound_to=None, password=FIRST_PASSWORD)
    watched.rotate(tenant, [], by_hand=True)
    watched.ask_rotation_function("finishSecret", tenant, PENDING)
    world.aws.client("cloudwatch").put_metric_data(
        Namespace="Planted", MetricData=[{"MetricName": planted, "Value": 1}]
    )
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "input()", planted],
        env={**os.environ, "PLANTED": planted},
        stdin=subprocess.PIPE,
    )
    try:
        places = watched.places()
    finally:
        sleeper.communicate(b"\n")
    assert found_in([planted], places) == [*places]
