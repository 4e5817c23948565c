"""Check Endpoint: it answers over verified TLS, accepts AWSCURRENT, refuses a made-up password."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.secrets_manager import SecretsManager
from rotation.records.endpoint import Endpoint
from rotation.records.target import Target
from rotation.rules.logins import check_endpoint
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "Endpoint"}`` to ``{"Endpoint", "CurrentLogsIn", "ProvenVersion"}``.

    ``CurrentLogsIn`` is false only if the input has "ReplaceUnknownPassword". ``ProvenVersion`` is
    the version whose password an earlier first rotation set, or empty.
    """
    target, endpoint = Target.from_state(event["Target"]), Endpoint.from_state(event["Endpoint"])
    logs_in, proven = check_endpoint(target, endpoint, SecretsManager.connect())
    return {"Endpoint": str(endpoint), "CurrentLogsIn": logs_in, "ProvenVersion": proven}
