"""Log In: the new password and the current one log in on an endpoint, and a wrong one does not."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.secrets_manager import SecretsManager
from rotation.records.endpoint import Endpoint
from rotation.records.target import Target
from rotation.rules.logins import log_in
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "Endpoint"}`` to ``{"Endpoint"}``."""
    target, endpoint = Target.from_state(event["Target"]), Endpoint.from_state(event["Endpoint"])
    log_in(target, endpoint, SecretsManager.connect())
    return {"Endpoint": str(endpoint)}
