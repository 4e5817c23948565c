"""The staging labels of a secret. AWSPENDING is its lock: one run at a time has it."""

from contextlib import suppress

from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretDescription,
    SecretsManager,
    no_current_error,
)
from rotation.errors import (
    RotationError,
    RotationSupersededError,
    SecretFormatError,
    SecretNotFoundError,
)
from rotation.records.password import is_valid
from rotation.records.target import Target


def promote(target: Target, secrets: SecretsManager) -> bool:
    """Move AWSCURRENT to this run's version, and remove AWSPENDING from it.

    Returns:
        False if an earlier attempt moved it.

    Raises:
        RotationSupersededError: another run or a person changed the secret's versions.
        SecretFormatError, VersionNotReadableError, AwsError
    """
    secret = secrets.describe(target.secret_arn)
    promoted = secret.version_with(AWSCURRENT) != target.version_id
    if promoted:
        current = require_unchanged(target, secret, secrets)
        require_promotable(secret, target.version_id, secrets)
        move(secrets, secret.arn, AWSCURRENT, to=target.version_id, away_from=current)
    # After a run by hand, nobody else removes AWSPENDING, and it would block the schedule once a
    # person makes another version AWSCURRENT. On AWSCURRENT's version it blocks nothing.
    with suppress(RotationError):
        remove_pending(secrets, target.secret_arn, target.version_id)
    return promoted


def require_unchanged(target: Target, secret: SecretDescription, secrets: SecretsManager) -> str:
    """Check, right before each write, that this run has the lock and AWSCURRENT is as it was.

    Args:
        target: what Check Target saw.
        secret: the secret, as it was just described.
        secrets: where its versions are read.

    Returns:
        AWSCURRENT's version: the one that Check Target saw, or one with the same text.

    Raises:
        RotationSupersededError: another run has AWSPENDING, or AWSCURRENT has another text.
        SecretFormatError, VersionNotReadableError, AwsError
    """
    pending, current = secret.version_with(AWSPENDING), secret.version_with(AWSCURRENT)
    if pending != target.version_id:
        raise _moved(secret, AWSPENDING, target.version_id, pending)
    if current is None or not _has_same_text(target, current, secrets):
        raise _moved(secret, AWSCURRENT, target.current_version_id, current)
    return current


def _has_same_text(target: Target, current: str, secrets: SecretsManager) -> bool:
    if current in (target.current_version_id, target.version_id):
        return current == target.current_version_id
    text_at_check = secrets.read(target.secret_arn, target.current_version_id).text
    return secrets.read(target.secret_arn, current).text == text_at_check


def _moved(
    secret: SecretDescription, label: str, expected: str, actual: str | None
) -> RotationSupersededError:
    return RotationSupersededError(
        f"{label} of secret {secret.arn} was moved during this rotation, from version {expected} "
        f"to {actual or 'none'}. Rotate again."
    )


def require_promotable(secret: SecretDescription, version_id: str, secrets: SecretsManager) -> None:
    """Check that a version with a value can become AWSCURRENT.

    Raises:
        RotationSupersededError: it never can.
        VersionNotReadableError: it has no value, or none that can be read yet.
        AwsError
    """
    if reason := _why_never_promotable(secret, version_id, secrets):
        raise RotationSupersededError(
            f"Version {version_id} of secret {secret.arn} can never become AWSCURRENT: {reason}. "
            "Rotate again: the next rotation makes a new version."
        )


def _why_never_promotable(
    secret: SecretDescription, version_id: str, secrets: SecretsManager
) -> str | None:
    if AWSPREVIOUS in secret.stages.get(version_id, ()):
        return "it is AWSPREVIOUS"
    current_id = secret.version_with(AWSCURRENT)
    if current_id is None:
        raise no_current_error(secret.arn)
    try:
        version = secrets.read(secret.arn, version_id)
    except SecretFormatError:
        return "its text is not valid for a rotation"
    password = version.password or ""
    if not is_valid(password):
        return "its password is not valid for ElastiCache"
    current = secrets.read(secret.arn, current_id)
    # A person who edits the secret makes a new AWSCURRENT, and no edit may be lost.
    if current.with_password(password) != version.text:
        return "AWSCURRENT has another text than the one that it was made from"
    created = {listed.version_id: listed.created for listed in secrets.versions(secret.arn)}
    # Lists are eventually consistent: a version that is not in them yet is a new one.
    if current_id in created and created.get(version_id, created[current_id]) < created[current_id]:
        return "it is older than AWSCURRENT"
    return None


def move(
    secrets: SecretsManager, secret_arn: str, label: str, *, to: str | None, away_from: str | None
) -> None:
    """Compare and swap a label; a label that is already where it should be counts as moved.

    botocore repeats a call whose answer was lost, and the first one may have moved the label.

    Raises:
        RotationSupersededError: the label was not where it was expected, and is not on ``to``;
            without ``to``, it is still on ``away_from``.
    """
    try:
        secrets.move_label(secret_arn, label, to=to, away_from=away_from)
    except RotationSupersededError:
        labeled = secrets.describe(secret_arn).version_with(label)
        if labeled != to if to else labeled == away_from:
            raise


def remove_pending(secrets: SecretsManager, secret_id: str, version_id: str) -> None:
    """Remove AWSPENDING from the version if it is there, without a read that may be old."""
    with suppress(SecretNotFoundError):  # the version is gone, too
        move(secrets, secret_id, AWSPENDING, to=None, away_from=version_id)
