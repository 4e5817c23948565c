"""Roll Back: the user gets back what it had before this run."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.elasticache import ElastiCache
from rotation.modification import Modification
from rotation.restoration import restore
from rotation.secrets_manager import SecretsManager
from rotation.telemetry import entry_point, logger


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"State"}``, all that the run knew, to ``{"UserChanged", "Told", "Modification"}``."""
    done = restore(event["State"], SecretsManager.connect(), ElastiCache.connect())
    logger.info("rolled back", extra={"user_changed": done.user_changed, "told": done.told})
    return {
        "UserChanged": done.user_changed,
        "Told": done.told,
        "Modification": Modification.begun(datetime.now(UTC)).to_state(),
    }
