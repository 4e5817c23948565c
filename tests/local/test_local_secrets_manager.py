"""Values, labels and refusals; and rotations whose function runs as a real Lambda."""

import json
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
from local.secret_requests import PARAMETERS
from tests.local.helpers import eventually, make_function, make_rotator
from tests.local.service import FIRST, NAME, SECOND, STEPS, THIRD, Service, refusal

CODE = """
import json, os, pathlib, boto3

def handler(event, context):
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(json.dumps(event) + "\\n")
    client = boto3.client("secretsmanager")
    secret, token = event["SecretId"], event["ClientRequestToken"]
    if event["Step"] == "createSecret":
        value = dict(SecretId=secret, ClientRequestToken=token, SecretString="new",
                     VersionStages=["AWSPENDING"])
        if os.environ["OTHER"]:
            boto3.client("lambda").invoke(FunctionName=os.environ["OTHER"],
                                          Payload=json.dumps(value))
        else:
            client.put_secret_value(**value)
    if event["Step"] == "finishSecret":
        stages = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
        [current] = [v for v, labels in stages.items() if "AWSCURRENT" in labels]
        client.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT",
            MoveToVersionId=token, RemoveFromVersionId=current)
"""
PUTS = """
import boto3

def handler(event, context):
    boto3.client("secretsmanager").put_secret_value(**event)
"""

Rotator = Callable[..., str]


@pytest.fixture
def rotator(aws: LocalAws, tmp_path: Path) -> Rotator:
    def make(other: str = "") -> str:
        variables = {"CALLS": str(tmp_path / "calls"), "OTHER": other}
        return make_rotator(aws, CODE, Timeout=30, Environment={"Variables": variables})

    return make


@pytest.fixture
def secret(secretsmanager: Any) -> str:
    """A secret with the value "old" in version FIRST."""
    name = f"s{uuid.uuid4().hex[:8]}"
    secretsmanager.create_secret(Name=name, SecretString="old", ClientRequestToken=FIRST)
    return name


def error_of(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


# With a real Lambda


def test_a_rotation_calls_four_steps_and_promotes(
    secretsmanager: Any, secret: str, rotator: Rotator, tmp_path: Path
) -> None:
    function, rules = rotator(), {"ScheduleExpression": "rate(30 days)"}
    answer = secretsmanager.rotate_secret(
        SecretId=secret,
        ClientRequestToken=SECOND,
        RotationLambdaARN=function,
        RotationRules=rules,
    )
    assert (answer["Name"], answer["VersionId"]) == (secret, SECOND)
    described = eventually(
        lambda: (d := secretsmanager.describe_secret(SecretId=secret)).get("LastRotatedDate") and d
    )
    labels = {FIRST: ["AWSPREVIOUS"], SECOND: ["AWSCURRENT", "AWSPENDING"]}
    assert described["VersionIdsToStages"] == labels
    assert secretsmanager.get_secret_value(SecretId=secret)["SecretString"] == "new"
    calls = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
    assert [call["Step"] for call in calls] == STEPS
    assert {(call["SecretId"], call["ClientRequestToken"]) for call in calls} == {
        (answer["ARN"], SECOND)
    }
    assert (described["RotationEnabled"], described["RotationLambdaARN"]) == (True, function)
    assert described["RotationRules"] == {**rules, "AutomaticallyAfterDays": 30}
    following = described["NextRotationDate"].astimezone(UTC)
    assert (following - described["LastRotatedDate"]).days == 30
    assert f"{following:%H:%M:%S}" == "23:59:59"
    # A list shows of a secret what its description does.
    pages = secretsmanager.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 1})
    [listed] = [each for page in pages for each in page["SecretList"] if each["Name"] == secret]
    assert listed.pop("SecretVersionsToStages") == labels
    assert listed.items() <= described.items()
    secretsmanager.cancel_rotate_secret(SecretId=secret)
    found = secretsmanager.describe_secret(SecretId=secret)
    assert (found["RotationEnabled"], found["RotationLambdaARN"]) == (False, function)
    assert "NextRotationDate" not in found


