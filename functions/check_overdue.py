"""Check Overdue: checks, once a day, every secret that rotates through this stack."""

import os
import time
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.adapters.topic import Topic
from rotation.rules.findings import message_of
from rotation.rules.overdue import OverdueCheck, Scope
from rotation.rules.pin import Pin
from rotation.runtime.settings import required, seconds_from_env
from rotation.runtime.telemetry import MetricUnit, entry_point, logger, metrics


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Any event to ``{"Checked", "OverdueSecrets", "Findings"}``.

    A finding is ``{"Secret", "Kind", "Message"}``.
    """
    check = OverdueCheck(
        Scope(required("ROTATION_FUNCTION_ARN"), Pin.from_env()),
        SecretsManager.connect(),
        ElastiCache.connect(),
        StepFunctions.connect(),
        max_modifying_seconds=seconds_from_env("MAX_MODIFYING_SECONDS"),
        require_endpoints=os.environ.get("REQUIRE_ENDPOINTS") == "true",
        now=lambda: datetime.now(UTC),
        sleep=time.sleep,
    )
    checked, findings = check.run()
    overdue_secrets = len({finding.secret for finding in findings})
    metrics.add_metric("OverdueSecrets", MetricUnit.Count, overdue_secrets)
    metrics.flush_metrics()
    for finding in findings:
        logger.warning(finding.message, extra={"finding": finding.kind, "secret": finding.secret})
    if findings and os.environ.get("TOPIC_ARN"):
        Topic.connect().publish(message_of(findings))
    return {
        "Checked": checked,
        "OverdueSecrets": overdue_secrets,
        "Findings": [finding.to_state() for finding in findings],
    }
