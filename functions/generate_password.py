"""Generate Password: the new version of the secret gets a password and AWSPENDING."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.records.password import PasswordRules
from rotation.records.target import Target
from rotation.rules.earlier_runs import wait_for_earlier_runs
from rotation.rules.executions import version_by_hand
from rotation.rules.staging import stage_version
from rotation.runtime.settings import seconds_from_env
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "ExecutionArn"}`` to ``{"Generated", "WaitSeconds", "LateSeconds"}``.

    ``Generated`` is false if the version had a password. For ``WaitSeconds``, a function of an
    earlier run may still be running; ``LateSeconds`` is the longest that any may be.
    """
    target = Target.from_state(event["Target"])
    secrets, now = SecretsManager.connect(), datetime.now(UTC)
    rules, late = PasswordRules.from_env(), seconds_from_env("LATE_FUNCTION_SECONDS")
    by_hand = target.version_id == version_by_hand(event["ExecutionArn"])
    generated = stage_version(target, secrets, rules, by_hand=by_hand)
    seconds = wait_for_earlier_runs(target, secrets, StepFunctions.connect(), now, late)
    return {"Generated": generated, "WaitSeconds": seconds, "LateSeconds": late}
