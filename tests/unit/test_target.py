"""The execution's input, checked against the secret and the user."""

import json
import re
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation.errors import (
    ConfigurationError,
    CurrentPasswordUnknownError,
    InvalidInputError,
    RotationError,
    RotationInProgressError,
    RotationSupersededError,
    SecretDeletedError,
    SecretFormatError,
    SecretNotAllowedError,
    SecretNotFoundError,
    UserBusyError,
    UserDisabledError,
    UserMismatchError,
    UserNotBoundError,
    UserNotFoundError,
    UserNotRotatableError,
    VersionNotFoundError,
)
from rotation.secrets_manager import AWSCURRENT, AWSPENDING, SecretDescription
from rotation.target import (
    ExecutionInput,
    Pin,
    Target,
    check_target,
    execution_name,
    is_held,
    require_unchanged,
    token_of,
)
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    EXECUTION_ARN,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    SECRET_ARN,
    SECRET_NAME,
    USER_ARN,
    USERNAME,
    World,
    make_target,
    secret_text,
)

PIN = Pin(SECRET_ARN, USERNAME)
OFF = "off ~* +@all"


def check(world: World, pin: Pin | None = None, **given_input: Any) -> Target:
    execution_input = ExecutionInput(**({"secret_id": SECRET_ARN} | given_input))
    return check_target(
        execution_input, EXECUTION_ARN, world.secrets, world.users, world.machine, pin
    )


@pytest.mark.parametrize(
    "data,expected",
    [
        ({"SecretId": "s"}, ExecutionInput("s")),
        ({"SecretId": "s", "DryRun": True}, ExecutionInput("s", dry_run=True)),
        (
            {"SecretId": "s", "ClientRequestToken": "t" * 32, "Attempt": 2},
            ExecutionInput("s", token="t" * 32, attempt=2),
        ),
    ],
)
def test_an_input_is_read(data: object, expected: ExecutionInput) -> None:
    assert ExecutionInput.parse(data) == expected


