"""Roll Back: what this run changed is put back, and the failure is told in a sentence."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.elasticache import ElastiCache
from rotation.failure import Failure
from rotation.restoration import restore
from rotation.secrets_manager import SecretsManager
from rotation.telemetry import entry_point, logger


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"State"}``, all that the run knew, to ``{"Error", "Cause"}`` of the failed execution."""
    state = event["State"]
    failure = Failure.from_catch(state["Failure"])
    outcome = restore(state, SecretsManager.connect(), ElastiCache.connect())
    logger.info("rolled back", extra={"failure": failure.error, "outcome": outcome})
    return {"Error": failure.error, "Cause": f"{failure.sentence} {outcome}"}
