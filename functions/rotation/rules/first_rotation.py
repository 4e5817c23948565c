"""A first rotation that was cut off: the user is on, and its secret still holds no password.

The proof that it was ours is a login, not a label: with a password that a version of the secret
holds, whatever became of the version.
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
    """Versions whose password may be on the user, newest first.

    Raises:
        CurrentPasswordUnknownError: there is none.
    """
    versions = [each.version_id for each in secrets.versions(secret_arn)]
    found = [
        version
        for version in versions[: MOST_CANDIDATES + 1]
        if version != current_version_id
        and is_valid(known_password(secrets, secret_arn, version) or "")
    ]
    if not found:
        raise unknown_password(user_id, secret_arn)
    return found


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
    """What is kept beside the new password: the one that has logged in on every node.

    Args:
        target: with ``first_password_candidates``.
        checks: ``{"ProvenVersion": version id}`` of each node.
        secrets: where the passwords are.

    Raises:
        CurrentPasswordUnknownError: not the same on every node.
    """
    versions = {each["ProvenVersion"] for each in checks} - {""}
    if len(versions) > 1:
        raise unknown_password(target.user_id, target.secret_arn)
    return known_password(secrets, target.secret_arn, next(iter(versions), None))


def unknown_password(user_id: str, secret_arn: str) -> CurrentPasswordUnknownError:
    """The error of a user whose clients log in with a password that the secret does not hold."""
    return CurrentPasswordUnknownError(
        f"User {user_id} is on, and neither secret {secret_arn} nor an earlier version of it holds "
        "its password: clients that log in today would be locked out by a first one. Put the "
        'present password into the secret as "password", or turn the user off until it has its '
        "first password."
    )
