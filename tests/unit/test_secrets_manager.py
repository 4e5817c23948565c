"""The adapter of Secrets Manager: on moto for AWS's semantics, on stubs for its answers.

What is tested on moto is tested on the adapter's fake, too.
"""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from moto import mock_aws

from rotation import errors
from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretDescription,
    SecretsManager,
    Version,
)
from rotation.records.password import PasswordRules
from rotation.records.schedule import Schedule
from tests.unit.conftest import SetEnv
from tests.unit.fake_aws import FakeSecretsManager
from tests.unit.leaks import assert_no_leak
from tests.unit.stubs import Stub, client_of, stubbed
from tests.unit.values import (
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
    Json,
    secret_text,
)


@pytest.fixture
def moto() -> Iterator[SecretsManager]:
    with mock_aws():
        yield SecretsManager(client_of("secretsmanager"))


@pytest.fixture(params=["moto", "fake"])
def secrets(request: pytest.FixtureRequest) -> SecretsManager:
    """A secret with one version."""
    text = secret_text(CURRENT_PASSWORD)
    if request.param == "moto":
        adapter: SecretsManager = request.getfixturevalue("moto")
        adapter._client.create_secret(
            Name=SECRET_NAME, SecretString=text, ClientRequestToken=CURRENT
        )
        return adapter
    fake = FakeSecretsManager()
    fake.add(CURRENT, text, AWSCURRENT)
    return fake


@pytest.fixture
def arn(secrets: SecretsManager) -> str:
    return secrets.describe(SECRET_NAME).arn


Stubbed = Stub[SecretsManager]


@pytest.fixture
def stub() -> Iterator[Stubbed]:
    with stubbed("secretsmanager", SecretsManager) as stub:
        yield stub


def test_a_secret_is_described_by_name_or_arn(secrets: SecretsManager, arn: str) -> None:
    assert secrets.describe(arn) == secrets.describe(SECRET_NAME)
    with pytest.raises(errors.SecretNotFoundError, match="no-such-secret"):
        secrets.describe("no-such-secret")


def test_labels_move_only_from_where_they_are(secrets: SecretsManager, arn: str) -> None:
    def labels() -> dict[str, set[str]]:
        stages = secrets.describe(arn).stages
        return {version: {*labels} for version, labels in stages.items() if labels}

    text = secret_text(PENDING_PASSWORD)
    for _ in range(2):
        secrets.put_pending(arn, PENDING, text)
        assert labels() == {CURRENT: {AWSCURRENT}, PENDING: {AWSPENDING}}
    for elsewhere in (None, PENDING):
        with pytest.raises(errors.RotationSupersededError, match=AWSCURRENT):
            secrets.move_label(arn, AWSCURRENT, to=PENDING, away_from=elsewhere)
    secrets.move_label(arn, AWSPENDING, to=None, away_from=PENDING)
    assert labels() == {CURRENT: {AWSCURRENT}}
    secrets.move_label(arn, AWSPENDING, to=PENDING, away_from=None)
    secrets.move_label(arn, AWSCURRENT, to=PENDING, away_from=CURRENT)
    assert labels() == {CURRENT: {AWSPREVIOUS}, PENDING: {AWSCURRENT, AWSPENDING}}
    secrets.put_pending(arn, OTHER, text)
    assert labels() == {CURRENT: {AWSPREVIOUS}, PENDING: {AWSCURRENT}, OTHER: {AWSPENDING}}


def test_a_version_is_read_by_its_id(secrets: SecretsManager, arn: str) -> None:
    secrets.put_pending(arn, PENDING, secret_text(PENDING_PASSWORD))
    assert secrets.read(arn, PENDING).password == PENDING_PASSWORD
    assert secrets.read(arn, CURRENT).password == CURRENT_PASSWORD
    with pytest.raises(errors.VersionNotReadableError, match=OTHER):
        secrets.read(arn, OTHER)


@pytest.mark.parametrize("rules", [RULES, PasswordRules(128, "abc0~")])
def test_a_random_password_follows_the_rules(moto: SecretsManager, rules: PasswordRules) -> None:
    password = moto.random_password(rules)
    assert len(password) == rules.length
    assert set(password) <= set(rules.characters)


@pytest.mark.parametrize("made", ["too~short", "with,a~comma~and~more", "x" * 129, "ü" * 32])
def test_a_random_password_that_is_not_valid_is_not_shown(stub: Stubbed, made: str) -> None:
    stub.answers("get_random_password", {"RandomPassword": made})
    with pytest.raises(errors.UnexpectedAwsError, match="GetRandomPassword") as caught:
        stub.adapter.random_password(RULES)
    assert_no_leak([made], error=caught.value)


