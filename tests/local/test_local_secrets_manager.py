"""Labels and rotations, with a rotation function that runs as a real Lambda."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.instance import LocalAws
from tests.local.helpers import eventually, make_function, read_calls

FIRST, SECOND, THIRD = "1" * 32, "2" * 32, "3" * 32
CODE = """
import json, os, pathlib, boto3

def handler(event, context):
    folder = pathlib.Path(os.environ["FOLDER"])
    with (folder / "calls").open("a") as calls:
        calls.write(json.dumps(event) + "\\n")
    client = boto3.client("secretsmanager")
    secret, token = event["SecretId"], event["ClientRequestToken"]
    stages = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    (folder / "stages").write_text(json.dumps(stages))
    if event["Step"] == os.environ["FAILS_AT"]:
        marker = folder / "failed"
        count = len(marker.read_text()) if marker.exists() else 0
        if count < int(os.environ["FAILS"]):
            marker.write_text("x" * (count + 1))
            raise LookupError("hunter2 is the password")
    if event["Step"] == "createSecret":
        client.put_secret_value(SecretId=secret, ClientRequestToken=token, SecretString="new",
                                VersionStages=["AWSPENDING"])
    if event["Step"] == "finishSecret":
        current = [v for v, labels in stages.items() if "AWSCURRENT" in labels]
        client.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT",
            MoveToVersionId=token, **({"RemoveFromVersionId": current[0]} if current else {}))
