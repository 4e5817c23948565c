"""Logs and metrics. They hold IDs and numbers, never an event or a secret's value.

Lambda and Step Functions write the traces. The X-Ray SDK would double the time of a cold start, and
has no releases from February 2027 on
(https://docs.aws.amazon.com/xray/latest/devguide/xray-daemon-eos.html).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.errors import RotationError, UnexpectedError

NAMESPACE = "ElastiCacheRotation"

# The service is the stack's name, by POWERTOOLS_SERVICE_NAME: each stack has metrics of its own.
logger = Logger(utc=True)
metrics = Metrics(namespace=NAMESPACE)

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def entry_point(handle: Handler) -> Handler:
    """A Lambda handler whose log lines name the execution and the secret's version."""

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        logger.append_keys(
            function=context.function_name, request_id=context.aws_request_id, **_ids(event)
        )
        failure: RotationError
        try:
            answer = handle(event, context)
        except RotationError as error:
            # Lambda's answer is UTF-8, which cannot hold the lone surrogates of an event's JSON.
            error.args = (str(error).encode(errors="replace").decode(),)
            failure = error
        except Exception as error:
            # The traceback stays. The message and its cause go: they may quote a value.
            failure = UnexpectedError(
                f"{type(error).__name__} in {context.function_name}: a bug of this project."
            ).with_traceback(error.__traceback__)
        else:
            logger.info("done")
            return answer
        if failure.transient and not failure.reported:
            # Only the state machine's events have "Since".
            with suppress(KeyError, TypeError, ValueError):
                elapsed = datetime.now(UTC) - datetime.fromisoformat(event["Since"])
                seconds = max(0, round(elapsed.total_seconds()))
                failure = type(failure)(f"{failure} Tried for {seconds} s.")
        # Outside the except blocks, so that no traceback shows the original exception.
        logger.error("failed", extra={"error": type(failure).__name__, "reason": str(failure)})
        raise failure from None

    return handler


@contextmanager
def counted(metric: str) -> Iterator[None]:
    """Count the block by its outcome: Succeeded, or the name of the error.

    The outcome is the only dimension, because CloudWatch bills each combination of dimensions.
    """
    outcome = "Succeeded"
    try:
        yield
    except Exception as error:
        kind = type(error) if isinstance(error, RotationError) else UnexpectedError
        outcome = kind.__name__
        raise
    finally:
        count_by(metric, "outcome", outcome)


def count_by(metric: str, dimension: str, value: str) -> None:
    """Count one by a dimension; an error in counting does not fail what is counted."""
    with (
        suppress(Exception),
        single_metric(metric, MetricUnit.Count, 1, namespace=NAMESPACE) as counter,
    ):
        counter.add_dimension(dimension, value)


def _ids(event: Any) -> dict[str, Any]:
    """The IDs in an event; none of an event with another shape, which its handler refuses."""
    ids = {"execution": None, "version": None}
    with suppress(AttributeError):
        target = event.get("Target") or event.get("State", {}).get("Target") or {}
        ids["execution"] = event.get("ExecutionArn")
        ids["version"] = target.get("VersionId") or event.get("ClientRequestToken")
    return ids


__all__ = ["MetricUnit", "count_by", "counted", "entry_point", "logger", "metrics"]
