"""Describe User, the handler; its rules are in test_modification.py."""

from datetime import UTC, datetime, timedelta

import pytest

from describe_user import handler
from rotation.errors import ConfigurationError, UserModifyingTooLongError
from rotation.records.modification import Modification, wait_after
from tests.unit.conftest import SetEnv
from tests.unit.events import on_target
from tests.unit.fakes import World
from tests.unit.values import Json


def event(ago: float) -> Json:
    begun = Modification.begun(datetime.now(UTC) - timedelta(seconds=ago))
    return on_target() | {"Modification": begun.to_state()}


@pytest.mark.parametrize("status", ["active", "modifying", "deleting", "creating"])
def test_the_answer_has_the_status_and_how_long_to_wait(world: World, status: str) -> None:
    world.users.change(status=status)
    answer = world.call(handler, event(ago=100))
    assert answer["Status"] == status
    assert answer["Seconds"] >= 100
    assert answer["WaitSeconds"] == wait_after(answer["Seconds"])


def test_the_longest_modification_is_that_of_the_environment(world: World, set_env: SetEnv) -> None:
    world.users.change(status="modifying")
    set_env("MAX_MODIFYING_SECONDS", "3600")
    world.call(handler, event(ago=1800))
    with pytest.raises(UserModifyingTooLongError):
        world.call(handler, event(ago=3600))


@pytest.mark.parametrize("seconds", ["", "soon"])
def test_a_setting_that_is_not_a_number_is_named(
    world: World, set_env: SetEnv, seconds: str
) -> None:
    set_env("MAX_MODIFYING_SECONDS", seconds)
    with pytest.raises(ConfigurationError, match="MAX_MODIFYING_SECONDS"):
        world.call(handler, event(ago=0))
