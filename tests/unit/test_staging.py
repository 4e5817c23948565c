"""Giving a version its password, and AWSPENDING, which is the lock of a secret."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from rotation.errors import (
    RotationSupersededError,
    SecretFormatError,
    ServiceUnavailableError,
    ThrottlingError,
    VersionNotReadableError,
)
from rotation.password import PasswordRules
from rotation.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS
from rotation.staging import remove_label, stage_password
from rotation.target import Target
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    NEW_PASSWORD,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    SECRET_ARN,
    World,
    make_target,
    secret_text,
)
from tests.unit.leaks import assert_no_leak

RULES = PasswordRules(32, "")
#: Started by hand, when AWSPENDING was on no version.
BY_HAND = make_target(pending_version_id="")
#: Started by hand, when AWSPENDING was on the version of a run that is no more.
TAKING_OVER = make_target(pending_version_id=OTHER)


def stage(world: World, target: Target | None = None) -> bool:
    return stage_password(target or make_target(), world.secrets, RULES)


def fields_of(world: World, version: str = PENDING) -> dict[str, Any]:
    text = world.secrets.texts[version]
    assert isinstance(text, str)
    found: dict[str, Any] = json.loads(text)
    return found


def labels(world: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = world.secrets.snapshot()["labels"]
    return found


STAGED = {PREVIOUS: [AWSPREVIOUS], CURRENT: [AWSCURRENT], PENDING: [AWSPENDING]}


def test_a_version_that_secrets_manager_has_staged_gets_a_value(world: World) -> None:
    world.stage(None)
    assert stage(world) is True
    assert fields_of(world)["password"] == NEW_PASSWORD
    assert labels(world) == STAGED
    assert world.secrets.faults.called("random_password") == [(RULES,)]


def test_a_run_by_hand_makes_its_version_and_leaves_no_label_but_awspending(world: World) -> None:
    assert stage(world, BY_HAND) is True
    assert fields_of(world)["password"] == NEW_PASSWORD
    assert labels(world) == STAGED


def test_awspending_that_is_left_on_awscurrent_is_free(world: World) -> None:
    world.secrets.labels[CURRENT].add(AWSPENDING)
    assert stage(world, make_target(pending_version_id=CURRENT)) is True
    assert labels(world) == STAGED
    assert fields_of(world)["password"] == NEW_PASSWORD


def test_the_other_keys_are_those_of_awscurrent(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(CURRENT_PASSWORD, host="\u00fc", port=6379)
    stage(world, BY_HAND)
    assert fields_of(world) == fields_of(world, CURRENT) | {"password": NEW_PASSWORD}


def test_a_password_that_is_there_is_kept(world: World) -> None:
    world.stage()
    before = world.secrets.snapshot()
    assert stage(world) is False
    assert world.secrets.snapshot() == before
    assert world.secrets.faults.called("random_password") == []


@pytest.mark.parametrize("pending", ["", CURRENT])
def test_a_kept_password_gets_its_label_back(world: World, pending: str) -> None:
    # A failed attempt's roll back has taken it off.
    world.secrets.add(PENDING, secret_text(PENDING_PASSWORD))
    if pending:
        world.secrets.labels[pending].add(AWSPENDING)
    assert stage(world, make_target(pending_version_id=pending)) is False
    assert fields_of(world)["password"] == PENDING_PASSWORD
    assert labels(world) == STAGED


def test_the_password_of_a_run_that_is_no_more_is_taken_over(world: World) -> None:
    # It may be on the user, and clients may have read it nowhere.
    world.secrets.texts[CURRENT] = secret_text(CURRENT_PASSWORD, note="of now")
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD, note="of then"), AWSPENDING)
    assert stage(world, TAKING_OVER) is False
    assert fields_of(world) == fields_of(world, CURRENT) | {"password": OTHER_PASSWORD}
    assert labels(world) == STAGED
    assert world.secrets.faults.called("random_password") == []


@pytest.mark.parametrize(
    "text", [None, b"binary", "no JSON", secret_text(None), secret_text("short")]
)
def test_a_run_that_is_no_more_and_left_no_password_leaves_room_for_a_new_one(
    world: World, text: str | bytes | None
) -> None:
    world.secrets.add(OTHER, text, AWSPENDING)
    assert stage(world, TAKING_OVER) is True
    assert fields_of(world)["password"] == NEW_PASSWORD
    assert labels(world) == STAGED


@pytest.mark.parametrize("password", [None, "short", "with,comma~with,comma"])
def test_a_kept_password_that_elasticache_does_not_take_is_refused_untold(
    world: World, password: str | None
) -> None:
    world.stage(secret_text(password))
    with pytest.raises(SecretFormatError, match=PENDING) as caught:
        stage(world)
    assert_no_leak([password] if password else [], error=caught.value)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("target", [make_target(), BY_HAND])
def test_another_run_that_staged_its_version_meanwhile_keeps_awspending(
    world: World, kept: bool, target: Target
) -> None:
    if kept:
        world.secrets.add(PENDING, secret_text(PENDING_PASSWORD))
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    before = world.secrets.snapshot()
    with pytest.raises(RotationSupersededError, match=OTHER):
        stage(world, target)
    assert world.secrets.snapshot() == before


def test_awspending_that_was_taken_off_meanwhile_ends_the_run(world: World) -> None:
    with pytest.raises(RotationSupersededError, match="none"):
        stage(world, TAKING_OVER)
    assert PENDING not in world.secrets.texts


def meanwhile(world: World, method: str, act: Callable[[], object]) -> None:
    """Does it just before the method's next call has its effect."""
    real = getattr(world.secrets, method)

    def first(*args: Any, **kwargs: Any) -> Any:
        setattr(world.secrets, method, real)
        act()
        return real(*args, **kwargs)

    setattr(world.secrets, method, first)


