"""Generate Password: the new version of the secret, staged AWSPENDING."""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.errors import ConfigurationError, SecretFormatError, VersionNotReadableError
from rotation.password import MAX_LENGTH, MIN_LENGTH, is_valid
from rotation.secrets_manager import AWSPENDING, SecretsManager
from rotation.target import Target
from rotation.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target"}`` to ``{"Generated"}``: false if the version had its password already."""
    target = Target.from_state(event["Target"])
    secrets = SecretsManager.connect()
    try:
        kept = secrets.read(target.secret_arn, target.version_id)
    except VersionNotReadableError:
        current = secrets.read(target.secret_arn, target.current_version_id)
        text = current.with_password(_new_password(secrets))
        secrets.put_pending(target.secret_arn, target.version_id, text)
        return {"Generated": True}
    if not is_valid(kept.password or ""):
        raise SecretFormatError(
            f"Version {target.version_id} of secret {target.secret_arn} holds no password that "
            "ElastiCache takes. Take AWSPENDING off it and rotate again."
        )
    pending = secrets.describe(target.secret_arn).version_with(AWSPENDING)
    if pending != target.version_id:
        secrets.move_label(target.secret_arn, AWSPENDING, to=target.version_id, away_from=pending)
    return {"Generated": False}


def _new_password(secrets: SecretsManager) -> str:
    length = os.environ.get("PASSWORD_LENGTH", "32")
    if not length.isdecimal() or not MIN_LENGTH <= int(length) <= MAX_LENGTH:
        raise ConfigurationError(
            f"Environment variable PASSWORD_LENGTH is not a number from {MIN_LENGTH} to "
            f"{MAX_LENGTH}."
        )
    exclude = os.environ.get("PASSWORD_EXCLUDE_CHARACTERS", "")
    return secrets.random_password(int(length), exclude)
