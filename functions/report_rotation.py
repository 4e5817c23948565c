"""Report Rotation: the execution's output, and the metrics of a rotation that succeeded."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.step_functions import StepFunctions
from rotation.records.run_state import RunState
from rotation.rules.run_history import transitions
from rotation.runtime.telemetry import MetricUnit, entry_point, metrics

#: The state after this one is entered when the history has been read.
LAST_STATE = 1


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"ExecutionArn", "State"}``, the whole state, to the execution's output."""
    run = RunState.from_event(event)
    target: dict[str, Any] = {}
    # There is no target if another execution promoted the version before Check Target.
    if run.target:
        target = {
            "SecretArn": run.target.secret_arn,
            "VersionId": run.target.version_id,
            "UserId": run.target.user_id,
            "Username": run.target.username,
            "ChangedValues": run.target.changed_values,
        }
    seconds = run.modification.seconds if run.modification else 0
    # Read before anything is counted: a retry would count it again.
    count = transitions(StepFunctions.connect().history(run.execution_arn)) + LAST_STATE
    metrics.add_metric("Rotations", MetricUnit.Count, 1)
    metrics.add_metric("ModifyingSeconds", MetricUnit.Seconds, seconds)
    metrics.add_metric("EndpointsTested", MetricUnit.Count, run.endpoint_count)
    metrics.flush_metrics()
    return {
        **target,
        "EndpointsTested": run.endpoint_count,
        "NotTested": list(run.not_tested),
        "ModifyingSeconds": seconds,
        "Transitions": count,
        "ReplacedUnknownPassword": run.replaced_unknown_password,
    }
