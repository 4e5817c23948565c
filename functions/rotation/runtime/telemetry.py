"""Logs and metrics. They hold ids and figures, never an event or a secret's value.

Traces are Lambda's and Step Functions' own: the X-Ray SDK would double the time of a cold start,
and gets no releases from February 2027 on
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
    """A Lambda handler whose log lines carry the execution and the rotation token."""

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        logger.append_keys(
            function=context.function_name, request_id=context.aws_request_id, **_ids(event)
        )
        failure: RotationError
        try:
            answer = handle(event, context)
        except RotationError as error:
            # Lambda's answer is UTF-8, which has no lone surrogates; an event's JSON may have.
            error.args = (str(error).encode(errors="replace").decode(),)
            failure = error
        except Exception as error:
            # The traceback stays, the text and its cause go: they may quote a value.
            failure = UnexpectedError(
                f"{type(error).__name__} in {context.function_name}: a bug of this project."
            ).with_traceback(error.__traceback__)
        else:
            logger.info("done")
            return answer
        if failure.transient and not failure.reported:
            # Of an event that the machine has made.
            with suppress(KeyError, TypeError, ValueError):
                tried = datetime.now(UTC) - datetime.fromisoformat(event["Since"])
                seconds = max(0, round(tried.total_seconds()))
                failure = type(failure)(f"{failure} Tried for {seconds} s.")
        # Outside of the except blocks, where nothing that is printed can drag an exception along.
        logger.error("failed", extra={"error": type(failure).__name__, "reason": str(failure)})
        raise failure from None

    return handler


@contextmanager
def counted(metric: str) -> Iterator[None]:
    """Count what is done here by its outcome: Succeeded, or the name of the error.

    One metric for each outcome that occurs, whatever it is done on: CloudWatch bills by metric and
    dimensions.
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
    """Count one, by a dimension; nothing that goes wrong with it does harm to what is counted."""
    with (
        suppress(Exception),
        single_metric(metric, MetricUnit.Count, 1, namespace=NAMESPACE) as counter,
    ):
        counter.add_dimension(dimension, value)


def _ids(event: Any) -> dict[str, Any]:
    """What an event is about; nothing of one that has another shape, which its handler refuses."""
    ids = {"execution": None, "token": None}
    with suppress(AttributeError):
        target = event.get("Target") or event.get("State", {}).get("Target") or {}
        ids["execution"] = event.get("ExecutionArn")
        ids["token"] = target.get("VersionId") or event.get("ClientRequestToken")
    return ids


__all__ = ["MetricUnit", "count_by", "counted", "entry_point", "logger", "metrics"]
