"""Roll Back, the handler; its rules are in test_restoration.py."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import roll_back
from rotation.errors import UserBusyError
from rotation.modification import Modification
from tests.unit.fakes import (
    CURRENT_PASSWORD,
    EXECUTION_ARN,
    PENDING,
    SECRET_ARN,
    World,
    make_target,
)


def event(**state: Any) -> dict[str, Any]:
    cause = json.dumps({"errorMessage": "It does not log in.", "errorType": "x", "stackTrace": []})
    found = {
        "ExecutionArn": EXECUTION_ARN,
        "Input": {"SecretId": SECRET_ARN, "ClientRequestToken": PENDING},
        "Failure": {"Error": "PasswordRefusedError", "Cause": cause},
    }
    return {"ExecutionArn": EXECUTION_ARN, "State": found | state}


def after_modify() -> dict[str, Any]:
    return event(Target=make_target().to_state(), Generation={"Generated": True})


def lines_in(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_user_that_was_changed_back_is_waited_for_from_now_on(world: World) -> None:
    world.stage()
    world.modify()
    answer = world.call(roll_back.handler, after_modify())
    assert set(answer) == {"UserChanged", "Told", "Modification"}
    assert answer["UserChanged"] is True
    assert world.users.passwords == [CURRENT_PASSWORD]
    begun = Modification.from_state(answer["Modification"])
    assert (begun.status, begun.seconds) == ("modifying", 0)
    assert timedelta(0) <= datetime.now(UTC) - begun.started_at < timedelta(seconds=10)


def test_a_failure_before_any_change_says_so(world: World) -> None:
    world.stage(None)
    answer = world.call(roll_back.handler, event())
    assert (answer["UserChanged"], answer["Told"]) == (False, "Nothing had been changed.")


def test_a_user_that_is_still_modifying_is_tried_again(world: World) -> None:
    world.stage()
    world.modify()
    world.users.change(status="modifying")
    with pytest.raises(UserBusyError):
        world.call(roll_back.handler, after_modify())


def test_no_metric_counts_a_failed_rotation(world: World, output: Callable[[], str]) -> None:
    # Step Functions has one; ours would miss the executions that no Catch sees.
    world.stage()
    world.modify()
    world.call(roll_back.handler, after_modify())
    assert not [line for line in lines_in(output()) if "_aws" in line]


def test_its_log_carries_the_token_and_what_was_put_back(
    world: World, output: Callable[[], str]
) -> None:
    world.stage()
    world.modify()
    answer = world.call(roll_back.handler, after_modify())
    lines = lines_in(output())
    assert {line["token"] for line in lines} == {PENDING}
    (line,) = [each for each in lines if each["message"] == "rolled back"]
    assert (line["user_changed"], line["told"]) == (True, answer["Told"])