@pytest.mark.parametrize("method", ["put", "move_label"])
@pytest.mark.parametrize("target", [BY_HAND, TAKING_OVER])
def test_of_two_runs_that_find_awspending_free_one_gets_it(
    world: World, target: Target, method: str
) -> None:
    theirs = "55555555-5555-4555-8555-555555555555"
    if target.pending_version_id:
        world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    meanwhile(
        world,
        method,
        lambda: world.secrets.add(theirs, secret_text(OTHER_PASSWORD), AWSPENDING),
    )
    with pytest.raises(RotationSupersededError):
        stage(world, target)
    assert labels(world) == {
        PREVIOUS: [AWSPREVIOUS],
        CURRENT: [AWSCURRENT],
        theirs: [AWSPENDING],
    }


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("method", ["describe", "read", "put", "move_label", "random_password"])
@pytest.mark.parametrize("pending", ["", PENDING, OTHER])
def test_a_call_that_failed_is_made_good_by_the_next_one(
    world: World, pending: str, method: str, after: bool
) -> None:
    if pending == PENDING:
        world.stage(None)
    elif pending:
        world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    target = make_target(pending_version_id=pending)
    world.secrets.faults.raise_at(method, ThrottlingError("too many"), after=after)
    try:
        stage(world, target)
    except ThrottlingError:
        world.secrets.generated = "Another~Passw0rd~Generated"
        stage(world, target)
    assert world.secrets.version_with(AWSPENDING) == PENDING
    assert fields_of(world)["password"] in (NEW_PASSWORD, OTHER_PASSWORD, world.secrets.generated)
    # One value for a version, whatever was lost on the way.
    before = fields_of(world)
    assert stage(world, target) is False
    assert fields_of(world) == before


def test_a_value_that_was_put_and_not_answered_is_kept(world: World) -> None:
    world.secrets.faults.raise_at("put", ServiceUnavailableError("lost"), after=True)
    with pytest.raises(ServiceUnavailableError):
        stage(world, BY_HAND)
    world.secrets.generated = OTHER_PASSWORD
    assert stage(world, BY_HAND) is False
    assert fields_of(world)["password"] == NEW_PASSWORD
    assert world.secrets.version_with(AWSPENDING) == PENDING


def test_a_value_that_could_not_be_read_a_moment_ago_is_not_replaced(world: World) -> None:
    world.stage()
    world.secrets.faults.raise_at("read", VersionNotReadableError("not yet"))
    assert stage(world) is False
    assert fields_of(world)["password"] == PENDING_PASSWORD
    assert labels(world) == STAGED


def test_a_version_has_a_label_from_its_first_moment_to_its_last(world: World) -> None:
    # Secrets Manager may delete a version without any (user guide, "Versions").
    stage(world, BY_HAND)
    ((_, version, label),) = world.secrets.faults.called("put")
    assert version == PENDING
    assert label not in ("", AWSPENDING, AWSCURRENT)
    moved = [(to, away) for _, _, to, away in world.secrets.faults.called("move_label")]
    assert moved == [(PENDING, None), (None, PENDING)]


def test_a_move_of_awspending_that_botocore_repeated_is_a_move(world: World) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    answer = RotationSupersededError("AWSPENDING is not where it was expected.")
    world.secrets.faults.raise_at("move_label", answer, after=True)
    assert stage(world, TAKING_OVER) is False
    assert world.secrets.version_with(AWSPENDING) == PENDING


def test_a_removal_that_botocore_repeated_is_a_removal(world: World) -> None:
    world.stage()
    answer = RotationSupersededError("AWSPENDING is not where it was expected.")
    world.secrets.faults.raise_at("move_label", answer, after=True)
    remove_label(world.secrets, SECRET_ARN, AWSPENDING, PENDING)
    assert world.secrets.version_with(AWSPENDING) is None


def test_a_label_that_stays_is_not_taken_for_removed(world: World) -> None:
    world.stage()
    answer = RotationSupersededError("AWSPENDING is not where it was expected.")
    world.secrets.faults.raise_at("move_label", answer)
    with pytest.raises(RotationSupersededError):
        remove_label(world.secrets, SECRET_ARN, AWSPENDING, PENDING)
    assert world.secrets.version_with(AWSPENDING) == PENDING


def test_a_label_that_another_run_has_got_meanwhile_is_gone(world: World) -> None:
    world.stage()
    text = secret_text(OTHER_PASSWORD)
    meanwhile(world, "move_label", lambda: world.secrets.add(OTHER, text, AWSPENDING))
    remove_label(world.secrets, SECRET_ARN, AWSPENDING, PENDING)
    assert world.secrets.version_with(AWSPENDING) == OTHER


def test_a_label_is_removed_where_it_is_and_only_there(world: World) -> None:
    world.stage()
    before = world.secrets.snapshot()
    remove_label(world.secrets, SECRET_ARN, AWSPENDING, OTHER)
    remove_label(world.secrets, SECRET_ARN, AWSPENDING, CURRENT)
    assert world.secrets.snapshot() == before
    assert not world.secrets.faults.called("move_label")
    remove_label(world.secrets, SECRET_ARN, AWSPENDING, PENDING)
    assert world.secrets.version_with(AWSPENDING) is None
    remove_label(world.secrets, SECRET_ARN, AWSPENDING, PENDING)


@pytest.mark.parametrize("version", [PENDING, OTHER, PREVIOUS])
def test_a_temporary_label_that_a_run_has_left_is_taken_off(world: World, version: str) -> None:
    # It was cut off between giving the version its value and moving AWSPENDING, or after that.
    world.stage()
    world.secrets.labels.setdefault(version, set()).add(f"ROTATING-{version}")
    stage(world)
    assert labels(world) == STAGED