"""
STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]

Rotator = Callable[..., tuple[str, Path]]


@pytest.fixture
def rotator(aws: LocalAws, tmp_path: Path) -> Rotator:
    def make(fails_at: str = "", fails: int = 0, *, permitted: bool = True) -> tuple[str, Path]:
        name = f"f{uuid.uuid4().hex[:8]}"
        variables = {"FOLDER": str(tmp_path), "FAILS_AT": fails_at, "FAILS": str(fails)}
        arn = make_function(aws, name, CODE, Timeout=30, Environment={"Variables": variables})
        if permitted:
            aws.client("lambda").add_permission(
                FunctionName=name,
                StatementId="rotation",
                Action="lambda:InvokeFunction",
                Principal="secretsmanager.amazonaws.com",
            )
        return arn, tmp_path

    return make


@pytest.fixture
def secret(secretsmanager: Any) -> str:
    """A secret with the value "old" in version FIRST."""
    name = f"s{uuid.uuid4().hex[:8]}"
    secretsmanager.create_secret(Name=name, SecretString="old", ClientRequestToken=FIRST)
    return name


def stages(secretsmanager: Any, secret: str) -> dict[str, list[str]]:
    answer = secretsmanager.describe_secret(SecretId=secret)["VersionIdsToStages"]
    return {version: sorted(labels) for version, labels in answer.items()}


def error_of(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def log_of(aws: LocalAws) -> str:
    return (Path(aws.environment["LOCAL_CA_FILE"]).parent / "server.log").read_text()


def test_a_rotation_calls_four_steps_and_promotes(
    secretsmanager: Any, secret: str, rotator: Rotator
) -> None:
    function, folder = rotator()
    answer = secretsmanager.rotate_secret(
        SecretId=secret,
        ClientRequestToken=SECOND,
        RotationLambdaARN=function,
        RotationRules={"AutomaticallyAfterDays": 30},
    )
    assert (answer["Name"], answer["VersionId"]) == (secret, SECOND)
    assert stages(secretsmanager, secret) == {FIRST: ["AWSCURRENT"], SECOND: ["AWSPENDING"]}
    code, message = error_of(secretsmanager.get_secret_value, SecretId=secret, VersionId=SECOND)
    assert code == "ResourceNotFoundException"
    assert "can't find the specified secret value for VersionId" in message

    described = eventually(
        lambda: (d := secretsmanager.describe_secret(SecretId=secret)).get("LastRotatedDate") and d
    )
    assert stages(secretsmanager, secret) == {
        FIRST: ["AWSPREVIOUS"],
        SECOND: ["AWSCURRENT", "AWSPENDING"],
    }
    assert secretsmanager.get_secret_value(SecretId=secret)["SecretString"] == "new"
    calls = read_calls(folder / "calls")
    assert [call["Step"] for call in calls] == STEPS
    assert all(set(call) == {"Step", "SecretId", "ClientRequestToken"} for call in calls)
    assert {call["SecretId"] for call in calls} == {answer["ARN"]}
    assert {call["ClientRequestToken"] for call in calls} == {SECOND}
    assert described["RotationEnabled"] is True
    assert described["RotationLambdaARN"] == function
    assert described["RotationRules"] == {"AutomaticallyAfterDays": 30}
    days = (described["NextRotationDate"] - described["LastRotatedDate"]).days
    assert days == 30

    # The function is remembered, and a version that is current already is no obstacle.
    secretsmanager.rotate_secret(
        SecretId=secret,
        ClientRequestToken=THIRD,
        RotationRules={"ScheduleExpression": "rate(4 hours)", "Duration": "2h"},
    )
    eventually(lambda: "AWSCURRENT" in stages(secretsmanager, secret)[THIRD])
    assert stages(secretsmanager, secret)[SECOND] == ["AWSPREVIOUS"]
    rules = secretsmanager.describe_secret(SecretId=secret)["RotationRules"]
    assert rules == {"ScheduleExpression": "rate(4 hours)", "Duration": "2h"}
    # FIRST has no label any more: it is not shown, and still there.
    assert FIRST not in stages(secretsmanager, secret)
    old = secretsmanager.get_secret_value(SecretId=secret, VersionId=FIRST)
    assert old["SecretString"] == "old"


def test_a_failed_step_fails_the_attempt_and_the_whole_rotation_is_tried_again(
    aws: LocalAws, secretsmanager: Any, secret: str, rotator: Rotator
) -> None:
    function, folder = rotator("testSecret", fails=2)
    secretsmanager.rotate_secret(SecretId=secret, RotationLambdaARN=function)
    eventually(lambda: secretsmanager.describe_secret(SecretId=secret).get("LastRotatedDate"))
    steps = [call["Step"] for call in read_calls(folder / "calls")]
    assert steps == [*STEPS[:3], *STEPS[:3], *STEPS]
    lines = [line for line in log_of(aws).splitlines() if f"rotation {secret}" in line]
    assert "attempt 1 step testSecret failed: LookupError" in lines[0]
    assert "attempt 3 succeeded" in lines[-1]
    assert "hunter2" not in "".join(lines)


def test_a_failed_rotation_leaves_the_labels_and_is_reattempted(
    aws: LocalAws, secretsmanager: Any, secret: str, rotator: Rotator
) -> None:
    function, folder = rotator("setSecret", fails=3)
    rotate = secretsmanager.rotate_secret
    token = rotate(SecretId=secret, RotationLambdaARN=function)["VersionId"]
    code, message = error_of(rotate, SecretId=secret)
    assert (code, message) == (
        "InvalidRequestException",
        "A previous rotation isn't complete. That rotation will be reattempted.",
    )
    eventually(lambda: f"rotation {secret} {token} failed" in log_of(aws))
    # The second call met a rotation that ran: it added no attempt.
    assert len(read_calls(folder / "calls")) == 6
    assert stages(secretsmanager, secret) == {FIRST: ["AWSCURRENT"], token: ["AWSPENDING"]}
    assert "LastRotatedDate" not in secretsmanager.describe_secret(SecretId=secret)

    assert error_of(rotate, SecretId=secret)[0] == "InvalidRequestException"
    eventually(lambda: "AWSCURRENT" in stages(secretsmanager, secret)[token])
    tokens = {call["ClientRequestToken"] for call in read_calls(folder / "calls")}
    assert tokens == {token}


def test_without_rotate_immediately_only_the_test_runs_and_no_trace_is_left(
    secretsmanager: Any, secret: str, rotator: Rotator
) -> None:
    function, folder = rotator()
    token = secretsmanager.rotate_secret(
        SecretId=secret, RotationLambdaARN=function, RotateImmediately=False
    )["VersionId"]
    assert stages(secretsmanager, secret) == {FIRST: ["AWSCURRENT"], token: ["AWSPENDING"]}
    eventually(lambda: token not in stages(secretsmanager, secret))
    [call] = read_calls(folder / "calls")
    assert (call["Step"], call["ClientRequestToken"]) == ("testSecret", token)
    assert json.loads((folder / "stages").read_text())[token] == ["AWSPENDING"]
    described = secretsmanager.describe_secret(SecretId=secret)
    assert described["RotationLambdaARN"] == function
    assert "LastRotatedDate" not in described


def test_rotations_that_cannot_begin(secretsmanager: Any, secret: str, rotator: Rotator) -> None:
    rotate = secretsmanager.rotate_secret
    assert error_of(rotate, SecretId=secret)[0] == "InvalidRequestException"
    missing = "arn:aws:lambda:us-east-1:123456789012:function:missing"
    code, _ = error_of(rotate, SecretId=secret, RotationLambdaARN=missing)
    assert code == "ResourceNotFoundException"
    function, _ = rotator(permitted=False)
    code, message = error_of(rotate, SecretId=secret, RotationLambdaARN=function)
    assert code == "AccessDeniedException"
    assert "Ensure that the function policy grants access" in message
    assert stages(secretsmanager, secret) == {FIRST: ["AWSCURRENT"]}


def test_reading_by_version_and_label(secretsmanager: Any, secret: str) -> None:
    secretsmanager.put_secret_value(
        SecretId=secret, ClientRequestToken=SECOND, SecretString="x", VersionStages=["AWSPENDING"]
    )
    get = secretsmanager.get_secret_value
    assert get(SecretId=secret)["VersionId"] == FIRST
    assert get(SecretId=secret, VersionStage="AWSPENDING")["VersionId"] == SECOND
    both = get(SecretId=secret, VersionId=SECOND, VersionStage="AWSPENDING")
    assert both["SecretString"] == "x"
    for wrong in ({"VersionId": FIRST, "VersionStage": "AWSPENDING"}, {"VersionId": THIRD}):
        assert error_of(get, SecretId=secret, **wrong)[0] == "ResourceNotFoundException"
    assert error_of(get, SecretId="missing")[0] == "ResourceNotFoundException"


def test_putting_values(secretsmanager: Any, secret: str) -> None:
    put = secretsmanager.put_secret_value

    def pending(value: str) -> Any:
        return put(
            SecretId=secret,
            ClientRequestToken=SECOND,
            SecretString=value,
            VersionStages=["AWSPENDING"],
        )

    assert pending("x")["VersionStages"] == ["AWSPENDING"]
    assert pending("x")["VersionId"] == SECOND
    assert error_of(pending, value="y")[0] == "ResourceExistsException"
    assert stages(secretsmanager, secret) == {FIRST: ["AWSCURRENT"], SECOND: ["AWSPENDING"]}
    put(SecretId=secret, ClientRequestToken=THIRD, SecretString="z", VersionStages=["AWSPENDING"])
    assert stages(secretsmanager, secret) == {FIRST: ["AWSCURRENT"], THIRD: ["AWSPENDING"]}
    fourth = put(SecretId=secret, SecretString="q")["VersionId"]
    assert stages(secretsmanager, secret) == {
        FIRST: ["AWSPREVIOUS"],
        THIRD: ["AWSPENDING"],
        fourth: ["AWSCURRENT"],
    }
    fifth = secretsmanager.update_secret(SecretId=secret, SecretString="r")["VersionId"]
    assert stages(secretsmanager, secret)[fifth] == ["AWSCURRENT"]
    assert stages(secretsmanager, secret)[fourth] == ["AWSPREVIOUS"]


def test_the_first_value_of_an_empty_secret_is_current(secretsmanager: Any) -> None:
    name = f"s{uuid.uuid4().hex[:8]}"
    secretsmanager.create_secret(Name=name)
    secretsmanager.put_secret_value(
        SecretId=name, ClientRequestToken=FIRST, SecretString="x", VersionStages=["mine"]
    )
    assert stages(secretsmanager, name) == {FIRST: ["AWSCURRENT", "mine"]}


def test_moving_labels_is_a_compare_and_swap(secretsmanager: Any, secret: str) -> None:
    for token in (SECOND, THIRD):
        secretsmanager.put_secret_value(
            SecretId=secret, ClientRequestToken=token, SecretString=token, VersionStages=[token[:1]]
        )
    move = secretsmanager.update_secret_version_stage
    before = stages(secretsmanager, secret)
    for wrong in (
        {"VersionStage": "AWSCURRENT", "MoveToVersionId": SECOND},
        {"VersionStage": "AWSCURRENT", "MoveToVersionId": SECOND, "RemoveFromVersionId": THIRD},
        {"VersionStage": "2", "MoveToVersionId": THIRD},
        {"VersionStage": "2", "MoveToVersionId": THIRD, "RemoveFromVersionId": FIRST},
        {"VersionStage": "free", "MoveToVersionId": THIRD, "RemoveFromVersionId": FIRST},
        {"VersionStage": "AWSCURRENT", "RemoveFromVersionId": FIRST},
    ):
        assert error_of(move, SecretId=secret, **wrong)[0] == "InvalidParameterException"
        assert stages(secretsmanager, secret) == before
    move(SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=FIRST)
    assert stages(secretsmanager, secret) == before

    move(
        SecretId=secret,
        VersionStage="AWSCURRENT",
        MoveToVersionId=SECOND,
        RemoveFromVersionId=FIRST,
    )
    assert stages(secretsmanager, secret) == {
        FIRST: ["AWSPREVIOUS"],
        SECOND: ["2", "AWSCURRENT"],
        THIRD: ["3"],
    }
    # Back again: AWSPREVIOUS goes to the version that AWSCURRENT leaves.
    move(
        SecretId=secret,
        VersionStage="AWSCURRENT",
        MoveToVersionId=FIRST,
        RemoveFromVersionId=SECOND,
    )
    move(SecretId=secret, VersionStage="free", MoveToVersionId=THIRD)
    move(SecretId=secret, VersionStage="3", RemoveFromVersionId=THIRD)
    assert stages(secretsmanager, secret) == {
        FIRST: ["AWSCURRENT"],
        SECOND: ["2", "AWSPREVIOUS"],
        THIRD: ["free"],
    }
    assert secretsmanager.get_secret_value(SecretId=secret)["SecretString"] == "old"


def test_a_secret_marked_for_deletion_refuses_its_use(
    secretsmanager: Any, secret: str, rotator: Rotator
) -> None:
    function, _ = rotator()
    secretsmanager.delete_secret(SecretId=secret)
    for call, arguments in (
        (secretsmanager.get_secret_value, {}),
        (secretsmanager.put_secret_value, {"SecretString": "x"}),
        (secretsmanager.update_secret, {"SecretString": "x"}),
        (
            secretsmanager.update_secret_version_stage,
            {"VersionStage": "x", "MoveToVersionId": FIRST},
        ),
        (secretsmanager.rotate_secret, {"RotationLambdaARN": function}),
    ):
        assert error_of(call, SecretId=secret, **arguments) == (
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    assert secretsmanager.describe_secret(SecretId=secret)["DeletedDate"]


def scheduled(aws: LocalAws, function: str, schedule: str, **how: Any) -> str:
    """The name of a new secret that rotates by a schedule."""
    client, name = aws.client("secretsmanager"), f"scheduled-{uuid.uuid4()}"
    client.create_secret(Name=name, SecretString="old")
    rules = {"ScheduleExpression": schedule, "Duration": "3h"}
    client.rotate_secret(SecretId=name, RotationLambdaARN=function, RotationRules=rules, **how)
    return name


def test_a_list_tells_of_a_secret_what_its_description_does(
    aws: LocalAws, rotator: Rotator
) -> None:
    client, (function, _) = aws.client("secretsmanager"), rotator()
    name = scheduled(aws, function, "rate(10 days)")
    described = eventually(
        lambda: (found := client.describe_secret(SecretId=name)).get("LastRotatedDate") and found
    )
    pages = client.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 1})
    [listed] = [each for page in pages for each in page["SecretList"] if each["Name"] == name]
    assert listed["SecretVersionsToStages"] == described["VersionIdsToStages"]
    for key in ("ARN", "RotationEnabled", "RotationLambdaARN", "RotationRules", "LastRotatedDate"):
        assert listed[key] == described[key]
    assert listed["RotationRules"] == {"ScheduleExpression": "rate(10 days)", "Duration": "3h"}
    assert (listed["NextRotationDate"] - listed["LastRotatedDate"]).days == 10


def test_a_rotation_that_is_cancelled_keeps_its_function_and_has_no_next_date(
    aws: LocalAws, rotator: Rotator
) -> None:
    client, (function, _) = aws.client("secretsmanager"), rotator()
    name = scheduled(aws, function, "cron(0 8 1 * ? *)", RotateImmediately=False)
    following = client.describe_secret(SecretId=name)["NextRotationDate"].astimezone(UTC)
    assert (following.day, following.hour, following.minute) == (1, 8, 0)
    client.cancel_rotate_secret(SecretId=name)
    found = client.describe_secret(SecretId=name)
    assert (found["RotationEnabled"], found["RotationLambdaARN"]) == (False, function)
    assert "NextRotationDate" not in found
