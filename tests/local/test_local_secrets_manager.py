"""Values, labels and refusals. tests/rotation rotates secrets with functions that are Lambdas."""

import pytest
from botocore.session import get_session

from local.secret_requests import PARAMETERS, check_parameters
from tests.local.service import DAILY, FIRST, FUNCTION, NAME, SECOND, THIRD, Service, refusal

# Requests


def test_what_is_not_here_is_refused_by_name() -> None:
    replicas = {"Name": "r", "AddReplicaRegions": [{"Region": "us-west-2"}]}
    assert refusal(check_parameters, "CreateSecret", replicas) == (
        "InvalidParameterException",
        "CreateSecret: AddReplicaRegions is not part of the local AWS. Leave it out.",
    )
    assert refusal(check_parameters, "PutResourcePolicy", {"ResourcePolicy": "{}"}) == (
        "InvalidRequestException",
        "PutResourcePolicy is not part of the local AWS.",
    )
    # Some tools send what asks for nothing.
    check_parameters("CreateSecret", {"Name": "r", "ForceOverwriteReplicaSecret": False})


def test_every_operation_has_parameters_that_exist() -> None:
    model = get_session().get_service_model("secretsmanager")
    for operation, parameters in PARAMETERS.items():
        members = model.operation_model(operation).input_shape.members
        assert set(parameters.split()) <= set(members)


def test_a_rotation_that_cannot_begin_stores_nothing(service: Service) -> None:
    before = service.described()
    assert refusal(service, "RotateSecret") == (
        "InvalidRequestException",
        "No Lambda rotation function ARN is associated with this secret.",
    )
    wrong = {**DAILY, "ScheduleExpression": "rate(30 days)"}
    refused = refusal(service.begin, SECOND, RotationRules=wrong)
    assert refused[0] == "InvalidParameterException"
    not_permitted = (
        "AccessDeniedException",
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function "
        "policy grants access to the principal secretsmanager.amazonaws.com.",
    )
    missing = FUNCTION.replace(":rotate", ":missing")
    assert refusal(service.begin, SECOND, missing, RotationRules=DAILY) == not_permitted
    service.functions.principal = "s3.amazonaws.com"
    assert refusal(service.begin, SECOND, RotationRules=DAILY) == not_permitted
    assert service.described() == before


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
