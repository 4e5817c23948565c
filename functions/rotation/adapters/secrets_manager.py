"""Secrets Manager, as far as a rotation needs it."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

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

AWSCURRENT = "AWSCURRENT"
AWSPENDING = "AWSPENDING"
AWSPREVIOUS = "AWSPREVIOUS"

_CODES: dict[str, type[RotationError]] = {
    "ResourceNotFoundException": SecretNotFoundError,
    "InvalidRequestException": SecretDeletedError,
    "DecryptionFailure": AccessDeniedError,
    "EncryptionFailure": AccessDeniedError,
}


#: In what AWS says of a key that is denied: AWS's own words, and IAM's.
_KEY_DENIED = re.compile(r"Access to KMS|kms:[A-Z]|DecryptionFailure|EncryptionFailure")


@dataclass(frozen=True)
class SecretDescription:
    """``stages`` maps version ids to staging labels; versions without a label are not in it.

    ``failed_replicas`` maps regions to Secrets Manager's reason, which may be empty.
    ``kms_key`` is an id, an ARN or an alias; empty for the key aws/secretsmanager.
    """

    arn: str
    name: str
    stages: dict[str, frozenset[str]]
    schedule: Schedule = field(default_factory=Schedule)
    failed_replicas: dict[str, str] = field(default_factory=dict)
    kms_key: str = ""

    def version_with(self, label: str) -> str | None:
        """The id of the version that carries the staging label, or None."""
        return next((each for each, labels in self.stages.items() if label in labels), None)

    @contextmanager
    def naming_key(self) -> Iterator[None]:
        """Where a key is denied, AWS names neither the secret's nor who has to allow it."""
        try:
            yield
        except AccessDeniedError as error:
            if not self.kms_key or not _KEY_DENIED.search(str(error)):
                raise
            raise AccessDeniedError(
                f"{error} Secret {self.arn} has key {self.kms_key}. The denied key, this one or "
                "one that the secret had before, has to be in the parameter KmsKeyArns. Its "
                "policy, its state and a permissions boundary have to allow it as well."
            ) from None


@dataclass(frozen=True)
class Version:
    """``created`` has a time zone."""

    version_id: str
    created: datetime


