"""Modify User: the new password beside the current one, so that every client stays in."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import SecretsManager
from rotation.errors import SecretFormatError
from rotation.records.modification import Modification
from rotation.records.target import Target
from rotation.rules.first_rotation import first_password
from rotation.rules.staging import require_unchanged
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "Checks"}`` to the Modification that the polling goes on with."""
    target = Target.from_state(event["Target"])
    secrets = SecretsManager.connect()
    secret = secrets.describe(target.secret_arn)
    current_version = require_unchanged(target, secret, secrets)
    pending = secrets.read(target.secret_arn, target.version_id).password
    current = secrets.read(target.secret_arn, current_version).password
    if not pending:
        raise SecretFormatError(f"Version {target.version_id} has lost its password. Rotate again.")
    users = ElastiCache.connect()
    access_string = None
    if target.turn_on:
        # As it is now: somebody may have changed the rest of it meanwhile.
        access_string = users.user(target.user_id).enabled_access_string
    beside = current or first_password(target, event.get("Checks", []), secrets)
    passwords = [pending, beside] if beside else [pending]
    users.set_passwords(target.user_id, passwords, access_string=access_string)
    return Modification.begun(datetime.now(UTC)).to_state()
