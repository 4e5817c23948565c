"""Generate Password: the new version of the secret gets a password and AWSPENDING."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.records.password import PasswordRules
from rotation.records.target import Target
from rotation.rules.earlier_runs import seconds_until_earlier_runs_end
from rotation.rules.executions import version_by_hand
from rotation.rules.staging import stage_version
from rotation.runtime.settings import seconds_from_env
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "ExecutionArn"}`` to ``{"Generated", "WaitSeconds", "LateSeconds"}``.

    ``Generated`` is false if the version had a password. ``WaitSeconds`` is how long a function of
    an earlier run may still be running, and ``LateSeconds`` the most that it can be for any run.
    """
    target = Target.from_state(event["Target"])
    secrets, now = SecretsManager.connect(), datetime.now(UTC)
    rules, late_seconds = PasswordRules.from_env(), seconds_from_env("LATE_FUNCTION_SECONDS")
    by_hand = target.version_id == version_by_hand(event["ExecutionArn"])
    generated = stage_version(target, secrets, rules, by_hand=by_hand)
    wait_seconds = seconds_until_earlier_runs_end(
        target, secrets, StepFunctions.connect(), now, late_seconds
    )
    return {"Generated": generated, "WaitSeconds": wait_seconds, "LateSeconds": late_seconds}
