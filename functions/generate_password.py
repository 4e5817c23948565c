"""Generate Password: the new version of the secret, staged AWSPENDING."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.errors import RotationSupersededError, SecretFormatError, VersionNotReadableError
from rotation.password import PasswordRules, is_valid
from rotation.secrets_manager import AWSPENDING, SecretsManager
from rotation.target import Target
from rotation.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target"}`` to ``{"Generated"}``: false if the version had its password already."""
    target, secrets = Target.from_state(event["Target"]), SecretsManager.connect()
    secret_arn, version_id = target.secret_arn, target.version_id
    pending = secrets.describe(secret_arn).version_with(AWSPENDING)
    if pending not in (None, target.current_version_id, version_id):
        raise RotationSupersededError(
            f"Another rotation of secret {secret_arn} has staged version {pending} as AWSPENDING "
            "meanwhile. Wait for it."
        )
    try:
        kept = secrets.read(secret_arn, version_id)
    except VersionNotReadableError:
        current = secrets.read(secret_arn, target.current_version_id)
        password = secrets.random_password(PasswordRules.from_env())
        try:
            secrets.put_pending(secret_arn, version_id, current.with_password(password))
        except RotationSupersededError:
            # It has a value that could not be read a moment ago: an earlier attempt's.
            kept = secrets.read(secret_arn, version_id)
        else:
            return {"Generated": True}
    if not is_valid(kept.password or ""):
        raise SecretFormatError(
            f"Version {version_id} of secret {secret_arn} holds no password that ElastiCache "
            "takes. Take AWSPENDING off it and rotate again."
        )
    if pending != version_id:
        secrets.move_label(secret_arn, AWSPENDING, to=version_id, away_from=pending)
    return {"Generated": False}
