"""Promote Version: AWSCURRENT moves to the version whose password has logged in everywhere."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.secrets_manager import SecretsManager
from rotation.records.target import Target
from rotation.rules.labels import promote
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target"}`` to ``{"Promoted"}``: false if an earlier attempt moved the label."""
    return {"Promoted": promote(Target.from_state(event["Target"]), SecretsManager.connect())}
