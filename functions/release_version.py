"""Release Version: AWSPENDING is taken off, and the failure is told in one sentence."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.errors import RotationError, UserNotFoundError
from rotation.failure import Failure
from rotation.restoration import own_version
from rotation.secrets_manager import SecretsManager
from rotation.staging import remove_pending
from rotation.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"State"}``, all that the run knew, to ``{"Error", "Cause"}`` of the failed execution.

    AWSPENDING comes off however the run has failed: left on, it would block the secret's schedule
    for ever.
    """
    state = event["State"]
    failure = Failure.from_catch(state["Failure"])
    second = Failure.from_catch(state["RollBackFailure"]) if "RollBackFailure" in state else None
    gone = second is not None and second.error == UserNotFoundError.__name__
    told = [failure.sentence]
    if "RollBack" in state:
        told.append(state["RollBack"]["Told"])
    elif "Generation" in state and not gone:
        told.append("The user may have the new password beside its current one.")
    if second:
        told.append(f"The roll back failed too, with {second.error}: {second.sentence}")
    if version := own_version(state):
        secrets = SecretsManager.connect()
        try:
            remove_pending(secrets, state["Input"]["SecretId"], version)
        except RotationError as error:
            if error.transient:
                raise
            told.append(f"AWSPENDING stays on version {version}, with {type(error).__name__}.")
    if state.get("RollBack", {}).get("UserChanged") and "Verified" in state:
        answers = state["Verified"]["Answers"]
        told.append(f"AWSCURRENT logs in on {sum(answers)} of {len(answers)} endpoints.")
    return {"Error": failure.error, "Cause": " ".join(filter(None, told))}
