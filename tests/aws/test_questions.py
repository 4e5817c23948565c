"""What is concluded from AWS's responses, with a fake AWS whose clock is the test's."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.deploy import Stack
from tools.aws import contract, probes, rotations
from tools.aws.account import Account
from tools.aws.environment import Environment
from tools.aws.questions import Answer
from tools.aws.trials import Trial, template_body

SERVICES = ("secretsmanager", "elasticache", "stepfunctions", "logs", "cloudtrail")
RUN, VERSION, ARN = "rotation-test-01234567", "v" * 32, "arn:aws:secretsmanager:::secret:s-1"
Steps = list[tuple[float, str, str]]
NAMES = ("createSecret", "setSecret", "testSecret", "finishSecret")
ALL: Steps = [(second, name, "") for second, name in enumerate(NAMES, 1)]
FAILED: Steps = [(1, "createSecret", ""), (2, "setSecret", "as planned")]
TRIED: Steps = [(at + second, name, error) for at in (0, 60) for second, name, error in FAILED]
CREATED: Steps = ALL[:1]
TEST: Steps = [(3, "testSecret", "")]
TESTED_BY = {"before": {"value": "none"}, "last_step": "testSecret"}
SET = "LastRotatedDate set; NextRotationDate is"
NOT_SET = "LastRotatedDate not set; NextRotationDate is"
LAST = "LastRotatedDate, seconds after the last step"


def date(second: float) -> datetime:
    return datetime.fromtimestamp(second, UTC)


@dataclass
class FakeAws:
    """All services in one. Seconds are since the beginning; a log line can be read from then on."""

    second: float = 0.0
    lines: list[tuple[float, str]] = field(default_factory=list)
    current: bool = False  # AWSCURRENT is on the version
    pending_until: float = math.inf  # so is AWSPENDING
    described: dict[str, Any] = field(default_factory=dict)
    changed_by_put: dict[str, Any] = field(default_factory=dict)
    trail: Mapping[str, Sequence[dict[str, Any]]] = field(default_factory=dict)
    executions: Mapping[str, tuple[float, str]] = field(default_factory=dict)

    def account(self) -> Account:
        def sleep(seconds: float) -> None:
            self.second += seconds

        waits: Any = {"pause": 1, "quiet": 30, "watch": 100, "sleep": sleep}
        account = Account(pytest.fail, RUN, pytest.fail, now=lambda: self.second, **waits)
        account._clients = dict.fromkeys(SERVICES, self)
        return account

    def log(self, when: float, **line: Any) -> None:
        self.lines.append((when, json.dumps(line)))

    # As boto3's clients

    class exceptions:  # noqa: N801
        class ExecutionDoesNotExist(Exception):  # noqa: N818
            pass

    def get_paginator(self, call: str) -> Any:
        return SimpleNamespace(paginate={"filter_log_events": self.logs}.get(call, self.events))

    def logs(self, **_: Any) -> Iterator[dict[str, Any]]:
        lines = [(0, "START"), *(it for it in self.lines if it[0] <= self.second)]
        yield {"events": [{"timestamp": when * 1000, "message": line} for when, line in lines]}

    def events(self, LookupAttributes: Any, **_: Any) -> Iterator[dict[str, Any]]:
        found = self.trail.get(LookupAttributes[0]["AttributeValue"], ())
        yield {"Events": [{"CloudTrailEvent": json.dumps(event)} for event in found]}

    def labels(self) -> list[str]:
        pending = ["AWSPENDING"] * (self.second < self.pending_until)
        return ["AWSCURRENT"] * self.current + pending

    def describe_secret(self, **_: Any) -> dict[str, Any]:
        return {"VersionIdsToStages": {VERSION: self.labels()}, **self.described}

    def list_secret_version_ids(self, **_: Any) -> dict[str, Any]:
        return {"Versions": [{"VersionId": VERSION}] if self.labels() else []}

    def put_secret_value(self, VersionStages: Sequence[str] = (), **_: Any) -> None:
        self.described.update(self.changed_by_put)
        if "AWSCURRENT" in VersionStages:
            self.pending_until = 0

    def get_secret_value(self, **_: Any) -> dict[str, Any]:
        return {"CreatedDate": date(self.second)}

    def rotate_secret(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "InvalidRequestException"}}, "RotateSecret")

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        name = executionArn.rpartition(":")[2]
        if name not in self.executions:
            raise self.exceptions.ExecutionDoesNotExist
        end, status = self.executions[name]
        ended = {"status": status, "startDate": date(0), "stopDate": date(end)}
        return ended if self.second >= end else {"status": "RUNNING"}


def trial_of(aws: FakeAws, steps: Steps, how: dict[str, Any]) -> Trial:
    """A trial whose function has logged these steps: when, which, and its error."""
    state = {"labels": [], "value": "its own", "created": [1.0]}
    step = {"version": VERSION, "before": state, "after": state}
    step |= {key: how.pop(key) for key in step.keys() & how.keys()}
    for when, name, error in steps:
        aws.log(when, secret="s", step={**step, "name": name, "error": error})
    aws.log(1, secret="another", step={**step, "name": "finishSecret", "error": "another's"})
    last_step, abandoned = how.pop("last_step", "finishSecret"), how.pop("abandoned", 0.0)
    return Trial(aws.account(), "group", last_step, "s", ARN, VERSION, 0.0, abandoned)


def rotated(following: float, **dates: Any) -> dict[str, Any]:
    """DescribeSecret's response."""
    return {"described": {"RotationRules": {}, "NextRotationDate": date(following), **dates}}


