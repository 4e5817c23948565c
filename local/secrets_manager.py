"""Secrets Manager as its guide describes it: versions, staging labels, and RotateSecret.

moto holds the secrets. Replaced here is what decides which version a client reads and what a
rotation function sees; rotations.py has what a rotation does. [STAGE] below is
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

from moto.core.base_backend import BackendDict
from moto.core.exceptions import JsonRESTError
from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceExistsException,
    ResourceNotFoundException,
    SecretNotFoundException,
    ValidationException,
)
from moto.secretsmanager.models import FakeSecret
from moto.secretsmanager.responses import SecretsManagerResponse

from local import access, rotation_schedule
from local.rotations import RotatingSecretsManager
from local.secret_versions import (
    CURRENT,
    PENDING,
    attach,
    described,
    empty_version,
    has_value,
    holder,
    listed,
    rules,
)

_DAY_SECONDS = 86400
#: The parameters of each operation that mean something here; any other one is refused by name.
PARAMETERS = {
    "BatchGetSecretValue": "SecretIdList Filters MaxResults NextToken",
    "CancelRotateSecret": "SecretId",
    "CreateSecret": "Name ClientRequestToken Description KmsKeyId SecretBinary SecretString Tags",
    "DeleteSecret": "SecretId RecoveryWindowInDays ForceDeleteWithoutRecovery",
    "DescribeSecret": "SecretId",
    "GetRandomPassword": "PasswordLength ExcludeCharacters ExcludeNumbers ExcludePunctuation "
    "ExcludeUppercase ExcludeLowercase IncludeSpace RequireEachIncludedType",
    "GetResourcePolicy": "SecretId",
    "GetSecretValue": "SecretId VersionId VersionStage",
    "ListSecretVersionIds": "SecretId MaxResults NextToken IncludeDeprecated",
    # pragma: allowlist nextline secret
    "ListSecrets": "IncludePlannedDeletion MaxResults NextToken Filters",
    "PutSecretValue": "SecretId ClientRequestToken SecretBinary SecretString VersionStages "
    "RotationToken",
    "RestoreSecret": "SecretId",
    "RotateSecret": "SecretId ClientRequestToken RotationLambdaARN RotationRules RotateImmediately",
    "TagResource": "SecretId Tags",
    "UntagResource": "SecretId TagKeys",
    "UpdateSecret": "SecretId ClientRequestToken Description KmsKeyId SecretBinary SecretString",
    "UpdateSecretVersionStage": "SecretId VersionStage RemoveFromVersionId MoveToVersionId",
}


class LocalSecretsManager(RotatingSecretsManager):
    """moto's backend with AWS's labels and rotations."""

    # Values

    def create_secret(self, name: str, *arguments: Any, **more: Any) -> str:
        """CreateSecret."""
        with self._lock:
            new = name not in self.secrets
            answer: str = super().create_secret(name, *arguments, **more)
            if new:
                secret = self._secret(name)
                secret.created_date = secret.last_changed_date = self._now()
                for version in secret.versions.values():
                    version["createdate"] = secret.created_date
            return answer

    def get_secret_value(
        self, secret_id: str, version_id: str | None, version_stage: str | None
    ) -> dict[str, Any]:
        """GetSecretValue: by version, by label, or what has AWSCURRENT."""
        with self._lock:
            secret = self._usable(secret_id)
            wanted = version_id or holder(secret, version_stage or CURRENT)
            version = secret.versions.get(wanted or "", {})
            if version and version_stage and version_stage not in version["version_stages"]:
                raise InvalidRequestException(
                    "You provided a VersionStage that is not associated to the provided VersionId."
                )
            if not has_value(version):
                subject = (
                    f"VersionId: {version_id}"
                    if version_id
                    else f"staging label: {version_stage or CURRENT}"
                )
                raise ResourceNotFoundException(
                    f"Secrets Manager can't find the specified secret value for {subject}"
                )
            answer = {"ARN": secret.arn, "Name": secret.name, **listed(version)}
            for key, name in (("secret_string", "SecretString"), ("secret_binary", "SecretBinary")):
                if version.get(key) is not None:
                    answer[name] = version[key]
            return answer

    def put_secret_value(
        self,
        secret_id: str,
        secret_string: str,
        secret_binary: str,
        client_request_token: str,
        version_stages: list[str],
        rotation_token: str | None = None,
        caller: str = "",
    ) -> str:
        """PutSecretValue: a version that has a value keeps it; labels move to the version.

        `caller` is the ARN of whoever calls; it, or the token of an event, makes the value one of
        the rotation function's. A new AWSCURRENT counts as a rotation (API reference,
        RotationRulesType) and abandons the one under way.
        """
        _check_rotation_token(rotation_token)
        with self._lock:
            secret = self._usable(secret_id)
            version_id = self._from_client_request_token(client_request_token)
            version = secret.versions.get(version_id)
            values = {"secret_string": secret_string, "secret_binary": secret_binary}
            if version and has_value(version):
                if any(version.get(key) != value for key, value in values.items()):
                    raise ResourceExistsException(
                        f"You can't use ClientRequestToken {version_id} because that value is "
                        f"already in use for a version of secret {secret.arn}."
                    )
            else:
                now = self._now()
                labels = {*version_stages, *([] if secret.versions else [CURRENT])}
                if CURRENT in labels or (not version and self.assumptions.any_version_abandons):
                    self._abandon(secret)
                version = secret.versions.setdefault(version_id, empty_version(version_id, now))
                if not self.assumptions.created_when_staged:
                    version["createdate"] = now
                by_event = rotation_token in version["rotation_tokens"]
                version.update(values, caller=caller, by_event=by_event)
                for label in labels:
                    attach(secret, label, version_id)
                secret.last_changed_date = now
                if CURRENT in labels:
                    self._count_as_rotated(secret)
            return json.dumps(
                {
                    "ARN": secret.arn,
                    "Name": secret.name,
                    "VersionId": version_id,
                    "VersionStages": version["version_stages"],
                }
            )

    def update_secret(
        self,
        secret_id: str,
        secret_string: str | None = None,
        secret_binary: str | None = None,
        client_request_token: str | None = None,
        kms_key_id: str | None = None,
        description: str | None = None,
    ) -> str:
        """UpdateSecret; a new value becomes AWSCURRENT."""
        with self._lock:
            secret = self._usable(secret_id)
            answer: dict[str, Any] = {"ARN": secret.arn, "Name": secret.name}
            if secret_string is not None or secret_binary is not None:
                put = self.put_secret_value(
                    secret_id,
                    cast(str, secret_string),
                    cast(str, secret_binary),
                    cast(str, client_request_token),
                    [CURRENT],
                )
                answer["VersionId"] = json.loads(put)["VersionId"]
            secret.update(description or secret.description, secret.tags, kms_key_id, self._now())
            return json.dumps(answer)

    def update_secret_version_stage(
        self,
        secret_id: str,
        version_stage: str,
        remove_from_version_id: str | None,
        move_to_version_id: str | None,
    ) -> tuple[str, str]:
        """UpdateSecretVersionStage: all of the move, or an error and nothing."""
        with self._lock:
            secret = self._usable(secret_id)
            attached_to = holder(secret, version_stage)
            if not remove_from_version_id and not move_to_version_id:
                raise InvalidParameterException(
                    "You must provide RemoveFromVersionId, MoveToVersionId or both."
                )
            for version_id in (remove_from_version_id, move_to_version_id):
                if version_id and version_id not in secret.versions:
                    raise ResourceNotFoundException(
                        f"Secrets Manager can't find the specified secret version: {version_id}"
                    )
            if move_to_version_id and attached_to == move_to_version_id:
                return secret.arn, secret.name
            # [STAGE]: a label that is attached must be taken from the version that has it.
            if attached_to and not remove_from_version_id:
                raise InvalidParameterException(
                    "The parameter RemoveFromVersionId can't be empty. Staging label "
                    f"{version_stage} is currently attached to version {attached_to}, so you must "
                    "explicitly reference that version in RemoveFromVersionId."
                )
            if remove_from_version_id and remove_from_version_id != attached_to:
                raise InvalidParameterException(
                    f"When you move staging label {version_stage}, if you specify "
                    "RemoveFromVersionId, it must be set to the version that currently has the "
                    f"staging label {version_stage}."
                )
            if version_stage == CURRENT and not move_to_version_id:
                raise InvalidParameterException(
                    f"You can only move staging label {CURRENT} to a different secret version. "
                    "It can\u2019t be completely removed."
                )
            attach(secret, version_stage, move_to_version_id)
            secret.last_changed_date = self._now()
            return secret.arn, secret.name

    def list_secret_version_ids(
        self,
        secret_id: str,
        max_results: int | None = None,
        next_token: str | None = None,
        include_deprecated: bool = False,
    ) -> str:
        """ListSecretVersionIds: those that have a label, or all."""
        with self._lock:
            secret = self._secret(secret_id)
            versions = [
                listed(version)
                for version in secret.versions.values()
                if version["version_stages"] or include_deprecated
            ]
            page, following = self._get_secret_values_page_and_next_token(
                versions, max_results, next_token
            )
            answer = {"ARN": secret.arn, "Name": secret.name, "Versions": page}
            return json.dumps({**answer, "NextToken": following} if following else answer)

    def describe(self, secret_id: str) -> dict[str, Any]:
        """DescribeSecret's answer."""
        with self._lock:
            return described(self._secret(secret_id), "VersionIdsToStages")

    def list_secrets(
        self,
        filters: list[dict[str, Any]],
        max_results: int | None = None,
        next_token: str | None = None,
        include_planned_deletion: bool = False,
    ) -> tuple[list[dict[str, Any]], str | None]:
        """ListSecrets: like DescribeSecret, of all, and up to date."""
        with self._lock:
            listed, following = super().list_secrets(
                filters, max_results, next_token, include_planned_deletion
            )
            secrets = (self._secret(each["ARN"]) for each in listed)
            return [described(each, "SecretVersionsToStages") for each in secrets], following

    # Rotation

    def rotate_secret(
        self,
        secret_id: str,
        client_request_token: str | None = None,
        rotation_lambda_arn: str | None = None,
        rotation_rules: dict[str, Any] | None = None,
        rotate_immediately: bool = True,
    ) -> str:
        """Begins a rotation and returns; what comes of it is in the labels and in the log.

        A call that is refused stores nothing.
        """
        secret = self._usable(secret_id)
        function = rotation_lambda_arn or secret.rotation_lambda_arn
        if not function:
            raise InvalidRequestException(
                "No Lambda rotation function ARN is associated with this secret."
            )
        rotation_schedule.check(rotation_rules or {})
        self._check_function(function)
        with self._lock:
            secret = self._usable(secret_id)
            pending, current = holder(secret, PENDING), holder(secret, CURRENT)
            if pending and pending != current:
                if self.assumptions.refusal_reattempts and secret.rotation_lambda_arn:
                    self._begin(secret, pending, secret.rotation_lambda_arn)
                raise InvalidRequestException(
                    "A previous rotation isn\u2019t complete. That rotation will be reattempted."
                )
            token = self._from_client_request_token(client_request_token)
            now = self._now()
            secret.rotation_requested = secret.rotation_enabled = True
            secret.rotation_lambda_arn = function
            if rotation_rules:
                secret.rotation_rules = rotation_rules
            secret.next_rotation_date = rotation_schedule.next_rotation(rules(secret), now)
            if token not in secret.versions:
                version = secret.versions[token] = empty_version(token, now)
                if not rotate_immediately and current:
                    # Not in the API reference: recorded (docs/local-aws.md).
                    for key in ("secret_string", "secret_binary"):
                        version[key] = secret.versions[current].get(key)
                attach(secret, PENDING, token)
                self._begin(secret, token, function, only_test=not rotate_immediately)
            return json.dumps({"ARN": secret.arn, "Name": secret.name, "VersionId": token})

    def cancel_rotate_secret(self, secret_id: str) -> str:
        """CancelRotateSecret; the function and the rules stay."""
        with self._lock:
            answer: str = super().cancel_rotate_secret(secret_id)
            self._secret(secret_id).next_rotation_date = None
            return answer

    def age(self, secret_id: str, days: float) -> None:
        """Make the secret's rotation dates so much older, as if time had passed."""
        with self._lock:
            secret, seconds = self._secret(secret_id), days * _DAY_SECONDS
            for name in ("last_rotation_date", "next_rotation_date"):
                if date := getattr(secret, name):
                    setattr(secret, name, date - seconds)

    # Secrets

    def _secret(self, secret_id: str) -> FakeSecret:
        if secret_id not in self.secrets:
            raise SecretNotFoundException()
        return cast(FakeSecret, self.secrets[secret_id])

    def _usable(self, secret_id: str) -> FakeSecret:
        secret = self._secret(secret_id)
        if secret.is_deleted():
            raise InvalidRequestException(
                "You can't perform this operation on the secret because it was marked for deletion."
            )
        return secret


