"""Describe User."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import describe_user
from rotation.errors import ConfigurationError, UserModifyingTooLongError, UserNotFoundError
from rotation.records.modification import Modification, wait_after
from tests.unit.fakes import World, make_target


def event(ago: float = 0) -> dict[str, Any]:
    begun = Modification.begun(datetime.now(UTC) - timedelta(seconds=ago))
    return {"Target": make_target().to_state(), "Modification": begun.to_state()}


@pytest.mark.parametrize("status", ["active", "modifying", "deleting", "creating"])
def test_the_answer_tells_the_status_of_the_moment(world: World, status: str) -> None:
    world.users.change(status=status)
    assert world.call(describe_user.handler, event())["Status"] == status


def test_the_answer_tells_how_long_it_took_and_how_long_to_wait(world: World) -> None:
    world.users.change(status="modifying")
    answer = world.call(describe_user.handler, event(ago=100))
    assert answer["Seconds"] >= 100
    assert answer["WaitSeconds"] == wait_after(answer["Seconds"])


def test_the_bound_is_that_of_the_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.users.change(status="modifying")
    monkeypatch.setenv("MAX_MODIFYING_SECONDS", "3600")
    world.call(describe_user.handler, event(ago=10))
    with pytest.raises(UserModifyingTooLongError):
        world.call(describe_user.handler, event(ago=3600))


def test_a_user_that_has_gone_is_not_found(world: World) -> None:
    world.users.found = None
    with pytest.raises(UserNotFoundError):
        world.call(describe_user.handler, event())


@pytest.mark.parametrize("bound", [None, "", "soon"])
def test_a_bound_that_is_no_number_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch, bound: str | None
) -> None:
    monkeypatch.delenv("MAX_MODIFYING_SECONDS")
    if bound is not None:
        monkeypatch.setenv("MAX_MODIFYING_SECONDS", bound)
    with pytest.raises(ConfigurationError, match="MAX_MODIFYING_SECONDS"):
        world.call(describe_user.handler, event())
