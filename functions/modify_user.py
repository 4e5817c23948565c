"""Modify User: the new password beside the current one, so that every client stays in."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.elasticache import ElastiCache
from rotation.modification import Modification
from rotation.secrets_manager import SecretsManager
from rotation.target import Target, require_unchanged
from rotation.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target"}`` to the Modification that the polling goes on with."""
    target = Target.from_state(event["Target"])
    secrets = SecretsManager.connect()
    require_unchanged(target, secrets.describe(target.secret_arn))
    versions = (target.version_id, target.current_version_id)
    values = [secrets.read(target.secret_arn, version) for version in versions]
    user = ElastiCache.connect().user(target.user_id)
    ElastiCache.connect().set_passwords(
        target.user_id,
        [value.password for value in values if value.password],
        access_string=user.enabled_access_string if target.turn_on else None,
    )
    return Modification.begun(datetime.now(UTC)).to_state()
