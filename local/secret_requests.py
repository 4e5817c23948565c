"""Requests to Secrets Manager: which there are, and which are refused."""

import re
from typing import Any

from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ValidationException,
)

from local.secret_versions import CURRENT

#: The parameters of each operation that mean something here; any other one is refused by name.
PARAMETERS = {
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
#: The operations that are not moto's: each takes its request's shape and returns its answer's.
OPERATIONS = (
    "DescribeSecret",
    "GetSecretValue",
    "ListSecretVersionIds",
    "PutSecretValue",
    "RotateSecret",
    "UpdateSecret",
    "UpdateSecretVersionStage",
)


def check_parameters(operation: str, request: dict[str, Any]) -> None:
    """Raises for what is not part of the local AWS; what is false or empty asks for nothing."""
    if operation not in PARAMETERS:
        raise InvalidRequestException(f"{operation} is not part of the local AWS.")
    unknown = sorted(request.keys() - PARAMETERS[operation].split())
    if named := [name for name in unknown if request[name]]:
        raise InvalidParameterException(
            f"{operation}: {named[0]} is not part of the local AWS. Leave it out."
        )


def move_problem(
    label: str, attached_to: str | None, source: str | None, target: str | None
) -> str:
    """Why the label cannot be moved so (API reference, UpdateSecretVersionStage)."""
    if not source and not target:
        return "You must provide RemoveFromVersionId, MoveToVersionId or both."
    if attached_to and not source:
        return (
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently "
            f"attached to version {attached_to}, so you must explicitly reference that version in "
            "RemoveFromVersionId."
        )
    if source and source != attached_to:
        return (
            f"When you move staging label {label}, if you specify RemoveFromVersionId, it must be "
            f"set to the version that currently has the staging label {label}."
        )
    if label == CURRENT and not target:
        return (
            f"You can only move staging label {CURRENT} to a different secret version. "
            "It can\u2019t be completely removed."
        )
    return ""


def check_rotation_token(token: str | None) -> None:
    """Raises unless it is of the form in botocore's model (RotationTokenType), or None.

    The refusal does not repeat it: it is sensitive.
    """
    if token is not None and not re.fullmatch(r"[a-zA-Z0-9\-]{36,256}", token):
        raise ValidationException(
            "1 validation error detected: Value at 'rotationToken' failed to satisfy constraint: "
            "Member must have 36 to 256 characters and satisfy regular expression pattern: "
            "^[a-zA-Z0-9\\-]+$"
        )
