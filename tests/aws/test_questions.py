"""What is made of AWS's answers, with an AWS of a few lines whose clock is the test's."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.deploy import Stack
from tools.aws import contract, probes, rotations, scene
from tools.aws.account import Account
from tools.aws.answers import Answer
from tools.aws.scene import NotClusterModeError, Scene
from tools.aws.trials import Trial, body

RUN, VERSION, ARN = "rotation-test-01234567", "v" * 32, "arn:aws:secretsmanager:::secret:s-1"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
ALL = [(second, name, "") for second, name in enumerate(STEPS, 1)]
KNOWN = "known"
FAILED = [(1, "createSecret", ""), (2, "setSecret", "as planned")]
KEYS = ["ClientRequestToken", "RotationToken", "SecretId", "Step"]


@dataclass
class FakeAws:
    """Seconds are since the beginning; what is logged can be read from then on."""

    second: float = 0.0
    logged: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    labels: Callable[[float], list[str]] = lambda _: ["AWSPENDING"]
    described: dict[str, Any] = field(default_factory=dict)
    trail: Mapping[str, Sequence[dict[str, Any]]] = field(default_factory=dict)
    executions: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    rotate: Callable[[], Any] = lambda: None
    put: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.second += seconds

    def client(self, service: str) -> Any:
        return self

    # As boto3's clients

    class exceptions:  # noqa: N801
        class ExecutionDoesNotExist(Exception):  # noqa: N818
            pass

    def get_paginator(self, call: str) -> Any:
        @dataclass
        class Pages:
            paginate: Any

        pages: dict[str, Any] = {"filter_log_events": self.events, "lookup_events": self.looked_up}
        return Pages(pages[call])

    def events(self, filterPattern: str, **_: Any) -> Iterator[dict[str, Any]]:
        lines = [(when, json.dumps(line)) for when, line in self.logged if when <= self.second]
        term = filterPattern.strip('"')
        found = [{"timestamp": w * 1000, "message": m} for w, m in lines if term in m]
        yield {"events": [*found, {"timestamp": 0, "message": f"START {term}"}]}

    def looked_up(self, LookupAttributes: Any, **_: Any) -> Iterator[dict[str, Any]]:
        found = self.trail.get(LookupAttributes[0]["AttributeValue"], ())
        yield {"Events": [{"CloudTrailEvent": json.dumps(each)} for each in found]}

    def describe_secret(self, **_: Any) -> dict[str, Any]:
        return {"VersionIdsToStages": {VERSION: self.labels(self.second)}, **self.described}

    def list_secret_version_ids(self, **_: Any) -> dict[str, Any]:
        versions = [VERSION] if self.labels(self.second) else []
        return {"Versions": [{"VersionId": each} for each in versions]}

    def put_secret_value(self, VersionStages: Sequence[str] = ("AWSCURRENT",), **_: Any) -> None:
        self.put += VersionStages

    def get_secret_value(self, **_: Any) -> dict[str, Any]:
        return {"CreatedDate": datetime.fromtimestamp(self.second, UTC)}

    def rotate_secret(self, **_: Any) -> None:
        self.rotate()

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        name = executionArn.rpartition(":")[2]
        if name not in self.executions:
            raise self.exceptions.ExecutionDoesNotExist
        end, status = self.executions[name]
        dates = {"startDate": datetime.fromtimestamp(0, UTC)}
        dates["stopDate"] = datetime.fromtimestamp(end, UTC)
        return {"status": status if self.second >= end else "RUNNING", **dates}


def fake_account(aws: FakeAws) -> Account:
    class Fake(Account):
        def client(self, service: str) -> Any:
            return aws.client(service)

    def now() -> float:
        return aws.second

    rest = {"clock": now, "now": now, "sleep": aws.sleep}
    return Fake(aws.client, RUN, lambda: pytest.fail("packaged"), pause=1, quiet=30, **rest)  # type: ignore[arg-type]


def trial(aws: FakeAws, *steps: tuple[float, str, str], **line: Any) -> Trial:
    """One whose function has logged these: when, which step, which error."""
    state = {"labels": [], "value": "its own", "created": [1.0]}
    for when, name, error in steps:
        logged = {"secret": "s", "version": VERSION, "keys": KEYS, "new": True, "error": error}
        aws.logged.append((when, {**logged, "step": name, "before": state, "after": state, **line}))
    return Trial(fake_account(aws), "group", "finishSecret", "s", ARN, VERSION, 0.0)


@pytest.mark.parametrize(
    "steps, labels, text, seconds",
    [
        (ALL, ["AWSCURRENT"], f"rotated: {', '.join(STEPS)}", 4),
        (ALL, ["AWSPENDING"], f"not rotated: {', '.join(STEPS)}", 4),
        (ALL[:1], ["AWSPENDING"], "not rotated: createSecret", 32),
        ([*ALL[:1], (40, "createSecret", "")], [], "not rotated: createSecret", 32),
        ([*ALL[:1], (20, "createSecret", "")], [], "not rotated: createSecret", 32),
        (FAILED, [], "not rotated: createSecret, setSecret; as planned", 2),
        ([], [], "not rotated: no step", 31),
    ],
)
def test_a_version_is_accepted_if_every_step_follows(
    steps: list[Any], labels: list[str], text: str, seconds: float
) -> None:
    aws = FakeAws(labels=lambda _: labels)
    answer = contract._accepted(trial(aws, *steps))
    assert (answer.text, aws.second) == (text, seconds)


@pytest.mark.parametrize(
    "line, text",
    [
        ({}, f"{', '.join(KEYS)}; 4 RotationTokens in 4 steps"),
        ({"new": False}, f"{', '.join(KEYS)}; 0 RotationTokens in 4 steps"),
        ({"keys": ["SecretId", "Step"]}, "SecretId, Step"),
    ],
)
def test_the_events_keys(line: dict[str, Any], text: str) -> None:
    assert contract._keys(trial(FakeAws(), *ALL, **line)).text == text


@pytest.mark.parametrize(
    "before, text",
    [([5.0], "that of its value"), ([7.0], "that of staging"), ([], "none before it has a value")],
)
def test_which_date_a_staged_version_has(before: list[float], text: str) -> None:
    states = {"before": {"created": before}, "after": {"created": [7.0]}}
    assert contract._created(trial(FakeAws(), *ALL, **states)).text == text


@pytest.mark.parametrize(
    "until, answer",
    [
        (14, Answer("taken off", {"seconds after the last step": 10})),
        (99, Answer("on the version", {"watched for": 30})),
    ],
)
def test_when_awspending_is_taken_off_after_a_success(until: float, answer: Answer) -> None:
    aws = FakeAws(labels=lambda second: ["AWSPENDING"] if second < until else [])
    assert contract._taken_off(trial(aws, *ALL)) == answer


@pytest.mark.parametrize(
    "until, left, seconds", [(20, "was removed", 20), (99, "is still there", 33)]
)
def test_what_test_secret_is_given_and_whether_it_is_removed(
    until: float, left: str, seconds: float
) -> None:
    aws = FakeAws(labels=lambda second: ["AWSPENDING"] if second < until else [])
    tested = trial(aws, (3, "testSecret", ""), before={"value": "none"})
    tested.last_step = "testSecret"
    assert contract._tested(tested).text == f"testSecret; its value: none; the version {left}"
    assert aws.second == seconds


@pytest.mark.parametrize(
    "following, last, text",
    [
        (2 * 3600 - 1, 4, "LastRotatedDate set; NextRotationDate is the end of an hour"),
        (7000, None, "LastRotatedDate not set; NextRotationDate is no end of an hour"),
    ],
)
def test_which_dates_a_rotation_has(following: float, last: float | None, text: str) -> None:
    described: dict[str, Any] = {"RotationRules": {}}
    described["NextRotationDate"] = datetime.fromtimestamp(following, UTC)
    if last:
        described["LastRotatedDate"] = datetime.fromtimestamp(last, UTC)
    answer = contract._dates(trial(FakeAws(described=described), *ALL))
    assert answer.text == text
    assert answer.measured.get("LastRotatedDate, seconds after the last step") == (last and 0)


@pytest.mark.parametrize("sets_it, text", [(True, "changed"), (False, "unchanged")])
def test_whether_a_persons_version_is_a_rotation(sets_it: bool, text: str) -> None:
    class Changing(FakeAws):
        def put_secret_value(self, **_: Any) -> None:  # type: ignore[override]
            self.described["LastRotatedDate"] = "new" if sets_it else "old"

    aws = Changing(described={"LastRotatedDate": "old"})
    assert contract._put_by_a_person(trial(aws, *ALL)).text == text


def test_what_takes_awspending_off_a_failed_rotation() -> None:
    aws = FakeAws()
    aws.labels = lambda _: [] if "AWSCURRENT" in aws.put else ["AWSPENDING"]
    failed = trial(aws, *FAILED)
    assert contract._abandoned(failed).text == "PROBE: on the version; AWSCURRENT: taken off"
    assert failed.abandoned == aws.second == 2


def test_retries_are_counted_for_as_long_as_was_asked_for() -> None:
    aws = FakeAws()
    again = [(when + second, name, error) for when in (60, 180) for second, name, error in FAILED]
    tried = trial(aws, *FAILED, *again)
    answer = contract._retries(tried, 100)
    assert answer.text == (
        "2 attempts with 1 version, each from createSecret; AWSPENDING on the version"
    )
    assert answer.measured == {"seconds between": [60], "watched for": 100}
    for tried.abandoned, text in ((100, "; tried again"), (190, "; nothing")):
        answer = contract._retries(tried, 200)
        assert answer.text.endswith(f"{text} after the new AWSCURRENT")
        assert answer.measured["attempts after the new AWSCURRENT"] == (text == "; tried again")
    later = contract._retries(trial(FakeAws(), *FAILED, (9, "setSecret", "as planned")), 10)
    assert later.text.startswith("2 attempts with 1 version, not each from createSecret")


@pytest.mark.parametrize(
    "steps, text",
    [
        (FAILED, "refused: InvalidRequestException; then nothing"),
        (
            [*FAILED, (110, "createSecret", "")],
            "refused: InvalidRequestException; then tried with the same version",
        ),
    ],
)
def test_whether_a_refused_rotation_has_the_old_one_tried_again(
    steps: list[Any], text: str
) -> None:
    def refuse() -> None:
        raise ClientError({"Error": {"Code": "InvalidRequestException"}}, "RotateSecret")

    aws = FakeAws(second=100, rotate=refuse)
    assert contract._rotated_again(trial(aws, *steps)).text == text


def test_what_cloudtrail_tells_of_each_rotation() -> None:
    why = "Pending secret version v was not created by Lambda f."
    failed = {"eventName": "RotationFailed", "eventTime": "2026-02", "errorMessage": why}
    started = {"eventName": "RotationStarted", "eventTime": "2026-01"}
    aws = FakeAws(
        trail={
            "RotationFailed": [{**failed, "serviceEventDetails": {"secretId": ARN}}],
            "RotationStarted": [
                {**started, "additionalEventData": {"SecretId": ARN}},
                {**started, "additionalEventData": {"SecretId": "another"}},
            ],
        }
    )
    asked = Scene(fake_account(aws), trials={"it": trial(aws), "not begun": ValueError()})
    answer = contract._told(asked)
    assert answer.text == "it: RotationFailed"
    assert answer.measured == {"it": f"RotationStarted; RotationFailed ({why})"}


@pytest.mark.parametrize(
    "password, text",
    [("hidden", "the password is not in it"), (KNOWN, "the password is in it")],
)
def test_whether_cloudtrail_has_the_password(password: str, text: str) -> None:
    event = {"requestParameters": {"userId": "user-1", "passwords": [password]}}
    aws = FakeAws(trail={"ModifyUser": [event]})

    class User:
        user_id = "user-1"

        def value(self) -> dict[str, str]:
            return {"password": KNOWN}

    asked = Scene(fake_account(aws), tenants={"one node": User()})  # type: ignore[dict-item]
    answer = probes._recorded(asked, "one node")
    assert answer == Answer(text, {"keys": "passwords, userId"})
    User.user_id = "user-2"
    assert probes._recorded(asked, "one node").text == "nothing yet"


def rotated(aws: FakeAws, *lines: tuple[float, dict[str, Any]]) -> Answer:
    stack = Stack({"RotationFunctionArn": "arn:f:rotate", "StateMachineArn": "arn:m"})
    aws.logged += [(when, {"function": "rotate", "token": "t", **it}) for when, it in lines]
    aws.logged += [(0, {"function": "another", "token": "t", "error": "NotItsOwn"})]
    return rotations._at_end(Scene(fake_account(aws), stack).rotation("t", "t-1"))


def test_a_rotation_ends_with_finish_secret_and_not_with_its_execution() -> None:
    aws = FakeAws(executions={"t-1": (10, "SUCCEEDED")})
    answer = rotated(aws, (1, {"message": "createSecret"}), (14, {"message": "finishSecret"}))
    assert (answer, aws.second) == (Answer("SUCCEEDED", {"seconds": 10}), 14)


FAILURE = {"message": "failed", "error": "RotationFailedError", "reason": "It FAILED."}
SHORT_OF_TIME = {"message": "failed", "error": "RotationInProgressError"}


@pytest.mark.parametrize(
    "executions, lines, text, shown, seconds",
    [
        ({"t-1": (10, "FAILED")}, [(12, FAILURE)], "FAILED", "failed RotationFailedError It", 12),
        # Its execution may go on when a step has failed.
        ({"t-1": (10, "FAILED")}, [(5, FAILURE)], "FAILED", "failed RotationFailedError It", 10),
        ({}, [(2, FAILURE)], "no execution", "failed RotationFailedError It FAILED.", 2),
        (
            {"t-1": (10, "FAILED")},
            [(5, SHORT_OF_TIME), (20, FAILURE)],
            "FAILED",
            "failed RotationInProgressError / failed RotationFailedError",
            20,
        ),
    ],
)
def test_a_rotation_that_fails_shows_what_its_function_has_logged(
    executions: Any, lines: list[Any], text: str, shown: str, seconds: float
) -> None:
    aws = FakeAws(executions=executions)
    answer = rotated(aws, *lines)
    assert (answer.text, aws.second) == (text, seconds)
    assert shown in answer.measured["the rotation function"]
    assert "NotItsOwn" not in str(answer)


def test_a_function_that_could_not_log_is_not_waited_for_and_shows_lambdas_lines() -> None:
    aws = FakeAws(executions={"t-1": (10, "SUCCEEDED")})
    aws.logged.append((3, {"platform": "Task timed out after 40.00 seconds"}))
    answer = rotated(aws)
    assert (answer.text, aws.second) == ("SUCCEEDED", 41)
    assert answer.measured["its last step"] == "not seen to end"
    assert "Task timed out" in answer.measured["the rotation function"]


def test_cluster_mode_is_asked_for_and_its_absence_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = {"SecurityGroupIds": "sg-1", "CacheSubnetGroupName": "group"}
    asked = Scene(fake_account(FakeAws()), network=network)
    placed = asked.placement("cluster mode")
    version = placed["EngineVersion"].partition(".")[0]
    assert placed["CacheParameterGroupName"] == f"default.valkey{version}.cluster.on"
    assert "CacheParameterGroupName" not in asked.placement("replicas")

    monkeypatch.setattr(Scene, "replication_group", lambda *_: {"ClusterEnabled": False})
    scene._check(asked, "replicas", "cache-1")
    with pytest.raises(NotClusterModeError):
        scene._check(asked, "cluster mode", "cache-1")


def test_the_functions_code_is_inline_and_the_template_fits_into_a_call() -> None:
    template = json.loads(body())
    functions = [
        each["Properties"]["Code"]["ZipFile"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::Lambda::Function"
    ]
    assert [code.count("def handler(") for code in functions] == [1, 1]
    assert len(body()) < 51_200
