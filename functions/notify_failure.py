"""Notify Failure: an execution that failed, timed out or was stopped is published to a topic."""

import json
from contextlib import suppress
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.step_functions import StepFunctions
from rotation.adapters.topic import Topic
from rotation.rules.message import failure
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """EventBridge's "Step Functions Execution Status Change" to ``{"Subject"}``.

    The event's shape: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    detail, given = event["detail"], None
    with suppress(TypeError, ValueError):  # left out where it is large; any JSON, or none
        given = json.loads(detail.get("input"))
    # The examples of AWS's guide show no cause in the event.
    machine = StepFunctions.connect()
    execution = machine.find(detail["name"])
    if execution is None:
        return {"Subject": ""}
    message = failure(execution, given, machine.ending(execution.arn))
    Topic.connect().publish(message)
    return {"Subject": message.subject}
