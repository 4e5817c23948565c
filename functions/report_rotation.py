"""Report Rotation: the execution's output, and the metrics of a rotation that succeeded."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.step_functions import StepFunctions
from rotation.target import Target
from rotation.telemetry import MetricUnit, entry_point, metrics

#: The state that this one leads to is entered after the history has been read.
LAST_STATE = 1


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "Network", "Modification", "ExecutionArn"}`` to the execution's output."""
    target = Target.from_state(event["Target"])
    endpoints, seconds = event["Network"]["Count"], event["Modification"]["Seconds"]
    transitions = StepFunctions.connect().transitions(event["ExecutionArn"]) + LAST_STATE
    metrics.add_metric("Rotations", MetricUnit.Count, 1)
    metrics.add_metric("ModifyingSeconds", MetricUnit.Seconds, seconds)
    metrics.add_metric("EndpointsTested", MetricUnit.Count, endpoints)
    metrics.flush_metrics()
    return {
        "SecretArn": target.secret_arn,
        "VersionId": target.version_id,
        "UserId": target.user_id,
        "Username": target.username,
        "EndpointsTested": endpoints,
        "ModifyingSeconds": seconds,
        "Transitions": transitions,
    }
