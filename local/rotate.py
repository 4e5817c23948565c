"""Shows one rotation from end to end on a local AWS, and verifies it from outside."""

import json
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from rich.console import Console

from local.client import Watcher, logs_in, nodes, password_of
from local.deploy import Stack
from local.faults import UNREACHABLE, ask, control, parse
from local.instance import LocalAws
from report import page, source
from report.remedy import remedy_of
from report.schema import as_json
from report.table import follow
from report.terminal import show_failure
from report.wording import headline

USER, GROUP, CACHE, SECRET = "app", "app-group", "sessions", "production/sessions/app"
NODES = 2
_POLL_SECONDS = 0.25
_PASSWORDS = {"AWSCURRENT": "the new", "AWSPREVIOUS": "the previous", "wrong": "a wrong"}


@dataclass
class Rotation:
    """What was observed of one rotation."""

    token: str = ""
    executions: list[source.Reading] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)  # Secrets Manager's, and how each ended
    labels_before: dict[str, list[str]] = field(default_factory=dict)  # by version
    labels_after: dict[str, list[str]] = field(default_factory=dict)
    proof: list[dict[str, Any]] = field(default_factory=list)  # logins after the rotation
    faults: list[dict[str, Any]] = field(default_factory=list)  # and how often each was met
    watched: int = 0  # logins with AWSCURRENT during the rotation
    lock_outs: list[str] = field(default_factory=list)  # those of them that were refused
    seconds: float = 0.0

    @property
    def status(self) -> str:
        """SUCCEEDED if Secrets Manager says so and AWSCURRENT is the new version."""
        succeeded = bool(self.attempts) and self.attempts[-1].endswith(" succeeded")
        promoted = "AWSCURRENT" in self.labels_after.get(self.token, [])
        return "SUCCEEDED" if succeeded and promoted else "FAILED"

    @property
    def proven(self) -> bool:
        """Whether every node accepts the passwords that it should, and no other.

        These are AWSCURRENT's, at any time, and AWSPREVIOUS's after a rotation that succeeded.
        """
        wanted = {"AWSCURRENT": True, "wrong": False}
        if self.status == "SUCCEEDED":
            wanted["AWSPREVIOUS"] = True
        tried = {(login["node"], login["password"]) for login in self.proof}
        right = all(
            login["logs_in"] == wanted.get(login["password"], login["logs_in"])
            for login in self.proof
        )
        return right and len(tried) >= NODES * len(wanted) and not self.lock_outs

    @property
    def failed(self) -> source.Reading | None:
        """The last execution that did not succeed, of a rotation that did not."""
        failed = [execution for execution in self.executions if execution.run.status != "SUCCEEDED"]
        return failed[-1] if failed and self.status != "SUCCEEDED" else None

    @property
    def reason(self) -> str:
        """Why it failed, in a few words."""
        if self.failed:
            run = self.failed.run
            return " ".join([*([run.status] if run.status != "FAILED" else []), run.error]).strip()
        return self.attempts[-1] if self.attempts else "Secrets Manager has not started it"

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` prints; each execution as ``python -m report --json`` does."""
        runs = [execution.run for execution in self.executions]
        executions = [as_json(run, remedy_of(run)) for run in runs]
        outcome = {"status": self.status, "proven": self.proven}
        return {**vars(self), **outcome, "executions": executions}


def rotate(
    aws: LocalAws, stack: Stack, console: Console, faults: Sequence[str], rotation: Rotation
) -> None:
    """Create a user, a cache of two nodes and a secret; rotate; try the passwords on every node.

    ``rotation`` is empty at first; it is filled in during the rotation.

    Raises:
        LocalAwsError: the rotation did not start.
    """
    started = time.monotonic()
    _create(aws)
    manager, url = aws.client("secretsmanager"), aws.environment["LOCAL_CONTROL_URL"]
    rotation.labels_before = _labels(manager)
    _print_labels(console, "Staging labels before", rotation.labels_before)
    unreachable = {fault.node for fault in map(parse, faults) if fault.kind in UNREACHABLE}
    with Watcher(aws, CACHE, USER, SECRET, unreachable) as watcher:
        control(url, "POST", faults)
        answer = manager.rotate_secret(
            SecretId=SECRET,
            RotationLambdaARN=stack.rotation_function_arn,
            RotationRules={"AutomaticallyAfterDays": 30},
        )
        rotation.token = answer["VersionId"]
        console.print(f"\nRotateSecret: version {rotation.token} is AWSPENDING")
        _follow_executions(aws, stack, rotation, console)
        rotation.faults = control(url, "GET")
        # The proof includes nodes that were unreachable.
        control(url, "DELETE")
    rotation.watched, rotation.lock_outs = watcher.logins, watcher.lock_outs
    _print_attempts(console, rotation)
    rotation.labels_after = _labels(manager)
    _print_labels(console, "\nStaging labels after", rotation.labels_after)
    rotation.proof = list(_proof(aws, manager))
    _print_proof(console, rotation)
    if rotation.failed:
        # Last, so that it is on the screen at the end.
        console.print()
        show_failure(rotation.failed.run, remedy_of(rotation.failed.run), console)
    rotation.seconds = round(time.monotonic() - started, 1)


def write_pages(aws: LocalAws, rotation: Rotation, directory: Path) -> list[Path]:
    """Write each execution's page and history; return the last one's.

    Where they cannot be written, a line on standard error says so.
    """
    paths = []
    for execution in rotation.executions:
        run = execution.refresh()
        remedy = source.with_since(remedy_of(run), run, aws.client("secretsmanager"))
        page_file = directory / f"{run.name}.html"
        history = page_file.with_suffix(".json")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            page_file.write_text(page.html(run, execution.definition, remedy), encoding="utf-8")
            history.write_text(source.saved(execution), encoding="utf-8")
        except OSError as error:
            # It does not change the outcome.
            print(f"warning: the execution's page was not written: {error}", file=sys.stderr)
            return []
        paths = [page_file, history]
    return paths


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
        NumCacheClusters=NODES,
        UserGroupIds=[GROUP],
        TransitEncryptionEnabled=True,
    )
    url = f"rediss://{USER}:{quote(password, safe='')}@sessions.internal:6379"
    value = {"username": USER, "user_arn": user["ARN"], "password": password, "url": url}
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


def _follow_executions(aws: LocalAws, stack: Stack, rotation: Rotation, console: Console) -> None:
    """Print each execution, until Secrets Manager has ended the rotation or given up."""
    step_functions = aws.client("stepfunctions")
    while True:
        progress = ask(f"{aws.environment['LOCAL_CONTROL_URL']}/rotations/{rotation.token}")
        answer = step_functions.list_executions(stateMachineArn=stack.state_machine_arn)
        followed = {execution.arn for execution in rotation.executions}
        new = [item for item in answer["executions"] if item["executionArn"] not in followed]
        for item in sorted(new, key=lambda item: item["startDate"]):
            execution = source.read(item["executionArn"], step_functions)
            rotation.executions.append(execution)
            console.print(f"\nExecution {item['name']}\n")
            run = follow(execution, console, _POLL_SECONDS)
            console.print(f"\n{run.status} {headline(run)}", markup=False)
            if run.output:
                console.print(f"output {run.output}", markup=False)
        if progress["ended"] and not new:
            rotation.attempts = progress["messages"]
            return
        time.sleep(_POLL_SECONDS)


def _print_attempts(console: Console, rotation: Rotation) -> None:
    if len(rotation.attempts) > 1 or rotation.faults:
        console.print("\n[bold]Secrets Manager[/bold]")
        for line in rotation.attempts:
            console.print(f"  {line}")
    if rotation.faults:
        console.print("\n[bold]Faults[/bold], which end here")
        for fault in rotation.faults:
            times = {0: "never met", 1: "met once"}.get(fault["met"], f"met {fault['met']} times")
            console.print(f"  {fault['fault']}: {times}")


def _proof(aws: LocalAws, manager: Any) -> Iterator[dict[str, Any]]:
    """Log in to every node with each password."""
    passwords = {
        label: password_of(manager, SECRET, label) for label in ("AWSCURRENT", "AWSPREVIOUS")
    }
    passwords = {label: password for label, password in passwords.items() if password}
    for node, endpoint in nodes(aws, CACHE).items():
        for which, password in {**passwords, "wrong": secrets.token_hex(16)}.items():
            try:
                accepted = logs_in(aws, endpoint, USER, password)
            except redis.RedisError:
                accepted = False
            yield {"node": node, "password": which, "logs_in": accepted}


def _print_proof(console: Console, rotation: Rotation) -> None:
    console.print("\n[bold]Logins from outside[/bold]")
    names = _PASSWORDS if rotation.status == "SUCCEEDED" else {"wrong": "a wrong"}
    for login in rotation.proof:
        which = names.get(login["password"], f"{login['password']}'s")
        answer = "logs in" if login["logs_in"] else "is refused"
        console.print(f"  {login['node']}: {which} password {answer}")
    console.print(
        f"  during the rotation, with the AWSCURRENT password: {rotation.watched} logins, "
        f"{len(rotation.lock_outs)} refused"
    )
    for line in rotation.lock_outs[:10]:
        console.print(f"    [red]{line}[/red]")
