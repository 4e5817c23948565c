"""Putting back what a failed run has changed, without undoing anybody else's work."""

from dataclasses import dataclass
from typing import Any

from rotation.elasticache import ElastiCache
from rotation.errors import (
    AccessDeniedError,
    InvalidInputError,
    SecretError,
    SecretFormatError,
    VersionNotReadableError,
)
from rotation.executions import is_attempt
from rotation.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    SecretsManager,
    known_password,
)
from rotation.target import ExecutionInput, Target
from rotation.user import switched

NOTHING = "Nothing had been changed."


@dataclass(frozen=True)
class Restoration:
    """Whether the user is being modified again, and a sentence for the execution's cause."""

    user_changed: bool
    told: str


def restore(state: dict[str, Any], secrets: SecretsManager, users: ElastiCache) -> Restoration:
    """Set the user's passwords back, if this run may have changed them and still has the lock.

    Args:
        state: all that the run knew: ``ExecutionArn`` and ``Input``, and ``Target``, ``Checks``,
            ``Generation`` and ``Modification`` as far as it came.
        secrets: where the labels are.
        users: where the passwords are.

    Raises:
        UserBusyError: the user is still modifying; to be tried again.
        UserNotFoundError: the user is gone, or was for a moment; to be tried again.
    """
    target = Target.from_state(state["Target"]) if "Target" in state else None
    if target is None or target.dry_run or "Generation" not in state:
        return Restoration(False, NOTHING)
    try:
        secret = secrets.describe(target.secret_arn)
    except SecretError as error:
        return Restoration(False, f"Nothing was put back: {error}")
    token, current = target.version_id, secret.version_with(AWSCURRENT)
    who = f"User {target.user_id}"
    if current == token:
        return Restoration(
            False, f"Version {token} had been promoted: it is AWSCURRENT, and stays."
        )
    if (pending := secret.version_with(AWSPENDING)) not in (token, None):
        # Without AWSPENDING the user is another run's to change.
        return Restoration(False, f"The rotation that has staged version {pending} goes on.")
    if current != target.current_version_id and not _same_password(target, current, secrets):
        # What was on the user before is no longer what clients read.
        told = f"{who} was left as it is: AWSCURRENT was moved to version {current} meanwhile."
        return Restoration(False, told)
    try:
        return _set_back(target, secrets, users, state)
    except AccessDeniedError as error:
        if "Modification" not in state and state["Failure"]["Error"] == "AccessDeniedError":
            return Restoration(False, f"{who} is as it was: the change was denied.")
        return Restoration(False, f"{who} could not be put back: {error}")


def _same_password(target: Target, current: str | None, secrets: SecretsManager) -> bool:
    """Whether a person has changed only other keys of the secret."""
    versions = (target.current_version_id, current or "")
    try:
        before, now = (secrets.read(target.secret_arn, version).password for version in versions)
    except (VersionNotReadableError, SecretFormatError):
        return False
    return before == now


def _set_back(
    target: Target, secrets: SecretsManager, users: ElastiCache, state: dict[str, Any]
) -> Restoration:
    who = f"User {target.user_id}"
    access_string = target.access_string if target.turn_on else None
    if target.authentication == "no-password":
        users.remove_passwords(target.user_id, access_string=access_string)
        return Restoration(True, f"{who} is without a password again, as before.")
    current = secrets.read(target.secret_arn, target.current_version_id).password
    if target.first_password_candidates:
        # Whose clients those are, nobody knows: none is locked out.
        return Restoration(False, f"{who} keeps its password from before and the new one.")
    if current is None:
        # Its first password is known to nobody and cannot be set again. Off, also if an earlier
        # run had turned it on: a next first rotation takes none who is on.
        pending = secrets.read(target.secret_arn, target.version_id).password or ""
        off = switched("off", target.access_string)
        users.set_passwords(target.user_id, [pending], access_string=off)
        told = f"{who} is off again; its first password, which nobody knows, is another one now."
        return Restoration(True, told)
    passwords = [current]
    if target.password_count > 1:
        previous = _second_password(target, secrets, state)
        if previous is None:
            # More passwords that log in rather than fewer: the new one is known to Secrets Manager
            # alone, and the second one from before cannot be set again.
            told = (
                f"{who} keeps its current and its new password: its second one from before is "
                "known to nobody and could not be put back."
            )
            return Restoration(False, told)
        passwords.append(previous)
    users.set_passwords(target.user_id, passwords, access_string=access_string)
    return Restoration(True, f"{who} has its passwords from before again.")


def _second_password(target: Target, secrets: SecretsManager, state: dict[str, Any]) -> str | None:
    """AWSPREVIOUS's, if it was seen to log in on every endpoint before anything was changed."""
    seen = state.get("Checks", {}).get("PreviousLogsIn", [])
    if not seen or not all(seen):
        return None
    return known_password(secrets, target.secret_arn, target.previous_version_id)


def own_version(state: dict[str, Any]) -> str | None:
    """The version that this run may take AWSPENDING off; None if it has none, or only looked.

    Without a Target, only an execution that the rotation function has started and named after the
    token: anybody may write a token into an execution's input.
    """
    if "Target" in state:
        target = Target.from_state(state["Target"])
        return None if target.dry_run else target.version_id
    try:
        given = ExecutionInput.parse(state["Input"])
    except InvalidInputError:
        return None
    named = given.token and is_attempt(given.token, state["ExecutionArn"])
    return given.token if named and not given.dry_run else None
