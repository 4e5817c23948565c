"""Promote Version: AWSCURRENT moves to the version whose password has logged in everywhere."""

from contextlib import suppress
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.secrets_manager import AWSCURRENT, SecretsManager
from rotation.errors import RotationError
from rotation.records.target import Target
from rotation.rules.staging import move, remove_pending, require_promotable, require_unchanged
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target"}`` to ``{"Promoted"}``: false if an earlier attempt had done it.

    AWSPENDING is taken off after the move: after a run by hand nobody else does, and once a person
    has made another version AWSCURRENT it would block the schedule.
    """
    target = Target.from_state(event["Target"])
    secrets = SecretsManager.connect()
    secret = secrets.describe(target.secret_arn)
    promoted = secret.version_with(AWSCURRENT) != target.version_id
    if promoted:
        current = require_unchanged(target, secret, secrets)
        require_promotable(secret, target.version_id, secrets)
        move(secrets, secret.arn, AWSCURRENT, to=target.version_id, away_from=current)
    # Left on AWSCURRENT's version it blocks nothing, and the rotation has succeeded.
    with suppress(RotationError):
        remove_pending(secrets, target.secret_arn, target.version_id)
    return {"Promoted": promoted}
