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
from tools.aws.environment import Environment, NotClusterModeError
from tools.aws.questions import Answer
from tools.aws.trials import Trial, template_body

RUN, VERSION, ARN = "rotation-test-01234567", "v" * 32, "arn:aws:secretsmanager:::secret:s-1"
Steps = list[tuple[float, str, str]]
NAMES = ("createSecret", "setSecret", "testSecret", "finishSecret")
ALL: Steps = [(second, name, "") for second, name in enumerate(NAMES, 1)]
FAILED: Steps = [(1, "createSecret", ""), (2, "setSecret", "as planned")]
RETRIED: Steps = [
    (at + second, name, error) for at in (0, 60, 180) for second, name, error in FAILED
]
CREATED: Steps = ALL[:1]
KEYS = ["ClientRequestToken", "RotationToken", "SecretId", "Step"]


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
        fake = Account(lambda _: self, RUN, pytest.fail, now=lambda: self.second, **waits)
        fake.client = lambda _: self  # type: ignore[method-assign]
        return fake

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


def case(
    ask: Any,
    steps: Steps,
    text: str,
    seconds: float,
    measured: Mapping[str, Any] = {},
    *,
    line: Mapping[str, Any] = {},
    last_step: str = "finishSecret",
    abandoned: float = 0.0,
    **aws: Any,
) -> Any:
    """What is asked of a trial with these steps, its answer, and after how many seconds."""
    fake = FakeAws(**aws)
    state = {"labels": [], "value": "its own", "created": [1.0]}
    same = {"version": VERSION, "keys": KEYS, "new_token": True, "before": state, "after": state}
    for when, name, error in steps:
        fake.log(when, secret="s", step={**same, "name": name, "error": error, **line})
    fake.log(1, secret="another", step={**same, "name": "finishSecret", "error": "another's"})
    trial = Trial(fake.account(), "group", last_step, "s", ARN, VERSION, 0.0, abandoned)
    return pytest.param(
        ask, trial, fake, text, seconds, measured, id=f"{ask.__name__}: {text[:40]}"
    )


def dates(following: float, **described: Any) -> dict[str, Any]:
    return {"RotationRules": {}, "NextRotationDate": date(following), **described}


STATED = "; its value: none; the version"
RETRIES = "3 attempts with 1 version, each from createSecret; AWSPENDING on the version"
REFUSED = "refused: InvalidRequestException; then"
SET = "LastRotatedDate, seconds after the last step"
REASON = "Pending secret version v was not created by Lambda f."
TRAIL = {
    "RotationFailed": [
        {
            "eventName": "RotationFailed",
            "eventTime": "2026-02",
            "errorMessage": REASON,
            "serviceEventDetails": {"secretId": ARN},
        }
    ],
    "RotationStarted": [
        {
            "eventName": "RotationStarted",
            "eventTime": "2026-01",
            "additionalEventData": {"SecretId": secret},
        }
        for secret in (ARN, "another")
    ],
}


@pytest.mark.parametrize(
    "ask, trial, aws, text, seconds, measured",
    [
        case(contract.accepted, ALL, f"rotated: {', '.join(NAMES)}", 4, current=True),
        case(contract.accepted, ALL, f"not rotated: {', '.join(NAMES)}", 4),
        case(contract.accepted, CREATED, "not rotated: createSecret", 32),
        case(contract.accepted, [*CREATED, (40, *NAMES[:1], "")], "not rotated: createSecret", 32),
        case(contract.accepted, [*CREATED, (20, *NAMES[:1], "")], "not rotated: createSecret", 32),
        case(contract.accepted, FAILED, "not rotated: createSecret, setSecret; as planned", 2),
        case(contract.accepted, [], "not rotated: no step", 31),
        case(contract.event_keys, ALL, f"{', '.join(KEYS)}; 4 RotationTokens in 4 steps", 4),
        case(
            *(contract.event_keys, ALL, f"{', '.join(KEYS)}; 0 RotationTokens in 4 steps", 4),
            line={"new_token": False},
        ),
        case(contract.event_keys, ALL, "SecretId, Step", 4, line={"keys": ["SecretId", "Step"]}),
        case(
            *(contract.created_date, ALL, "that of its value", 4),
            line={"before": {"created": [5.0]}, "after": {"created": [7.0]}},
        ),
        case(contract.created_date, ALL, "that of staging", 4),
        case(
            *(contract.created_date, ALL, "none before it has a value", 4),
            line={"before": {"created": []}},
        ),
        case(
            *(contract.removed_after, ALL, "removed", 14, {"seconds after the last step": 10}),
            pending_until=14,
        ),
        case(contract.removed_after, ALL, "on the version", 34, {"watched for": 30}),
        *(
            case(
                *(contract.tested_version, [(3, "testSecret", "")]),
                *(f"testSecret{STATED} {left}", seconds),
                pending_until=until,
                line={"before": {"value": "none"}},
                last_step="testSecret",
            )
            for until, left, seconds in ((20, "was removed", 20), (99, "is still there", 33))
        ),
        case(
            contract.dates,
            ALL,
            "LastRotatedDate set; NextRotationDate is the end of an hour",
            4,
            {SET: 0},
            described=dates(2 * 3600 - 1, LastRotatedDate=date(4)),
        ),
        case(
            *(contract.dates, ALL),
            *("LastRotatedDate not set; NextRotationDate is no end of an hour", 4),
            described=dates(7000),
        ),
        case(contract.put_by_a_person, ALL, "changed", 4, changed_by_put={"LastRotatedDate": "x"}),
        case(contract.put_by_a_person, ALL, "unchanged", 4, described={"LastRotatedDate": "x"}),
        case(contract.abandoned, FAILED, "PROBE: on the version; AWSCURRENT: removed", 2),
        case(
            *(contract.retries, RETRIED[:4], RETRIES.replace("3", "2"), 100),
            {"seconds between": [60], "watched for": 100},
        ),
        case(
            *(contract.retries, [*FAILED, (9, "setSecret", "as planned")]),
            *(f"{RETRIES.replace('3', '2').replace('each', 'not each')}", 100),
        ),
        case(
            contract.retries,
            RETRIED[:4],
            f"{RETRIES.replace('3', '2')}; tried again after the new AWSCURRENT",
            100,
            {"attempts after the new AWSCURRENT": 1},
            abandoned=50,
        ),
        case(
            *(contract.retries, RETRIED[:4]),
            *(f"{RETRIES.replace('3', '2')}; nothing after the new AWSCURRENT", 100),
            abandoned=90,
        ),
        case(contract.rotated_again, [], f"{REFUSED} nothing", 30),
        case(contract.rotated_again, FAILED, f"{REFUSED} tried with the same version", 1),
        case(contract.in_cloudtrail, [], "nothing yet", 0),
        case(
            *(contract.in_cloudtrail, [], "RotationFailed", 0),
            {"events": f"RotationStarted; RotationFailed {REASON}"},
            trail=TRAIL,
        ),
    ],
)
def test_the_answer_of_a_trial(
    ask: Any, trial: Trial, aws: FakeAws, text: str, seconds: float, measured: Mapping[str, Any]
) -> None:
    reply = ask(trial)
    answer = reply if isinstance(reply, Answer) else Answer(reply)
    assert (answer.text, aws.second) == (text, seconds)
    assert measured.items() <= answer.measured.items()


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
PLATFORM = "Task timed out after 40.00 seconds"


