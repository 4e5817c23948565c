"""Putting back what a failed run has changed."""

from typing import Any

import pytest

from rotation.errors import (
    AccessDeniedError,
    UserBusyError,
    UserNotFoundError,
    VersionNotReadableError,
)
from rotation.executions import execution_name
from rotation.restoration import NOTHING, Restoration, own_version, restore
from rotation.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS
from rotation.target import Target
from tests.unit.fakes import (
    ALL_PASSWORDS,
    CURRENT,
    CURRENT_PASSWORD,
    EXECUTION_ARN,
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
SEEN = {"PreviousLogsIn": [True, True]}


def state(target: Target | None = None, **more: Any) -> dict[str, Any]:
    """All that a run knew; Checks, Generation and Modification as far as it came."""
    found: dict[str, Any] = {
        "ExecutionArn": EXECUTION_ARN,
        "Input": INPUT,
        "Failure": {"Error": "E", "Cause": "c"},
    }
    return found | ({"Target": target.to_state()} if target else {}) | more


def after_modify(target: Target | None = None, **more: Any) -> dict[str, Any]:
    return state(target or make_target(), Generation={"Generated": True}, Modification={}, **more)


def put_back(world: World, found: dict[str, Any]) -> Restoration:
    before = world.secrets.snapshot()
    done = restore(found, world.secrets, world.users)
    assert_no_leak(ALL_PASSWORDS, answer=done)
    # The labels are Release Version's, once the user is proven to be back.
    assert world.secrets.snapshot() == before
    return done


def left_alone(world: World, found: dict[str, Any]) -> str:
    """Puts back, and holds that the user was not touched; what is told of it."""
    before = world.users.snapshot()
    done = put_back(world, found)
    assert world.users.snapshot() == before
    assert done.user_changed is False
    return done.told


@pytest.fixture
def modified(world: World) -> World:
    """A run came as far as Modify User."""
    world.stage()
    world.modify()
    return world


def test_after_modify_user_the_current_password_is_the_only_one_again(modified: World) -> None:
    done = put_back(modified, after_modify())
    assert modified.users.passwords == [CURRENT_PASSWORD]
    assert modified.current_password_logs_in()
    assert done.user_changed is True
    assert USER_ID in done.told


def test_the_access_string_of_a_user_that_was_on_is_left_alone(modified: World) -> None:
    put_back(modified, after_modify())
    assert modified.users.faults.called("set_passwords") == [(USER_ID, [CURRENT_PASSWORD], None)]


def test_a_second_password_that_was_seen_to_be_awspreviouss_is_set_again(modified: World) -> None:
    done = put_back(modified, after_modify(make_target(password_count=2), Checks=SEEN))
    assert modified.users.passwords == [CURRENT_PASSWORD, PREVIOUS_PASSWORD]
    assert done.user_changed is True


def test_awsprevious_is_that_of_the_check_even_if_its_label_has_moved(modified: World) -> None:
    modified.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPREVIOUS)
    put_back(modified, after_modify(make_target(password_count=2), Checks=SEEN))
    assert modified.users.passwords == [CURRENT_PASSWORD, PREVIOUS_PASSWORD]


def test_awsprevious_is_not_set_on_a_user_that_had_one_password(modified: World) -> None:
    put_back(modified, after_modify(make_target(password_count=1), Checks=SEEN))
    assert modified.users.passwords == [CURRENT_PASSWORD]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"Checks": {}},
        {"Checks": {"PreviousLogsIn": []}},
        {"Checks": {"PreviousLogsIn": [False]}},
        {"Checks": {"PreviousLogsIn": [True, False, True]}},
    ],
)
def test_a_second_password_that_nobody_knows_leaves_more_passwords_rather_than_fewer(
    modified: World, more: dict[str, Any]
) -> None:
    told = left_alone(modified, after_modify(make_target(password_count=2), **more))
    assert modified.users.passwords == [PENDING_PASSWORD, CURRENT_PASSWORD]
    assert "known to nobody" in told


