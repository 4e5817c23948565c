"""Modify User."""

from datetime import UTC, datetime
from typing import Any

import pytest

import modify_user
from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING
from rotation.errors import (
    CurrentPasswordUnknownError,
    RotationSupersededError,
    UserBusyError,
    VersionNotReadableError,
)
from rotation.records.modification import Modification
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    SECRET_ARN,
    USER_ID,
    World,
    make_target,
    secret_text,
)


def event(**target: Any) -> dict[str, Any]:
    return {"Target": make_target(**target).to_state()}


def checks(*proven: str) -> dict[str, Any]:
    """What Check Network has found, on each node."""
    return {"Checks": [{"CurrentLogsIn": True, "ProvenVersion": each} for each in proven]}


def test_the_new_password_comes_beside_the_current_one(world: World) -> None:
    world.stage()
    world.call(modify_user.handler, event())
    assert world.users.passwords == [PENDING_PASSWORD, CURRENT_PASSWORD]
    assert world.current_password_logs_in()


def test_the_answer_is_a_modification_that_has_just_begun(world: World) -> None:
    world.stage()
    before = datetime.now(UTC)
    begun = Modification.from_state(world.call(modify_user.handler, event()))
    assert (begun.status, begun.seconds) == ("modifying", 0)
    assert before <= begun.started_at <= datetime.now(UTC)


def test_a_user_that_is_on_keeps_its_access_string(world: World) -> None:
    world.stage()
    world.call(modify_user.handler, event())
    ((_, _, access_string),) = world.users.faults.called("set_passwords")
    assert access_string is None


@pytest.mark.parametrize(
    "proven,kept",
    [
        ([OTHER, OTHER], [OTHER_PASSWORD]),
        ([], []),  # no cache uses it: nobody is logged in
    ],
)
def test_after_a_first_rotation_that_was_cut_off_the_password_that_logs_in_stays(
    world: World, proven: list[str], kept: list[str]
) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    world.stage()
    target = event(first_password_candidates=[OTHER])
    world.call(modify_user.handler, target | checks(*proven))
    assert world.users.passwords == [PENDING_PASSWORD, *kept]


def test_nodes_with_different_passwords_are_left_as_they_are(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    world.stage()
    with pytest.raises(CurrentPasswordUnknownError):
        world.call(modify_user.handler, event() | checks(OTHER, PREVIOUS))
    assert world.users.faults.called("set_passwords") == []


def test_an_inactive_user_gets_its_first_password_and_is_turned_on(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    world.users.passwords = []
    world.users.change(
        access_string="off ~app:* +@read", authentication="no-password", password_count=0
    )
    world.stage()
    world.call(modify_user.handler, event(turn_on=True))
    assert world.users.found
    assert world.users.found.access_string == "on ~app:* +@read"
    assert world.users.passwords == [PENDING_PASSWORD]


def test_a_second_call_changes_nothing_more(world: World) -> None:
    world.stage()
    world.call(modify_user.handler, event())
    before = world.users.snapshot()
    world.call(modify_user.handler, event())
    assert world.users.snapshot() == before


@pytest.mark.parametrize("label", [AWSCURRENT, AWSPENDING])
def test_a_secret_that_changed_meanwhile_leaves_the_user_alone(world: World, label: str) -> None:
    world.stage()
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), label)
    before = world.users.snapshot()
    with pytest.raises(RotationSupersededError, match=label):
        world.call(modify_user.handler, event())
    assert world.users.snapshot() == before


def test_awscurrent_may_have_moved_to_a_version_of_the_same_text(world: World) -> None:
    world.stage()
    world.secrets.add(OTHER, world.secrets.texts[CURRENT], AWSCURRENT)
    world.call(modify_user.handler, event())
    assert world.users.passwords == [PENDING_PASSWORD, CURRENT_PASSWORD]
    assert world.secrets.faults.called("read")[-1] == (SECRET_ARN, OTHER)


def test_an_unknown_password_is_replaced_and_awscurrent_logs_in_from_then_on(
    world: World,
) -> None:
    world.stage()
    world.users.passwords = [OTHER_PASSWORD]
    world.call(modify_user.handler, event(replace_unknown_password=True))
    assert world.users.passwords == [PENDING_PASSWORD, CURRENT_PASSWORD]


def test_a_user_that_somebody_else_modifies_is_busy(world: World) -> None:
    world.stage()
    world.users.change(status="modifying")
    with pytest.raises(UserBusyError):
        world.call(modify_user.handler, event())


@pytest.mark.parametrize("version", [PENDING, CURRENT])
def test_a_password_that_cannot_be_read_yet_leaves_the_user_alone(
    world: World, version: str
) -> None:
    world.stage()
    world.secrets.texts[version] = None
    with pytest.raises(VersionNotReadableError):
        world.call(modify_user.handler, event())
    assert world.users.faults.called("set_passwords") == []


def test_versions_are_read_by_id(world: World) -> None:
    world.stage()
    world.call(modify_user.handler, event())
    assert world.secrets.faults.called("read") == [(SECRET_ARN, PENDING), (SECRET_ARN, CURRENT)]
    assert world.users.faults.called("set_passwords")[0][0] == USER_ID


@pytest.mark.parametrize("current", [CURRENT_PASSWORD, None])
def test_a_version_without_a_password_is_never_set(world: World, current: str | None) -> None:
    world.secrets.texts[CURRENT] = secret_text(current)
    world.stage(secret_text(None))
    before = world.users.snapshot()
    with pytest.raises(Exception, match=PENDING):
        world.call(modify_user.handler, event())
    assert world.users.snapshot() == before
