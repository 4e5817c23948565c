"""Release Version: AWSPENDING is taken off, and the failure is told in one sentence."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.errors import RotationError
from rotation.failure import Failure
from rotation.restoration import own_token, release
from rotation.secrets_manager import SecretsManager
from rotation.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"State"}``, all that the run knew, to ``{"Error", "Cause"}`` of the failed execution."""
    state = event["State"]
    failure = Failure.from_catch(state["Failure"])
    told = [failure.sentence]
    if "RollBack" in state:
        told.append(state["RollBack"]["Told"])
    elif "Generation" in state:
        told.append("The user may have the new password beside its current one.")
    if "RollBackFailure" in state:
        # AWSPENDING stays: the next rotation goes on with the password that may be on the user.
        second = Failure.from_catch(state["RollBackFailure"])
        told.append(f"The roll back failed too, with {second.error}: {second.sentence}")
    elif token := own_token(state):
        try:
            told.append(release(token, state, SecretsManager.connect()))
        except RotationError as error:
            if error.transient:
                raise
            told.append(f"AWSPENDING stays on version {token}, with {type(error).__name__}.")
    if state.get("RollBack", {}).get("UserChanged") and "Verified" in state:
        answers = state["Verified"]["Answers"]
        told.append(f"AWSCURRENT logs in on {sum(answers)} of {len(answers)} endpoints.")
    return {"Error": failure.error, "Cause": " ".join(filter(None, told))}
