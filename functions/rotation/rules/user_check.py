"""Whether the user that a secret names may be rotated."""

import re

from rotation.errors import (
    SecretFormatError,
    UserBusyError,
    UserDisabledError,
    UserMismatchError,
    UserNotRotatableError,
    UserStatusError,
)
from rotation.records.password import why_invalid
from rotation.records.secret import SecretValue
from rotation.records.user import User

_USER_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):elasticache:(?P<region>[a-z0-9-]+):(?P<account>\d{12})"
    r":user:[a-zA-Z][a-zA-Z0-9-]*"
)


def check_user_arn(user_arn: str, secret_arn: str) -> None:
    """Refuse an ARN that is not of a user in the secret's partition, region and account.

    Raises:
        UserMismatchError
    """
    match = _USER_ARN.fullmatch(user_arn)
    if not match:
        what = "is the ARN of a user group, not" if ":usergroup:" in user_arn else "is not the ARN"
        raise UserMismatchError(
            f'The "user_arn" in secret {secret_arn} {what} of an ElastiCache user. That looks like '
            "arn:aws:elasticache:us-east-1:123456789012:user:my-user-id."
        )
    _, partition, _, region, account, *_ = secret_arn.split(":")
    for part, expected in (("partition", partition), ("region", region), ("account", account)):
        if match[part] != expected:
            raise UserMismatchError(
                f"User {user_arn} is in another {part} than its secret {secret_arn}. Create the "
                "secret where its user is."
            )


def check_rotatable(user: User, value: SecretValue, secret_arn: str) -> None:
    """Refuse a user whose password must not, or cannot, be changed.

    Raises:
        UserMismatchError, UserNotRotatableError, UserDisabledError, SecretFormatError,
        UserStatusError: with what was found and what to do.
        UserBusyError: it is still being created.
    """
    what = f"User {user.user_id}"
    _check_authentication(user, what)
    if user.name != value.username:
        raise UserMismatchError(
            f'{what} has the name "{user.name}"; the "username" in secret {secret_arn} is another. '
            "Correct the secret: clients log in with that name."
        )
    if value.password is not None and (problem := why_invalid(value.password)):
        raise SecretFormatError(
            f'The "password" in secret {secret_arn} is not valid for ElastiCache: {problem}. '
            "It takes 16 to 128 printable ASCII characters, but no comma, double quote, slash or "
            "at sign. Correct the secret."
        )
    if user.status == "creating":
        raise UserBusyError(f"{what} is still being created. Rotate it when it is active.")
    if user.status not in ("active", "modifying"):
        raise UserStatusError(f"{what} has status {user.status} and cannot be modified.")
    if not user.enabled and user.password_count and value.password:
        raise UserDisabledError(
            f"{what} is off although it has a password: somebody disabled it. Turn it on with "
            f'"on" in its access string, or turn the rotation of secret {secret_arn} off.'
        )


def _check_authentication(user: User, what: str) -> None:
    if user.user_id == "default":
        # AWS's own; it cannot be modified (ElastiCache guide, Clusters.RBAC).
        raise UserNotRotatableError(
            f"{what} belongs to AWS and cannot be modified. Create a user of your own with the "
            'name "default", and replace this one in the user group.'
        )
    if user.authentication not in ("password", "no-password"):
        raise UserNotRotatableError(
            f'{what} has authentication type "{user.authentication}" and can have no password. '
            "Turn the secret's rotation off."
        )
