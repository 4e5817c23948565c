"""Shows one rotation from end to end, on a local AWS of its own, and proves it from outside."""

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Console

from local.client import logs_in, nodes
from local.deploy import Stack
from local.instance import LocalAws, LocalAwsError

USER, GROUP, CACHE, SECRET = "app", "app-group", "sessions", "production/sessions/app"
_POLL_SECONDS = 0.1


@dataclass
class Rotation:
    """What was seen of one rotation: durations in seconds, staging labels by version, logins."""

    status: str = "RUNNING"
    execution: str = ""
    output: dict[str, Any] = field(default_factory=dict)
    states: list[dict[str, Any]] = field(default_factory=list)
    labels_before: dict[str, list[str]] = field(default_factory=dict)
    labels_after: dict[str, list[str]] = field(default_factory=dict)
    proof: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def proven(self) -> bool:
        """Whether every node let in the two passwords that it should, and nothing else."""
        wanted = {"new": True, "previous": True, "wrong": False}
        return bool(self.proof) and all(
            login["logs_in"] == wanted[login["password"]] for login in self.proof
        )


def rotate(aws: LocalAws, stack: Stack, console: Console) -> Rotation:
    """Create a user, a cache of two nodes and a secret; rotate; try the passwords on every node.

    Raises:
        LocalAwsError: the rotation did not start.
    """
    started = time.monotonic()
    _create(aws)
    manager = aws.client("secretsmanager")
    seen = Rotation(labels_before=_labels(manager))
    _print_labels(console, "Staging labels before", seen.labels_before)
    answer = manager.rotate_secret(
        SecretId=SECRET,
        RotationLambdaARN=stack.rotation_function_arn,
        RotationRules={"AutomaticallyAfterDays": 30},
    )
    console.print(f"\nRotateSecret: version {answer['VersionId']} is AWSPENDING")
    _follow(aws, stack, seen, console)
    _wait_for_secrets_manager(manager)
    seen.labels_after = _labels(manager)
    _print_labels(console, "\nStaging labels after", seen.labels_after)
    seen.proof = list(_proof(aws, manager))
    _print_proof(console, seen)
    seen.seconds = round(time.monotonic() - started, 1)
    return seen


def _create(aws: LocalAws) -> None:
    elasticache, manager = aws.client("elasticache"), aws.client("secretsmanager")
    password = _random_password(manager)
    elasticache.create_user(
        UserId="no-default",
        UserName="default",
        Engine="redis",
        NoPasswordRequired=True,
        AccessString="off -@all",
    )
    user = elasticache.create_user(
        UserId=USER,
        UserName=USER,
        Engine="redis",
        AccessString="on ~app:* +@read +@write",
        Passwords=[password],
        Tags=[{"Key": "rotation-secret", "Value": SECRET}],
    )
    elasticache.create_user_group(UserGroupId=GROUP, Engine="redis", UserIds=["no-default", USER])
    elasticache.create_replication_group(
        ReplicationGroupId=CACHE,
        ReplicationGroupDescription="sessions of the application",
        Engine="redis",
        NumCacheClusters=2,
        UserGroupIds=[GROUP],
        TransitEncryptionEnabled=True,
    )
    value = {"username": USER, "user_arn": user["ARN"], "password": password}
    manager.create_secret(Name=SECRET, SecretString=json.dumps(value))


def _random_password(manager: Any) -> str:
    answer = manager.get_random_password(PasswordLength=32, ExcludeCharacters=',"/@')
    return str(answer["RandomPassword"])


def _labels(manager: Any) -> dict[str, list[str]]:
    found = manager.describe_secret(SecretId=SECRET)["VersionIdsToStages"]
    return {version: sorted(labels) for version, labels in found.items()}


def _print_labels(console: Console, title: str, labels: dict[str, list[str]]) -> None:
    console.print(f"[bold]{title}[/bold]")
    for version, attached in labels.items():
        console.print(f"  {version}  {', '.join(attached)}")


