"""Reads runs: from the Step Functions API, or from exported files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from report.about import About, secret_id
from report.definition import DefinitionError, check
from report.history import Event, HistoryError, run_of, time_of
from report.remedy import Remedy
from report.run import Run
from rotation.rules.message import secret_name

_MAX_RESULTS = 1000  # GetExecutionHistory and ListExecutions: maxResults
_DEFAULT_RESULTS = 20


class SourceError(Exception):
    """A run cannot be read; the text is one line with the cause."""


@dataclass
class Reading:
    """An execution that can be read again while it runs; `run` is its state at the last read."""

    step_functions: Any
    arn: str
    definition: Mapping[str, Any]
    events: list[Event] = field(default_factory=list)
    run: Run = field(default_factory=Run)

    def refresh(self) -> Run:
        """Read the events added since the last call, and return the run.

        Raises:
            SourceError: Step Functions did not answer.
            HistoryError: its answer is not a history.
        """
        # Described first: if the execution has ended by now, the events read below include its end.
        execution = ask(self.step_functions.describe_execution, executionArn=self.arn)
        last = self.events[-1]["id"] if self.events else 0
        added: list[Event] = []
        pages = {"executionArn": self.arn, "reverseOrder": True, "maxResults": _MAX_RESULTS}
        while True:
            page = ask(self.step_functions.get_execution_history, **pages)
            added += [event for event in page["events"] if event["id"] > last]
            if not page.get("nextToken") or page["events"][-1]["id"] <= last:
                break
            pages["nextToken"] = page["nextToken"]
        self.events += reversed(added)
        self.run = run_of(self.events, execution)
        return self.run


def ask(call: Any, **parameters: Any) -> dict[str, Any]:
    """The answer of an API call; raises SourceError."""
    try:
        answer: dict[str, Any] = call(**parameters)
    except ClientError as error:
        answered = error.response["Error"]
        code, message = answered["Code"], answered["Message"]
        raise SourceError(f"{error.operation_name}: {code}: {message}") from None
    except BotoCoreError as error:
        raise SourceError(f"The request to AWS failed: {error}") from None
    return answer


def client(arn: str) -> Any:
    """A client for Step Functions in the ARN's region; raises SourceError."""
    parts = arn.split(":")
    if len(parts) < 7 or parts[0] != "arn" or parts[2] != "states":
        raise SourceError(f"{arn} is not the ARN of an execution or a state machine.")
    return _client("stepfunctions", parts[3])


def _client(service: str, region: str) -> Any:
    try:
        return boto3.client(service, region_name=region)
    except (BotoCoreError, ValueError) as error:
        raise SourceError(f"The request to AWS failed: {error}") from None


def read(arn: str, step_functions: Any = None) -> Reading:
    """The execution, with the definition that it runs with; raises SourceError."""
    step_functions = step_functions or client(arn)
    if ":execution:" not in arn:
        raise SourceError(f"{arn} is not the ARN of an execution: it has no :execution: part.")
    machine = ask(step_functions.describe_state_machine_for_execution, executionArn=arn)
    return Reading(step_functions, arn, json.loads(machine["definition"]))


def executions(machine_arn: str, secret: str = "", status: str = "") -> Iterator[dict[str, Any]]:
    """The state machine's executions, newest first, as DescribeExecution returns them; SourceError.

    Args:
        machine_arn: the state machine's ARN.
        secret: only those whose input names this secret, by its name or ARN.
        status: only those in this status.
    """
    step_functions = client(machine_arn)
    parameters: dict[str, Any] = {"stateMachineArn": machine_arn}
    parameters |= {"statusFilter": status} if status else {}
    parameters["maxResults"] = _MAX_RESULTS if secret else _DEFAULT_RESULTS
    page = ask(step_functions.list_executions, **parameters)
    for listed in sorted(page["executions"], key=lambda item: item["startDate"], reverse=True):
        execution = ask(step_functions.describe_execution, executionArn=listed["executionArn"])
        if not secret or secret_of(execution) == secret_name(secret):
            yield execution


def secret_of(execution: Mapping[str, Any]) -> str:
    """The secret's name in an execution's input; empty in another state machine's input."""
    return secret_name(secret_id(execution.get("input", "")))


def since(about: About, run: Run, secrets_manager: Any = None) -> str:
    """Whether a rotation of the secret succeeded after the run, as a line."""
    if not about.secret:
        return "Since then: unknown (the run names no secret)"
    try:
        answer = _described(about, secrets_manager)
    except SourceError as error:
        return f"Since then: unknown ({error})"
    if answer.get("DeletedDate"):
        return "Since then: the secret was marked for deletion"
    labels: Mapping[str, list[str]] = answer.get("VersionIdsToStages", {})
    current = next((version for version, names in labels.items() if "AWSCURRENT" in names), "")
    before = about.target.get("CurrentVersionId", "")
    rotated = answer.get("LastRotatedDate")
    if rotated and time_of(rotated) > run.stopped:
        at = time_of(rotated).astimezone(UTC)
        return f"Since then: a rotation has succeeded, at {at:%Y-%m-%d %H:%M} UTC"
    if current and current == about.target.get("VersionId"):
        return f"Since then: AWSCURRENT is version {current}, which this run made"
    if not before:
        return "Since then: no rotation by Secrets Manager has succeeded; a run by hand may have"
    if current != before:
        return f"Since then: AWSCURRENT was moved, to {current}, by a run by hand or a person"
    return "Since then: no rotation has succeeded"


def with_since(remedy: Remedy | None, run: Run, secrets_manager: Any = None) -> Remedy | None:
    """The remedy. If the run did not succeed, it includes what has happened since."""
    if not remedy or not remedy.clients:
        return remedy
    return replace(remedy, since=since(About.of(run), run, secrets_manager))


def _described(about: About, secrets_manager: Any) -> dict[str, Any]:
    _, region, _ = about.place
    secrets_manager = secrets_manager or _client("secretsmanager", region)
    return ask(secrets_manager.describe_secret, SecretId=about.secret)


def saved(reading: Reading) -> str:
    """The run and its definition, as JSON that `load` reads."""
    exported = {"events": reading.events, "definition": reading.definition}
    return json.dumps(exported, default=str)


def load(history: Path, definition: Path | None) -> tuple[Run, Mapping[str, Any] | None]:
    """A run from the output of get-execution-history or of `saved`; raises SourceError."""
    loaded = _json(history)
    events = loaded.get("events") if isinstance(loaded, dict) else loaded
    if not isinstance(events, list):
        raise SourceError(
            f'{history} has no "events" list. Use the output of get-execution-history.'
        )
    try:
        run = run_of(events)
    except HistoryError as error:
        raise SourceError(f"{history}: {error}") from None
    run.arn = About.of(run).arn
    machine = loaded.get("definition") if isinstance(loaded, dict) else None
    if definition is not None:
        machine = _json(definition)
    if machine is None:
        return run, None
    file = definition or history
    if isinstance(machine, dict) and isinstance(machine.get("definition"), str):
        # In the output of describe-state-machine the definition is a text.
        with suppress(ValueError):
            machine = json.loads(machine["definition"])
    try:
        check(machine)
    except DefinitionError as error:
        raise SourceError(f"{file}: {error}") from None
    except (AttributeError, TypeError, KeyError):
        raise SourceError(f"{file} is not an Amazon States Language definition") from None
    return run, machine


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SourceError(f"{path} is not JSON: {error}") from None
