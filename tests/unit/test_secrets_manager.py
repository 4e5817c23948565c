"""The adapter of Secrets Manager: on moto for AWS's semantics, on stubs for its answers.

What is tested on moto is tested on the adapter's fake, too.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
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
    FakeSecretsManager,
    secret_text,
)
from tests.unit.leaks import assert_no_leak
from tests.unit.stubs import Stub, client_of, stubbed


@pytest.fixture
def moto() -> Iterator[SecretsManager]:
    with mock_aws():
        yield SecretsManager(client_of("secretsmanager"))


@pytest.fixture(params=["moto", "fake"])
def secrets(request: pytest.FixtureRequest) -> SecretsManager:
    """A secret with one version."""
    text = secret_text(CURRENT_PASSWORD)
    if request.param == "moto":
        found: SecretsManager = request.getfixturevalue("moto")
        found._client.create_secret(Name=SECRET_NAME, SecretString=text, ClientRequestToken=CURRENT)
        return found
    fake = FakeSecretsManager()
    fake.add(CURRENT, text, AWSCURRENT)
    return fake


@pytest.fixture
def arn(secrets: SecretsManager) -> str:
    return secrets.describe(SECRET_NAME).arn


@pytest.fixture
def pending(secrets: SecretsManager, arn: str) -> str:
    """The ARN of the secret, once it has a second version."""
    secrets.put_pending(arn, PENDING, secret_text(PENDING_PASSWORD))
    return arn


@pytest.fixture
def stub() -> Iterator[Stub[SecretsManager]]:
    with stubbed("secretsmanager", SecretsManager) as stub:
        yield stub


def stages(secrets: SecretsManager) -> dict[str, set[str]]:
    found = secrets.describe(SECRET_NAME).stages
    return {version: {*labels} for version, labels in found.items() if labels}


def test_a_secret_is_described_by_name_or_arn(secrets: SecretsManager, arn: str) -> None:
    found = secrets.describe(arn)
    assert found == secrets.describe(SECRET_NAME)
    assert (found.arn, found.name) == (arn, SECRET_NAME)
    assert found.version_with(AWSCURRENT) == CURRENT
    assert found.version_with(AWSPENDING) is None


def test_a_secret_that_is_not_there_is_not_found(secrets: SecretsManager) -> None:
    with pytest.raises(SecretNotFoundError, match="no-such-secret"):
        secrets.describe("no-such-secret")


def test_a_version_that_is_not_there_cannot_be_read_yet(secrets: SecretsManager, arn: str) -> None:
    with pytest.raises(VersionNotReadableError, match=OTHER):
        secrets.read(arn, OTHER)


def test_a_new_version_has_awspending_and_awscurrent_stays(
    secrets: SecretsManager, pending: str
) -> None:
    assert stages(secrets) == {CURRENT: {AWSCURRENT}, PENDING: {AWSPENDING}}
    assert secrets.read(pending, PENDING).password == PENDING_PASSWORD
    assert secrets.read(pending, CURRENT).password == CURRENT_PASSWORD


def test_putting_the_same_value_again_changes_nothing(
    secrets: SecretsManager, pending: str
) -> None:
    before = stages(secrets)
    secrets.put_pending(pending, PENDING, secret_text(PENDING_PASSWORD))
    assert stages(secrets) == before


def test_a_label_is_on_one_version_at_most(secrets: SecretsManager, pending: str) -> None:
    secrets.put_pending(pending, OTHER, secret_text(PENDING_PASSWORD))
    assert stages(secrets) == {CURRENT: {AWSCURRENT}, OTHER: {AWSPENDING}}


def test_awscurrent_moves_and_leaves_awsprevious(secrets: SecretsManager, pending: str) -> None:
    secrets.move_label(pending, AWSCURRENT, to=PENDING, away_from=CURRENT)
    assert stages(secrets) == {CURRENT: {AWSPREVIOUS}, PENDING: {AWSCURRENT, AWSPENDING}}


@pytest.mark.parametrize("away_from", [None, PENDING])
def test_a_label_does_not_move_from_where_it_is_not(
    secrets: SecretsManager, pending: str, away_from: str | None
) -> None:
    with pytest.raises(RotationSupersededError, match=AWSCURRENT):
        secrets.move_label(pending, AWSCURRENT, to=PENDING, away_from=away_from)
    assert stages(secrets)[CURRENT] == {AWSCURRENT}


def test_a_label_can_be_removed_and_attached_again(secrets: SecretsManager, pending: str) -> None:
    secrets.move_label(pending, AWSPENDING, to=None, away_from=PENDING)
    assert stages(secrets) == {CURRENT: {AWSCURRENT}}
    secrets.move_label(pending, AWSPENDING, to=PENDING, away_from=None)
    assert stages(secrets)[PENDING] == {AWSPENDING}


@pytest.mark.parametrize("rules", [RULES, PasswordRules(128, "abc0~")])
def test_a_random_password_has_the_length_and_characters_of_the_rules(
    moto: SecretsManager, rules: PasswordRules
) -> None:
    password = moto.random_password(rules)
    assert len(password) == rules.length
    assert set(password) <= set(rules.characters)


@pytest.mark.parametrize("made", ["too~short", "with,a~comma~and~more", "x" * 129, "ü" * 32])
def test_a_random_password_that_is_not_valid_for_elasticache_is_refused_without_it(
    stub: Stub[SecretsManager], made: str
) -> None:
    stub.answers("get_random_password", {"RandomPassword": made})
    with pytest.raises(UnexpectedAwsError, match="GetRandomPassword") as caught:
        stub.adapter.random_password(RULES)
    assert_no_leak([made], error=caught.value)


RULES_OF_30_DAYS = {
    "ScheduleExpression": "rate(30 days)",
    "AutomaticallyAfterDays": 30,
    "Duration": "3h",
}
EXISTS = "Secret with this name already exists in this region"


@pytest.mark.parametrize(
    "answer,described",
    [
        ({}, {}),
        ({"KmsKeyId": "alias/mine"}, {"kms_key": "alias/mine"}),
        (
            {"VersionIdsToStages": {CURRENT: [AWSCURRENT, AWSPENDING]}},
            {"stages": {CURRENT: frozenset({AWSCURRENT, AWSPENDING})}},
        ),
        (
            {
                "RotationEnabled": True,
                "RotationLambdaARN": FUNCTION_ARN,
                "RotationRules": RULES_OF_30_DAYS,
                "LastRotatedDate": NOW,
                "NextRotationDate": NOW,
            },
            {"schedule": Schedule(FUNCTION_ARN, True, 30, "rate(30 days)", "3h", NOW, NOW)},
        ),
        (
            {"RotationLambdaARN": f"{FUNCTION_ARN}:live", "RotationRules": {}},
            {"schedule": Schedule(FUNCTION_ARN)},
        ),
        (
            {
                "ReplicationStatus": [
                    {"Region": "eu-west-1", "Status": "InSync"},
                    {"Region": "eu-west-2", "Status": "Failed", "StatusMessage": EXISTS},
                    {"Region": "eu-west-3", "Status": "InProgress", "StatusMessage": "Replicating"},
                    {"Region": "eu-north-1", "Status": "Failed"},
                ]
            },
            {"failed_replicas": {"eu-west-2": EXISTS, "eu-north-1": ""}},
        ),
    ],
)
def test_a_description_is_what_describe_secret_shows(
    stub: Stub[SecretsManager], answer: dict[str, Any], described: dict[str, Any]
) -> None:
    found = {"ARN": SECRET_ARN, "Name": SECRET_NAME, **answer}
    stub.answers("describe_secret", found, SecretId=SECRET_NAME)
    expected = SecretDescription(SECRET_ARN, SECRET_NAME, **{"stages": {}, **described})
    assert stub.adapter.describe(SECRET_NAME) == expected


def test_a_secret_that_is_marked_for_deletion_is_refused(stub: Stub[SecretsManager]) -> None:
    deleted = {"ARN": SECRET_ARN, "Name": SECRET_NAME, "DeletedDate": NOW}
    stub.answers("describe_secret", deleted)
    with pytest.raises(SecretDeletedError, match="RestoreSecret"):
        stub.adapter.describe(SECRET_ARN)


def test_secrets_of_a_function_are_found_on_all_pages_whatever_its_alias(
    stub: Stub[SecretsManager],
) -> None:
    functions = {"a": None, "b": f"{FUNCTION_ARN}2", "c": FUNCTION_ARN, "d": f"{FUNCTION_ARN}:live"}
    listed = [
        {"ARN": f"{SECRET_ARN}-{name}", **({"RotationLambdaARN": by} if by else {})}
        for name, by in functions.items()
    ]
    stub.answers("list_secrets", {"SecretList": listed[:3], "NextToken": "more"})
    stub.answers("list_secrets", {"SecretList": listed[3:]}, NextToken="more")
    found = stub.adapter.rotated_by(FUNCTION_ARN)
    assert found == [f"{SECRET_ARN}-c", f"{SECRET_ARN}-d"]


@pytest.mark.parametrize(
    "value,reason", [({"SecretBinary": b"{}"}, "binary"), ({"SecretString": "x"}, "JSON")]
)
def test_a_value_that_is_no_json_text_is_refused_by_its_version(
    stub: Stub[SecretsManager], value: dict[str, Any], reason: str
) -> None:
    stub.answers("get_secret_value", value, SecretId=SECRET_ARN, VersionId=CURRENT)
    with pytest.raises(SecretFormatError, match=f"{CURRENT}.*{reason}"):
        stub.adapter.read(SECRET_ARN, CURRENT)


@pytest.mark.parametrize("proof", [{}, {"RotationToken": ROTATION_TOKEN}])
def test_the_text_goes_to_aws_as_it_is_with_the_rotation_token(
    stub: Stub[SecretsManager], proof: dict[str, str]
) -> None:
    text = json.dumps({"ü": "\u2028 , / @"}, ensure_ascii=False)
    stub.answers(
        "put_secret_value",
        {"ARN": SECRET_ARN},
        SecretId=SECRET_ARN,
        ClientRequestToken=PENDING,
        SecretString=text,
        VersionStages=[AWSPENDING],
        **proof,
    )
    stub.adapter.put_pending(SECRET_ARN, PENDING, text, *proof.values())


@pytest.mark.parametrize(
    "method,call,code,kind",
    [
        ("describe", "describe_secret", "ResourceNotFoundException", SecretNotFoundError),
        ("describe", "describe_secret", "InvalidRequestException", SecretDeletedError),
        ("describe", "describe_secret", "InvalidParameterException", SecretNotFoundError),
        ("describe", "describe_secret", "ValidationException", SecretNotFoundError),
        ("versions", "list_secret_version_ids", "ResourceNotFoundException", SecretNotFoundError),
        ("read", "get_secret_value", "ResourceNotFoundException", VersionNotReadableError),
        ("read", "get_secret_value", "DecryptionFailure", AccessDeniedError),
        ("read", "get_secret_value", "InvalidRequestException", SecretDeletedError),
        ("put_pending", "put_secret_value", "EncryptionFailure", AccessDeniedError),
        ("put_pending", "put_secret_value", "ResourceNotFoundException", SecretNotFoundError),
        ("put_pending", "put_secret_value", "ResourceExistsException", RotationSupersededError),
    ],
)
def test_an_error_code_is_named_by_what_it_means_for_its_call(
    stub: Stub[SecretsManager], method: str, call: str, code: str, kind: type[RotationError]
) -> None:
    arguments = [SECRET_ARN, PENDING, secret_text(PENDING_PASSWORD)]
    count = {"read": 2, "put_pending": 3}.get(method, 1)
    stub.fails(call, code)
    with pytest.raises(kind):
        getattr(stub.adapter, method)(*arguments[:count])


def test_all_versions_are_listed_newest_first(stub: Stub[SecretsManager]) -> None:
    # OTHER has lost its labels: such a version has no VersionStages.
    ages = {PREVIOUS: 3, PENDING: 0, OTHER: 1, CURRENT: 2}
    listed: list[dict[str, Any]] = [
        {"VersionId": version, "CreatedDate": NOW - timedelta(hours=age)}
        | ({} if version == OTHER else {"VersionStages": ["A"]})
        for version, age in ages.items()
    ]
    asked = {"SecretId": SECRET_ARN, "IncludeDeprecated": True}
    first = {"Versions": listed[:2], "NextToken": "2"}
    stub.answers("list_secret_version_ids", first, **asked)
    stub.answers("list_secret_version_ids", {"Versions": listed[2:]}, **asked, NextToken="2")
    assert stub.adapter.versions(SECRET_ARN) == [
        Version(version, NOW - timedelta(hours=ages[version]))
        for version in (PENDING, OTHER, CURRENT, PREVIOUS)
    ]


@pytest.mark.parametrize("endpoint", ["https://vpce-1.example", ""])
def test_the_endpoint_of_the_environment_is_honored(
    monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("SECRETS_MANAGER_ENDPOINT", endpoint)
    connect = SecretsManager.connect.__func__.__wrapped__  # type: ignore[attr-defined]
    assert connect(SecretsManager)._client.meta.endpoint_url == (
        endpoint or "https://secretsmanager.us-east-1.amazonaws.com"
    )
