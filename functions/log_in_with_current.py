"""Log In With Current: after a failure, AWSCURRENT logs in on an endpoint."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.secrets_manager import SecretsManager
from rotation.records.endpoint import Endpoint
from rotation.records.target import Target
from rotation.rules.logins import log_in_with_current
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "Endpoint"}`` to ``{"Endpoint", "Result"}``: LOGGED_IN or FIRST_ROTATION.

    The state machine records an error beside the endpoint.
    """
    target, endpoint = Target.from_state(event["Target"]), Endpoint.from_state(event["Endpoint"])
    result = log_in_with_current(target, endpoint, SecretsManager.connect())
    return {"Endpoint": str(endpoint), "Result": result}
