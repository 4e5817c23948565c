"""The rotation Lambda, the handler; its rules are in test_steps.py."""

import pytest

from rotate_secret import handler
from rotation import errors
from rotation.adapters.secrets_manager import AWSCURRENT
from rotation.records.password import PasswordRules
from tests.unit.conftest import Lines
from tests.unit.events import step
from tests.unit.fakes import World
from tests.unit.leaks import assert_no_leak
from tests.unit.values import FUNCTION_ARN, NEW_PASSWORD, PENDING, ROTATION_TOKEN, SECRET_ARN


@pytest.fixture
def started(world: World) -> World:
    """Secrets Manager has attached AWSPENDING to a version without a value."""
    world.stage(None)
    return world


def test_create_secret_makes_the_version_and_starts_the_execution(
    started: World, log_lines: Lines
) -> None:
    assert started.call(handler, step("createSecret")) == {}
    assert NEW_PASSWORD in str(started.secrets.texts[PENDING])
    assert started.secrets.faults.called("random_password") == [(PasswordRules.from_env(),)]
    assert [name for name, _ in started.machine.faults.called("start")] == [f"{PENDING}-1"]
    (line,) = [line for line in log_lines() if line["message"] == "createSecret"]
    assert line["execution"] == started.machine.arn(f"{PENDING}-1")


def test_a_promoted_version_leaves_nothing_to_do(staged: World) -> None:
    staged.secrets.add(PENDING, None, AWSCURRENT)
    assert staged.call(handler, step("finishSecret")) == {}


def test_the_remaining_time_is_lambdas(started: World) -> None:
    started.context.remaining = 60
    started.call(handler, step("createSecret"))
    with pytest.raises(errors.RotationInProgressError):
        started.call(handler, step("finishSecret"))
    assert 30 <= sum(started.context.slept) <= 60


def test_a_secret_in_another_account_than_the_function_is_refused(started: World) -> None:
    started.context.invoked_function_arn = FUNCTION_ARN.replace("123456789012", "210987654321")
    with pytest.raises(errors.CrossAccountRotationError, match=f"{SECRET_ARN} .* 210987654321"):
        started.call(handler, step("createSecret"))
    assert started.secrets.faults.calls == started.machine.faults.calls == []


@pytest.mark.parametrize("denied", [False, True])
def test_a_rotation_token_goes_to_put_secret_value_and_nowhere_else(
    started: World, log_lines: Lines, denied: bool
) -> None:
    if denied:
        started.secrets.faults.raise_at("put_pending", errors.AccessDeniedError("Denied."))
        with pytest.raises(errors.AccessDeniedError) as caught:
            started.call(handler, step("createSecret"))
        assert_no_leak([ROTATION_TOKEN], error=caught.value)
    else:
        started.call(handler, step("createSecret"))
    calls = [*started.secrets.faults.calls, *started.machine.faults.calls]
    assert "start" in [name for name, _ in calls]
    assert [name for name, arguments in calls if ROTATION_TOKEN in repr(arguments)] == [
        "put_pending"
    ]
    assert_no_leak([ROTATION_TOKEN], output=str(log_lines()))


@pytest.mark.usefixtures("pinned")
def test_a_pinned_stack_refuses_another_secret(world: World) -> None:
    with pytest.raises(errors.SecretNotAllowedError):
        world.call(handler, step("createSecret", SecretId=f"{SECRET_ARN}x"))