class SecretsManager:
    """Reads and stages the versions of a secret."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    @cache
    def connect(cls) -> "SecretsManager":
        """The function's own client; SECRETS_MANAGER_ENDPOINT is honoured, as in AWS's function."""
        endpoint = os.environ.get("SECRETS_MANAGER_ENDPOINT") or None
        return cls(boto3.client("secretsmanager", config=CLIENT_CONFIG, endpoint_url=endpoint))

    def describe(self, secret_id: str) -> SecretDescription:
        """The secret by name or ARN.

        Raises:
            SecretNotFoundError, SecretDeletedError: there is none, or it is marked for deletion.
        """
        # What a person has typed may be no name at all.
        malformed = dict.fromkeys(
            ("InvalidParameterException", "ValidationException"), SecretNotFoundError
        )
        with translated("DescribeSecret", secret_id, {**_CODES, **malformed}):
            found = self._client.describe_secret(SecretId=secret_id)
            if found.get("DeletedDate"):
                raise SecretDeletedError(
                    f"Secret {found['ARN']} is marked for deletion. Restore it first, with "
                    "RestoreSecret."
                )
            stages = found.get("VersionIdsToStages", {})
            return SecretDescription(
                found["ARN"],
                found["Name"],
                {each: frozenset(labels) for each, labels in stages.items()},
                _schedule(found),
                failed_replicas={
                    replica.get("Region", "a region"): replica.get("StatusMessage", "")
                    for replica in found.get("ReplicationStatus", ())
                    if replica.get("Status") == "Failed"
                },
                kms_key=found.get("KmsKeyId") or "",
            )

    def versions(self, secret_arn: str) -> list[Version]:
        """All versions of the secret, without a label too; newest first."""
        found: list[Version] = []
        # botocore has no paginator for this call.
        more: dict[str, str] = {}
        with translated("ListSecretVersionIds", secret_arn, _CODES):
            while True:
                page = self._client.list_secret_version_ids(
                    SecretId=secret_arn, IncludeDeprecated=True, **more
                )
                found += [
                    Version(each["VersionId"], each["CreatedDate"]) for each in page["Versions"]
                ]
                if not page.get("NextToken"):
                    return sorted(found, key=lambda version: version.created, reverse=True)
                more = {"NextToken": page["NextToken"]}

    def rotated_by(self, function_arn: str) -> list[str]:
        """The ARNs of the secrets whose rotation calls the function, also where it is off.

        ListSecrets may be five minutes behind, and leaves out what is marked for deletion (API
        reference).
        """
        with translated("ListSecrets", function_arn):
            pages = self._client.get_paginator("list_secrets").paginate()
            return [
                found["ARN"]
                for page in pages
                for found in page["SecretList"]
                if _unqualified(found.get("RotationLambdaARN")) == function_arn
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
            found = self._client.get_secret_value(SecretId=secret_arn, VersionId=version_id)
            text = None if "SecretBinary" in found else found["SecretString"]
        if text is None:
            raise SecretFormatError(f"{where} is binary. It must be a JSON text.")
        return SecretValue.parse(text, where)

    def put_pending(
        self, secret_arn: str, version_id: str, text: str, rotation_token: str = ""
    ) -> None:
        """Create the version, or give the staged one its value, with AWSPENDING on it.

        The label is taken from whatever version has it. ``rotation_token`` is that of Secrets
        Manager's event: the proof that its rotation function makes the version (API reference,
        PutSecretValue; user guide, "Troubleshoot rotation").

        Raises:
            RotationSupersededError: the version already has another value.
        """
        codes = {**_CODES, "ResourceExistsException": RotationSupersededError}
        proof = {"RotationToken": rotation_token} if rotation_token else {}
        with translated("PutSecretValue", secret_arn, codes):
            self._client.put_secret_value(
                SecretId=secret_arn,
                ClientRequestToken=version_id,
                SecretString=text,
                VersionStages=[AWSPENDING],
                **proof,
            )

    def move_label(
        self, secret_arn: str, label: str, *, to: str | None, away_from: str | None
    ) -> None:
        """Compare and swap: attach the label ``to`` a version, only if ``away_from`` has it now.

        Secrets Manager puts AWSPREVIOUS on the version that loses AWSCURRENT by itself
        (API reference, UpdateSecretVersionStage).

        Raises:
            RotationSupersededError: the label is not where it was expected.
        """
        versions = {"MoveToVersionId": to, "RemoveFromVersionId": away_from}
        codes = {**_CODES, "InvalidParameterException": RotationSupersededError}
        with translated(f"UpdateSecretVersionStage of {label}", secret_arn, codes):
            self._client.update_secret_version_stage(
                SecretId=secret_arn,
                VersionStage=label,
                **{name: version for name, version in versions.items() if version},
            )

    def random_password(self, rules: PasswordRules) -> str:
        """A new password by the rules."""
        with translated("GetRandomPassword", f"{rules.length} characters"):
            answer = self._client.get_random_password(**rules.request())
            password: str = answer["RandomPassword"]
        if not is_valid(password):
            raise UnexpectedAwsError(
                "GetRandomPassword made a password that is not valid for ElastiCache."
            )
        return password


def _unqualified(function_arn: str | None) -> str:
    """Without the alias or the version that may follow the function's name."""
    return ":".join((function_arn or "").split(":")[:7])


def _schedule(found: dict[str, Any]) -> Schedule:
    rules = found.get("RotationRules") or {}
    return Schedule(
        function_arn=_unqualified(found.get("RotationLambdaARN")),
        enabled=bool(found.get("RotationEnabled")),
        after_days=rules.get("AutomaticallyAfterDays"),
        expression=rules.get("ScheduleExpression") or "",
        duration=rules.get("Duration") or "",
        last=found.get("LastRotatedDate"),
        next=found.get("NextRotationDate"),
    )


def without_current(secret_arn: str) -> VersionNotFoundError:
    """The error of a secret that has no value yet."""
    return VersionNotFoundError(
        f"Secret {secret_arn} has no version AWSCURRENT. Give it a value with PutSecretValue."
    )


def known_password(secrets: SecretsManager, secret_arn: str, version_id: str | None) -> str | None:
    """The version's password; None without a version, a password or a value that can be read."""
    if not version_id:
        return None
    try:
        return secrets.read(secret_arn, version_id).password
    except (VersionNotReadableError, SecretFormatError):
        return None
