"""After a first rotation that did not end: the user is on, and AWSCURRENT holds no password.

A login proves that the rotation set the user's password: one that a version of the secret holds,
whatever staging label that version has.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rotation.adapters.secrets_manager import SecretsManager, known_password
from rotation.errors import CurrentPasswordUnknownError
from rotation.records.password import is_valid

if TYPE_CHECKING:
    from rotation.adapters.login import NodeConnection
    from rotation.records.target import Target

#: As many as Secrets Manager keeps (API reference, PutSecretValue).
MOST_CANDIDATES = 100


def candidates(
    user_id: str, secret_arn: str, current_version_id: str, secrets: SecretsManager
) -> list[str]:
    """The versions whose password may be on the user, newest first.

    Raises:
        CurrentPasswordUnknownError: there is none.
    """
    newest = secrets.versions(secret_arn)[: MOST_CANDIDATES + 1]
    with_password = [
        version.version_id
        for version in newest
        if version.version_id != current_version_id
        and is_valid(known_password(secrets, secret_arn, version.version_id) or "")
    ]
    if not with_password:
        raise unknown_password(user_id, secret_arn)
    return with_password


def proven(target: "Target", secrets: SecretsManager, node: "NodeConnection") -> str:
    """The first of the target's ``first_password_candidates`` whose password logs in.

    Raises:
        CurrentPasswordUnknownError: none does.
    """
    for version in target.first_password_candidates:
        password = known_password(secrets, target.secret_arn, version)
        if password and node.accepts(password):
            return version
    raise unknown_password(target.user_id, target.secret_arn)


def first_password(
    target: "Target", checks: Sequence[Mapping[str, Any]], secrets: SecretsManager
) -> str | None:
    """The password that logged in on every node, to be kept beside the new one.

    Args:
        target: with ``first_password_candidates``.
        checks: ``{"ProvenVersion": version ID}`` of each node.
        secrets: where the passwords are read.

    Raises:
        CurrentPasswordUnknownError: it is not the same on every node.
    """
    versions = {check["ProvenVersion"] for check in checks} - {""}
    if len(versions) > 1:
        raise unknown_password(target.user_id, target.secret_arn)
    return known_password(secrets, target.secret_arn, next(iter(versions), None))


def unknown_password(user_id: str, secret_arn: str) -> CurrentPasswordUnknownError:
    """The error for a user whose clients use a password that the secret does not hold."""
    return CurrentPasswordUnknownError(
        f"User {user_id} is on, and neither secret {secret_arn} nor an earlier version of it holds "
        "its password: a first password would lock out the clients that log in today. Put the "
        'current password into the secret as "password", or turn the user off until it has its '
        "first password."
    )
