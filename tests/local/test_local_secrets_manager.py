"""Labels and rotations, with a rotation function that runs as a real Lambda."""

import uuid
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from local.faults import ask
from local.instance import LocalAws
from local.secrets_manager import PARAMETERS
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
        value = dict(SecretId=secret, ClientRequestToken=token, SecretString="new",
                     VersionStages=["AWSPENDING"])
        if os.environ["GIVES_TOKEN"]:
            value["RotationToken"] = event["RotationToken"]
        if os.environ["OTHER"]:
            boto3.client("lambda").invoke(FunctionName=os.environ["OTHER"],
                                          Payload=json.dumps(value))
        else:
            client.put_secret_value(**value)
    if event["Step"] == "finishSecret":
        current = [v for v, labels in stages.items() if "AWSCURRENT" in labels]
        client.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT",
            MoveToVersionId=token, **({"RemoveFromVersionId": current[0]} if current else {}))
"""
PUTS = """
import boto3

def handler(event, context):
    boto3.client("secretsmanager").put_secret_value(**event)
"""
STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]

Rotator = Callable[..., tuple[str, Path]]


@pytest.fixture
def rotator(aws: LocalAws, tmp_path: Path) -> Rotator:
    def make(
        fails_at: str = "",
        fails: int = 0,
        *,
        permitted: bool = True,
        other: str = "",
        gives_token: bool = False,
    ) -> tuple[str, Path]:
        name = f"f{uuid.uuid4().hex[:8]}"
        variables = {
            "FOLDER": str(tmp_path),
            "FAILS_AT": fails_at,
            "FAILS": str(fails),
            "OTHER": other,
            "GIVES_TOKEN": "yes" if gives_token else "",
        }
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
    answer: dict[str, list[str]]
    answer = secretsmanager.describe_secret(SecretId=secret)["VersionIdsToStages"]
    return answer


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
    assert {call["SecretId"] for call in calls} == {answer["ARN"]}
    assert {call["ClientRequestToken"] for call in calls} == {SECOND}
    assert described["RotationEnabled"] is True
    assert described["RotationLambdaARN"] == function
    assert described["RotationRules"] == {"AutomaticallyAfterDays": 30}
    following = described["NextRotationDate"].astimezone(UTC)
    assert (following - described["LastRotatedDate"]).days == 30
    assert f"{following:%H:%M:%S}" == "23:59:59"

    # The function is remembered, and a version that is current already is no obstacle.
    secretsmanager.rotate_secret(
        SecretId=secret,
        ClientRequestToken=THIRD,
        RotationRules={"ScheduleExpression": "rate(4 hours)", "Duration": "2h"},
    )
    eventually(lambda: "AWSCURRENT" in stages(secretsmanager, secret)[THIRD])
    assert stages(secretsmanager, secret)[SECOND] == ["AWSPREVIOUS"]
    rules = secretsmanager.describe_secret(SecretId=secret)["RotationRules"]
    assert rules["ScheduleExpression"] == "rate(4 hours)"
    # FIRST has no label any more: it is not shown, and still there.
    assert FIRST not in stages(secretsmanager, secret)
    old = secretsmanager.get_secret_value(SecretId=secret, VersionId=FIRST)
    assert old["SecretString"] == "old"


@pytest.mark.parametrize("gives_token", [False, True])
def test_a_version_of_another_function_needs_the_rotation_token(
    aws: LocalAws, secretsmanager: Any, secret: str, rotator: Rotator, gives_token: bool
) -> None:
    """Of the same role, too: AWS's message names the function."""
    other = make_function(aws, f"f{uuid.uuid4().hex[:8]}", PUTS, Timeout=30)
    function, folder = rotator(other=other, gives_token=gives_token)
    rotated = secretsmanager.rotate_secret(SecretId=secret, RotationLambdaARN=function)
    token, url = rotated["VersionId"], aws.environment["LOCAL_CONTROL_URL"]
    eventually(lambda: ask(f"{url}/rotations/{token}")["ended"])
    told = ask(f"{url}/rotations/{token}")["told"]
    steps = [call["Step"] for call in read_calls(folder / "calls")]
    if gives_token:
        assert (told, steps) == (["attempt 1 succeeded"], STEPS)
    else:
        assert told[0] == (
            f"attempt 1 step createSecret failed: Pending secret version {token} for Secret "
            f"{rotated['ARN']} was not created by Lambda {function}. Remove the AWSPENDING staging "
            "label and restart rotation"
        )
        assert told[-1] == "failed"
        assert set(steps) == {"createSecret"}
    log = log_of(aws)
    for call in read_calls(folder / "calls"):
        assert call["RotationToken"] not in log


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
    assert error_of(rotate, SecretId=secret)[0] == "InvalidRequestException"
    eventually(lambda: f"rotation {secret} {token} failed" in log_of(aws))
    # The second call met a rotation that ran: it added no attempt.
    assert len(read_calls(folder / "calls")) == 6
    assert stages(secretsmanager, secret) == {FIRST: ["AWSCURRENT"], token: ["AWSPENDING"]}
    assert "LastRotatedDate" not in secretsmanager.describe_secret(SecretId=secret)

    assert error_of(rotate, SecretId=secret)[0] == "InvalidRequestException"
    eventually(lambda: "AWSCURRENT" in stages(secretsmanager, secret)[token])
    tokens = {call["ClientRequestToken"] for call in read_calls(folder / "calls")}
    assert tokens == {token}


