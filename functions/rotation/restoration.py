"""Putting back what a failed run has changed, without undoing anybody else's work."""

from typing import Any

from rotation.elasticache import ElastiCache
from rotation.errors import (
    AccessDeniedError,
    InvalidInputError,
    RotationError,
    SecretError,
    UserNotFoundError,
)
from rotation.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretDescription,
    SecretsManager,
)
from rotation.steps import execution_name
from rotation.target import ExecutionInput, Target

NOTHING = "Nothing had been changed."


def restore(state: dict[str, Any], secrets: SecretsManager, users: ElastiCache) -> str:
    """Put the user's passwords back, then take AWSPENDING off this run's version.

    In that order: while AWSPENDING is there, the next rotation finds the version whose password
    may still be on the user.

    Args:
        state: all that the run knew: ``ExecutionArn`` and ``Input``, and ``Target``, ``Generation``
            and ``Modification`` as far as it came.
        secrets: where the labels are.
        users: where the passwords are.

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
    token = target.version_id if target else _own_token(execution_input, state["ExecutionArn"])
    if execution_input.dry_run or token is None:
        return NOTHING
    try:
        secret = secrets.describe(execution_input.secret_id)
    except SecretError as error:
        return f"Nothing was put back: {error}"
    if secret.version_with(AWSCURRENT) == token:
        return f"The new password had been promoted: version {token} is AWSCURRENT and stays it."
    pending = secret.version_with(AWSPENDING)
    changed = target is not None and "Generation" in state
    if pending not in (token, None):
        # Without AWSPENDING the user is another run's to change.
        return f"The rotation that has staged version {pending} goes on." if changed else NOTHING
    told = _restore_user(target, secret, secrets, users) if target and changed else NOTHING
    if pending:
        secrets.move_label(secret.arn, AWSPENDING, to=None, away_from=token)
    return told


def _own_token(execution_input: ExecutionInput, execution_arn: str) -> str | None:
    """The input's token, in an execution that the rotation function has started and named."""
    name = execution_name(execution_input.token or "", execution_input.attempt)
    return execution_input.token if execution_arn.endswith(f":{name}") else None


def _restore_user(
    target: Target, secret: SecretDescription, secrets: SecretsManager, users: ElastiCache
) -> str:
    who = f"User {target.user_id}"
    current = secret.version_with(AWSCURRENT)
    if current != target.current_version_id:
        # What was on the user before may no longer be what clients read.
        return f"{who} was left as it is: AWSCURRENT was moved to version {current} meanwhile."
    try:
        return _set_back(target, secret, secrets, users)
    except (UserNotFoundError, AccessDeniedError) as error:
        return f"{who} could not be put back: {error}"


def _set_back(
    target: Target, secret: SecretDescription, secrets: SecretsManager, users: ElastiCache
) -> str:
    who = f"User {target.user_id}"
    access_string = target.access_string if target.turn_on else None
    if target.authentication == "no-password":
        users.remove_passwords(target.user_id, access_string=access_string)
        return f"{who} is without a password again, as before."
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
    return f"{who} has its passwords from before again, and AWSCURRENT is as it was."


def _password_if_readable(secrets: SecretsManager, secret_arn: str, version: str) -> str | None:
    try:
        return secrets.read(secret_arn, version).password
    except RotationError:
        return None