@pytest.mark.parametrize(
    "data,problem",
    [
        (None, "not a JSON object"),
        ([], "not a JSON object"),
        ("secret", "not a JSON object"),
        ({}, 'no "SecretId"'),
        ({"Comment": "Insert your JSON here"}, '"Comment" that is not known'),
        ({"secretId": "s"}, '"secretId" that is not known'),
        ({"SecretId": "s", "Password": "x"}, '"Password" that is not known'),
        ({"SecretId": ""}, '"SecretId" of the wrong type'),
        ({"SecretId": 1}, '"SecretId" of the wrong type'),
        ({"SecretId": "s\ud800"}, '"SecretId" with characters that do not print'),
        ({"SecretId": "s", "DryRun": "false"}, '"DryRun" of the wrong type'),
        ({"SecretId": "s", "DryRun": 0}, '"DryRun" of the wrong type'),
        ({"SecretId": "s", "DryRun": None}, '"DryRun" of the wrong type'),
        ({"SecretId": "s", "Attempt": True}, '"Attempt" of the wrong type'),
        ({"SecretId": "s", "ClientRequestToken": "t" * 31}, "32 to 64"),
        ({"SecretId": "s", "ClientRequestToken": "t" * 65}, "32 to 64"),
    ],
)
def test_a_bad_input_is_refused_by_its_key_with_what_is_accepted(
    data: object, problem: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ExecutionInput.parse(data)
    assert problem in str(caught.value)
    assert '"SecretId": "<name or ARN' in str(caught.value)


def test_a_long_unknown_key_is_cut() -> None:
    with pytest.raises(InvalidInputError) as caught:
        ExecutionInput.parse({"k" * 1000: 1})
    assert len(str(caught.value)) < 400


def test_a_pin_needs_both_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Pin.from_env() is None
    monkeypatch.setenv("SECRET_ARN", SECRET_ARN)
    with pytest.raises(ConfigurationError, match="variable USER_NAME is empty"):
        Pin.from_env()
    monkeypatch.setenv("USER_NAME", USERNAME)
    assert Pin.from_env() == PIN
    monkeypatch.setenv("SECRET_ARN", "")
    with pytest.raises(ConfigurationError, match="variable SECRET_ARN is empty"):
        Pin.from_env()


@given(
    st.builds(
        Target,
        *[st.text(max_size=5)] * 9,
        st.integers(0, 2),
        st.booleans(),
        st.booleans(),
    )
)
def test_a_target_survives_the_way_through_the_execution(target: Target) -> None:
    assert Target.from_state(json.loads(json.dumps(target.to_state()))) == target


def test_only_ids_and_the_users_state_travel_between_the_states() -> None:
    assert set(make_target().to_state()) == {
        "SecretArn",
        "VersionId",
        "CurrentVersionId",
        "PendingVersionId",
        "PreviousVersionId",
        "UserId",
        "Username",
        "AccessString",
        "Authentication",
        "PasswordCount",
        "TurnOn",
        "DryRun",
    }


def test_a_sound_secret_and_user_make_a_target_and_nothing_is_changed(world: World) -> None:
    world.stage(None)
    before = world.secrets.snapshot(), world.users.snapshot()
    assert check(world, token=PENDING) == make_target()
    assert (world.secrets.snapshot(), world.users.snapshot()) == before


def test_a_secret_can_be_given_by_name(world: World) -> None:
    assert check(world, secret_id=SECRET_NAME).secret_arn == SECRET_ARN


def test_without_a_token_it_comes_from_the_execution_and_is_found_again(world: World) -> None:
    first, second = check(world).version_id, check(world).version_id
    assert first == second == str(uuid.uuid5(uuid.NAMESPACE_URL, EXECUTION_ARN))


def test_another_execution_has_another_token(world: World) -> None:
    execution_input = ExecutionInput(SECRET_ARN)
    other = check_target(
        execution_input, EXECUTION_ARN + "x", world.secrets, world.users, world.machine, None
    )
    assert other.version_id != check(world).version_id


def test_an_inactive_user_without_a_password_will_be_turned_on(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    world.users.change(access_string=OFF, authentication="no-password", password_count=0)
    target = check(world)
    assert target.turn_on
    assert (target.access_string, target.authentication) == (OFF, "no-password")


def test_a_dry_run_stays_one(world: World) -> None:
    assert check(world, dry_run=True).dry_run


@pytest.mark.parametrize("legal", ["current", "none"])
def test_a_secret_whose_last_rotation_is_over_can_be_rotated(world: World, legal: str) -> None:
    if legal == "current":
        world.secrets.labels[CURRENT].add(AWSPENDING)
    assert check(world).current_version_id == CURRENT


def test_an_execution_takes_up_a_rotation_of_its_own_token(world: World) -> None:
    world.stage()
    assert check(world, token=PENDING).version_id == PENDING


def test_another_rotation_of_the_secret_is_not_disturbed(world: World) -> None:
    world.stage()
    world.machine.machine.statuses[f"{PENDING}-1"] = ["RUNNING"]
    with pytest.raises(RotationInProgressError, match=PENDING):
        check(world)
    with pytest.raises(RotationInProgressError, match=PENDING):
        check(world, token=OTHER, attempt=2)


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED", None])
def test_a_run_by_hand_takes_over_from_a_run_that_is_no_more(
    world: World, status: str | None
) -> None:
    world.stage()
    if status:
        world.machine.machine.statuses[f"{PENDING}-1"] = [status]
    target = check(world)
    assert target.version_id == version_of(EXECUTION_ARN)
    assert target.pending_version_id == PENDING


def test_a_run_of_secrets_manager_leaves_the_version_of_a_run_that_is_no_more(
    world: World,
) -> None:
    # It has put AWSPENDING on its own token itself; on another, somebody is at work.
    world.stage()
    with pytest.raises(RotationInProgressError, match=PENDING):
        check(world, token=OTHER, attempt=2)


def test_labels_that_are_on_no_version_travel_as_empty_texts(world: World) -> None:
    world.secrets.labels[PREVIOUS].clear()
    target = check(world)
    assert (target.pending_version_id, target.previous_version_id) == ("", "")


@pytest.mark.parametrize("name", [f"{PENDING}-1", f"{PENDING}-12"])
def test_an_execution_of_secrets_manager_holds_the_version_it_is_named_after(
    world: World, name: str
) -> None:
    world.machine.machine.statuses[name] = ["RUNNING"]
    assert is_held(PENDING, world.machine)
    assert not is_held(OTHER, world.machine)


@pytest.mark.parametrize(
    "name",
    [f"{PENDING}-dry-run-1", f"{PENDING}-", PENDING, f"x{PENDING}-1", f"{PENDING}-1-1", "1"],
)
def test_an_execution_of_a_similar_name_holds_nothing(world: World, name: str) -> None:
    world.machine.machine.statuses[name] = ["RUNNING"]
    assert not is_held(PENDING, world.machine)


def test_an_execution_by_hand_holds_the_version_that_it_makes(world: World) -> None:
    world.machine.machine.running_by_hand = [EXECUTION_ARN]
    assert is_held(version_of(EXECUTION_ARN), world.machine)
    assert not is_held(PENDING, world.machine)


def test_an_execution_does_not_hold_a_version_against_itself(world: World) -> None:
    world.machine.machine.running_by_hand = [EXECUTION_ARN]
    assert not is_held(version_of(EXECUTION_ARN), world.machine, but_by=EXECUTION_ARN)


def test_an_execution_of_an_odd_token_holds_it_too(world: World) -> None:
    token = "odd: token/" + "x" * 30
    world.machine.machine.statuses[execution_name(token, 3)] = ["RUNNING"]
    assert is_held(token, world.machine)


@pytest.mark.parametrize("token", [PENDING, "a_token.with-all." + "x" * 20, "T" * 64])
@pytest.mark.parametrize("attempt", [1, 12])
def test_an_execution_is_named_after_token_and_attempt(token: str, attempt: int) -> None:
    assert execution_name(token, attempt) == f"{token}-{attempt}"


@given(st.text(min_size=32, max_size=64), st.integers(1, 999))
def test_any_token_makes_a_name_that_an_execution_can_have(token: str, attempt: int) -> None:
    name = execution_name(token, attempt)
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", name)
    assert name.endswith(f"-{attempt}")
    assert execution_name(token, attempt) == name


@given(st.lists(st.text(min_size=32, max_size=64), min_size=2, max_size=4, unique=True))
def test_different_tokens_make_different_names(tokens: list[str]) -> None:
    assert len({execution_name(token, 1) for token in tokens}) == len(tokens)


def test_a_first_attempt_needs_a_token_that_is_a_version(world: World) -> None:
    with pytest.raises(VersionNotFoundError, match=OTHER):
        check(world, token=OTHER)


def test_a_later_attempt_finds_a_token_without_a_label(world: World) -> None:
    assert check(world, token=OTHER, attempt=2).version_id == OTHER


def test_a_token_that_is_awscurrent_is_done(world: World) -> None:
    with pytest.raises(InvalidInputError, match="AWSCURRENT already"):
        check(world, token=CURRENT)


def test_an_old_version_is_not_rotated_back_to(world: World) -> None:
    before = world.secrets.snapshot()
    with pytest.raises(InvalidInputError, match=f"{PREVIOUS} .* is AWSPREVIOUS"):
        check(world, token=PREVIOUS)
    assert world.secrets.snapshot() == before


@pytest.fixture
def cut_off(world: World) -> World:
    """A first rotation that has turned its user on, and was stopped before the promotion."""
    world.secrets.texts[CURRENT] = secret_text(None)
    world.stage()
    world.users.passwords = [PENDING_PASSWORD]
    world.users.change(access_string="on ~* +@all", authentication="password", password_count=1)
    return world


@pytest.mark.parametrize("given_input", [{"token": PENDING, "attempt": 2}, {}])
def test_a_first_rotation_that_was_cut_off_after_the_user_was_turned_on_is_resumed(
    cut_off: World, given_input: dict[str, Any]
) -> None:
    target = check(cut_off, **given_input)
    assert target.pending_version_id == PENDING
    assert target.authentication == "password"
    # It is on already; that it was off, only the first run knew.
    assert target.turn_on is False


@pytest.mark.parametrize("text", [None, b"binary", "no JSON", secret_text(None)])
def test_a_user_that_is_on_is_not_taken_for_a_first_rotation_without_its_password(
    cut_off: World, text: str | bytes | None
) -> None:
    cut_off.secrets.texts[PENDING] = text
    with pytest.raises(CurrentPasswordUnknownError):
        check(cut_off, token=PENDING)


@pytest.mark.parametrize("on_current", [True, False])
def test_a_user_that_is_on_without_a_pending_version_is_no_first_rotation(
    cut_off: World, on_current: bool
) -> None:
    cut_off.secrets.labels[PENDING].clear()
    if on_current:
        cut_off.secrets.labels[CURRENT].add(AWSPENDING)
    with pytest.raises(CurrentPasswordUnknownError):
        check(cut_off)


def test_a_secret_without_awscurrent_is_refused(world: World) -> None:
    world.secrets.labels[CURRENT].clear()
    with pytest.raises(VersionNotFoundError, match=AWSCURRENT):
        check(world)


def test_a_secret_that_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(SecretNotFoundError):
        check(world, secret_id="another")


def test_a_secret_that_is_being_deleted_is_refused(world: World) -> None:
    world.secrets.deleted = True
    with pytest.raises(SecretDeletedError):
        check(world)


@pytest.mark.parametrize("text", ["no JSON", b"binary", '{"username": "app"}'])
def test_a_secret_in_another_format_is_refused(world: World, text: str | bytes) -> None:
    world.secrets.texts[CURRENT] = text
    with pytest.raises(SecretFormatError):
        check(world)


@pytest.mark.parametrize(
    "change,error",
    [
        ({"name": "another"}, UserMismatchError),
        ({"authentication": "iam"}, UserNotRotatableError),
        ({"access_string": OFF}, UserDisabledError),
        ({"user_id": "another"}, UserNotFoundError),
    ],
)
@pytest.mark.parametrize("pin", [None, PIN])
def test_a_user_that_cannot_be_rotated_is_refused(
    world: World, change: dict[str, Any], error: type[RotationError], pin: Pin | None
) -> None:
    world.users.change(**change)
    with pytest.raises(error):
        check(world, pin)


def test_an_active_user_without_a_password_in_the_secret_is_refused(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    with pytest.raises(CurrentPasswordUnknownError):
        check(world)


@pytest.mark.parametrize("bound_to", [SECRET_NAME, SECRET_ARN])
def test_a_user_names_its_secret_by_name_or_arn(world: World, bound_to: str) -> None:
    world.users.its_tags = {"rotation-secret": bound_to}
    assert check(world) == check(world)


@pytest.mark.parametrize(
    "tags,found",
    [
        ({}, "is missing"),
        ({"rotation-secret": ""}, "names"),
        ({"rotation-secret": "redis/another"}, "names redis/another"),
        ({"rotation-secret": "redis"}, "names redis"),
        ({"Rotation-Secret": SECRET_NAME}, "is missing"),
    ],
)
def test_a_user_that_does_not_name_the_secret_is_refused_with_the_command_that_binds_it(
    world: World, tags: dict[str, str], found: str
) -> None:
    world.users.its_tags = tags
    with pytest.raises(UserNotBoundError) as caught:
        check(world)
    assert found in str(caught.value)
    assert f"--resource-name {USER_ARN} --tags Key=rotation-secret,Value={SECRET_NAME}" in str(
        caught.value
    )


def test_tags_that_cannot_be_read_now_are_not_taken_for_missing(world: World) -> None:
    world.users.faults.raise_at("tags", UserBusyError("in transition"))
    with pytest.raises(UserBusyError):
        check(world)


def test_a_pinned_stack_needs_no_tag_and_does_not_read_it(world: World) -> None:
    world.users.its_tags = {}
    assert check(world, PIN).user_id
    assert world.users.faults.called("tags") == []


def test_a_pinned_stack_refuses_another_secret_before_it_reads_it(world: World) -> None:
    with pytest.raises(SecretNotAllowedError, match=SECRET_ARN):
        check(world, Pin(SECRET_ARN + "x", USERNAME))
    assert world.secrets.faults.called("read") == []


def test_a_pinned_stack_refuses_a_secret_that_names_another_user(world: World) -> None:
    # Whoever may write the secret must not redirect the rotation to a stronger user.
    world.secrets.texts[CURRENT] = secret_text(CURRENT_PASSWORD, username="admin")
    with pytest.raises(SecretNotAllowedError) as caught:
        check(world, PIN)
    assert "admin" not in str(caught.value)
    assert world.users.faults.calls == []


def described(current: str | None, pending: str | None) -> SecretDescription:
    stages: dict[str, frozenset[str]] = {}
    for version, label in ((current, AWSCURRENT), (pending, AWSPENDING)):
        if version:
            stages[version] = stages.get(version, frozenset()) | {label}
    return SecretDescription(SECRET_ARN, SECRET_NAME, stages)


def test_labels_where_the_run_has_seen_them_are_unchanged() -> None:
    require_unchanged(make_target(), described(CURRENT, PENDING))


@pytest.mark.parametrize(
    "current,pending,label",
    [
        (OTHER, PENDING, AWSCURRENT),
        (None, PENDING, AWSCURRENT),
        (PENDING, PENDING, AWSCURRENT),
        (CURRENT, OTHER, AWSPENDING),
        (CURRENT, None, AWSPENDING),
        (CURRENT, CURRENT, AWSPENDING),
    ],
)
def test_a_label_that_was_moved_ends_the_run(
    current: str | None, pending: str | None, label: str
) -> None:
    before, found = (CURRENT, current) if label == AWSCURRENT else (PENDING, pending)
    moved = f"from version {before} to {found or 'none'}."
    with pytest.raises(RotationSupersededError, match=f"^{label} .* {moved}") as caught:
        require_unchanged(make_target(), described(current, pending))
    assert SECRET_ARN in str(caught.value)


@pytest.mark.parametrize("password", ["short", "with,comma~with,comma", OTHER_PASSWORD * 6])
def test_a_current_password_that_elasticache_does_not_take_is_refused_first(
    world: World, password: str
) -> None:
    world.secrets.texts[CURRENT] = secret_text(password)
    with pytest.raises(RotationError):
        check(world)
