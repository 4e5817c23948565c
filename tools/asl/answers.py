"""What the tasks of the state machine answer in its cases, and what each of them retries."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rotation.records.endpoint import Endpoint
from rotation.records.failure import Failure
from rotation.records.modification import Modification
from rotation.records.run_state import LOGGED_IN
from rotation.records.target import Target
from rotation.rules import closing
from rotation.rules.closing import Closing
from statemachine.asl import DEFINITION

MACHINE = "rotation"
ROOT = Path(__file__).parents[2]
MOCK_CONFIG = Path(__file__).with_name("MockConfigFile.json")
Json = dict[str, Any]


@dataclass(frozen=True)
class Throw:
    """The task fails with an error of this name."""

    error: str


Answer = Throw | Json
#: By task, one for each invocation.
Answers = dict[str, Sequence[Answer]]

#: The task inside of each Map.
INSIDE = {
    "Check Network": "Check Endpoint",
    "Test Authentication": "Log In",
    "Verify Current Password": "Log In With Current",  # pragma: allowlist secret
}
AROUND = {task: state for state, task in INSIDE.items()}

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = Target(
    secret_arn="arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf",
    version_id="new",
    current_version_id="current",
    pending_version_at_check="new",
    user_arn="arn:aws:elasticache:us-east-1:123456789012:user:app",
    username="app",
    authentication="password",
    turn_on=False,
    dry_run=False,
)


def user(status: str) -> Json:
    """What Describe User answers."""
    return Modification(_NOW, status, 2, 2).to_state()


def _endpoint(number: int) -> Endpoint:
    return Endpoint("cache", f"node-{number}", 6379)


def endpoints(count: int) -> Json:
    """What Find Endpoints answers."""
    found = [_endpoint(number).to_state() for number in range(count)]
    return {"Endpoints": found, "Count": count, "NotTested": []}


def verified(number: int, result: str) -> Json:
    """What is kept of an endpoint after a failure."""
    return {"Endpoint": str(_endpoint(number)), "Result": result}


def closed(failure: Failure, *, promoted: bool = False) -> Json:
    """What Close Rotation answers."""
    return Closing(
        promoted=promoted,
        failure=failure,
        user=closing.BOTH_PASSWORDS,
        pending=closing.REMOVED,
        clients=closing.NOT_LOCKED_OUT,
        logged_in=1,
        endpoints=1,
        not_tested=(),
        at=_NOW,
        cause=f"{failure.sentence} Closed.",
    ).to_state()


#: What each state gets that succeeds.
USUAL: Mapping[str, Json] = {
    "Check Target": TARGET.to_state(),
    "Find Endpoints": endpoints(1),
    "Check Endpoint": {"Endpoint": str(_endpoint(0)), "CurrentLogsIn": True, "ProvenVersion": ""},
    "Generate Password": {"Generated": True, "WaitSeconds": 0, "LateSeconds": 45},
    "Modify User": Modification(_NOW, "modifying", 0, 2).to_state(),
    "Describe User": user("active"),
    "Find Endpoints Again": endpoints(1),
    "Log In": {"Endpoint": str(_endpoint(0))},
    "Promote Version": {"Promoted": True},
    "Report Rotation": {"UserId": "app", "EndpointsTested": 1},
    "Log In With Current": verified(0, LOGGED_IN),
}


def caught(task: str, thrown: Answer) -> Json:
    """As a Catch passes it on, with the cause as in the guide, "Handling errors".

    A function's error is JSON, Lambda's own is plain text, and a timeout has no cause.
    """
    assert isinstance(thrown, Throw)
    cause = f"{task} met {thrown.error}."
    if thrown.error == "States.Timeout":
        cause = ""
    elif not thrown.error.startswith("Lambda."):
        error = {"errorMessage": cause, "errorType": thrown.error, "stackTrace": ["  File ...\n"]}
        cause = json.dumps(error)
    return {"Error": thrown.error, "Cause": cause}


def _with_few_attempts(shape: Json) -> Json:
    """A Retry with as many attempts as meet each of its errors: whether engines count them."""
    if "MaxAttempts" not in shape:
        return shape
    return shape | {"MaxAttempts": max(2, len(shape["ErrorEquals"]))}


def definition() -> str:
    """The definition as the engines get it; a function's name stands for its ARN."""
    text = DEFINITION.read_text().replace("${Partition}", "aws")
    text = re.sub(r"\$\{(\w+)\}", r"\1", text)
    return json.dumps(json.loads(text, object_hook=_with_few_attempts))


def _tasks(definition: Json) -> Iterator[tuple[str, Json]]:
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            yield name, state
        yield from _tasks(state["ItemProcessor"]) if "ItemProcessor" in state else ()


#: Of each task, the errors of each Retry and its attempts, in `definition`.
RETRIES: Mapping[str, Sequence[tuple[tuple[str, ...], int]]] = {
    name: [(tuple(rule["ErrorEquals"]), rule["MaxAttempts"]) for rule in state["Retry"]]
    for name, state in _tasks(json.loads(definition()))
}


def too_many(task: str, error: str) -> list[Throw]:
    """One error more than the task retries."""
    most = next(most for errors, most in RETRIES[task] if error in errors)
    return [Throw(error)] * (most + 1)


def all_retried(task: str) -> list[Answer]:
    """Each error that the task retries, as often as is allowed; then its usual answer, if any."""
    thrown = [
        Throw(errors[number % len(errors)])
        for errors, most in RETRIES[task]
        for number in range(most)
    ]
    return [*thrown, *([USUAL[task]] if task in USUAL else [])]