def test_rotations_that_cannot_begin(secretsmanager: Any, secret: str, rotator: Rotator) -> None:
    rotate = secretsmanager.rotate_secret
    assert error_of(rotate, SecretId=secret) == (
        "InvalidRequestException",
        "No Lambda rotation function ARN is associated with this secret.",
    )
    admitted, _ = rotator()
    wrong = {"AutomaticallyAfterDays": 30, "ScheduleExpression": "rate(30 days)"}
    call = {"SecretId": secret, "RotationLambdaARN": admitted, "RotationRules": wrong}
    assert error_of(rotate, **call)[0] == "InvalidParameterException"
    before = secretsmanager.describe_secret(SecretId=secret)
    missing = "arn:aws:lambda:us-east-1:123456789012:function:missing"
    for function in (missing, rotator(permitted=False)[0]):
        call = {"SecretId": secret, "RotationLambdaARN": function}
        assert error_of(rotate, **call, RotationRules={"AutomaticallyAfterDays": 30}) == (
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function "
            "policy grants access to the principal secretsmanager.amazonaws.com.",
        )
    # Nothing of it was stored.
    after = secretsmanager.describe_secret(SecretId=secret)
    assert {**after, "ResponseMetadata": 0} == {**before, "ResponseMetadata": 0}


def test_reading_by_version_and_label(secretsmanager: Any, secret: str) -> None:
    secretsmanager.put_secret_value(
        SecretId=secret, ClientRequestToken=SECOND, SecretString="x", VersionStages=["AWSPENDING"]
    )
    get = secretsmanager.get_secret_value
    assert get(SecretId=secret)["VersionId"] == FIRST
    assert get(SecretId=secret, VersionStage="AWSPENDING")["VersionId"] == SECOND
    both = get(SecretId=secret, VersionId=SECOND, VersionStage="AWSPENDING")
    assert both["SecretString"] == "x"
    assert error_of(get, SecretId=secret, VersionId=FIRST, VersionStage="AWSPENDING") == (
        "InvalidRequestException",
        "You provided a VersionStage that is not associated to the provided VersionId.",
    )
    assert error_of(get, SecretId=secret, VersionId=THIRD)[0] == "ResourceNotFoundException"
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
    assert stages(secretsmanager, secret) == {FIRST: ["AWSPREVIOUS"], fourth: ["AWSCURRENT"]}
    fifth = secretsmanager.update_secret(SecretId=secret, SecretString="r")["VersionId"]
    assert stages(secretsmanager, secret)[fifth] == ["AWSCURRENT"]
    assert stages(secretsmanager, secret)[fourth] == ["AWSPREVIOUS"]


@pytest.mark.parametrize("token", ["a" * 35 + "_", "a" * 257, "a-b" * 12 + " "])
def test_a_rotation_token_has_a_form_and_is_not_repeated(
    secretsmanager: Any, secret: str, token: str
) -> None:
    code, message = error_of(
        secretsmanager.put_secret_value, SecretId=secret, SecretString="x", RotationToken=token
    )
    assert code == "ValidationException"
    assert "'rotationToken' failed to satisfy constraint" in message
    assert token not in message
    assert list(stages(secretsmanager, secret)) == [FIRST]


