"""Logs, metrics and traces. They hold ids and figures, never an event or a secret's value."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.errors import RotationError, UnexpectedError

SERVICE = "elasticache-rotation"

logger = Logger(service=SERVICE, utc=True)
metrics = Metrics(namespace="ElastiCacheRotation", service=SERVICE)
tracer = Tracer(service=SERVICE, patch_modules=["botocore"])

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def entry_point(handle: Handler) -> Handler:
    """A Lambda handler whose log lines carry the execution and the rotation token."""

    @tracer.capture_lambda_handler(capture_response=False)
    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        target = event.get("Target") or {}
        logger.append_keys(
            function=context.function_name,
            request_id=context.aws_request_id,
            execution=event.get("ExecutionArn"),
            token=target.get("VersionId") or event.get("ClientRequestToken"),
        )
        try:
            answer = handle(event, context)
        except RotationError as error:
            logger.error("failed", extra={"error": type(error).__name__, "reason": str(error)})
            raise
        except Exception as error:
            name = type(error).__name__
            logger.error("failed", extra={"error": name})
            # The traceback stays, the text and its cause go: they may quote a value.
            raise UnexpectedError(
                f"{name} in {context.function_name}: a bug; its log has the execution."
            ).with_traceback(error.__traceback__) from None
        logger.info("done")
        return answer

    decorated: Handler = handler
    return decorated


__all__ = ["MetricUnit", "entry_point", "logger", "metrics"]
