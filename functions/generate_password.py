"""Generate Password: the new version of the secret, staged AWSPENDING."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.password import PasswordRules
from rotation.secrets_manager import SecretsManager
from rotation.staging import stage_password
from rotation.target import Target
from rotation.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target"}`` to ``{"Generated"}``: false if there was a password to go on with."""
    target = Target.from_state(event["Target"])
    rules = PasswordRules.from_env()
    return {"Generated": stage_password(target, SecretsManager.connect(), rules)}
