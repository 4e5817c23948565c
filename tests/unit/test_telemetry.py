"""What all handlers have in common: logs with ids, and no exception's foreign text."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.errors import RotationError, UnexpectedError, UserBusyError, UserStatusError
from rotation.runtime.telemetry import entry_point
from tests.unit.fakes import (
    CURRENT_PASSWORD,
    EXECUTION_ARN,
    PENDING,
    FakeContext,
    make_target,
)
from tests.unit.leaks import assert_no_leak

CONTEXT = cast(LambdaContext, FakeContext())
EVENT = {"ExecutionArn": EXECUTION_ARN, "Target": make_target().to_state()}

Handle = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def handler_that(act: Callable[[], dict[str, Any]]) -> Handle:
    @entry_point
    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        return act()

    return handler


def raising(error: Exception) -> Handle:
    def act() -> dict[str, Any]:
        raise error

    return handler_that(act)


def log_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_an_answer_goes_through(output: Callable[[], str]) -> None:
    assert handler_that(lambda: {"Count": 1})(EVENT, CONTEXT) == {"Count": 1}


@pytest.mark.parametrize("event", [None, [], "text", {"Target": 1}, {"State": "text"}])
def test_a_handler_is_called_with_an_event_of_any_shape(
    event: Any, output: Callable[[], str]
) -> None:
    handler_that(dict)(EVENT, CONTEXT)
    output()
    handler_that(dict)(event, CONTEXT)
    (line,) = log_lines(output())
    assert (line.get("execution"), line.get("token")) == (None, None)


@pytest.mark.parametrize("event", [None, [], "text", {}])
def test_a_transient_error_of_any_event_is_told_as_it_is(
    event: Any, output: Callable[[], str]
) -> None:
    with pytest.raises(UserBusyError, match=r"^It is busy\.$"):
        raising(UserBusyError("It is busy."))(event, CONTEXT)


def test_an_error_can_be_written_as_utf_8(output: Callable[[], str]) -> None:
    with pytest.raises(UserStatusError, match=r"^User \? is gone\.$"):
        raising(UserStatusError("User \ud800 is gone."))(EVENT, CONTEXT)


@pytest.mark.parametrize("since", [1, "today", "2026-01-01T00:00:00"])
def test_a_time_that_is_none_is_not_told(since: object, output: Callable[[], str]) -> None:
    with pytest.raises(UserBusyError, match=r"^It is busy\.$"):
        raising(UserBusyError("It is busy."))(EVENT | {"Since": since}, CONTEXT)


def test_a_log_line_carries_function_execution_and_token(output: Callable[[], str]) -> None:
    handler_that(dict)(EVENT, CONTEXT)
    (line,) = log_lines(output())
    assert line["level"] == "INFO"
    assert line["function"] == "stack-Function"
    assert line["request_id"] == "request-1"
    assert line["execution"] == EXECUTION_ARN
    assert line["token"] == PENDING


def test_a_step_of_secrets_manager_has_its_token_in_the_log(output: Callable[[], str]) -> None:
    handler_that(dict)({"ClientRequestToken": PENDING}, CONTEXT)
    (line,) = log_lines(output())
    assert line["token"] == PENDING


def test_no_key_of_an_earlier_invocation_stays_in_the_log(output: Callable[[], str]) -> None:
    handler_that(dict)(EVENT, CONTEXT)
    output()
    handler_that(dict)({}, CONTEXT)
    text = output()
    assert EXECUTION_ARN not in text
    assert PENDING not in text


def test_an_error_of_ours_is_logged_and_raised_as_it_is(output: Callable[[], str]) -> None:
    error = UserBusyError("User app is busy.")
    with pytest.raises(UserBusyError) as caught:
        raising(error)(EVENT, CONTEXT)
    assert caught.value is error
    (line,) = log_lines(output())
    assert (line["level"], line["error"], line["reason"]) == (
        "ERROR",
        "UserBusyError",
        "User app is busy.",
    )


@pytest.mark.parametrize("kind", [KeyError, ValueError, RuntimeError, OSError])
def test_the_text_of_any_other_error_goes_and_its_name_and_place_stay(
    kind: type[Exception], output: Callable[[], str]
) -> None:
    with pytest.raises(UnexpectedError) as caught:
        raising(kind(CURRENT_PASSWORD))(EVENT, CONTEXT)
    text = output()
    assert kind.__name__ in str(caught.value)
    assert "stack-Function" in str(caught.value)
    assert_no_leak([CURRENT_PASSWORD], error=caught.value, output=text)
    places = []
    traceback = caught.tb
    while traceback:
        places.append(traceback.tb_frame.f_code.co_name)
        traceback = cast(Any, traceback.tb_next)
    assert "act" in places
    (line,) = log_lines(text)
    assert (line["level"], line["error"]) == ("ERROR", "UnexpectedError")
    assert kind.__name__ in line["reason"]


def test_the_cause_of_another_error_goes_too(output: Callable[[], str]) -> None:
    error = KeyError("x")
    error.__cause__ = ValueError(CURRENT_PASSWORD)
    with pytest.raises(UnexpectedError) as caught:
        raising(error)(EVENT, CONTEXT)
    assert_no_leak([CURRENT_PASSWORD], error=caught.value, output=output())


def test_an_event_is_never_logged(output: Callable[[], str]) -> None:
    handler_that(dict)(EVENT | {"Anything": CURRENT_PASSWORD}, CONTEXT)
    assert_no_leak([CURRENT_PASSWORD], output=output())


def since(seconds: float) -> dict[str, str]:
    return {"Since": (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()}


def test_a_transient_error_tells_for_how_long_it_was_tried(output: Callable[[], str]) -> None:
    with pytest.raises(UserBusyError) as caught:
        raising(UserBusyError("User app is busy."))(EVENT | since(120), CONTEXT)
    told = re.fullmatch(r"User app is busy\. Tried for (\d+) s\.", str(caught.value))
    assert told
    assert int(told[1]) >= 120
    (line,) = log_lines(output())
    assert line["reason"] == str(caught.value)


def test_the_time_that_step_functions_writes_is_read(output: Callable[[], str]) -> None:
    entered = f"{datetime.now(UTC) - timedelta(seconds=60):%Y-%m-%dT%H:%M:%S}.123Z"
    with pytest.raises(UserBusyError, match=r"Tried for \d+ s\."):
        raising(UserBusyError("Busy."))(EVENT | {"Since": entered}, CONTEXT)


def test_a_clock_that_is_behind_tells_no_negative_time(output: Callable[[], str]) -> None:
    with pytest.raises(UserBusyError, match=r"Tried for 0 s\."):
        raising(UserBusyError("Busy."))(EVENT | since(-3600), CONTEXT)


@pytest.mark.parametrize(
    "error", [UserStatusError("It is deleting."), UserBusyError("It is busy.")]
)
def test_an_error_that_was_not_tried_for_long_is_told_as_it_is(
    error: RotationError, output: Callable[[], str]
) -> None:
    more = {} if error.transient else since(120)
    with pytest.raises(type(error)) as caught:
        raising(error)(EVENT | more, CONTEXT)
    assert caught.value is error


def test_a_log_line_of_the_whole_run_carries_the_token(output: Callable[[], str]) -> None:
    handler_that(dict)({"State": {"Target": make_target().to_state()}}, CONTEXT)
    (line,) = log_lines(output())
    assert line["token"] == PENDING
