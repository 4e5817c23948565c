"""Check Target, the handler; its rules are in test_target_check.py."""

from typing import Any

import pytest

import check_target
from rotation.errors import InvalidInputError, SecretNotAllowedError, UnexpectedError
from tests.unit.fakes import (
    EXECUTION_ARN,
    PENDING,
    SECRET_ARN,
    USER_ARN,
    USERNAME,
    World,
    make_target,
)

ARN = EXECUTION_ARN.replace("run-1", f"{PENDING}-1")


def event(given: Any) -> dict[str, Any]:
    return {"ExecutionArn": ARN, "Input": given}


def test_the_answer_is_the_target_that_the_other_states_read(world: World) -> None:
    world.stage(None)
    given = {"SecretId": SECRET_ARN, "ClientRequestToken": PENDING, "Attempt": 1}
    assert world.call(check_target.handler, event(given)) == make_target().to_state()


def test_an_input_that_cannot_be_used_is_refused(world: World) -> None:
    with pytest.raises(InvalidInputError):
        world.call(check_target.handler, event({"Comment": "Insert your JSON here"}))


def test_the_pin_of_the_environment_is_honoured(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_ARN", SECRET_ARN + "x")
    monkeypatch.setenv("USER_ARN", USER_ARN)
    monkeypatch.setenv("USER_NAME", USERNAME)
    with pytest.raises(SecretNotAllowedError):
        world.call(check_target.handler, event({"SecretId": SECRET_ARN}))


def test_an_event_that_is_not_the_machines_is_a_bug(world: World) -> None:
    with pytest.raises(UnexpectedError, match="KeyError"):
        world.call(check_target.handler, {})
