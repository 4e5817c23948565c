"""The rotation Lambda, the handler; its rules are in test_steps.py."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import rotate_secret
from rotation.errors import (
    CrossAccountRotationError,
    InvalidInputError,
    RotationInProgressError,
    SecretNotAllowedError,
)
from rotation.secrets_manager import AWSCURRENT
from tests.unit.fakes import PENDING, SECRET_ARN, USERNAME, World


def event(step: str, **more: Any) -> dict[str, Any]:
    return {"Step": step, "SecretId": SECRET_ARN, "ClientRequestToken": PENDING, **more}


def test_create_secret_starts_the_execution_and_logs_it(
    world: World, output: Callable[[], str]
) -> None:
    world.stage(None)
    assert world.call(rotate_secret.handler, event("createSecret")) == {}
    assert [call[0] for call in world.machine.faults.called("start")] == [f"{PENDING}-1"]
    lines = [json.loads(each) for each in output().splitlines()]
    (line,) = [each for each in lines if each["message"] == "createSecret"]
    assert line["execution"].endswith(f":{PENDING}-1")


def test_of_a_promoted_version_there_is_nothing_to_do(world: World) -> None:
    world.stage()
    world.secrets.add(PENDING, None, AWSCURRENT)
    assert world.call(rotate_secret.handler, event("finishSecret")) == {}


def test_the_remaining_time_is_lambdas(world: World) -> None:
    world.stage(None)
    world.context.remaining = 60
    world.call(rotate_secret.handler, event("createSecret"))
    with pytest.raises(RotationInProgressError):
        world.call(rotate_secret.handler, event("finishSecret"))
    assert 30 <= sum(world.context.slept) <= 60


def test_an_event_of_anybody_else_is_refused(world: World) -> None:
    with pytest.raises(InvalidInputError):
        world.call(rotate_secret.handler, {})
    with pytest.raises(CrossAccountRotationError):
        world.call(rotate_secret.handler, event("createSecret", RotationToken="sensitive"))
    assert world.machine.faults.calls == []


def test_a_rotation_token_is_neither_logged_nor_told(
    world: World, output: Callable[[], str]
) -> None:
    with pytest.raises(CrossAccountRotationError) as caught:
        world.call(rotate_secret.handler, event("createSecret", RotationToken="sensitive-token"))
    assert "sensitive-token" not in output() + str(caught.value)


def test_the_pin_of_the_environment_is_honoured(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_ARN", SECRET_ARN + "x")
    monkeypatch.setenv("USER_NAME", USERNAME)
    with pytest.raises(SecretNotAllowedError):
        world.call(rotate_secret.handler, event("createSecret"))
