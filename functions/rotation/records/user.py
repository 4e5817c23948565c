"""An ElastiCache user, and whether its password may be rotated."""

import re
from dataclasses import dataclass

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

#: The tag of a user that names its secret, by name or ARN.
BINDING_TAG = "rotation-secret"

_USER_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):elasticache:(?P<region>[a-z0-9-]+):(?P<account>\d{12})"
    r":user:(?P<user_id>[a-zA-Z][a-zA-Z0-9-]*)"
)


@dataclass(frozen=True)
class User:
    """What DescribeUsers tells of a user.

    ``status`` is creating, active, modifying or deleting; ``authentication`` is password,
    no-password or iam (ElastiCache API reference, ``User`` and ``Authentication``).
    """

    user_id: str
    arn: str
    name: str
    status: str
    access_string: str
    authentication: str
    password_count: int
    group_ids: tuple[str, ...]

    @property
    def enabled(self) -> bool:
        """Whether the access string, whose rules may be in any case, turns the user on."""
        switches = ("on", "off", "reset")  # `reset` turns it off, too (Valkey, src/acl.c)
        found = [rule for rule in self.access_string.lower().split() if rule in switches]
        return found[-1:] == ["on"]

    @property
    def enabled_access_string(self) -> str:
        """The same access string, turned on."""
        rules = [rule for rule in self.access_string.split() if rule.lower() not in ("on", "off")]
        resets = [place for place, rule in enumerate(rules, 1) if rule.lower() == "reset"]
        rules.insert(max(resets, default=0), "on")
        return " ".join(rules)


def user_id_of(user_arn: str, secret_arn: str) -> str:
    """The id of the user that the secret names.

    Raises:
        UserMismatchError: not the ARN of a user in the secret's partition, region and account.
    """
    found = _USER_ARN.fullmatch(user_arn)
    if not found:
        what = "is the ARN of a user group, not" if ":usergroup:" in user_arn else "is not the ARN"
        raise UserMismatchError(
            f'The "user_arn" in secret {secret_arn} {what} of an ElastiCache user. That looks like '
            "arn:aws:elasticache:us-east-1:123456789012:user:my-user-id."
        )
    _, partition, _, region, account, *_ = secret_arn.split(":")
    for field, here in (("partition", partition), ("region", region), ("account", account)):
        if found[field] != here:
            raise UserMismatchError(
                f"The user {user_arn} is of another {field} than its secret {secret_arn}. "
                "Keep the secret beside its user."
            )
    return found["user_id"].lower()


def check_rotatable(user: User, value: SecretValue, secret_arn: str) -> None:
    """Refuse a user whose password must not, or cannot, be changed.

    Raises:
        UserMismatchError, UserNotRotatableError, UserDisabledError, SecretFormatError,
        UserStatusError: with what was found and what to do.
        UserBusyError: it is still being created; to be tried again.
    """
    what = f"User {user.user_id}"
    if user.user_id == "default":
        # AWS's own; it cannot be modified (ElastiCache guide, Clusters.RBAC).
        raise UserNotRotatableError(
            f"{what} belongs to AWS and cannot be modified. Create a user of your own with the "
            'name "default" and swap it in the user group.'
        )
    if user.name != value.username:
        raise UserMismatchError(
            f'{what} has the name "{user.name}"; the "username" in secret {secret_arn} is another. '
            "Correct the secret: clients log in with that name."
        )
    if user.authentication not in ("password", "no-password"):
        raise UserNotRotatableError(
            f'{what} has authentication type "{user.authentication}" and can have no password. '
            "Turn the secret's rotation off."
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
        raise UserStatusError(f"{what} has status {user.status}: it cannot be modified.")
    if not user.enabled and user.password_count and value.password:
        raise UserDisabledError(
            f"{what} is off although it has a password: somebody disabled it. Turn it on with "
            f'"on" in its access string, or turn the rotation of secret {secret_arn} off.'
        )
