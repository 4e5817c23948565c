"""What all handlers share: log lines with ids, and no text of an exception that is not ours."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from traceback import extract_tb
from typing import Any, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.errors import RotationError, UnexpectedError, UserBusyError, UserStatusError
from rotation.runtime.telemetry import entry_point
from tests.unit.conftest import Lines
from tests.unit.events import on_target, step
from tests.unit.fakes import FakeContext
from tests.unit.leaks import assert_no_leak
from tests.unit.values import CURRENT_PASSWORD, PENDING, Json

pytestmark = pytest.mark.usefixtures("output")


def answer(event: Any, error: Exception | None = None) -> Json:
    """What a handler answers that does nothing, or raises the error."""

    @entry_point
    def handler(event: Json, context: LambdaContext) -> Json:
        if error:
            raise error
        return {"Count": 1}

    return handler(event, cast(LambdaContext, FakeContext()))


def failure_of(event: Any, error: Exception) -> RotationError:
    with pytest.raises(RotationError) as caught:
        answer(event, error)
    return caught.value


#: Events that no handler expects.
SHAPES: list[Any] = [None, [], "text", {"Target": 1}, {"State": "text"}]


@pytest.mark.parametrize(
    "event,execution,version",
    [
        (on_target(), on_target()["ExecutionArn"], PENDING),
        ({"State": on_target()}, None, PENDING),
        (step("createSecret"), None, PENDING),
        *((shape, None, None) for shape in SHAPES),
    ],
)
def test_a_log_line_carries_the_ids_of_its_own_event(
    event: Any, execution: str | None, version: str | None, log_lines: Lines
) -> None:
    answer(on_target())
    log_lines()
    assert answer(event) == {"Count": 1}
    (line,) = log_lines()
    assert (line["level"], line["function"]) == ("INFO", "stack-Function")
    assert line["request_id"] == "request-1"
    assert (line.get("execution"), line.get("version")) == (execution, version)


def test_an_event_is_never_logged(output: Callable[[], str]) -> None:
    answer(on_target() | {"Anything": CURRENT_PASSWORD})
    assert_no_leak([CURRENT_PASSWORD], output=output())


def test_a_rotation_error_is_logged_and_raised_as_it_is(log_lines: Lines) -> None:
    error = UserStatusError("It is deleting.")
    # Only a transient error has been tried again.
    assert failure_of(on_target() | since(120), error) is error
    (line,) = log_lines()
    assert (line["level"], line["error"]) == ("ERROR", "UserStatusError")
    assert line["reason"] == "It is deleting."


def test_an_error_can_be_written_as_utf_8() -> None:
    failure = failure_of(on_target(), UserStatusError("User \ud800 is gone."))
    assert str(failure) == "User ? is gone."


@pytest.mark.parametrize("kind", [KeyError, ValueError, RuntimeError, OSError])
def test_any_other_error_keeps_its_name_and_place_only(
    kind: type[Exception], log_lines: Lines
) -> None:
    error = kind(CURRENT_PASSWORD)
    error.__cause__ = ValueError(CURRENT_PASSWORD)
    failure = failure_of(on_target(), error)
    (line,) = log_lines()
    assert type(failure) is UnexpectedError
    assert str(failure).startswith(f"{kind.__name__} in stack-Function")
    assert "raise error" in [frame.line for frame in extract_tb(failure.__traceback__)]
    assert (line["level"], line["error"]) == ("ERROR", "UnexpectedError")
    assert line["reason"] == str(failure)
    assert_no_leak([CURRENT_PASSWORD], error=failure, output=str(line))


def since(seconds: float) -> dict[str, str]:
    return {"Since": (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()}


@pytest.mark.parametrize(
    "entered,at_least",
    [
        (since(120), 120),
        # As Step Functions writes it.
        ({"Since": f"{datetime.now(UTC) - timedelta(seconds=60):%Y-%m-%dT%H:%M:%S}.123Z"}, 60),
        # A clock that is behind.
        (since(-3600), 0),
    ],
)
def test_a_transient_error_says_how_long_it_was_tried(
    entered: dict[str, str], at_least: int, log_lines: Lines
) -> None:
    failure = failure_of(on_target() | entered, UserBusyError("It is busy."))
    tried = re.fullmatch(r"It is busy\. Tried for (\d+) s\.", str(failure))
    assert tried
    assert int(tried[1]) >= at_least if at_least else tried[1] == "0"
    assert log_lines()[0]["reason"] == str(failure)


@pytest.mark.parametrize(
    "event", [*SHAPES, *({"Since": time} for time in (1, "today", "2026-01-01T00:00:00"))]
)
def test_without_a_time_a_transient_error_stays_as_it_is(event: Any) -> None:
    error = UserBusyError("It is busy.")
    assert failure_of(event, error) is error
