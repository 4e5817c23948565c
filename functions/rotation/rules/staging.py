"""Making a version with a new password, and AWSPENDING, which is the lock of a secret."""

from contextlib import suppress
from datetime import datetime, timedelta

from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretDescription,
    SecretsManager,
    without_current,
)
from rotation.adapters.step_functions import StepFunctions
from rotation.errors import (
    RotationSupersededError,
    SecretFormatError,
    SecretNotFoundError,
    ServiceUnavailableError,
    ThrottlingError,
    VersionNotReadableError,
)
from rotation.records.password import PasswordRules, is_valid
from rotation.records.target import Target
from rotation.rules.executions import execution_by_hand, is_derived, newest_execution

#: The state machine's TimeoutSeconds, and some.
LONGEST_EXECUTION = timedelta(days=3, hours=1)


def make_version(
    secrets: SecretsManager,
    secret_arn: str,
    version_id: str,
    current_version_id: str,
    rules: PasswordRules,
    rotation_token: str = "",
) -> bool:
    """Give the version AWSCURRENT's text with a new password in it, and AWSPENDING.

    Returns:
        Whether it was made; it keeps a value that it has.

    Raises:
        SecretFormatError: AWSCURRENT is not what a rotation needs.
        VersionNotReadableError, ConfigurationError, AwsError
    """
    current = secrets.read(secret_arn, current_version_id)
    text = current.with_password(secrets.random_password(rules))
    try:
        secrets.put_pending(secret_arn, version_id, text, rotation_token)
    except RotationSupersededError:
        # It has a value that could not be read a moment ago: an earlier attempt's.
        return False
    return True


def stage_version(
    target: Target, secrets: SecretsManager, rules: PasswordRules, *, by_hand: bool
) -> bool:
    """See that the version has a password, and AWSPENDING; a second call finds it so.

    Secrets Manager takes the versions of its own rotations from the rotation function alone
    (user guide, "Lambda rotation functions"): createSecret has made it.

    Returns:
        Whether a new password was made.

    Raises:
        RotationSupersededError: another run has AWSPENDING, or the version can never be promoted.
        VersionNotReadableError: it has no value, or none that can be read yet.
        SecretFormatError, ConfigurationError, AwsError
    """
    arn, version = target.secret_arn, target.version_id
    secret = secrets.describe(arn)
    pending = secret.version_with(AWSPENDING)
    # A run that was seen at the check may have ended since, and taken its label off.
    if pending not in (None, version, target.pending_version_at_check):
        raise RotationSupersededError(
            f"AWSPENDING of secret {arn} was moved to version {pending} meanwhile: another "
            "rotation has begun. Wait for it."
        )
    try:
        require_promotable(secret, version, secrets)
    except VersionNotReadableError:
        if not by_hand:
            raise
        if make_version(secrets, arn, version, target.current_version_id, rules):
            return True
    if pending != version:
        move(secrets, arn, AWSPENDING, to=version, away_from=pending)
    return False


def require_unchanged(target: Target, secret: SecretDescription, secrets: SecretsManager) -> str:
    """Ask whether the secret, just described, is as this run needs it: right before each write.

    Returns:
        AWSCURRENT's version: the one that was checked, or an equal one.

    Raises:
        RotationSupersededError: another run has AWSPENDING, or AWSCURRENT has another text.
        SecretFormatError, VersionNotReadableError, AwsError
    """
    pending, current = secret.version_with(AWSPENDING), secret.version_with(AWSCURRENT)
    if pending != target.version_id:
        raise _moved(secret, AWSPENDING, target.version_id, pending)
    if current != target.current_version_id and not _equal(target, current, secrets):
        raise _moved(secret, AWSCURRENT, target.current_version_id, current)
    return current or target.current_version_id


def _equal(target: Target, current: str | None, secrets: SecretsManager) -> bool:
    """Whether the version has the text of the one that was checked."""
    if current in (None, target.version_id):
        return False
    seen, now = (
        secrets.read(target.secret_arn, each).text for each in (target.current_version_id, current)
    )
    return seen == now