REPLICAS = [
    {"Region": "eu-west-1", "Status": "InSync"},
    {"Region": "eu-west-2", "Status": "Failed", "StatusMessage": "It exists."},
    {"Region": "eu-west-3", "Status": "InProgress", "StatusMessage": "Replicating"},
    {"Region": "eu-north-1", "Status": "Failed"},
]
DAYS = {"ScheduleExpression": "rate(30 days)", "AutomaticallyAfterDays": 30, "Duration": "3h"}
ROTATED: Json = {"RotationRules": DAYS, "LastRotatedDate": NOW, "NextRotationDate": NOW}


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
            ROTATED | {"RotationEnabled": True, "RotationLambdaARN": FUNCTION_ARN},
            {"schedule": Schedule(FUNCTION_ARN, True, 30, "rate(30 days)", "3h", NOW, NOW)},
        ),
        (
            {"RotationLambdaARN": f"{FUNCTION_ARN}:live", "RotationRules": {}},
            {"schedule": Schedule(FUNCTION_ARN)},
        ),
        (
            {"ReplicationStatus": REPLICAS},
            {"failed_replicas": {"eu-west-2": "It exists.", "eu-north-1": ""}},
        ),
    ],
)
def test_a_description_is_what_describe_secret_shows(
    stub: Stubbed, answer: Json, described: Json
) -> None:
    secret = {"ARN": SECRET_ARN, "Name": SECRET_NAME, **answer}
    stub.answers("describe_secret", secret, SecretId=SECRET_NAME)
    expected = SecretDescription(SECRET_ARN, SECRET_NAME, **{"stages": {}, **described})
    assert stub.adapter.describe(SECRET_NAME) == expected


def test_a_secret_that_is_marked_for_deletion_is_refused(stub: Stubbed) -> None:
    deleted = {"ARN": SECRET_ARN, "Name": SECRET_NAME, "DeletedDate": NOW}
    stub.answers("describe_secret", deleted)
    with pytest.raises(errors.SecretDeletedError, match="RestoreSecret"):
        stub.adapter.describe(SECRET_ARN)


def test_the_secrets_of_a_function_are_found_on_all_pages(stub: Stubbed) -> None:
    functions = {"a": None, "b": f"{FUNCTION_ARN}2", "c": FUNCTION_ARN, "d": f"{FUNCTION_ARN}:live"}
    listed = [
        {"ARN": f"{SECRET_ARN}-{name}", **({"RotationLambdaARN": by} if by else {})}
        for name, by in functions.items()
    ]
    stub.answers("list_secrets", {"SecretList": listed[:3], "NextToken": "more"})
    stub.answers("list_secrets", {"SecretList": listed[3:]}, NextToken="more")
    assert stub.adapter.secrets_rotated_by(FUNCTION_ARN) == [f"{SECRET_ARN}-c", f"{SECRET_ARN}-d"]


@pytest.mark.parametrize(
    "value,reason", [({"SecretBinary": b"{}"}, "binary"), ({"SecretString": "x"}, "JSON")]
)
def test_a_value_that_is_not_json_is_refused(stub: Stubbed, value: Json, reason: str) -> None:
    stub.answers("get_secret_value", value, SecretId=SECRET_ARN, VersionId=CURRENT)
    with pytest.raises(errors.SecretFormatError, match=f"{CURRENT}.*{reason}"):
        stub.adapter.read(SECRET_ARN, CURRENT)


@pytest.mark.parametrize("proof", [{}, {"RotationToken": ROTATION_TOKEN}])
def test_the_text_goes_to_aws_as_it_is(stub: Stubbed, proof: dict[str, str]) -> None:
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


CALLS: dict[str, tuple[str, list[str]]] = {
    "describe": ("describe_secret", []),
    "read": ("get_secret_value", [PENDING]),
    "put_pending": ("put_secret_value", [PENDING, "a text"]),
}


@pytest.mark.parametrize(
    "method,code,kind",
    [
        ("describe", "ResourceNotFoundException", errors.SecretNotFoundError),
        ("describe", "InvalidRequestException", errors.SecretDeletedError),
        ("describe", "InvalidParameterException", errors.SecretNotFoundError),
        ("describe", "ValidationException", errors.SecretNotFoundError),
        ("read", "ResourceNotFoundException", errors.VersionNotReadableError),
        ("read", "DecryptionFailure", errors.AccessDeniedError),
        ("read", "InvalidRequestException", errors.SecretDeletedError),
        ("put_pending", "EncryptionFailure", errors.AccessDeniedError),
        ("put_pending", "ResourceNotFoundException", errors.SecretNotFoundError),
        ("put_pending", "ResourceExistsException", errors.RotationSupersededError),
    ],
)
def test_an_error_code_means_what_its_call_says(
    stub: Stubbed, method: str, code: str, kind: type[Exception]
) -> None:
    call, arguments = CALLS[method]
    stub.fails(call, code)
    with pytest.raises(kind):
        getattr(stub.adapter, method)(SECRET_ARN, *arguments)


def test_all_versions_are_listed_newest_first(stub: Stubbed) -> None:
    # OTHER has lost its labels: such a version has no VersionStages.
    ages = {PREVIOUS: 3, PENDING: 0, OTHER: 1, CURRENT: 2}
    listed: list[Json] = [
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
def test_the_endpoint_of_the_environment_is_honored(set_env: SetEnv, endpoint: str) -> None:
    set_env("SECRETS_MANAGER_ENDPOINT", endpoint)
    connect = SecretsManager.connect.__func__.__wrapped__  # type: ignore[attr-defined]
    assert connect(SecretsManager)._client.meta.endpoint_url == (
        endpoint or "https://secretsmanager.us-east-1.amazonaws.com"
    )