TESTED = "testSecret; its value: none; the version"
REFUSED = "refused: InvalidRequestException; then"
TWICE = "2 attempts with 1 version, {}each from createSecret; AWSPENDING on the version{}"
WHY = "It was not created by Lambda f."
STARTED = {"eventName": "RotationStarted", "eventTime": "2026-01"}
FAILED_EVENT = {"eventName": "RotationFailed", "eventTime": "2026-02", "errorMessage": WHY}
TRAIL = {
    "RotationFailed": [{**FAILED_EVENT, "serviceEventDetails": {"secretId": ARN}}],
    "RotationStarted": [
        {**STARTED, "additionalEventData": {"SecretId": secret}} for secret in (ARN, "another")
    ],
}

#: By the question: the steps so far, the answer, after how many seconds, and what else is so.
ANSWERS: Mapping[Any, Sequence[tuple[Steps, str, float, dict[str, Any]]]] = {
    contract.accepted: [
        (ALL, f"rotated: {', '.join(NAMES)}", 4, {"current": True}),
        (ALL, f"not rotated: {', '.join(NAMES)}", 4, {}),
        (CREATED, "not rotated: createSecret", 32, {}),
        ([*CREATED, (40, "createSecret", "")], "not rotated: createSecret", 32, {}),
        (FAILED, "not rotated: createSecret, setSecret; as planned", 2, {}),
        ([], "not rotated: no step", 31, {}),
    ],
    contract.created_date: [
        (ALL, "that of its value", 4, {"after": {"created": [7.0]}}),
        (ALL, "that of staging", 4, {}),
        (ALL, "none before it has a value", 4, {"before": {"created": []}}),
    ],
    contract.removed_after: [
        (ALL, "removed; seconds after the last step: 10.0", 14, {"pending_until": 14}),
        (ALL, "on the version; watched for: 30", 34, {}),
    ],
    contract.tested_version: [
        (TEST, f"{TESTED} was removed", 20, {**TESTED_BY, "pending_until": 20}),
        (TEST, f"{TESTED} is still there", 33, TESTED_BY),
    ],
    contract.dates: [
        (ALL, f"{SET} the end of an hour; {LAST}: 0.0", 4, rotated(7199, LastRotatedDate=date(4))),
        (ALL, f"{NOT_SET} no end of an hour; hours until then: 1.94", 4, rotated(7000)),
    ],
    contract.put_by_a_person: [
        (ALL, "changed", 4, {"changed_by_put": {"LastRotatedDate": "x"}}),
        (ALL, "unchanged", 4, {"described": {"LastRotatedDate": "x"}}),
    ],
    contract.abandoned: [(FAILED, "PROBE: on the version; AWSCURRENT: removed", 2, {})],
    contract.retries: [
        (TRIED, TWICE.format("", "; seconds between: [60.0]; watched for: 100"), 100, {}),
        ([*FAILED, (9, "setSecret", "as planned")], TWICE.format("not ", ""), 100, {}),
        (TRIED, TWICE.format("", "; tried again after the new AWSCURRENT"), 100, {"abandoned": 50}),
        (TRIED, TWICE.format("", "; nothing after the new AWSCURRENT"), 100, {"abandoned": 90}),
    ],
    contract.rotated_again: [
        ([], f"{REFUSED} nothing", 30, {}),
        (FAILED, f"{REFUSED} tried with the same version", 1, {}),
    ],
    contract.in_cloudtrail: [
        ([], "nothing yet", 0, {}),
        (
            [],
            f"RotationFailed; events: RotationStarted; RotationFailed {WHY}",
            0,
            {"trail": TRAIL},
        ),
    ],
}


