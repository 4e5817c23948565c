"""Promote Version: AWSCURRENT moves to the version whose password has logged in everywhere."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.secrets_manager import AWSCURRENT, SecretsManager
from rotation.staging import move
from rotation.target import Target, require_unchanged
from rotation.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target"}`` to ``{"Promoted"}``: false if an earlier attempt had done it."""
    target = Target.from_state(event["Target"])
    secrets = SecretsManager.connect()
    secret = secrets.describe(target.secret_arn)
    if secret.version_with(AWSCURRENT) == target.version_id:
        return {"Promoted": False}
    require_unchanged(target, secret)
    move(
        secrets,
        target.secret_arn,
        AWSCURRENT,
        to=target.version_id,
        away_from=target.current_version_id,
    )
    return {"Promoted": True}
