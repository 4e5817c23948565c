"""Putting back what a failed run has changed."""

from typing import Any

import pytest

from rotation.errors import UserBusyError, VersionNotReadableError
from rotation.restoration import NOTHING, restore
from rotation.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS
from rotation.target import Target
from tests.unit.fakes import (
    ALL_PASSWORDS,
    CURRENT,
    CURRENT_PASSWORD,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    PREVIOUS_PASSWORD,
    SECRET_ARN,
    USER_ID,
    World,
    make_target,
    secret_text,
)
from tests.unit.leaks import assert_no_leak

INPUT = {"SecretId": SECRET_ARN, "ClientRequestToken": PENDING, "Attempt": 1}
OFF = "off ~* +@all"


def state(target: Target | None = None, **more: Any) -> dict[str, Any]:
    """All that a run knew; Generation and Modification as far as it came."""
    found: dict[str, Any] = {"Input": INPUT, "Failure": {"Error": "E", "Cause": "c"}}
    return found | ({"Target": target.to_state()} if target else {}) | more


def after_modify(target: Target | None = None) -> dict[str, Any]:
    return state(target or make_target(), Generation={"Generated": True}, Modification={})


def put_back(world: World, found: dict[str, Any]) -> str:
    sentence = restore(found, world.secrets, world.users)
    assert_no_leak(ALL_PASSWORDS, answer=sentence)
    return sentence


def test_after_modify_user_the_current_password_is_the_only_one_again(world: World) -> None:
    world.stage()
    world.modify()
    sentence = put_back(world, after_modify())
    assert world.users.passwords == [CURRENT_PASSWORD]
    assert world.secrets.version_with(AWSPENDING) is None
    assert world.secrets.version_with(AWSCURRENT) == CURRENT
    assert world.current_password_logs_in()
    assert USER_ID in sentence
    assert CURRENT in sentence


def test_the_access_string_of_a_user_that_was_on_is_left_alone(world: World) -> None:
    world.stage()
    world.modify()
    put_back(world, after_modify())
    assert world.users.faults.called("set_passwords") == [(USER_ID, [CURRENT_PASSWORD], None)]


def test_a_second_password_was_that_of_awsprevious(world: World) -> None:
    world.stage()
    world.modify()
    put_back(world, after_modify(make_target(password_count=2)))
    assert world.users.passwords == [CURRENT_PASSWORD, PREVIOUS_PASSWORD]


@pytest.mark.parametrize("text", [None, "no JSON", b"binary", secret_text(None)])
def test_a_second_password_that_cannot_be_read_is_left_out(
    world: World, text: str | bytes | None
) -> None:
    world.secrets.texts[PREVIOUS] = text
    world.stage()
    world.modify()
    put_back(world, after_modify(make_target(password_count=2)))
    assert world.users.passwords == [CURRENT_PASSWORD]


def test_a_second_password_without_awsprevious_is_left_out(world: World) -> None:
    world.secrets.labels[PREVIOUS].clear()
    world.stage()
    world.modify()
    put_back(world, after_modify(make_target(password_count=2)))
    assert world.users.passwords == [CURRENT_PASSWORD]


