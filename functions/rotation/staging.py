"""Giving this run's version its password, and AWSPENDING, which is the lock of a secret."""

from rotation.errors import RotationSupersededError, SecretFormatError, VersionNotReadableError
from rotation.password import PasswordRules, is_valid
from rotation.secrets_manager import AWSPENDING, SecretsManager, known_password
from rotation.target import Target


def stage_password(target: Target, secrets: SecretsManager, rules: PasswordRules) -> bool:
    """Make the version, with AWSPENDING on it; a second call finds it made.

    A password that is there already is kept: this version's own, or the one that a run which is no
    more has left, and may have set on the user.

    Returns:
        Whether a new password was made.

    Raises:
        RotationSupersededError: another run has AWSPENDING.
        SecretFormatError: the version holds no password that ElastiCache takes.
        VersionNotReadableError, AwsError
    """
    arn, version = target.secret_arn, target.version_id
    secret = secrets.describe(arn)
    pending = secret.version_with(AWSPENDING)
    if pending not in (version, target.pending_version_id or None):
        raise RotationSupersededError(
            f"AWSPENDING of secret {arn} was moved to version {pending or 'none'} meanwhile: "
            "another rotation has begun. Wait for it."
        )
    label = AWSPENDING if pending == version else temporary_label(version)
    generated = False
    try:
        password = secrets.read(arn, version).password
    except VersionNotReadableError:
        password = _left_password(target, secrets)
        generated = password is None
        password = password or secrets.random_password(rules)
        text = secrets.read(arn, target.current_version_id).with_password(password)
        try:
            secrets.put(arn, version, text, label)
        except RotationSupersededError:
            # It has a value that could not be read a moment ago: an earlier attempt's.
            password, generated = secrets.read(arn, version).password, False
    if not is_valid(password or ""):
        raise SecretFormatError(
            f"Version {version} of secret {arn} holds no password that ElastiCache takes. Take "
            "AWSPENDING off it and rotate again."
        )
    if pending != version:
        try:
            # Compare and swap: of two runs that have found AWSPENDING free, one gets it.
            move(secrets, arn, AWSPENDING, to=version, away_from=pending)
        finally:
            remove_label(secrets, arn, label, version)
    # Left by runs that were cut off here, or of one that loses: a secret has 20 labels at most.
    for each, labels in secret.stages.items():
        for left in labels:
            if left == temporary_label(each):
                remove_label(secrets, arn, left, each)
    return generated


def temporary_label(version_id: str) -> str:
    """What a version has until it has AWSPENDING: one without any label could be deleted."""
    return f"ROTATING-{version_id}"


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


def remove_label(secrets: SecretsManager, secret_arn: str, label: str, version_id: str) -> None:
    """Take the label off the version, if it is there."""
    if label in secrets.describe(secret_arn).stages.get(version_id, ()):
        move(secrets, secret_arn, label, to=None, away_from=version_id)


def _left_password(target: Target, secrets: SecretsManager) -> str | None:
    if target.pending_version_id in ("", target.version_id, target.current_version_id):
        return None
    left = known_password(secrets, target.secret_arn, target.pending_version_id)
    return left if is_valid(left or "") else None
