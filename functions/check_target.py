"""Check Target: may, and can, this secret's user be rotated? Nothing is changed."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.records.execution_input import ExecutionInput
from rotation.rules.pin import Pin
from rotation.rules.target_check import check_target
from rotation.runtime.settings import required
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Input", "ExecutionArn"}`` to the Target that the other states work on."""
    target = check_target(
        ExecutionInput.parse(event["Input"]),
        event["ExecutionArn"],
        SecretsManager.connect(),
        ElastiCache.connect(),
        StepFunctions.connect(),
        Pin.from_env(),
        required("ROTATION_FUNCTION_ARN"),
    )
    return target.to_state()