def test_a_rotation_token_that_nobody_has_issued_changes_nothing(
    secretsmanager: Any, secret: str
) -> None:
    secretsmanager.put_secret_value(
        SecretId=secret, SecretString="x", RotationToken=str(uuid.uuid4())
    )
    assert secretsmanager.get_secret_value(SecretId=secret)["SecretString"] == "x"


def test_what_is_not_here_is_refused_by_name(secretsmanager: Any, secret: str) -> None:
    regions, role = [{"Region": "us-west-2"}], "ExternalSecretRotationRoleArn"
    parameters: list[tuple[str, dict[str, Any], str]] = [
        ("create_secret", {"Name": "r", "AddReplicaRegions": regions}, "AddReplicaRegions"),
        ("update_secret", {"SecretId": secret, "Type": "x"}, "Type"),
        ("list_secrets", {"SortOrder": "asc"}, "SortOrder"),
        ("rotate_secret", {"SecretId": secret, role: "arn:aws:iam::1:role/xyzzy"}, role),
    ]
    for call, arguments, name in parameters:
        code, message = error_of(getattr(secretsmanager, call), **arguments)
        assert code == "InvalidParameterException"
        assert f"{name} is not part of the local AWS. Leave it out." in message
    operations: list[tuple[str, dict[str, Any], str]] = [
        ("put_resource_policy", {"ResourcePolicy": "{}"}, "PutResourcePolicy"),
        ("replicate_secret_to_regions", {"AddReplicaRegions": regions}, "ReplicateSecretToRegions"),
        ("stop_replication_to_replica", {}, "StopReplicationToReplica"),
    ]
    for call, arguments, operation in operations:
        assert error_of(getattr(secretsmanager, call), SecretId=secret, **arguments) == (
            "InvalidRequestException",
            f"{operation} is not part of the local AWS.",
        )
    # Some tools send what asks for nothing.
    secretsmanager.create_secret(Name=f"{secret}x", ForceOverwriteReplicaSecret=False)


def test_every_operation_is_here_or_not_with_parameters_that_exist() -> None:
    model = get_session().get_service_model("secretsmanager")
    for operation, parameters in PARAMETERS.items():
        members = model.operation_model(operation).input_shape.members
        assert set(parameters.split()) <= set(members)
    assert set(model.operation_names) - set(PARAMETERS) == {
        "DeleteResourcePolicy",
        "PutResourcePolicy",
        "RemoveRegionsFromReplication",
        "ReplicateSecretToRegions",
        "StopReplicationToReplica",
        "ValidateResourcePolicy",
    }


def test_versions_without_labels_are_listed_on_demand(secretsmanager: Any, secret: str) -> None:
    for value in ("x", "y"):
        secretsmanager.put_secret_value(SecretId=secret, SecretString=value)
    found: dict[str, Any] = {}
    following: dict[str, str] = {}
    for _ in range(3):
        page = secretsmanager.list_secret_version_ids(
            SecretId=secret, IncludeDeprecated=True, MaxResults=1, **following
        )
        found |= {each["VersionId"]: each for each in page["Versions"]}
        following = {"NextToken": page.get("NextToken", "")}
    assert following == {"NextToken": ""}
    assert len(found) == 3
    assert "VersionStages" not in found[FIRST]
    assert found[FIRST]["CreatedDate"] < min(
        each["CreatedDate"] for version, each in found.items() if version != FIRST
    )
    assert FIRST not in stages(secretsmanager, secret)


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
    assert listed["NextRotationDate"] == described["NextRotationDate"]


def test_a_rotation_that_is_cancelled_keeps_its_function_and_has_no_next_date(
    aws: LocalAws, rotator: Rotator
) -> None:
    client, (function, _) = aws.client("secretsmanager"), rotator()
    name = scheduled(aws, function, "cron(0 8 1 * ? *)", RotateImmediately=False)
    following = client.describe_secret(SecretId=name)["NextRotationDate"].astimezone(UTC)
    assert f"{following:%d %H:%M:%S}" == "01 10:59:59"
    client.cancel_rotate_secret(SecretId=name)
    found = client.describe_secret(SecretId=name)
    assert (found["RotationEnabled"], found["RotationLambdaARN"]) == (False, function)
    assert "NextRotationDate" not in found
