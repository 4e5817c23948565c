"""The rotation Lambda, the handler; its rules are in test_steps.py."""

import json
import string
from collections.abc import Callable
from typing import Any

import pytest

import rotate_secret
from rotation.adapters.secrets_manager import AWSCURRENT
from rotation.errors import (
    AccessDeniedError,
    CrossAccountRotationError,
    InvalidInputError,
    RotationInProgressError,
    SecretNotAllowedError,
)
from rotation.records.password import PasswordRules
from tests.unit.fakes import (
    FUNCTION_ARN,
    NEW_PASSWORD,
    PENDING,
    ROTATION_TOKEN,
    SECRET_ARN,
    USER_ARN,
    USERNAME,
    World,
)
from tests.unit.leaks import assert_no_leak


def event(step: str, **more: Any) -> dict[str, Any]:
    """As Secrets Manager sends it (user guide, "Rotation by Lambda function")."""
    return {
        "Step": step,
        "SecretId": SECRET_ARN,
        "ClientRequestToken": PENDING,
        "RotationToken": ROTATION_TOKEN,
        **more,
    }


def test_create_secret_makes_the_version_starts_the_execution_and_logs_it(
    world: World, output: Callable[[], str]
) -> None:
    world.stage(None)
    assert world.call(rotate_secret.handler, event("createSecret")) == {}
    assert NEW_PASSWORD in str(world.secrets.texts[PENDING])
    assert [call[0] for call in world.machine.faults.called("start")] == [f"{PENDING}-1"]
    lines = [json.loads(each) for each in output().splitlines()]
    (line,) = [each for each in lines if each["message"] == "createSecret"]
    assert line["execution"].endswith(f":{PENDING}-1")


def test_length_and_characters_are_those_of_the_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.stage(None)
    monkeypatch.setenv("PASSWORD_LENGTH", "64")
    monkeypatch.setenv("PASSWORD_CHARACTERS", "Alphanumeric")
    monkeypatch.setenv("PASSWORD_EXCLUDE_CHARACTERS", string.ascii_lowercase)
    world.call(rotate_secret.handler, event("createSecret"))
    assert world.secrets.faults.called("random_password") == [
        (PasswordRules(64, string.ascii_uppercase + string.digits),)
    ]


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
    assert world.secrets.faults.calls == world.machine.faults.calls == []


def test_a_secret_in_another_account_than_the_function_is_refused(world: World) -> None:
    world.stage(None)
    world.context.invoked_function_arn = FUNCTION_ARN.replace("123456789012", "210987654321")
    with pytest.raises(CrossAccountRotationError, match=f"{SECRET_ARN} .* 210987654321"):
        world.call(rotate_secret.handler, event("createSecret"))
    assert world.secrets.faults.calls == world.machine.faults.calls == []


@pytest.mark.parametrize("error", [None, AccessDeniedError("PutSecretValue was denied.")])
def test_a_rotation_token_goes_to_put_secret_value_and_is_neither_logged_nor_told(
    world: World, output: Callable[[], str], error: Exception | None
) -> None:
    world.stage(None)
    if error:
        world.secrets.faults.raise_at("put_pending", error)
    caught: Exception | None = None
    try:
        world.call(rotate_secret.handler, event("createSecret"))
    except AccessDeniedError as failure:
        caught = failure
    assert (caught is None) is (error is None)
    calls = [*world.secrets.faults.calls, *world.machine.faults.calls]
    assert [name for name, _ in calls].count("start") == 1
    assert [name for name, given in calls if ROTATION_TOKEN in repr(given)] == ["put_pending"]
    assert_no_leak([ROTATION_TOKEN], error=caught, output=output())


def test_what_is_no_rotation_token_is_refused_untold(
    world: World, output: Callable[[], str]
) -> None:
    token = f"{ROTATION_TOKEN}!"
    with pytest.raises(InvalidInputError, match="RotationToken") as caught:
        world.call(rotate_secret.handler, event("createSecret", RotationToken=token))
    assert_no_leak([ROTATION_TOKEN], error=caught.value, output=output())


def test_the_pin_of_the_environment_is_honoured(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_ARN", SECRET_ARN + "x")
    monkeypatch.setenv("USER_ARN", USER_ARN)
    monkeypatch.setenv("USER_NAME", USERNAME)
    with pytest.raises(SecretNotAllowedError):
        world.call(rotate_secret.handler, event("createSecret"))
