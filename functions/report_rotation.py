"""Report Rotation: the execution's output, and the metrics of a rotation that succeeded."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.step_functions import StepFunctions
from rotation.records.run_state import RunState
from rotation.runtime.telemetry import MetricUnit, entry_point, metrics

#: The state that this one leads to is entered after the history has been read.
LAST_STATE = 1


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"ExecutionArn", "State"}``, all that the run knew, to the execution's output."""
    run = RunState.from_event(event)
    target = run.target
    # Another execution has promoted the version before Check Target could look.
    about = (
        {}
        if target is None
        else {
            "SecretArn": target.secret_arn,
            "VersionId": target.version_id,
            "UserId": target.user_id,
            "Username": target.username,
            "ChangedValues": target.changed_values,
        }
    )
    seconds = run.modification.seconds if run.modification else 0
    transitions = StepFunctions.connect().transitions(run.execution_arn) + LAST_STATE
    metrics.add_metric("Rotations", MetricUnit.Count, 1)
    metrics.add_metric("ModifyingSeconds", MetricUnit.Seconds, seconds)
    metrics.add_metric("EndpointsTested", MetricUnit.Count, run.endpoint_count)
    metrics.flush_metrics()
    return {
        **about,
        "EndpointsTested": run.endpoint_count,
        "NotTested": list(run.not_tested),
        "ModifyingSeconds": seconds,
        "Transitions": transitions,
        "ReplacedUnknownPassword": run.replaced_unknown_password,
    }
