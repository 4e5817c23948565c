"""Log In: the new password logs in on an endpoint, the current one still does, a wrong one not."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.login import NodeConnection
from rotation.adapters.secrets_manager import SecretsManager
from rotation.records.endpoint import Endpoint
from rotation.records.target import Target
from rotation.runtime.telemetry import counted, entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "Endpoint"}`` to ``{"Endpoint"}``, once all three have gone as they should."""
    target = Target.from_state(event["Target"])
    secrets = SecretsManager.connect()
    pending = secrets.read(target.secret_arn, target.version_id).password
    current = secrets.read(target.secret_arn, target.current_version_id).password
    endpoint = Endpoint.from_state(event["Endpoint"])
    with counted("Logins"), NodeConnection.open(endpoint, target.username) as node:
        node.require_a_password()
        node.require_login(pending or "", "new")
        if current:
            node.require_login(current, "current")
    return {"Endpoint": str(endpoint)}
