"""The rotation Lambda: Secrets Manager's four steps, over one execution of the state machine."""

import random
import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.records.password import PasswordRules
from rotation.records.rotation_event import RotationEvent
from rotation.rules.pin import Pin
from rotation.rules.steps import RotationSteps
from rotation.runtime.settings import seconds_from_env
from rotation.runtime.telemetry import entry_point, logger


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Secrets Manager's event (`RotationEvent`) to ``{}``; Secrets Manager ignores the answer."""
    steps = RotationSteps(
        SecretsManager.connect(),
        StepFunctions.connect(),
        Pin.from_env(),
        rules=PasswordRules.from_env,
        look_seconds=seconds_from_env("EXECUTION_LOOK_SECONDS"),
        remaining=lambda: context.get_remaining_time_in_millis() / 1000,
        sleep=time.sleep,
        random=random.random,
    )
    parsed = RotationEvent.parse(event, context.invoked_function_arn.split(":")[4])
    execution = steps.run(parsed)
    logger.info(parsed.step, extra={"execution": execution.arn if execution else None})
    return {}
