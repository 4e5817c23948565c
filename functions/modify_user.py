"""Modify User: the user gets the new password beside the current one, so that both log in."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import SecretsManager
from rotation.records.modification import Modification
from rotation.records.target import Target
from rotation.rules.password_change import change_password
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "Checks"}`` to the Modification that the polling continues with."""
    target, checks = Target.from_state(event["Target"]), event.get("Checks", [])
    change_password(target, checks, SecretsManager.connect(), ElastiCache.connect())
    return Modification.begun(datetime.now(UTC)).to_state()