def _moved(
    secret: SecretDescription, label: str, expected: str, found: str | None
) -> RotationSupersededError:
    return RotationSupersededError(
        f"{label} of secret {secret.arn} was moved during this rotation, from version {expected} "
        f"to {found or 'none'}. Rotate again."
    )


def require_promotable(secret: SecretDescription, version_id: str, secrets: SecretsManager) -> None:
    """Ask whether a version that has a value could become AWSCURRENT.

    Raises:
        RotationSupersededError: never.
        VersionNotReadableError: it has no value, or none that can be read yet.
        AwsError
    """
    if reason := _never_promoted(secret, version_id, secrets):
        raise RotationSupersededError(
            f"Version {version_id} of secret {secret.arn} can never become AWSCURRENT: {reason}. "
            "Rotate again: the next rotation makes a new version."
        )


def _never_promoted(
    secret: SecretDescription, version_id: str, secrets: SecretsManager
) -> str | None:
    if AWSPREVIOUS in secret.stages.get(version_id, ()):
        return "it is AWSPREVIOUS"
    current_id = secret.version_with(AWSCURRENT)
    if current_id is None:
        raise without_current(secret.arn)
    try:
        version = secrets.read(secret.arn, version_id)
    except SecretFormatError:
        return "its text is not what a rotation needs"
    if not is_valid(version.password or ""):
        return "its password is not valid for ElastiCache"
    current = secrets.read(secret.arn, current_id)
    # Whoever edits the secret makes a new AWSCURRENT, and no edit may be lost.
    if current.with_password(version.password or "") != version.text:
        return "AWSCURRENT has another text than the one that it was made from"
    created = {each.version_id: each.created for each in secrets.versions(secret.arn)}
    # Lists lag behind: a version that is not in them yet is a new one.
    if current_id in created and created.get(version_id, created[current_id]) < created[current_id]:
        return "it is older than AWSCURRENT"
    return None


def wait_for_earlier_runs(
    target: Target, secrets: SecretsManager, machine: StepFunctions, now: datetime, late: int
) -> int:
    """Seconds until no function of another run on this secret can be at work any more.

    Lambda lets a function end whose execution is no more, ``late`` seconds at most, and what it
    writes then would undo what this run has done. 0 as a rule.
    """
    created = {each.version_id: each.created for each in secrets.versions(target.secret_arn)}
    current = created.pop(target.current_version_id, None)
    mine = created.pop(target.version_id, None)
    taken_from_another = target.pending_version_at_check not in (
        "",
        target.version_id,
        target.current_version_id,
    )
    if (
        # A list that lags behind.
        current is None
        or mine is None
        # A run that has not got to its end, whenever that was.
        or taken_from_another
        or any(each > current for each in created.values())
    ):
        return late
    if now - current > LONGEST_EXECUTION or not created:
        # Too old for an execution that may still run; or the first of all, which no run has made.
        return 0
    if is_derived(target.current_version_id):
        return late
    try:
        execution = newest_execution(target.current_version_id, machine)
        execution = execution or execution_by_hand(target.current_version_id, machine)
    except (ThrottlingError, ServiceUnavailableError):
        return late
    # A person's version has no execution, but one of before may still be at work.
    since = execution.stopped_at if execution else current
    if since is None:
        return late
    return min(max(0, round(late - (now - since).total_seconds())), late)


def move(
    secrets: SecretsManager, secret_arn: str, label: str, *, to: str | None, away_from: str | None
) -> None:
    """Compare and swap a label, and take one that has arrived, or is gone, for moved.

    botocore sends a call again whose answer was lost, and the first one may have counted.

    Raises:
        RotationSupersededError: the label was not where it was expected, and is not on ``to``;
            without ``to``, it is still on ``away_from``.
    """
    try:
        secrets.move_label(secret_arn, label, to=to, away_from=away_from)
    except RotationSupersededError:
        holder = secrets.describe(secret_arn).version_with(label)
        if holder != to if to else holder == away_from:
            raise


def remove_pending(secrets: SecretsManager, secret_id: str, version_id: str) -> None:
    """Take AWSPENDING off the version, if it is there; without a look, which may be old."""
    with suppress(SecretNotFoundError):  # nor is there such a version any more
        move(secrets, secret_id, AWSPENDING, to=None, away_from=version_id)