@pytest.mark.parametrize(
    "ask, steps, text, seconds, how",
    [(ask, *row) for ask, rows in ANSWERS.items() for row in rows],
)
def test_the_answer_of_a_trial(
    ask: Any, steps: Steps, text: str, seconds: float, how: dict[str, Any]
) -> None:
    aws, how = FakeAws(), dict(how)
    trial = trial_of(aws, steps, how)
    vars(aws).update(how)
    reply = ask(trial)
    answer = reply if isinstance(reply, Answer) else Answer(reply)
    measured = (f"; {key}: {value}" for key, value in answer.measured.items())
    shown = answer.text + "".join(each for each in measured if each in text)
    assert (shown, aws.second) == (text, seconds)


@pytest.mark.parametrize(
    "user, text",
    [
        ({"userId": "user-1", "passwords": ["hidden"]}, "the password is not in it"),
        ({"userId": "user-1", "passwords": ["known"]}, "the password is in it"),
        ({"userId": "user-2", "passwords": ["known"]}, "nothing yet"),
    ],
)
def test_whether_cloudtrail_has_the_password(user: dict[str, Any], text: str) -> None:
    aws = FakeAws(trail={"ModifyUser": [{"requestParameters": user}]})
    tenant: Any = SimpleNamespace(user_id="user-1", value=lambda: {"password": "known"})
    reply = probes.in_cloudtrail(Environment(aws.account(), tenants={"one node": tenant}))
    assert reply in (text, Answer(text, {"keys": "passwords, userId"}))


OUT_OF_TIME = {"message": "failed", "error": "RotationInProgressError"}
FAILURE = {"message": "failed", "error": "RotationFailedError", "reason": "It FAILED."}
SHOWN = "failed RotationFailedError It FAILED."
SHOWN_FIRST = "failed RotationInProgressError"
PLATFORM = "Task timed out after 40.00 seconds"


SUCCEEDS, FAILS = {"v-1": (10, "SUCCEEDED")}, {"v-1": (10, "FAILED")}
LAST_STEPS = [(1, {"message": "createSecret"}), (14, {"message": "finishSecret"})]


@pytest.mark.parametrize(
    "executions, lines, text, shown, seconds",
    [
        # Its last step ends after its execution.
        (SUCCEEDS, LAST_STEPS, "SUCCEEDED", None, 14),
        (FAILS, [(12, FAILURE)], "FAILED", SHOWN, 12),
        # An execution may go on when a step has failed.
        (FAILS, [(5, FAILURE)], "FAILED", SHOWN, 10),
        ({}, [(2, FAILURE)], "no execution", SHOWN, 2),
        (FAILS, [(5, OUT_OF_TIME), (20, FAILURE)], "FAILED", f"{SHOWN_FIRST} / {SHOWN}", 20),
        # A function that could not log for itself is not waited for.
        (SUCCEEDS, [], "SUCCEEDED", PLATFORM, 40),
    ],
)
def test_a_rotation_ends_with_its_last_step_and_shows_its_log(
    executions: Any, lines: list[Any], text: str, shown: str | None, seconds: float
) -> None:
    aws = FakeAws(executions=executions)
    for when, line in lines:
        aws.log(when, function="rotate", token="v", **line)
    aws.log(0, function="another", token="v", error="NotItsOwn")
    aws.lines.append((3, PLATFORM))
    stack = Stack({"RotationFunctionArn": "arn:f:rotate", "StateMachineArn": "arn:m"})
    answer = rotations.at_end(Environment(aws.account(), stack), "v")
    assert (answer.text, aws.second) == (text, seconds)
    assert answer.measured.get("the rotation function") == shown
    assert ("its last step" in answer.measured) == (shown == PLATFORM)


def test_the_template_with_the_functions_code_fits_into_a_call() -> None:
    assert template_body().count("def handler(") == 2
    assert len(template_body()) < 51_200
