"""Roll Back, the handler; its rules are in test_restoration.py."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import roll_back
from rotation.errors import UserBusyError
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


def metrics_in(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if "_aws" in line]


def test_the_original_error_stays_and_its_cause_tells_what_was_put_back(world: World) -> None:
    world.stage()
    world.modify()
    answer = world.call(roll_back.handler, after_modify())
    assert answer["Error"] == "PasswordRefusedError"
    assert answer["Cause"].startswith("It does not log in. The passwords of user")
    assert world.users.passwords == [CURRENT_PASSWORD]


def test_a_failure_before_any_change_says_so(world: World) -> None:
    world.stage(None)
    answer = world.call(roll_back.handler, event())
    assert "Nothing had been changed." in answer["Cause"]


def test_a_failed_rotation_is_counted_once(world: World, output: Callable[[], str]) -> None:
    world.stage()
    world.modify()
    world.call(roll_back.handler, after_modify())
    (line,) = metrics_in(output())
    assert line["RotationsFailed"] == [1.0]


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_roll_back_that_has_to_be_tried_again_is_not_counted_yet(
    world: World, output: Callable[[], str]
) -> None:
    world.stage()
    world.modify()
    world.users.change(status="modifying")
    with pytest.raises(UserBusyError):
        world.call(roll_back.handler, after_modify())
    assert metrics_in(output()) == []


def test_its_log_carries_the_token(world: World, output: Callable[[], str]) -> None:
    world.stage()
    world.modify()
    world.call(roll_back.handler, after_modify())
    (line,) = [json.loads(each) for each in output().splitlines() if '"done"' in each]
    assert line["token"] == PENDING
