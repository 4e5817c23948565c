"""Check Endpoint: it answers over verified TLS, lets AWSCURRENT in and a made-up password not."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.login import NodeConnection
from rotation.adapters.secrets_manager import SecretsManager
from rotation.records.endpoint import Endpoint
from rotation.records.target import Target
from rotation.rules import first_rotation
from rotation.rules.current_password import check_current_password
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "Endpoint"}`` to ``{"Endpoint", "CurrentLogsIn", "ProvenVersion"}``.

    ``CurrentLogsIn`` is false only where the input has "ReplaceUnknownPassword". ``ProvenVersion``
    is the version whose password an earlier first rotation has set, or empty.
    """
    target = Target.from_state(event["Target"])
    secrets = SecretsManager.connect()
    current = secrets.read(target.secret_arn, target.current_version_id)
    endpoint = Endpoint.from_state(event["Endpoint"])
    with NodeConnection.open(endpoint, target.username) as node:
        if target.authentication == "password":
            node.require_a_password()
        else:
            # It has to answer; that it may let anybody in is what the first rotation ends.
            node.accepts_any_password()
        logs_in = check_current_password(target, current.password, node)
        proven = ""
        if target.first_password_candidates:
            proven = first_rotation.proven(target, secrets, node)
    return {"Endpoint": str(endpoint), "CurrentLogsIn": logs_in, "ProvenVersion": proven}
