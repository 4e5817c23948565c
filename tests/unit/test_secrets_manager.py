"""The adapter of Secrets Manager: moto for AWS's semantics, Stubber for its error codes."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretDescription,
    SecretsManager,
    Version,
)
from rotation.errors import (
    AccessDeniedError,
    RotationError,
    RotationSupersededError,
    SecretDeletedError,
    SecretFormatError,
    SecretNotFoundError,
    ServiceUnavailableError,
    ThrottlingError,
    UnexpectedAwsError,
    VersionNotReadableError,
)
from rotation.records.password import PasswordRules
from rotation.records.schedule import Schedule
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    FUNCTION_ARN,
    NOW,
    OTHER,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    ROTATION_TOKEN,
    RULES,
    SECRET_ARN,
    SECRET_NAME,
    SENSITIVE,
    secret_text,
)
from tests.unit.leaks import assert_no_leak


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("secretsmanager")


@pytest.fixture
def secrets(client: Any) -> SecretsManager:
    return SecretsManager(client)


@pytest.fixture
def arn(client: Any) -> str:
    created = client.create_secret(
        Name=SECRET_NAME, SecretString=secret_text(CURRENT_PASSWORD), ClientRequestToken=CURRENT
    )
    return str(created["ARN"])


@pytest.fixture
def stubbed() -> Iterator[tuple[SecretsManager, Stubber]]:
    client = boto3.client("secretsmanager")
    with Stubber(client) as stubber:
        yield SecretsManager(client), stubber
        stubber.assert_no_pending_responses()


def stages(client: Any, arn: str) -> dict[str, set[str]]:
    found = client.describe_secret(SecretId=arn)["VersionIdsToStages"]
    return {version: set(labels) for version, labels in found.items() if labels}


def test_a_secret_is_described_by_name_or_arn(secrets: SecretsManager, arn: str) -> None:
    expected = SecretDescription(arn, SECRET_NAME, {CURRENT: frozenset({AWSCURRENT})})
    assert secrets.describe(SECRET_NAME) == expected
    assert secrets.describe(arn) == expected


def test_a_description_names_the_key_that_is_not_aws_own(
    secrets: SecretsManager, client: Any, arn: str
) -> None:
    assert secrets.describe(arn).kms_key == ""
    client.update_secret(SecretId=arn, KmsKeyId="alias/mine")
    assert secrets.describe(arn).kms_key == "alias/mine"


def test_a_description_finds_the_version_of_a_label() -> None:
    found = SecretDescription(
        SECRET_ARN, SECRET_NAME, {CURRENT: frozenset({AWSCURRENT, AWSPENDING})}
    )
    assert found.version_with(AWSPENDING) == CURRENT
    assert found.version_with(AWSPREVIOUS) is None


def test_a_description_names_the_replicas_that_have_failed(
    stubbed: tuple[SecretsManager, Stubber],
) -> None:
    secrets, stubber = stubbed
    exists = "Secret with this name already exists in this region"
    replicas: list[dict[str, str]] = [
        {"Region": "eu-west-1", "Status": "InSync"},
        {"Region": "eu-west-2", "Status": "Failed", "StatusMessage": exists},
        {"Region": "eu-west-3", "Status": "InProgress", "StatusMessage": "Replication in progress"},
        {"Region": "eu-north-1", "Status": "Failed"},
    ]
    described = {"ARN": SECRET_ARN, "Name": SECRET_NAME, "ReplicationStatus": replicas}
    stubber.add_response("describe_secret", described)
    found = secrets.describe(SECRET_NAME).failed_replicas
    assert found == {"eu-west-2": exists, "eu-north-1": ""}


SCHEDULE = {"ScheduleExpression": "rate(30 days)", "AutomaticallyAfterDays": 30, "Duration": "3h"}


@pytest.mark.parametrize(
    "told, schedule",
    [
        ({}, Schedule()),
        (
            {
                "RotationEnabled": True,
                "RotationLambdaARN": FUNCTION_ARN,
                "RotationRules": SCHEDULE,
                "LastRotatedDate": NOW,
                "NextRotationDate": NOW,
            },
            Schedule(FUNCTION_ARN, True, 30, "rate(30 days)", "3h", NOW, NOW),
        ),
        (
            {"RotationEnabled": False, "RotationLambdaARN": FUNCTION_ARN, "RotationRules": {}},
            Schedule(FUNCTION_ARN),
        ),
    ],
)
def test_a_description_tells_the_schedule(
    stubbed: tuple[SecretsManager, Stubber], told: dict[str, Any], schedule: Schedule
) -> None:
    secrets, stubber = stubbed
    found = {"ARN": SECRET_ARN, "Name": SECRET_NAME, **told}
    stubber.add_response("describe_secret", found, {"SecretId": SECRET_ARN})
    assert secrets.describe(SECRET_ARN).schedule == schedule


def test_secrets_of_a_function_are_found_on_all_pages(
    stubbed: tuple[SecretsManager, Stubber],
) -> None:
    secrets, stubber = stubbed

    def page(*functions: str | None) -> dict[str, Any]:
        return {
            "SecretList": [
                {"ARN": f"{SECRET_ARN}{by}", **({"RotationLambdaARN": by} if by else {})}
                for by in functions
            ]
        }

    other = f"{FUNCTION_ARN}2"
    stubber.add_response("list_secrets", page(None, other) | {"NextToken": "more"}, {})
    stubber.add_response(
        "list_secrets", page(FUNCTION_ARN, other, FUNCTION_ARN), {"NextToken": "more"}
    )
    assert secrets.rotated_by(FUNCTION_ARN) == [f"{SECRET_ARN}{FUNCTION_ARN}"] * 2


def test_a_secret_that_is_not_there_is_not_found(secrets: SecretsManager) -> None:
    with pytest.raises(SecretNotFoundError, match="no-such-secret"):
        secrets.describe("no-such-secret")


def test_a_secret_that_is_marked_for_deletion_is_refused(
    secrets: SecretsManager, client: Any, arn: str
) -> None:
    client.delete_secret(SecretId=arn)
    with pytest.raises(SecretDeletedError, match="RestoreSecret"):
        secrets.describe(arn)
    with pytest.raises(SecretDeletedError):
        secrets.read(arn, CURRENT)


def test_a_version_is_read_by_its_id(secrets: SecretsManager, arn: str) -> None:
    assert secrets.read(arn, CURRENT).password == CURRENT_PASSWORD


def test_a_version_that_is_not_there_cannot_be_read_yet(secrets: SecretsManager, arn: str) -> None:
    with pytest.raises(VersionNotReadableError, match=OTHER):
        secrets.read(arn, OTHER)


def test_a_version_without_a_value_cannot_be_read_yet(
    stubbed: tuple[SecretsManager, Stubber],
) -> None:
    # What AWS answers for the version that RotateSecret stages.
    secrets, stubber = stubbed
    stubber.add_client_error(
        "get_secret_value",
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for VersionId: {PENDING}",
        expected_params={"SecretId": SECRET_ARN, "VersionId": PENDING},
    )
    with pytest.raises(VersionNotReadableError, match=PENDING):
        secrets.read(SECRET_ARN, PENDING)


def test_a_binary_secret_is_refused(secrets: SecretsManager, client: Any) -> None:
    binary = client.create_secret(Name="b", SecretBinary=b"{}", ClientRequestToken=CURRENT)
    with pytest.raises(SecretFormatError, match="binary"):
        secrets.read(binary["ARN"], CURRENT)


def test_a_secret_that_is_no_json_is_refused_without_its_text(
    secrets: SecretsManager, client: Any
) -> None:
    created = client.create_secret(
        Name="s", SecretString=CURRENT_PASSWORD, ClientRequestToken=CURRENT
    )
    with pytest.raises(SecretFormatError, match=CURRENT) as caught:
        secrets.read(created["ARN"], CURRENT)
    assert_no_leak([CURRENT_PASSWORD], error=caught.value)


def test_a_new_version_is_awspending_and_awscurrent_stays(
    secrets: SecretsManager, client: Any, arn: str
) -> None:
    secrets.put_pending(arn, PENDING, secret_text(PENDING_PASSWORD))
    assert stages(client, arn) == {CURRENT: {AWSCURRENT}, PENDING: {AWSPENDING}}
    assert secrets.read(arn, PENDING).password == PENDING_PASSWORD
    assert secrets.read(arn, CURRENT).password == CURRENT_PASSWORD


def test_putting_the_same_value_again_changes_nothing(
    secrets: SecretsManager, client: Any, arn: str
) -> None:
    secrets.put_pending(arn, PENDING, secret_text(PENDING_PASSWORD))
    secrets.put_pending(arn, PENDING, secret_text(PENDING_PASSWORD))
    assert stages(client, arn)[PENDING] == {AWSPENDING}


def test_awscurrent_moves_and_leaves_awsprevious(
    secrets: SecretsManager, client: Any, arn: str
) -> None:
    secrets.put_pending(arn, PENDING, secret_text(PENDING_PASSWORD))
    secrets.move_label(arn, AWSCURRENT, to=PENDING, away_from=CURRENT)
    assert stages(client, arn) == {CURRENT: {AWSPREVIOUS}, PENDING: {AWSCURRENT, AWSPENDING}}


def test_awscurrent_does_not_move_from_where_it_is_not(
    secrets: SecretsManager, client: Any, arn: str
) -> None:
    secrets.put_pending(arn, PENDING, secret_text(PENDING_PASSWORD))
    with pytest.raises(RotationSupersededError, match=AWSCURRENT):
        secrets.move_label(arn, AWSCURRENT, to=PENDING, away_from=PENDING)
    assert stages(client, arn)[CURRENT] == {AWSCURRENT}


def test_a_label_can_be_taken_off(secrets: SecretsManager, client: Any, arn: str) -> None:
    secrets.put_pending(arn, PENDING, secret_text(PENDING_PASSWORD))
    secrets.move_label(arn, AWSPENDING, to=None, away_from=PENDING)
    assert stages(client, arn) == {CURRENT: {AWSCURRENT}}


def test_a_version_without_labels_can_get_awspending_again(
    secrets: SecretsManager, client: Any, arn: str
) -> None:
    secrets.put_pending(arn, PENDING, secret_text(PENDING_PASSWORD))
    secrets.move_label(arn, AWSPENDING, to=None, away_from=PENDING)
    secrets.move_label(arn, AWSPENDING, to=PENDING, away_from=None)
    assert stages(client, arn)[PENDING] == {AWSPENDING}


def test_a_random_password_has_the_length_and_characters_of_the_rules(
    secrets: SecretsManager,
) -> None:
    for rules in (RULES, PasswordRules(128, "abc0~")):
        password = secrets.random_password(rules)
        assert len(password) == rules.length
        assert set(password) <= set(rules.characters)


@pytest.mark.parametrize("made", ["too~short", "with,a~comma~and~more", "x" * 129, "ü" * 32, ""])
def test_a_password_that_elasticache_would_refuse_is_refused_untold(
    stubbed: tuple[SecretsManager, Stubber], made: str
) -> None:
    secrets, stubber = stubbed
    stubber.add_response("get_random_password", {"RandomPassword": made})
    with pytest.raises(UnexpectedAwsError, match="GetRandomPassword") as caught:
        secrets.random_password(RULES)
    assert_no_leak([made] if made else [], error=caught.value)


#: What an error of AWS may quote.
QUOTED = f"{PENDING_PASSWORD} {ROTATION_TOKEN}"
CALLS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "describe": ("describe_secret", (SECRET_ARN,), {}),
    "read": ("get_secret_value", (SECRET_ARN, CURRENT), {}),
    "versions": ("list_secret_version_ids", (SECRET_ARN,), {}),
    "put_pending": (
        "put_secret_value",
        (SECRET_ARN, PENDING, secret_text(PENDING_PASSWORD), ROTATION_TOKEN),
        {},
    ),
    "move_label": (
        "update_secret_version_stage",
        (SECRET_ARN, AWSCURRENT),
        {"to": PENDING, "away_from": CURRENT},
    ),
    "random_password": ("get_random_password", (RULES,), {}),
    "rotated_by": ("list_secrets", (FUNCTION_ARN,), {}),
}


@pytest.mark.parametrize("method", list(CALLS))
@pytest.mark.parametrize(
    "code,status,kind",
    [
        ("ThrottlingException", 400, ThrottlingError),
        ("AccessDeniedException", 400, AccessDeniedError),
        ("InternalServiceError", 500, ServiceUnavailableError),
        ("LimitExceededException", 400, UnexpectedAwsError),
    ],
)
def test_every_call_translates_the_codes_that_all_calls_have(
    stubbed: tuple[SecretsManager, Stubber],
    method: str,
    code: str,
    status: int,
    kind: type[RotationError],
) -> None:
    secrets, stubber = stubbed
    call, arguments, more = CALLS[method]
    stubber.add_client_error(call, code, QUOTED * (status >= 500), status)
    with pytest.raises(kind) as caught:
        getattr(secrets, method)(*arguments, **more)
    assert type(caught.value) is kind
    assert_no_leak(SENSITIVE, error=caught.value)


@pytest.mark.parametrize(
    "method,code,kind",
    [
        ("describe", "ResourceNotFoundException", SecretNotFoundError),
        ("describe", "InvalidRequestException", SecretDeletedError),
        ("read", "DecryptionFailure", AccessDeniedError),
        ("read", "InvalidRequestException", SecretDeletedError),
        ("versions", "ResourceNotFoundException", SecretNotFoundError),
        ("put_pending", "EncryptionFailure", AccessDeniedError),
        ("put_pending", "ResourceExistsException", RotationSupersededError),
        ("put_pending", "ResourceNotFoundException", SecretNotFoundError),
        ("move_label", "InvalidParameterException", RotationSupersededError),
        ("move_label", "ResourceNotFoundException", SecretNotFoundError),
    ],
)
def test_a_calls_own_codes_have_names(
    stubbed: tuple[SecretsManager, Stubber], method: str, code: str, kind: type[RotationError]
) -> None:
    secrets, stubber = stubbed
    call, arguments, more = CALLS[method]
    stubber.add_client_error(call, code, QUOTED * (kind is not AccessDeniedError))
    with pytest.raises(kind) as caught:
        getattr(secrets, method)(*arguments, **more)
    assert type(caught.value) is kind
    assert_no_leak(SENSITIVE, error=caught.value)


@pytest.mark.parametrize("to,away_from", [(PENDING, CURRENT), (PENDING, None), (None, CURRENT)])
def test_only_the_versions_that_there_are_go_into_the_call(
    stubbed: tuple[SecretsManager, Stubber], to: str | None, away_from: str | None
) -> None:
    secrets, stubber = stubbed
    expected = {"SecretId": SECRET_ARN, "VersionStage": AWSPENDING}
    expected |= {"MoveToVersionId": to} if to else {}
    expected |= {"RemoveFromVersionId": away_from} if away_from else {}
    stubber.add_response("update_secret_version_stage", {"ARN": SECRET_ARN}, expected)
    secrets.move_label(SECRET_ARN, AWSPENDING, to=to, away_from=away_from)


@pytest.mark.parametrize("proof", [{}, {"RotationToken": ROTATION_TOKEN}])
def test_the_text_goes_to_aws_as_it_is_and_with_it_the_proof_of_who_makes_it(
    stubbed: tuple[SecretsManager, Stubber], proof: dict[str, str]
) -> None:
    secrets, stubber = stubbed
    text = json.dumps({"ü": "\u2028 , / @"}, ensure_ascii=False)
    stubber.add_response(
        "put_secret_value",
        {"ARN": SECRET_ARN},
        {
            "SecretId": SECRET_ARN,
            "ClientRequestToken": PENDING,
            "SecretString": text,
            "VersionStages": [AWSPENDING],
            **proof,
        },
    )
    secrets.put_pending(SECRET_ARN, PENDING, text, *proof.values())


def test_all_versions_are_listed_newest_first(
    stubbed: tuple[SecretsManager, Stubber],
) -> None:
    secrets, stubber = stubbed
    asked = {"SecretId": SECRET_ARN, "IncludeDeprecated": True}
    ages = {PREVIOUS: 3, PENDING: 0, OTHER: 1, CURRENT: 2}
    created = {version: NOW - timedelta(hours=age) for version, age in ages.items()}

    def page(*versions: str, **more: Any) -> dict[str, Any]:
        # OTHER has lost its labels: such a version has no VersionStages.
        labels = {version: {"VersionStages": ["A"]} for version in versions if version != OTHER}
        listed = [
            {"VersionId": each, "CreatedDate": created[each], **labels.get(each, {})}
            for each in versions
        ]
        return {"Versions": listed, **more}

    stubber.add_response("list_secret_version_ids", page(PREVIOUS, PENDING, NextToken="2"), asked)
    stubber.add_response(
        "list_secret_version_ids", page(OTHER, CURRENT), asked | {"NextToken": "2"}
    )
    found = secrets.versions(SECRET_ARN)
    assert found == [Version(each, created[each]) for each in (PENDING, OTHER, CURRENT, PREVIOUS)]


@pytest.mark.parametrize(
    "endpoint,url",
    [
        ("https://vpce-1.example", "https://vpce-1.example"),
        ("", "https://secretsmanager.us-east-1.amazonaws.com"),
    ],
)
def test_the_endpoint_of_the_environment_is_honoured(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, url: str
) -> None:
    monkeypatch.setenv("SECRETS_MANAGER_ENDPOINT", endpoint)
    connect = SecretsManager.connect.__func__.__wrapped__  # type: ignore[attr-defined]
    assert connect(SecretsManager)._client.meta.endpoint_url == url
