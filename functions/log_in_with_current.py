"""Log In With Current: after a roll back, AWSCURRENT logs in on an endpoint, if it answers."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.endpoint import Endpoint
from rotation.errors import CertificateError, EndpointUnreachableError
from rotation.login import Door
from rotation.secrets_manager import AWSCURRENT, SecretsManager
from rotation.target import Target
from rotation.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "Endpoint"}`` to ``{"Endpoint", "Answers"}``.

    What does not answer is what the rotation may have failed for; it cannot be asked.
    """
    target = Target.from_state(event["Target"])
    secrets = SecretsManager.connect()
    current = secrets.describe(target.secret_arn).version_with(AWSCURRENT) or ""
    password = secrets.read(target.secret_arn, current).password
    endpoint = Endpoint.from_state(event["Endpoint"])
    try:
        with Door.open(endpoint, target.username) as door:
            if password:
                door.require(password, "current")
    except (EndpointUnreachableError, CertificateError):
        return {"Endpoint": str(endpoint), "Answers": False}
    return {"Endpoint": str(endpoint), "Answers": True}
