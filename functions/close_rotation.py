"""Close Rotation: removes AWSPENDING after a failure, and reports what the run has left."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.secrets_manager import SecretsManager
from rotation.records.run_state import RunState
from rotation.rules.closing import close
from rotation.runtime.telemetry import count_by, entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"ExecutionArn", "State"}``, the whole state, to the Closing."""
    run = RunState.from_event(event)
    closing = close(run, SecretsManager.connect(), datetime.now(UTC))
    if not closing.promoted:
        count_by("FailedRotations", "clients", closing.clients)
    return closing.to_state()