def test_a_version_of_another_function_of_the_role_ends_the_attempt(
    aws: LocalAws, secretsmanager: Any, secret: str, rotator: Rotator
) -> None:
    """AWS's message names the function."""
    other = make_function(aws, f"f{uuid.uuid4().hex[:8]}", PUTS, Timeout=30)
    function = rotator(other)
    token = secretsmanager.rotate_secret(SecretId=secret, RotationLambdaARN=function)["VersionId"]
    progress = f"{aws.environment['LOCAL_CONTROL_URL']}/rotations/{token}"
    messages = eventually(lambda: ask(progress)["messages"])
    assert "step createSecret failed: Pending secret version" in messages[0]
    assert f"was not created by Lambda {function}." in messages[0]
    secretsmanager.delete_secret(SecretId=secret)


def test_rotations_that_cannot_begin(
    aws: LocalAws, secretsmanager: Any, secret: str, rotator: Rotator
) -> None:
    rotate = secretsmanager.rotate_secret
    assert error_of(rotate, SecretId=secret) == (
        "InvalidRequestException",
        "No Lambda rotation function ARN is associated with this secret.",
    )
    wrong = {"AutomaticallyAfterDays": 30, "ScheduleExpression": "rate(30 days)"}
    call = {"SecretId": secret, "RotationLambdaARN": rotator(), "RotationRules": wrong}
    assert error_of(rotate, **call)[0] == "InvalidParameterException"
    before = secretsmanager.describe_secret(SecretId=secret)
    missing = "arn:aws:lambda:us-east-1:123456789012:function:missing"
    for function in (missing, make_function(aws, "not-permitted", CODE)):
        call = {"SecretId": secret, "RotationLambdaARN": function}
        assert error_of(rotate, **call, RotationRules={"AutomaticallyAfterDays": 30}) == (
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function "
            "policy grants access to the principal secretsmanager.amazonaws.com.",
        )
    # Nothing of it was stored.
    after = secretsmanager.describe_secret(SecretId=secret)
    assert {**after, "ResponseMetadata": 0} == {**before, "ResponseMetadata": 0}


# Requests


def test_what_is_not_here_is_refused_by_name(secretsmanager: Any, secret: str) -> None:
    regions = [{"Region": "us-west-2"}]
    create = secretsmanager.create_secret
    assert error_of(create, Name="r", AddReplicaRegions=regions) == (
        "InvalidParameterException",
        "CreateSecret: AddReplicaRegions is not part of the local AWS. Leave it out.",
    )
    assert error_of(secretsmanager.put_resource_policy, SecretId=secret, ResourcePolicy="{}") == (
        "InvalidRequestException",
        "PutResourcePolicy is not part of the local AWS.",
    )
    # Some tools send what asks for nothing.
    create(Name=f"{secret}x", ForceOverwriteReplicaSecret=False)


def test_every_operation_has_parameters_that_exist() -> None:
    model = get_session().get_service_model("secretsmanager")
    for operation, parameters in PARAMETERS.items():
        members = model.operation_model(operation).input_shape.members
        assert set(parameters.split()) <= set(members)


# Values and labels


def test_reading_by_version_and_label(service: Service) -> None:
    service.put("x", SECOND, "AWSPENDING")
    assert service("GetSecretValue")["VersionId"] == FIRST
    pending = {"VersionStage": "AWSPENDING"}
    assert service("GetSecretValue", **pending)["VersionId"] == SECOND
    assert service("GetSecretValue", VersionId=SECOND, **pending)["SecretString"] == "x"
    assert refusal(service, "GetSecretValue", VersionId=FIRST, **pending) == (
        "InvalidRequestException",
        "You provided a VersionStage that is not associated to the provided VersionId.",
    )
    for missing in ({"VersionId": THIRD}, {"VersionStage": "none"}, {"SecretId": "missing"}):
        assert refusal(service, "GetSecretValue", **missing)[0] == "ResourceNotFoundException"


