"""Makes a version of the secret with a new password and AWSPENDING."""

from rotation.adapters.secrets_manager import AWSPENDING, SecretsManager
from rotation.errors import RotationSupersededError, VersionNotReadableError
from rotation.records.password import PasswordRules
from rotation.records.target import Target
from rotation.rules.labels import move, require_promotable


def make_version(
    secrets: SecretsManager,
    secret_arn: str,
    version_id: str,
    current_version_id: str,
    rules: PasswordRules,
    rotation_token: str = "",
) -> bool:
    """Give the version AWSCURRENT's text with a new password, and AWSPENDING.

    Returns:
        Whether it was made; a version that has a value keeps it.

    Raises:
        SecretFormatError: AWSCURRENT is not valid for a rotation.
        VersionNotReadableError, ConfigurationError, AwsError
    """
    current = secrets.read(secret_arn, current_version_id)
    text = current.with_password(secrets.random_password(rules))
    try:
        secrets.put_pending(secret_arn, version_id, text, rotation_token)
    except RotationSupersededError:
        # An earlier attempt gave it a value that could not be read yet.
        return False
    return True


def stage_version(
    target: Target, secrets: SecretsManager, rules: PasswordRules, *, by_hand: bool
) -> bool:
    """Make sure that the version has a password and AWSPENDING; a second call changes nothing.

    Secrets Manager accepts the versions of its own rotations only from the rotation function (user
    guide, "Lambda rotation functions"): createSecret made this run's, unless it is ``by_hand``.

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
    # The run that Check Target saw may have ended since, and removed its label.
    if pending not in (None, version, target.pending_version_at_check):
        raise RotationSupersededError(
            f"AWSPENDING of secret {arn} was moved to version {pending} during this rotation: "
            "another rotation has begun. Wait for it to end."
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