def _follow(aws: LocalAws, stack: Stack, seen: Rotation, console: Console) -> None:
    """Print each state of the execution, until it ends."""
    step_functions = aws.client("stepfunctions")
    arn = _first_execution(step_functions, stack)
    console.print(f"Execution {arn.rsplit(':', 1)[1]}\n")
    console.print("[bold]   at      took    state[/bold]")
    shown = 0
    entered: dict[str, list[Any]] = {}
    with console.status("") as status:
        while True:
            execution = step_functions.describe_execution(executionArn=arn)
            history = step_functions.get_paginator("get_execution_history")
            events = history.paginate(executionArn=arn).build_full_result()["events"]
            for event in events[shown:]:
                if details := event.get("stateEnteredEventDetails"):
                    # A Map's items run side by side under one state name: first in, first out.
                    entered.setdefault(details["name"], []).append(event["timestamp"])
                    status.update(details["name"])
                if details := event.get("stateExitedEventDetails"):
                    at = entered[details["name"]].pop(0)
                    _show(details, at, event["timestamp"], execution["startDate"], seen, console)
            shown = len(events)
            if execution["status"] != "RUNNING":
                break
            time.sleep(_POLL_SECONDS)
    seen.execution, seen.status = arn, execution["status"]
    seen.output = json.loads(execution.get("output", "{}"))
    if seen.status == "SUCCEEDED":
        console.print("\n[green]SUCCEEDED[/green], with the output")
        console.print_json(json.dumps(seen.output))
    else:
        console.print(f"\n[red]{seen.status}[/red] {execution.get('error', '')}")
        console.print(execution.get("cause", ""))


def _first_execution(step_functions: Any, stack: Stack) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = step_functions.list_executions(stateMachineArn=stack.state_machine_arn)
        if found["executions"]:
            return str(found["executions"][0]["executionArn"])
        time.sleep(_POLL_SECONDS)
    raise LocalAwsError("The rotation Lambda started no execution within 30 s: see server.log.")


def _show(
    exited: dict[str, Any],
    at: datetime,
    end: datetime,
    start: datetime,
    seen: Rotation,
    console: Console,
) -> None:
    after, took = ((later - earlier).total_seconds() for later, earlier in ((at, start), (end, at)))
    output = json.loads(exited.get("output") or "{}")
    note = ""
    if exited["name"] in ("Modify User", "Describe User"):
        modification = output["Modification"]
        note = f"user {modification['Status']} for {modification['Seconds']} s"
    elif exited["name"] in ("Find Endpoints", "Find Endpoints Again"):
        note = f"{output['Network']['Count']} endpoints"
    elif "Endpoint" in output and len(output) == 1:
        note = f"{output['Endpoint']}"
    seen.states.append({"state": exited["name"], "at": round(after, 3), "took": round(took, 3)})
    line = f"{after:6.1f} s {took:6.1f} s  {exited['name']:<22} [dim]{note}[/dim]"
    console.print(line.replace(" [dim][/dim]", "").rstrip())


def _wait_for_secrets_manager(manager: Any) -> None:
    """The rotation Lambda notices the execution's end a moment later."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if manager.describe_secret(SecretId=SECRET).get("LastRotatedDate"):
            return
        time.sleep(_POLL_SECONDS)


def _proof(aws: LocalAws, manager: Any) -> Iterator[dict[str, Any]]:
    """Log in to every node with the three passwords, with connections of our own."""
    passwords = {
        "new": _password(manager, "AWSCURRENT"),
        "previous": _password(manager, "AWSPREVIOUS"),
        "wrong": secrets.token_hex(16),
    }
    for node, endpoint in nodes(aws, CACHE).items():
        for which, password in passwords.items():
            yield {
                "node": node,
                "password": which,
                "logs_in": logs_in(aws, endpoint, USER, password),
            }


def _password(manager: Any, label: str) -> str:
    try:
        found = manager.get_secret_value(SecretId=SECRET, VersionStage=label)
    except manager.exceptions.ResourceNotFoundException:
        return ""
    return str(json.loads(found["SecretString"]).get("password", ""))


def _print_proof(console: Console, seen: Rotation) -> None:
    console.print("\n[bold]Logins from outside[/bold]")
    for login in seen.proof:
        answer = "logs in" if login["logs_in"] else "is refused"
        console.print(f"  {login['node']}: the {login['password']} password {answer}")
