"""Shows one rotation from end to end, on a local AWS of its own, and proves it from outside."""

import json
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from rich.console import Console

from local.client import logs_in, nodes
from local.deploy import Stack
from local.faults import UNREACHABLE, ask, control, parse
from local.instance import LocalAws
from report import page, source
from report.follow import follow
from report.remedy import remedy_of
from report.terminal import seconds_of, show_outcome

USER, GROUP, CACHE, SECRET = "app", "app-group", "sessions", "production/sessions/app"
NODES = 2
_POLL_SECONDS = 0.25
_WATCH_SECONDS = 0.2


@dataclass
class Execution:
    """One execution of the machine: what it answered, and its states with seconds."""

    arn: str
    status: str = "RUNNING"
    error: str = ""
    cause: str = ""
    output: dict[str, Any] = field(default_factory=dict)
    states: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Rotation:
    """What was seen of one rotation: durations in seconds, staging labels by version, logins."""

    token: str = ""
    executions: list[Execution] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)  # what Secrets Manager says
    labels_before: dict[str, list[str]] = field(default_factory=dict)
    labels_after: dict[str, list[str]] = field(default_factory=dict)
    proof: list[dict[str, Any]] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)  # and how often each was met
    watched: int = 0  # logins with AWSCURRENT while it rotated
    lock_outs: list[str] = field(default_factory=list)  # those of them that were refused
    seconds: float = 0.0

    @property
    def status(self) -> str:
        """SUCCEEDED when Secrets Manager says so and AWSCURRENT is the new version."""
        succeeded = bool(self.attempts) and self.attempts[-1].endswith(" succeeded")
        promoted = "AWSCURRENT" in self.labels_after.get(self.token, [])
        return "SUCCEEDED" if succeeded and promoted else "FAILED"

    @property
    def proven(self) -> bool:
        """Whether every node lets in the passwords that it should, and always has, and no other.

        After a failed rotation that is AWSCURRENT's; after one that succeeded the previous, too.
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
    def failed(self) -> Execution | None:
        """The last execution that did not succeed, of a rotation that did not."""
        if self.status == "SUCCEEDED":
            return None
        return next(
            (each for each in reversed(self.executions) if each.status != "SUCCEEDED"), None
        )

    @property
    def reason(self) -> str:
        """Why it failed, in a few words; empty for one that succeeded."""
        if self.status == "SUCCEEDED":
            return ""
        if execution := self.failed:
            how = [execution.status] if execution.status != "FAILED" else []
            return " ".join([*how, execution.error]).strip()
        return self.attempts[-1] if self.attempts else "Secrets Manager has not begun it"


def rotate(
    aws: LocalAws, stack: Stack, console: Console, faults: Sequence[str], seen: Rotation
) -> None:
    """Create a user, a cache of two nodes and a secret; rotate; try the passwords on every node.

    ``seen`` is new, and is filled as things happen.

    Raises:
        LocalAwsError: the rotation did not start.
    """
    started = time.monotonic()
    _create(aws)
    manager, url = aws.client("secretsmanager"), aws.environment["LOCAL_CONTROL_URL"]
    seen.labels_before = _labels(manager)
    _print_labels(console, "Staging labels before", seen.labels_before)
    unreachable = {fault.node for fault in map(parse, faults) if fault.kind in UNREACHABLE}
    with Watcher(aws, unreachable) as watcher:
        control(url, "POST", faults)
        answer = manager.rotate_secret(
            SecretId=SECRET,
            RotationLambdaARN=stack.rotation_function_arn,
            RotationRules={"AutomaticallyAfterDays": 30},
        )
        seen.token = answer["VersionId"]
        console.print(f"\nRotateSecret: version {seen.token} is AWSPENDING")
        _follow_rotation(aws, stack, seen, console)
        seen.faults = control(url, "GET")
        # What is claimed holds for a node that is back, too.
        control(url, "DELETE")
    seen.watched, seen.lock_outs = watcher.logins, watcher.lock_outs
    _print_attempts(console, seen)
    seen.labels_after = _labels(manager)
    _print_labels(console, "\nStaging labels after", seen.labels_after)
    seen.proof = list(_proof(aws, manager))
    _print_proof(console, seen)
    if seen.failed:
        # Last, so that the cause and what to do about it are on the screen when all is over.
        console.print()
        run = source.read(seen.failed.arn, aws.client("stepfunctions")).run()
        show_outcome(run, remedy_of(run), console, brief=True)
    seen.seconds = round(time.monotonic() - started, 1)


def write_pages(aws: LocalAws, seen: Rotation, directory: Path) -> list[Path]:
    """Write the report's page of each execution, and its history beside it; the last one's.

    Where they cannot be written, a line on standard error says so.
    """
    paths = []
    for execution in seen.executions:
        reading = source.read(execution.arn, aws.client("stepfunctions"))
        run = reading.run()
        remedy = source.with_since(remedy_of(run), run, aws.client("secretsmanager"))
        page_file = directory / f"{run.name}.html"
        history = page_file.with_suffix(".json")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            page_file.write_text(page.html(run, reading.definition, remedy), encoding="utf-8")
            history.write_text(source.saved(reading), encoding="utf-8")
        except OSError as error:
            # The outcome is another matter.
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


class Watcher:
    """A client that is never to be locked out: logs in with AWSCURRENT, on every node, all along.

    A connection that fails does not count on the nodes that faults make `unreachable`, by their
    places from 1 on; a refused password does everywhere.
    """

    def __init__(self, aws: LocalAws, unreachable: set[int]) -> None:
        self.logins = 0
        self.lock_outs: list[str] = []
        self._aws = aws
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._watch, args=(node, endpoint, position in unreachable), daemon=True
            )
            for position, (node, endpoint) in enumerate(nodes(aws, CACHE).items(), 1)
        ]

    def __enter__(self) -> "Watcher":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(10)

    def _watch(self, node: str, endpoint: dict[str, Any], may_be_unreachable: bool) -> None:
        manager = self._aws.client("secretsmanager")
        while not self._over.wait(_WATCH_SECONDS):
            try:
                password = _password(manager, "AWSCURRENT")
                locked_out = "" if logs_in(self._aws, endpoint, USER, password) else "refused"
            except Exception as error:  # whatever it is, this client is not in
                if may_be_unreachable and isinstance(error, redis.RedisError):
                    continue
                locked_out = type(error).__name__
            with self._lock:
                self.logins += 1
                if locked_out:
                    at = time.strftime("%H:%M:%S")
                    self.lock_outs.append(f"{at} {node}: {locked_out}")


def _follow_rotation(aws: LocalAws, stack: Stack, seen: Rotation, console: Console) -> None:
    """Print each execution, until Secrets Manager has ended or given up the rotation."""
    step_functions = aws.client("stepfunctions")
    while True:
        progress = ask(f"{aws.environment['LOCAL_CONTROL_URL']}/rotations/{seen.token}")
        found = step_functions.list_executions(stateMachineArn=stack.state_machine_arn)
        followed = {execution.arn for execution in seen.executions}
        new = [each for each in found["executions"] if each["executionArn"] not in followed]
        for each in sorted(new, key=lambda each: each["startDate"]):
            seen.executions.append(Execution(each["executionArn"]))
            _follow(step_functions, seen.executions[-1], console)
        if progress["ended"] and not new:
            seen.attempts = progress["told"]
            return
        time.sleep(_POLL_SECONDS)


def _follow(step_functions: Any, seen: Execution, console: Console) -> None:
    """Print each state of the execution, and each error on the way, until it ends."""
    console.print(f"Execution {seen.arn.rsplit(':', 1)[1]}\n")
    run = follow(source.read(seen.arn, step_functions), console, _POLL_SECONDS)
    seen.status, seen.output = run.status, json.loads(run.output or "{}")
    seen.error, seen.cause = run.error, run.cause
    seen.states = [
        {
            "state": visit.name,
            "outcome": visit.outcome,
            "at": round((visit.entered - run.started).total_seconds(), 3),
            "took": round(seconds_of(run, visit), 3),
        }
        for visit in run.visits
    ]
    if seen.status == "SUCCEEDED":
        console.print("\n[green]SUCCEEDED[/green], with the output")
        console.print_json(json.dumps(seen.output))
    else:
        console.print(f"\n[red]{seen.status}[/red] {seen.error}")
        console.print(f"{seen.cause}\n", markup=False)


def _print_attempts(console: Console, seen: Rotation) -> None:
    if len(seen.attempts) > 1 or seen.faults:
        console.print("\n[bold]Secrets Manager[/bold]")
        for line in seen.attempts:
            console.print(f"  {line}")
    if seen.faults:
        console.print("\n[bold]Faults[/bold], which end here")
        for fault in seen.faults:
            times = {0: "never met", 1: "met once"}.get(fault["met"], f"met {fault['met']} times")
            console.print(f"  {fault['fault']}: {times}")


def _proof(aws: LocalAws, manager: Any) -> Iterator[dict[str, Any]]:
    """Log in to every node with each password, with connections of our own."""
    passwords = {label: _password(manager, label) for label in ("AWSCURRENT", "AWSPREVIOUS")}
    passwords = {label: password for label, password in passwords.items() if password}
    for node, endpoint in nodes(aws, CACHE).items():
        for which, password in {**passwords, "wrong": secrets.token_hex(16)}.items():
            try:
                in_ = logs_in(aws, endpoint, USER, password)
            except redis.RedisError:
                in_ = False
            yield {"node": node, "password": which, "logs_in": in_}


def _password(manager: Any, label: str) -> str:
    try:
        found = manager.get_secret_value(SecretId=SECRET, VersionStage=label)
    except manager.exceptions.ResourceNotFoundException:
        return ""
    return str(json.loads(found["SecretString"]).get("password", ""))


def _print_proof(console: Console, seen: Rotation) -> None:
    console.print("\n[bold]Logins from outside[/bold]")
    names = {"AWSCURRENT": "AWSCURRENT's", "wrong": "a wrong"}
    if seen.status == "SUCCEEDED":
        names |= {"AWSCURRENT": "the new", "AWSPREVIOUS": "the previous", "wrong": "the wrong"}
    for login in seen.proof:
        which = names.get(login["password"], f"{login['password']}'s")
        answer = "logs in" if login["logs_in"] else "is refused"
        console.print(f"  {login['node']}: {which} password {answer}")
    console.print(
        f"  all along, with AWSCURRENT's: {seen.watched} logins, {len(seen.lock_outs)} lock-outs"
    )
    for line in seen.lock_outs[:10]:
        console.print(f"    [red]{line}[/red]")