@pytest.mark.parametrize("text", [None, secret_text(None)])
def test_a_second_password_that_cannot_be_read_any_more_is_known_to_nobody(
    modified: World, text: str | None
) -> None:
    modified.secrets.texts[PREVIOUS] = text
    told = left_alone(modified, after_modify(make_target(password_count=2), Checks=SEEN))
    assert "known to nobody" in told


def test_an_inactive_user_is_off_and_without_a_password_again(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    world.users.passwords = [PENDING_PASSWORD]
    world.stage()
    target = make_target(
        access_string=OFF, authentication="no-password", password_count=0, turn_on=True
    )
    done = put_back(world, after_modify(target))
    # One call: in between, anybody could log in.
    assert world.users.faults.called("remove_passwords") == [(USER_ID, OFF)]
    assert world.users.passwords == []
    assert world.users.found
    assert world.users.found.access_string == OFF
    assert done.user_changed is True
    assert "without a password" in done.told


def test_a_user_that_was_on_without_a_password_keeps_its_access_string(modified: World) -> None:
    target = make_target(authentication="no-password", password_count=0)
    put_back(modified, after_modify(target))
    assert modified.users.faults.called("remove_passwords") == [(USER_ID, None)]


def test_an_inactive_user_with_a_throw_away_password_is_off_again(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    world.stage()
    world.users.passwords = [PENDING_PASSWORD]
    done = put_back(world, after_modify(make_target(access_string=OFF, turn_on=True)))
    assert world.users.found
    assert not world.users.found.enabled
    assert world.users.found.authentication == "password"
    assert done.user_changed is True
    assert "off again" in done.told


def test_a_first_rotation_that_was_gone_on_with_and_failed_keeps_what_logs_in(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    world.stage()
    world.users.passwords = [PENDING_PASSWORD, OTHER_PASSWORD]
    done = put_back(world, after_modify(make_target(first_password_candidates=[OTHER])))
    assert done.user_changed is False
    assert "keeps its password from before" in done.told
    assert world.users.passwords == [PENDING_PASSWORD, OTHER_PASSWORD]


def test_a_first_rotation_that_failed_turns_the_user_off_again(
    world: World,
) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    world.stage()
    world.users.passwords = [PENDING_PASSWORD]
    done = put_back(world, after_modify(make_target(access_string="on ~* +@all", turn_on=False)))
    assert world.users.found
    assert world.users.found.access_string == OFF
    assert done.user_changed is True
    assert "off again" in done.told


@pytest.mark.parametrize(
    "found",
    [
        state(),
        state(make_target()),
        state(make_target(), Checks=SEEN, Network={"Count": 2}),
        state(make_target(dry_run=True)),
        after_modify(make_target(dry_run=True)),
    ],
    ids=["no target", "target", "checked", "dry run", "dry run, generated"],
)
def test_before_generate_password_and_in_a_dry_run_nothing_had_been_changed(
    world: World, found: dict[str, Any]
) -> None:
    world.stage()
    assert left_alone(world, found) == NOTHING
    assert world.users.faults.calls == []
    assert world.secrets.faults.calls == []


def test_a_promoted_version_is_never_touched(modified: World) -> None:
    modified.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)
    assert "promoted" in left_alone(modified, after_modify())


def test_a_user_on_whom_another_run_has_begun_is_left_to_it(modified: World) -> None:
    modified.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    modified.users.passwords = [OTHER_PASSWORD, CURRENT_PASSWORD]
    assert OTHER in left_alone(modified, after_modify())


def test_with_awspending_on_no_version_the_user_is_still_put_back(modified: World) -> None:
    # RotateSecret's caller, or a person, may take the label off; the user has two passwords yet.
    modified.secrets.labels[PENDING].discard(AWSPENDING)
    assert put_back(modified, after_modify()).user_changed is True
    assert modified.users.passwords == [CURRENT_PASSWORD]


@pytest.mark.parametrize("password_count", [1, 2])
@pytest.mark.parametrize("pending", [True, False])
def test_a_moved_awscurrent_leaves_the_user_alone_and_still_logs_in(
    world: World, password_count: int, pending: bool
) -> None:
    # Another run (or a person) has promoted OTHER while this one was on its way; this one failed
    # by RotationSupersededError.
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    world.secrets.move_label(SECRET_ARN, AWSCURRENT, to=OTHER, away_from=CURRENT)
    world.stage()
    if not pending:
        world.secrets.labels[PENDING].discard(AWSPENDING)
    world.users.passwords = [OTHER_PASSWORD, CURRENT_PASSWORD]
    world.users.change(password_count=2)
    target = make_target(password_count=password_count)
    told = left_alone(world, after_modify(target, Checks=SEEN))
    assert OTHER in told
    assert USER_ID in told
    assert world.secrets.version_with(AWSCURRENT) == OTHER
    assert world.current_password_logs_in()


@pytest.mark.parametrize("password", [CURRENT_PASSWORD, None])
def test_a_moved_awscurrent_with_the_same_password_hinders_no_roll_back(
    modified: World, password: str | None
) -> None:
    # Somebody has changed another key of the secret meanwhile.
    target = make_target()
    if password is None:
        modified.secrets.texts[CURRENT] = secret_text(None)
        target = make_target(authentication="no-password", access_string=OFF, turn_on=True)
    modified.secrets.add(OTHER, secret_text(password, note="by hand"), AWSCURRENT)
    assert put_back(modified, after_modify(target)).user_changed is True
    assert modified.users.passwords == ([password] if password else [])


def test_a_moved_awscurrent_that_cannot_be_read_leaves_the_user_alone(modified: World) -> None:
    modified.secrets.add(OTHER, "not JSON", AWSCURRENT)
    assert OTHER in left_alone(modified, after_modify())


def test_a_user_that_is_modifying_is_tried_again(modified: World) -> None:
    modified.users.change(status="modifying")
    with pytest.raises(UserBusyError):
        restore(after_modify(), modified.secrets, modified.users)
    assert modified.secrets.version_with(AWSPENDING) == PENDING


@pytest.mark.parametrize("lost", [True, False])
def test_a_roll_back_that_is_tried_again_ends_the_same(modified: World, lost: bool) -> None:
    modified.users.faults.raise_at("set_passwords", ZeroDivisionError(), after=lost)
    with pytest.raises(ZeroDivisionError):
        restore(after_modify(), modified.secrets, modified.users)
    first = put_back(modified, after_modify())
    before = modified.users.snapshot()
    assert modified.users.passwords == [CURRENT_PASSWORD]
    assert put_back(modified, after_modify()) == first
    assert modified.users.snapshot() == before


@pytest.mark.parametrize("how", ["exists", "deleted"])
def test_a_secret_that_has_gone_is_told(modified: World, how: str) -> None:
    setattr(modified.secrets, how, how == "deleted")
    told = left_alone(modified, after_modify())
    assert "Nothing was put back" in told
    assert SECRET_ARN in told


def test_the_current_password_has_to_be_readable(modified: World) -> None:
    modified.secrets.faults.raise_at("read", VersionNotReadableError("not yet"))
    with pytest.raises(VersionNotReadableError):
        restore(after_modify(), modified.secrets, modified.users)
    assert modified.users.passwords == [PENDING_PASSWORD, CURRENT_PASSWORD]


@pytest.mark.parametrize("target", [make_target(), make_target(authentication="no-password")])
def test_a_user_that_cannot_be_put_back_is_told_and_does_not_fail_the_roll_back(
    modified: World, target: Target
) -> None:
    method = "set_passwords" if target.authentication == "password" else "remove_passwords"
    modified.users.faults.raise_at(method, AccessDeniedError("ModifyUser answered AccessDenied."))
    sentence = left_alone(modified, after_modify(target))
    assert "answered AccessDenied" in sentence
    assert "could not be put back" in sentence


@pytest.mark.parametrize(
    "more,told",
    [
        ({"Failure": {"Error": "AccessDeniedError"}}, "is as it was: the change was denied"),
        ({"Failure": {"Error": "ThrottlingError"}}, "could not be put back"),
        ({"Failure": {"Error": "AccessDeniedError"}, "Modification": {}}, "could not be put back"),
    ],
)
def test_a_change_that_was_denied_has_nothing_to_put_back(
    modified: World, more: dict[str, Any], told: str
) -> None:
    modified.users.faults.raise_at("set_passwords", AccessDeniedError("It is denied."))
    assert told in left_alone(modified, state(make_target(), Generation={}, **more))


def test_a_user_that_is_gone_for_a_moment_is_tried_again(modified: World) -> None:
    modified.users.faults.raise_at("set_passwords", UserNotFoundError("It knows no such user."))
    with pytest.raises(UserNotFoundError):
        restore(after_modify(), modified.secrets, modified.users)
    assert restore(after_modify(), modified.secrets, modified.users).user_changed
    assert modified.users.passwords == [CURRENT_PASSWORD]


def test_a_current_password_that_may_not_be_read_any_more_is_told(modified: World) -> None:
    modified.secrets.faults.raise_at("read", AccessDeniedError("no kms:Decrypt"))
    assert "no kms:Decrypt" in left_alone(modified, after_modify())


# Whose AWSPENDING it is.


def arn_of(name: str) -> str:
    return f"{EXECUTION_ARN.rsplit(':', 1)[0]}:{name}"


def test_the_version_of_a_checked_target_is_the_runs_own() -> None:
    assert own_version(state(make_target(version_id=OTHER))) == OTHER


def test_a_dry_run_has_no_version_of_its_own() -> None:
    assert own_version(state(make_target(dry_run=True))) is None
    found = state() | {
        "ExecutionArn": arn_of(f"{PENDING}-1"),
        "Input": INPUT | {"DryRun": True},
    }
    assert own_version(found) is None


@pytest.mark.parametrize("token", [PENDING, "odd: token/" + "x" * 30, "x" * 64])
@pytest.mark.parametrize("attempt", [1, 2, 12])
def test_without_a_target_the_execution_has_to_be_named_after_token_and_attempt(
    token: str, attempt: int
) -> None:
    found = state() | {
        "ExecutionArn": arn_of(execution_name(token, attempt)),
        "Input": INPUT | {"ClientRequestToken": token, "Attempt": attempt},
    }
    assert own_version(found) == token


@pytest.mark.parametrize(
    "name",
    ["run-1", PENDING, f"{PENDING}-", f"{PENDING}-1-1", f"x{PENDING}-1", f"{OTHER}-1", "-1"],
)
def test_without_a_target_an_execution_of_another_name_has_no_token(name: str) -> None:
    # Anybody who may start an execution could otherwise end a rotation that is none of theirs.
    assert own_version(state() | {"ExecutionArn": arn_of(name)}) is None


@pytest.mark.parametrize(
    "given",
    [None, [], {}, {"SecretId": SECRET_ARN}, INPUT | {"Unknown": 1}, INPUT | {"Attempt": 0.5}],
)
def test_without_a_target_an_input_that_cannot_be_used_has_no_token(given: Any) -> None:
    found = state() | {"ExecutionArn": arn_of(f"{PENDING}-1"), "Input": given}
    assert own_version(found) is None


def test_an_execution_named_like_the_attempt_of_no_token_has_none() -> None:
    found = state() | {"ExecutionArn": arn_of("-1"), "Input": {"SecretId": SECRET_ARN}}
    assert own_version(found) is None
