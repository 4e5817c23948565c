"""Log In With Current: after a failure, AWSCURRENT logs in on an endpoint."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.login import NodeConnection
from rotation.adapters.secrets_manager import AWSCURRENT, SecretsManager
from rotation.records.endpoint import Endpoint
from rotation.records.run_state import FIRST_ROTATION, LOGGED_IN
from rotation.records.target import Target
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "Endpoint"}`` to ``{"Endpoint", "Result"}``: LOGGED_IN or FIRST_ROTATION.

    Any error is the state machine's to write down beside the endpoint.
    """
    target = Target.from_state(event["Target"])
    secrets = SecretsManager.connect()
    # As it is now: a person may have moved the label meanwhile.
    current = secrets.describe(target.secret_arn).version_with(AWSCURRENT) or ""
    password = secrets.read(target.secret_arn, current).password
    endpoint = Endpoint.from_state(event["Endpoint"])
    if password:
        with NodeConnection.open(endpoint, target.username) as node:
            node.require_login(password, "current")
    return {"Endpoint": str(endpoint), "Result": LOGGED_IN if password else FIRST_ROTATION}
