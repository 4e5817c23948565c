"""Putting back what a failed run has changed, without undoing anybody else's work."""

from typing import Any

from rotation.elasticache import ElastiCache
from rotation.errors import InvalidInputError, RotationError, SecretError
from rotation.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretDescription,
    SecretsManager,
)
from rotation.target import ExecutionInput, Target

NOTHING = "Nothing had been changed."


def restore(state: dict[str, Any], secrets: SecretsManager, users: ElastiCache) -> str:
    """Put the user's passwords back, then take AWSPENDING off this run's version.

    In that order: while AWSPENDING is there, the next rotation finds the version whose password
    may still be on the user.

    Args:
        state: all that the run knew: ``Input``, and ``Target``, ``Generation`` and ``Modification``
            as far as it came.

    Returns:
        A sentence for the failed execution's cause.

    Raises:
        UserBusyError: the user is still modifying; to be tried again.
    """
    try:
        execution_input = ExecutionInput.parse(state["Input"])
    except InvalidInputError:
        return NOTHING
    target = Target.from_state(state["Target"]) if "Target" in state else None
    token = target.version_id if target else execution_input.token
    if execution_input.dry_run or token is None:
        return NOTHING
    try:
        secret = secrets.describe(execution_input.secret_id)
    except SecretError as error:
        return f"Nothing was put back: {error}"
    if secret.version_with(AWSCURRENT) == token:
        return f"The new password had been promoted: version {token} is AWSCURRENT and stays it."
    if secret.version_with(AWSPENDING) != token:
        # Without AWSPENDING the user is another run's to change.
        return (
            NOTHING if "Generation" not in state else "AWSPENDING is another run's: see that one."
        )
    put_back = ""
    if target and "Generation" in state:
        put_back = _restore_user(target, secret, secrets, users)
    secrets.move_label(secret.arn, AWSPENDING, to=None, away_from=token)
    return (
        f"{put_back or NOTHING} AWSCURRENT is version {secret.version_with(AWSCURRENT)}, as before."
    )


def _restore_user(
    target: Target, secret: SecretDescription, secrets: SecretsManager, users: ElastiCache
) -> str:
    access_string = target.access_string if target.turn_on else None
    who = f"User {target.user_id}"
    if target.authentication != "password" or target.password_count == 0:
        users.set_passwords(target.user_id, [], access_string=access_string)
        return f"{who} is without a password again."
    current = secrets.read(secret.arn, target.current_version_id).password
    if current is None:
        # Its first password is known to nobody and cannot be set again.
        pending = secrets.read(secret.arn, target.version_id).password or ""
        users.set_passwords(target.user_id, [pending], access_string=access_string)
        return f"{who} is off again; its unknown first password could not be put back."
    passwords = [current]
    previous = secret.version_with(AWSPREVIOUS)
    if target.password_count > 1 and previous:
        passwords.append(_password_if_readable(secrets, secret.arn, previous) or current)
    users.set_passwords(target.user_id, passwords, access_string=access_string)
    return f"The passwords of user {target.user_id} were put back."


def _password_if_readable(secrets: SecretsManager, secret_arn: str, version: str) -> str | None:
    try:
        return secrets.read(secret_arn, version).password
    except RotationError:
        return None
