"""Check Endpoint: it answers over verified TLS and refuses a made-up password."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation import first_rotation
from rotation.endpoint import Endpoint
from rotation.login import Door
from rotation.secrets_manager import SecretsManager, known_password
from rotation.target import Target
from rotation.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target", "Endpoint"}`` to ``{"Endpoint", "PreviousLogsIn", "ProvenVersion"}``.

    A dry run also tries the current password, where there is one. ``ProvenVersion`` is the version
    whose password an earlier first rotation has set, or empty.
    """
    target = Target.from_state(event["Target"])
    # Read in every run: a subnet without a way to Secrets Manager has to fail here, not later.
    secrets = SecretsManager.connect()
    current = secrets.read(target.secret_arn, target.current_version_id)
    previous = None
    if target.password_count > 1:
        previous = known_password(secrets, target.secret_arn, target.previous_version_id)
    endpoint = Endpoint.from_state(event["Endpoint"])
    with Door.open(endpoint, target.username) as door:
        if target.authentication == "password":
            door.require_a_password()
        else:
            # It has to answer; that it may let anybody in is what the first rotation ends.
            door.accepts_any_password()
        if target.dry_run and current.password and not target.turn_on:
            door.require(current.password, "current")
        proven = ""
        if target.first_password_candidates:
            proven = first_rotation.proven(target, secrets, door)
        # Whether a roll back may set it again beside the current one.
        previous_logs_in = previous is not None and door.accepts(previous)
    return {
        "Endpoint": str(endpoint),
        "PreviousLogsIn": previous_logs_in,
        "ProvenVersion": proven,
    }