@pytest.mark.parametrize(
    "executions, lines, text, shown, seconds",
    [
        # Its last step ends after its execution.
        (
            {"v-1": (10, "SUCCEEDED")},
            [(1, {"message": "createSecret"}), (14, {"message": "finishSecret"})],
            *("SUCCEEDED", None, 14),
        ),
        ({"v-1": (10, "FAILED")}, [(12, FAILURE)], "FAILED", SHOWN, 12),
        # An execution may go on when a step has failed.
        ({"v-1": (10, "FAILED")}, [(5, FAILURE)], "FAILED", SHOWN, 10),
        ({}, [(2, FAILURE)], "no execution", SHOWN, 2),
        (
            {"v-1": (10, "FAILED")},
            [(5, OUT_OF_TIME), (20, FAILURE)],
            *("FAILED", f"failed RotationInProgressError / {SHOWN}", 20),
        ),
        # A function that could not log for itself is not waited for.
        ({"v-1": (10, "SUCCEEDED")}, [], "SUCCEEDED", PLATFORM, 40),
    ],
)
def test_a_rotation_ends_with_its_last_step_and_shows_what_its_function_has_logged(
    executions: Any, lines: list[Any], text: str, shown: str | None, seconds: float
) -> None:
    aws = FakeAws(executions=executions)
    for when, line in lines:
        aws.log(when, function="rotate", token="v", **line)
    aws.log(0, function="another", token="v", error="NotItsOwn")
    aws.lines.append((3, PLATFORM))
    stack = Stack({"RotationFunctionArn": "arn:f:rotate", "StateMachineArn": "arn:m"})
    answer = rotations.at_end(Environment(aws.account(), stack), "v", "v-1")
    assert (answer.text, aws.second) == (text, seconds)
    assert answer.measured.get("the rotation function") == shown
    assert ("its last step" in answer.measured) == (shown == PLATFORM)


def test_cluster_mode_is_asked_for_and_its_absence_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = {"SecurityGroupIds": "sg-1", "CacheSubnetGroupName": "group"}
    env = Environment(FakeAws().account(), network=network)
    placed = env.placement("cluster mode")
    version = placed["EngineVersion"].partition(".")[0]
    assert placed["CacheParameterGroupName"] == f"default.valkey{version}.cluster.on"
    assert "CacheParameterGroupName" not in env.placement("replicas")

    found = {"ClusterEnabled": False, "Status": "available"}
    monkeypatch.setattr(Environment, "described", lambda *_: found)
    env.ready("replicas", "cache-1")
    with pytest.raises(NotClusterModeError):
        env.ready("cluster mode", "cache-1")


def test_the_functions_code_is_inline_and_the_template_fits_into_a_call() -> None:
    resources = json.loads(template_body())["Resources"].values()
    functions = [each for each in resources if each["Type"] == "AWS::Lambda::Function"]
    code = [each["Properties"]["Code"]["ZipFile"].count("def handler(") for each in functions]
    assert code == [1, 1]
    assert len(template_body()) < 51_200
