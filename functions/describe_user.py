"""Describe User: is the user active yet? If not, how long to wait."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.elasticache import ElastiCache
from rotation.records.modification import Modification
from rotation.records.target import Target
from rotation.runtime.settings import seconds_from_env
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "Modification"}`` to the Modification as it is now."""
    target = Target.from_state(event["Target"])
    before = Modification.from_state(event["Modification"])
    status = ElastiCache.connect().user(target.user_arn).status
    max_seconds = seconds_from_env("MAX_MODIFYING_SECONDS")
    return before.seen(status, datetime.now(UTC), max_seconds, target.user_id).to_state()
