"""Modify User's rule: the user gets the new password beside the current one."""

from collections.abc import Mapping, Sequence
from typing import Any

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import SecretsManager
from rotation.errors import SecretFormatError
from rotation.records.target import Target
from rotation.rules.first_rotation import first_password
from rotation.rules.labels import require_unchanged


def change_password(
    target: Target,
    checks: Sequence[Mapping[str, Any]],
    secrets: SecretsManager,
    users: ElastiCache,
) -> None:
    """Set [new, current] on the user, so that both log in; ``checks`` are Check Network's.

    Raises:
        RotationSupersededError: another run has AWSPENDING, or AWSCURRENT has another text.
        CurrentPasswordUnknownError, SecretFormatError, VersionNotReadableError, UserBusyError,
        AwsError
    """
    secret = secrets.describe(target.secret_arn)
    current_version = require_unchanged(target, secret, secrets)
    new = secrets.read(target.secret_arn, target.version_id).password
    current = secrets.read(target.secret_arn, current_version).password
    if not new:
        raise SecretFormatError(f"Version {target.version_id} has lost its password. Rotate again.")
    access_string = None
    if target.turn_on:
        # Read again: somebody may have changed the rest of it since Check Target.
        access_string = users.user(target.user_arn).enabled_access_string
    current = current or first_password(target, checks, secrets)
    passwords = [new, current] if current else [new]
    users.set_passwords(target.user_arn, passwords, access_string=access_string)