def test_putting_values(service: Service) -> None:
    for _ in range(2):
        service.put("x", SECOND, "AWSPENDING")
    assert refusal(service.put, "y", SECOND, "AWSPENDING")[0] == "ResourceExistsException"
    assert refusal(service, "PutSecretValue")[0] == "InvalidRequestException"
    assert service.labels() == {FIRST: ["AWSCURRENT"], SECOND: ["AWSPENDING"]}
    service.put("z", THIRD, "AWSPENDING")
    assert service.labels() == {FIRST: ["AWSCURRENT"], THIRD: ["AWSPENDING"]}
    fourth = service("PutSecretValue", SecretString="q")["VersionId"]
    assert service.labels() == {FIRST: ["AWSPREVIOUS"], fourth: ["AWSCURRENT"]}
    fifth = service("UpdateSecret", SecretString="r")["VersionId"]
    assert service.labels() == {fourth: ["AWSPREVIOUS"], fifth: ["AWSCURRENT"]}


@pytest.mark.parametrize("token", ["a" * 35 + "_", "a" * 257, "a-b" * 12 + " "])
def test_a_rotation_token_has_a_form_and_is_not_repeated(service: Service, token: str) -> None:
    code, message = refusal(service.put, "x", SECOND, by=token)
    assert code == "ValidationException"
    assert "'rotationToken' failed to satisfy constraint" in message
    assert token not in message
    assert list(service.labels()) == [FIRST]


def test_the_first_value_of_an_empty_secret_is_current(service: Service) -> None:
    service.create_secret("empty", None, None, None, [], None, None, [], False)
    put = {"SecretId": "empty", "ClientRequestToken": FIRST, "SecretString": "x"}
    answer = service("PutSecretValue", **put, VersionStages=["mine"])
    assert answer["VersionStages"] == ["AWSCURRENT", "mine"]


def test_moving_labels_is_a_compare_and_swap(service: Service) -> None:
    for token in (SECOND, THIRD):
        service.put(token, token, token[:1])
    before = service.labels()
    for label, away_from, to in (
        ("AWSCURRENT", None, SECOND),
        ("AWSCURRENT", THIRD, SECOND),
        ("2", None, THIRD),
        ("2", FIRST, THIRD),
        ("free", FIRST, THIRD),
        ("AWSCURRENT", FIRST, None),
        ("AWSCURRENT", None, None),
    ):
        assert refusal(service.move, label, away_from, to)[0] == "InvalidParameterException"
    assert refusal(service.move, "free", None, "4" * 32)[0] == "ResourceNotFoundException"
    service.move("AWSCURRENT", None, FIRST)
    assert service.labels() == before
    service.move("AWSCURRENT", FIRST, SECOND)
    moved = {FIRST: ["AWSPREVIOUS"], SECOND: ["2", "AWSCURRENT"], THIRD: ["3"]}
    assert service.labels() == moved
    # Back again: AWSPREVIOUS goes to the version that AWSCURRENT leaves.
    service.move("AWSCURRENT", SECOND, FIRST)
    service.move("free", None, THIRD)
    service.move("3", THIRD, None)
    back = {FIRST: ["AWSCURRENT"], SECOND: ["2", "AWSPREVIOUS"], THIRD: ["free"]}
    assert service.labels() == back
    assert service("GetSecretValue")["SecretString"] == "old"


def test_a_secret_marked_for_deletion_refuses_its_use(service: Service) -> None:
    service.delete_secret(NAME, 7, False)
    for operation in (
        "GetSecretValue",
        "PutSecretValue",
        "UpdateSecret",
        "UpdateSecretVersionStage",
        "RotateSecret",
    ):
        assert refusal(service, operation, SecretString="x", VersionStage="x") == (
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    assert service.described()["DeletedDate"]