def test_an_inactive_user_is_off_and_without_a_password_again(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    world.users.passwords = [PENDING_PASSWORD]
    world.stage()
    target = make_target(
        access_string=OFF, authentication="no-password", password_count=0, turn_on=True
    )
    sentence = put_back(world, after_modify(target))
    assert world.users.passwords == []
    assert world.users.found
    assert world.users.found.access_string == OFF
    assert "without a password" in sentence


def test_an_inactive_user_with_a_throw_away_password_is_off_again(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    world.stage()
    world.users.passwords = [PENDING_PASSWORD]
    sentence = put_back(world, after_modify(make_target(access_string=OFF, turn_on=True)))
    assert world.users.found
    assert not world.users.found.enabled
    assert world.users.found.authentication == "password"
    assert "off again" in sentence


def test_before_generate_password_only_awspending_is_taken_off(world: World) -> None:
    world.stage(None)
    before = world.users.snapshot()
    sentence = put_back(world, state(make_target()))
    assert NOTHING in sentence
    assert world.secrets.version_with(AWSPENDING) is None
    assert world.users.snapshot() == before


def test_a_run_that_was_refused_at_once_takes_its_awspending_off(world: World) -> None:
    world.stage(None)
    put_back(world, state())
    assert world.secrets.version_with(AWSPENDING) is None
    assert world.users.faults.calls == []


@pytest.mark.parametrize(
    "given",
    [
        {"SecretId": SECRET_ARN},
        {"SecretId": SECRET_ARN, "ClientRequestToken": PENDING, "DryRun": True},
        {"secret": "wrong"},
        None,
        [],
    ],
)
def test_a_run_that_staged_nothing_puts_nothing_back(world: World, given: Any) -> None:
    world.stage()
    before = world.secrets.snapshot(), world.users.snapshot()
    assert put_back(world, state() | {"Input": given}) == NOTHING
    assert (world.secrets.snapshot(), world.users.snapshot()) == before


def test_a_dry_run_that_failed_leaves_the_temporary_version_to_secrets_manager(
    world: World,
) -> None:
    world.stage(None)
    before = world.secrets.snapshot()
    found = state(make_target(dry_run=True)) | {"Input": INPUT | {"DryRun": True}}
    assert put_back(world, found) == NOTHING
    assert world.secrets.snapshot() == before


def test_a_promoted_version_is_never_touched(world: World) -> None:
    world.stage()
    world.modify()
    world.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)
    before = world.secrets.snapshot(), world.users.snapshot()
    sentence = put_back(world, after_modify())
    assert (world.secrets.snapshot(), world.users.snapshot()) == before
    assert "promoted" in sentence


@pytest.mark.parametrize("generated", [True, False])
def test_another_runs_work_is_not_undone(world: World, generated: bool) -> None:
    world.stage()
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    world.users.passwords = [OTHER_PASSWORD, CURRENT_PASSWORD]
    before = world.secrets.snapshot(), world.users.snapshot()
    sentence = put_back(world, after_modify() if generated else state(make_target()))
    assert (world.secrets.snapshot(), world.users.snapshot()) == before
    assert ("another run" in sentence) is generated


@pytest.mark.parametrize("password_count", [1, 2])
def test_a_new_awscurrent_that_another_run_made_still_logs_in(
    world: World, password_count: int
) -> None:
    # Another run (or a person) has promoted OTHER while this one was on its way; this one has
    # AWSPENDING, and failed by RotationSupersededError.
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    world.secrets.move_label(SECRET_ARN, AWSCURRENT, to=OTHER, away_from=CURRENT)
    world.stage()
    world.users.passwords = [OTHER_PASSWORD, CURRENT_PASSWORD]
    world.users.change(password_count=2)
    assert world.current_password_logs_in()
    put_back(world, after_modify(make_target(password_count=password_count)))
    assert world.secrets.version_with(AWSCURRENT) == OTHER
    assert world.current_password_logs_in()


def test_the_user_comes_before_the_label_so_that_the_next_rotation_finds_its_password(
    world: World,
) -> None:
    world.stage()
    world.modify()
    world.users.change(status="modifying")
    with pytest.raises(UserBusyError):
        restore(after_modify(), world.secrets, world.users)
    assert world.secrets.version_with(AWSPENDING) == PENDING


@pytest.mark.parametrize("lost", [True, False])
def test_a_roll_back_that_is_tried_again_ends_the_same(world: World, lost: bool) -> None:
    world.stage()
    world.modify()
    world.users.faults.raise_at("set_passwords", ZeroDivisionError(), after=lost)
    with pytest.raises(ZeroDivisionError):
        restore(after_modify(), world.secrets, world.users)
    put_back(world, after_modify())
    assert world.users.passwords == [CURRENT_PASSWORD]
    assert world.secrets.version_with(AWSPENDING) is None
    before = world.secrets.snapshot(), world.users.snapshot()
    put_back(world, after_modify())
    assert (world.secrets.snapshot(), world.users.snapshot()) == before


def test_a_secret_that_has_gone_is_told(world: World) -> None:
    world.stage()
    world.secrets.exists = False
    sentence = put_back(world, after_modify())
    assert "Nothing was put back" in sentence
    assert SECRET_ARN in sentence


def test_the_current_password_has_to_be_readable(world: World) -> None:
    world.stage()
    world.modify()
    world.secrets.faults.raise_at("read", VersionNotReadableError("not yet"))
    with pytest.raises(VersionNotReadableError):
        restore(after_modify(), world.secrets, world.users)
    assert world.users.passwords == [PENDING_PASSWORD, CURRENT_PASSWORD]


def test_a_user_that_is_gone_does_not_keep_the_secret_from_a_legal_state(world: World) -> None:
    world.stage()
    world.users.found = None
    put_back(world, after_modify())
    assert world.secrets.version_with(AWSPENDING) is None


def test_awsprevious_stays_where_it_is(world: World) -> None:
    world.stage()
    world.modify()
    put_back(world, after_modify())
    assert world.secrets.version_with(AWSPREVIOUS) == PREVIOUS
