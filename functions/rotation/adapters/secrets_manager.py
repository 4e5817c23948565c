"""Secrets Manager: secrets, their versions and their staging labels."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

import boto3

from rotation.adapters.aws import CLIENT_CONFIG, translated
from rotation.errors import (
    AccessDeniedError,
    RotationError,
    RotationSupersededError,
    SecretDeletedError,
    SecretFormatError,
    SecretNotFoundError,
    UnexpectedAwsError,
    VersionNotFoundError,
    VersionNotReadableError,
)
from rotation.records.password import PasswordRules, is_valid
from rotation.records.schedule import Schedule
from rotation.records.secret import SecretValue

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import (
        DescribeSecretResponseTypeDef,
        PutSecretValueRequestTypeDef,
        UpdateSecretVersionStageRequestTypeDef,
    )

AWSCURRENT = "AWSCURRENT"
AWSPENDING = "AWSPENDING"
AWSPREVIOUS = "AWSPREVIOUS"

_CODES: dict[str, type[RotationError]] = {
    "ResourceNotFoundException": SecretNotFoundError,
    "InvalidRequestException": SecretDeletedError,
    "DecryptionFailure": AccessDeniedError,
    "EncryptionFailure": AccessDeniedError,
}

#: Matches the message about a denied KMS key, in Secrets Manager's words and in IAM's.
_KEY_DENIED = re.compile(r"Access to KMS|kms:[A-Z]|DecryptionFailure|EncryptionFailure")


@dataclass(frozen=True)
class SecretDescription:
    """``stages`` maps version IDs to staging labels; versions without a label are not in it.

    ``failed_replicas`` maps regions to Secrets Manager's reason, which may be empty.
    ``kms_key`` is an ID, an ARN or an alias; empty for the key aws/secretsmanager.
    """

    arn: str
    name: str
    stages: dict[str, frozenset[str]]
    schedule: Schedule = field(default_factory=Schedule)
    failed_replicas: dict[str, str] = field(default_factory=dict)
    kms_key: str = ""

    def version_with(self, label: str) -> str | None:
        """The ID of the version with the staging label, or None."""
        versions = (version for version, labels in self.stages.items() if label in labels)
        return next(versions, None)

    @contextmanager
    def adding_key_to_denial(self) -> Iterator[None]:
        """Add the secret's key to the error about a denied key: AWS's message does not name it."""
        try:
            yield
        except AccessDeniedError as error:
            if not self.kms_key or not _KEY_DENIED.search(str(error)):
                raise
            raise AccessDeniedError(
                f"{error} Secret {self.arn} has key {self.kms_key}. The denied key is this one or "
                "an earlier key of the secret. Add it to the parameter KmsKeyArns. The key must be "
                "enabled, and its policy and any permissions boundary must allow its use."
            ) from None


@dataclass(frozen=True)
class Version:
    """``created`` has a time zone."""

    version_id: str
    created: datetime


class SecretsManager:
    """Reads and stages the versions of a secret."""

    def __init__(self, client: "SecretsManagerClient") -> None:
        self._client = client

    @classmethod
    @cache
    def connect(cls) -> "SecretsManager":
        """The function's own client, at SECRETS_MANAGER_ENDPOINT if that is set."""
        endpoint = os.environ.get("SECRETS_MANAGER_ENDPOINT") or None
        return cls(boto3.client("secretsmanager", config=CLIENT_CONFIG, endpoint_url=endpoint))

    def describe(self, secret_id: str) -> SecretDescription:
        """The secret by name or ARN.

        Raises:
            SecretNotFoundError, SecretDeletedError: there is none, or it is marked for deletion.
        """
        # A person may type text that cannot be a secret's name.
        malformed = dict.fromkeys(
            ("InvalidParameterException", "ValidationException"), SecretNotFoundError
        )
        with translated("DescribeSecret", secret_id, {**_CODES, **malformed}):
            secret = self._client.describe_secret(SecretId=secret_id)
            if secret.get("DeletedDate"):
                raise SecretDeletedError(
                    f"Secret {secret['ARN']} is marked for deletion. Restore it first, with "
                    "RestoreSecret."
                )
            stages = secret.get("VersionIdsToStages", {})
            return SecretDescription(
                secret["ARN"],
                secret["Name"],
                {version: frozenset(labels) for version, labels in stages.items()},
                _schedule(secret),
                failed_replicas={
                    replica.get("Region", "a region"): replica.get("StatusMessage", "")
                    for replica in secret.get("ReplicationStatus", ())
                    if replica.get("Status") == "Failed"
                },
                kms_key=secret.get("KmsKeyId") or "",
            )

    def versions(self, secret_arn: str) -> list[Version]:
        """All versions of the secret, with or without a staging label; newest first."""
        versions: list[Version] = []
        with translated("ListSecretVersionIds", secret_arn, _CODES):
            page = self._client.list_secret_version_ids(SecretId=secret_arn, IncludeDeprecated=True)
            # botocore has no paginator for this call.
            while True:
                for version in page["Versions"]:
                    versions.append(Version(version["VersionId"], version["CreatedDate"]))
                if not page.get("NextToken"):
                    return sorted(versions, key=lambda version: version.created, reverse=True)
                page = self._client.list_secret_version_ids(
                    SecretId=secret_arn, IncludeDeprecated=True, NextToken=page["NextToken"]
                )

    def secrets_rotated_by(self, function_arn: str) -> list[str]:
        """The ARNs of the secrets whose rotation, on or off, calls the function.

        ListSecrets may be five minutes behind, and leaves out what is marked for deletion (API
        reference).
        """
        with translated("ListSecrets", function_arn):
            pages = self._client.get_paginator("list_secrets").paginate()
            return [
                secret["ARN"]
                for page in pages
                for secret in page["SecretList"]
                if _unqualified(secret.get("RotationLambdaARN")) == function_arn
            ]

    def read(self, secret_arn: str, version_id: str) -> SecretValue:
        """The value of a version.

        Raises:
            VersionNotReadableError: the version has no value, or none that can be read yet.
            SecretFormatError: the value is binary, or not what a rotation needs.
        """
        where = f"Version {version_id} of secret {secret_arn}"
        codes = {**_CODES, "ResourceNotFoundException": VersionNotReadableError}
        with translated("GetSecretValue", where, codes):
            value = self._client.get_secret_value(SecretId=secret_arn, VersionId=version_id)
            text = None if "SecretBinary" in value else value["SecretString"]
        if text is None:
            raise SecretFormatError(f"{where} is binary. Store a JSON object as text in it.")
        return SecretValue.parse(text, where)

    def put_pending(
        self, secret_arn: str, version_id: str, text: str, rotation_token: str = ""
    ) -> None:
        """Create the version, or give the staged version its value, with AWSPENDING on it.

        Another version that has the label loses it. ``rotation_token``, from Secrets Manager's
        event, proves that its rotation function makes the version (API reference, PutSecretValue;
        user guide, "Troubleshoot rotation").

        Raises:
            RotationSupersededError: the version already has another value.
        """
        codes = {**_CODES, "ResourceExistsException": RotationSupersededError}
        request: PutSecretValueRequestTypeDef = {
            "SecretId": secret_arn,
            "ClientRequestToken": version_id,
            "SecretString": text,
            "VersionStages": [AWSPENDING],
        }
        if rotation_token:
            request["RotationToken"] = rotation_token
        with translated("PutSecretValue", secret_arn, codes):
            self._client.put_secret_value(**request)

    def move_label(
        self, secret_arn: str, label: str, *, to: str | None, away_from: str | None
    ) -> None:
        """Compare and swap: move the label ``to`` a version, only if ``away_from`` has it now.

        Secrets Manager itself puts AWSPREVIOUS on the version that loses AWSCURRENT
        (API reference, UpdateSecretVersionStage).

        Raises:
            RotationSupersededError: the label is not where it was expected.
        """
        request: UpdateSecretVersionStageRequestTypeDef = {
            "SecretId": secret_arn,
            "VersionStage": label,
        }
        if to:
            request["MoveToVersionId"] = to
        if away_from:
            request["RemoveFromVersionId"] = away_from
        codes = {**_CODES, "InvalidParameterException": RotationSupersededError}
        with translated(f"UpdateSecretVersionStage of {label}", secret_arn, codes):
            self._client.update_secret_version_stage(**request)

    def random_password(self, rules: PasswordRules) -> str:
        """A new password that follows the rules."""
        with translated("GetRandomPassword", f"{rules.length} characters"):
            answer = self._client.get_random_password(**rules.request())
            password = answer["RandomPassword"]
        if not is_valid(password):
            raise UnexpectedAwsError(
                "GetRandomPassword returned a password that is not valid for ElastiCache. Rotate "
                "again; if that does not help, check PasswordCharacters and "
                "PasswordExcludeCharacters."
            )
        return password


def _unqualified(function_arn: str | None) -> str:
    """The function's ARN without an alias or a version at its end."""
    return ":".join((function_arn or "").split(":")[:7])


def _schedule(secret: "DescribeSecretResponseTypeDef") -> Schedule:
    rules = secret.get("RotationRules") or {}
    return Schedule(
        function_arn=_unqualified(secret.get("RotationLambdaARN")),
        enabled=bool(secret.get("RotationEnabled")),
        after_days=rules.get("AutomaticallyAfterDays"),
        expression=rules.get("ScheduleExpression") or "",
        duration=rules.get("Duration") or "",
        last=secret.get("LastRotatedDate"),
        next=secret.get("NextRotationDate"),
    )


def no_current_error(secret_arn: str) -> VersionNotFoundError:
    """The error of a secret that has no value yet."""
    return VersionNotFoundError(
        f"Secret {secret_arn} has no AWSCURRENT version. Give it a value with PutSecretValue."
    )


def known_password(secrets: SecretsManager, secret_arn: str, version_id: str | None) -> str | None:
    """The version's password; None if there is no version, no readable value or no password."""
    if not version_id:
        return None
    try:
        return secrets.read(secret_arn, version_id).password
    except (VersionNotReadableError, SecretFormatError):
        return None
