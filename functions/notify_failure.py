"""Notify Failure: publishes to a topic that an execution failed, timed out or was stopped."""

import json
from contextlib import suppress
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.step_functions import StepFunctions
from rotation.adapters.topic import Topic
from rotation.rules.message import failure_message
from rotation.rules.run_history import Ending
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """EventBridge's "Step Functions Execution Status Change" to ``{"Subject"}``.

    The event's shape: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    detail, execution_input = event["detail"], None
    with suppress(TypeError, ValueError):  # a large input is left out, and any may not be JSON
        execution_input = json.loads(detail.get("input"))
    # Described, because the events in AWS's guide have no cause.
    state_machine = StepFunctions.connect()
    execution = state_machine.find(detail["name"])
    if execution is None:
        return {"Subject": ""}
    history = state_machine.history(execution.arn, newest_first=True, with_data=True)
    message = failure_message(execution, execution_input, Ending.of(history))
    Topic.connect().publish(message)
    return {"Subject": message.subject}