backends = BackendDict(LocalSecretsManager, "secretsmanager")


class LocalSecretsManagerResponse(SecretsManagerResponse):
    """moto's requests and answers, on the backend above."""

    @property
    def backend(self) -> Any:
        """The backend of the request's account and region."""
        return backends[self.current_account][self.region]

    def call_action(self) -> Any:
        """Answers one request, or refuses it by the name of what is not here."""
        try:
            check_parameters(self._get_action(), json.loads(self.body or "{}"))
        except JsonRESTError as refused:
            return refused.code, dict(refused.get_headers()), refused.description
        return super().call_action()

    def describe_secret(self) -> str:
        """DescribeSecret."""
        return json.dumps(self.backend.describe(self._get_param("SecretId")))

    def put_secret_value(self) -> str:
        """PutSecretValue."""
        values = self._get_param("SecretString"), self._get_param("SecretBinary")
        if not any(values):
            raise InvalidRequestException("You must provide either SecretString or SecretBinary.")
        answer: str = self.backend.put_secret_value(
            self._get_param("SecretId"),
            *values,
            self._get_param("ClientRequestToken"),
            self._get_param("VersionStages", [CURRENT]),
            self._get_param("RotationToken"),
            access.caller(self.headers, self.current_account).arn,
        )
        return answer

    def list_secret_version_ids(self) -> str:
        """ListSecretVersionIds."""
        answer: str = self.backend.list_secret_version_ids(
            self._get_param("SecretId"),
            self._get_int_param("MaxResults"),
            self._get_param("NextToken"),
            self._get_bool_param("IncludeDeprecated", False),
        )
        return answer


def check_parameters(operation: str, request: dict[str, Any]) -> None:
    """Raises for what is not part of the local AWS; what is false or empty asks for nothing."""
    if operation not in PARAMETERS:
        raise InvalidRequestException(f"{operation} is not part of the local AWS.")
    strangers = request.keys() - PARAMETERS[operation].split()
    for name in sorted(name for name in strangers if request[name]):
        raise InvalidParameterException(
            f"{operation}: {name} is not part of the local AWS. Leave it out."
        )


def _check_rotation_token(given: str | None) -> None:
    """Raises unless it is of the form in botocore's model (RotationTokenType), or None.

    The refusal does not repeat it: it is sensitive.
    """
    if given is not None and not re.fullmatch(r"[a-zA-Z0-9\-]{36,256}", given):
        raise ValidationException(
            "1 validation error detected: Value at 'rotationToken' failed to satisfy constraint: "
            "Member must have 36 to 256 characters and satisfy regular expression pattern: "
            "^[a-zA-Z0-9\\-]+$"
        )
