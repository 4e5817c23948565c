"""The execution's input, checked against the secret and the user."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING
from rotation.errors import (
    AccessDeniedError,
    CurrentPasswordUnknownError,
    InvalidInputError,
    RotationError,
    RotationInProgressError,
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
from rotation.records.execution_input import ExecutionInput
from rotation.records.target import Target
from rotation.rules.executions import version_of
from rotation.rules.pin import Pin
from rotation.rules.target_check import check_target
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    EXECUTION_ARN,
    FUNCTION_ARN,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    PREVIOUS_PASSWORD,
    SECRET_ARN,
    SECRET_NAME,
    USER_ARN,
    USER_ID,
    USERNAME,
    World,
    make_target,
    secret_text,
)

PIN = Pin(SECRET_ARN, USER_ARN, USERNAME)
OFF = "off ~* +@all"
WITHOUT = secret_text(None)


def arn_of(name: str) -> str:
    return f"{EXECUTION_ARN.rsplit(':', 1)[0]}:{name}"


BY_TOKEN = arn_of(f"{PENDING}-1")


def check(
    world: World,
    pin: Pin | None = None,
    arn: str = EXECUTION_ARN,
    rotation_function: str = FUNCTION_ARN,
    **given_input: Any,
) -> Target:
    execution_input = ExecutionInput(**({"secret_id": SECRET_ARN} | given_input))
    arguments = (execution_input, arn, world.secrets, world.users, world.machine, pin)
    return check_target(*arguments, rotation_function)


def check_by_token(world: World, **given_input: Any) -> Target:
    """In the execution that the rotation function has started for PENDING."""
    return check(world, arn=BY_TOKEN, token=PENDING, **given_input)


def test_a_sound_secret_and_user_make_a_target_and_nothing_is_changed(world: World) -> None:
    world.stage(None)
    before = world.secrets.snapshot(), world.users.snapshot()
    assert check_by_token(world) == make_target()
    assert (world.secrets.snapshot(), world.users.snapshot()) == before


def test_a_secret_can_be_given_by_name(world: World) -> None:
    assert check(world, secret_id=SECRET_NAME).secret_arn == SECRET_ARN


@pytest.mark.parametrize(
    "name,version",
    [
        (OTHER, OTHER),
        ("run-1", version_of(EXECUTION_ARN)),
        # Attempts of tokens, if the input says so.
        (f"{OTHER}-1", version_of(arn_of(f"{OTHER}-1"))),
        (f"{PENDING}-dry-run-1", version_of(arn_of(f"{PENDING}-dry-run-1"))),
    ],
)
@pytest.mark.parametrize("token", [None, PENDING])
def test_a_run_by_hand_makes_the_version_of_its_own_name_whatever_token_it_was_given(
    world: World, name: str, version: str, token: str | None
) -> None:
    # "New execution" in the console copies the input of one that Secrets Manager has started.
    assert check(world, arn=arn_of(name), token=token).version_id == version


def test_an_inactive_user_without_a_password_will_be_turned_on(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    world.users.change(access_string=OFF, authentication="no-password", password_count=0)
    target = check(world)
    assert (target.turn_on, target.first_rotation) == (True, True)
    assert target.authentication == "no-password"


def test_a_dry_run_stays_one(world: World) -> None:
    assert check(world, dry_run=True).dry_run


@pytest.mark.parametrize("legal", ["current", "none"])
def test_a_secret_whose_last_rotation_is_over_can_be_rotated(world: World, legal: str) -> None:
    if legal == "current":
        world.secrets.labels[CURRENT].add(AWSPENDING)
    assert check(world).current_version_id == CURRENT


OF_SECRETS_MANAGER, OF_A_PERSON = f"{OTHER}-2", OTHER


@pytest.mark.parametrize("name", [OF_SECRETS_MANAGER, OF_A_PERSON])
@pytest.mark.parametrize("by_token", [True, False])
def test_another_rotation_of_the_secret_is_not_disturbed(
    world: World, name: str, by_token: bool
) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    world.machine.machine.statuses[name] = ["RUNNING"]
    with pytest.raises(RotationInProgressError, match=f"{arn_of(name)}.* {OTHER}"):
        check_by_token(world) if by_token else check(world)


def test_a_dry_run_disturbs_no_rotation_and_none_disturbs_it(world: World) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    world.machine.machine.statuses[OF_SECRETS_MANAGER] = ["RUNNING"]
    assert check(world, dry_run=True).dry_run
    assert world.machine.faults.calls == []


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED", None])
def test_a_rotation_that_has_ended_and_left_its_awspending_hinders_none(
    world: World, status: str | None
) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    world.machine.machine.statuses |= {OF_SECRETS_MANAGER: [status]} if status else {}
    world.machine.machine.statuses[f"{CURRENT}-1"] = ["RUNNING"]
    assert check(world).pending_version_at_check == OTHER


def test_an_execution_does_not_hinder_itself(world: World) -> None:
    # A person has named it like an attempt of the token that has AWSPENDING.
    world.stage()
    world.machine.machine.statuses[f"{PENDING}-1"] = ["RUNNING"]
    assert check(world, arn=BY_TOKEN).version_id == version_of(BY_TOKEN)


@pytest.mark.parametrize("pending", ["own", CURRENT, None])
def test_where_awspending_is_on_no_other_version_executions_are_not_listed(
    world: World, pending: str | None
) -> None:
    # ListExecutions has two calls a second for a whole account.
    if pending == "own":
        world.stage()
    elif pending:
        world.secrets.labels[pending].add(AWSPENDING)
    check_by_token(world)
    assert world.machine.faults.calls == []


def test_an_awspending_that_is_on_no_version_travels_as_an_empty_text(world: World) -> None:
    assert check(world).pending_version_at_check == ""


def test_an_unknown_password_may_be_replaced_only_by_a_person(world: World) -> None:
    assert check(world, replace_unknown_password=True).replace_unknown_password
    world.stage(None)
    with pytest.raises(InvalidInputError, match=r"ReplaceUnknownPassword.*by hand"):
        check_by_token(world, replace_unknown_password=True)
    # "New execution" in the console copies such an input.
    assert check(world, token=PENDING, replace_unknown_password=True).replace_unknown_password


@pytest.mark.parametrize("name,token", [(f"{CURRENT}-1", CURRENT), (CURRENT, None)])
def test_a_version_that_is_awscurrent_is_done(world: World, name: str, token: str | None) -> None:
    with pytest.raises(InvalidInputError, match="AWSCURRENT already"):
        check(world, arn=arn_of(name), token=token)


MET = AccessDeniedError("PutSecretValue answered AccessDeniedException.")


def test_what_create_secret_has_met_fails_the_execution_by_its_own_name(world: World) -> None:
    world.stage(None)
    with pytest.raises(AccessDeniedError) as caught:
        check_by_token(world, create_secret_error=MET)
    assert type(caught.value) is AccessDeniedError
    assert str(caught.value) == str(MET)


@pytest.mark.parametrize(
    "change,error",
    [
        (lambda world: setattr(world.secrets, "deleted", True), SecretDeletedError),
        (lambda world: world.secrets.texts.update({CURRENT: "no JSON"}), SecretFormatError),
        (lambda world: world.users.change(access_string=OFF), UserDisabledError),
        (lambda world: setattr(world.users, "its_tags", {}), UserNotBoundError),
        (
            lambda world: world.secrets.texts.update(dict.fromkeys((CURRENT, PREVIOUS), WITHOUT)),
            CurrentPasswordUnknownError,
        ),
    ],
)
def test_what_is_wrong_with_the_secret_or_the_user_is_told_first(
    world: World, change: Callable[[World], object], error: type[RotationError]
) -> None:
    # It may be the reason, and tells more.
    change(world)
    with pytest.raises(error):
        check_by_token(world, create_secret_error=MET)


def test_a_run_by_hand_does_not_fail_by_what_create_secret_has_met(world: World) -> None:
    # Its input was copied from the run that failed.
    assert check(world, token=PENDING, create_secret_error=MET).version_id != PENDING


@pytest.fixture
def cut_off(world: World) -> World:
    """A first rotation that has turned its user on, and was stopped before the promotion."""
    world.secrets.texts |= {CURRENT: WITHOUT, PREVIOUS: WITHOUT}
    world.stage()
    world.users.passwords = [PENDING_PASSWORD]
    world.users.change(access_string="on ~* +@all", authentication="password", password_count=1)
    return world


def test_passwords_that_a_first_rotation_may_have_set_are_candidates_newest_first(
    cut_off: World,
) -> None:
    cut_off.secrets.texts[PREVIOUS] = secret_text(PREVIOUS_PASSWORD)
    texts: dict[str, str | bytes | None] = {
        "binary": b"binary",
        OTHER: secret_text(OTHER_PASSWORD),
        "without a value": None,
        "no JSON": "no JSON",
        "not valid": secret_text("short"),
    }
    for version, text in texts.items():
        cut_off.secrets.add(version, text)
    before = cut_off.secrets.snapshot(), cut_off.users.snapshot()
    target = check(cut_off)
    assert target.first_password_candidates == [OTHER, PENDING, PREVIOUS]
    # It is on already; that it was off, only the first run knew.
    assert (target.turn_on, target.first_rotation) == (False, True)
    assert (cut_off.secrets.snapshot(), cut_off.users.snapshot()) == before


def test_a_user_whose_first_rotation_is_not_on_its_nodes_yet_is_waited_for(cut_off: World) -> None:
    # DescribeUsers shows it on already, while it is modifying.
    cut_off.users.change(status="modifying")
    with pytest.raises(UserBusyError):
        check(cut_off)


def test_no_more_than_a_hundred_versions_are_candidates(cut_off: World) -> None:
    names = [f"version-{number:028}" for number in range(130)]
    for name in names:
        cut_off.secrets.add(name, secret_text(OTHER_PASSWORD))
    assert check(cut_off).first_password_candidates == names[:-102:-1]
    read = [version for _, version in cut_off.secrets.faults.called("read")]
    assert read == [CURRENT, *names[:-102:-1]]


def test_awscurrent_is_no_candidate(cut_off: World) -> None:
    check(cut_off)
    read = [version for _, version in cut_off.secrets.faults.called("read")]
    assert read.count(CURRENT) == 1


@pytest.mark.parametrize("text", [None, b"binary", "no JSON", WITHOUT, secret_text("short")])
def test_a_user_that_is_on_without_a_password_in_any_version_is_refused(
    cut_off: World, text: str | bytes | None
) -> None:
    cut_off.secrets.texts[PENDING] = text
    with pytest.raises(CurrentPasswordUnknownError, match="locked out") as caught:
        check(cut_off)
    assert '"password"' in str(caught.value)


def test_a_user_that_logs_in_without_a_password_is_no_first_rotations_work(
    cut_off: World,
) -> None:
    # It would accept every candidate.
    cut_off.users.change(authentication="no-password", password_count=0)
    with pytest.raises(CurrentPasswordUnknownError, match="locked out"):
        check(cut_off)


@pytest.mark.parametrize("authentication", ["password", "no-password"])
def test_where_any_password_may_be_replaced_a_user_that_is_on_needs_no_candidates(
    cut_off: World, authentication: str
) -> None:
    cut_off.secrets.texts[PENDING] = WITHOUT
    cut_off.users.change(authentication=authentication)
    target = check(cut_off, replace_unknown_password=True)
    assert (target.first_rotation, target.first_password_candidates) == (True, [])
    assert cut_off.secrets.faults.called("versions") == []


@pytest.mark.parametrize("password,access_string", [(CURRENT_PASSWORD, "on ~* +@all"), (None, OFF)])
def test_a_user_that_is_off_or_whose_password_is_known_needs_no_candidates(
    cut_off: World, password: str | None, access_string: str
) -> None:
    cut_off.secrets.texts[CURRENT] = secret_text(password)
    cut_off.users.change(access_string=access_string)
    assert check(cut_off).first_password_candidates == []
    assert cut_off.secrets.faults.called("versions") == []


KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
KEY_DENIED = "GetSecretValue on it answered AccessDeniedException. Access to KMS is not allowed."
ROLE_DENIED = "User: x is not authorized to perform: secretsmanager:GetSecretValue on resource: y"


def test_a_key_that_is_denied_is_named_with_the_parameter_that_allows_it(world: World) -> None:
    world.secrets.kms_key = KEY
    world.secrets.faults.raise_at("read", AccessDeniedError(KEY_DENIED))
    with pytest.raises(AccessDeniedError) as caught:
        check(world)
    # AWS may mean another key: that of a version from before the secret had this one.
    assert str(caught.value).startswith(f"{KEY_DENIED} Secret {SECRET_ARN} has key {KEY}. ")
    assert "parameter KmsKeyArns" in str(caught.value)


@pytest.mark.parametrize("key, denied", [("", KEY_DENIED), (KEY, ROLE_DENIED)])
def test_no_key_is_blamed_where_none_is_denied(world: World, key: str, denied: str) -> None:
    world.secrets.kms_key = key
    world.secrets.faults.raise_at("read", AccessDeniedError(denied))
    with pytest.raises(AccessDeniedError, match=f"^{denied}$"):
        check(world)


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


@pytest.mark.parametrize("bound_to", [SECRET_NAME, SECRET_ARN])
def test_a_user_names_its_secret_by_name_or_arn(world: World, bound_to: str) -> None:
    world.users.its_tags = {"rotation-secret": bound_to}
    assert check(world) == check(world)


@pytest.mark.parametrize(
    "tags,found",
    [
        ({}, "is missing"),
        ({"rotation-secret": ""}, "is missing"),
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
        check(world, Pin(SECRET_ARN + "x", USER_ARN, USERNAME))
    assert world.secrets.faults.called("read") == []


def test_a_pinned_stack_refuses_a_secret_that_names_another_user(world: World) -> None:
    # Whoever may write the secret must not redirect the rotation to a stronger user.
    for key, value in (("username", "admin"), ("user_arn", f"{USER_ARN}-admin")):
        world.secrets.texts[CURRENT] = secret_text(CURRENT_PASSWORD, **{key: value})
        with pytest.raises(SecretNotAllowedError, match=f'the "{key}" in secret') as caught:
            check(world, PIN)
        assert "admin" not in str(caught.value)
    assert world.users.faults.calls == []


def without_arn(**more: Any) -> str:
    return json.dumps(
        {"engine": "redis", "username": USERNAME, "password": CURRENT_PASSWORD} | more
    )


def test_a_pinned_stack_knows_whose_password_it_is(world: World) -> None:
    world.secrets.texts[CURRENT] = without_arn()
    assert check(world, PIN).user_id == USER_ID
    world.secrets.texts[CURRENT] = without_arn(user_arn=USER_ARN.replace("app-id", "App-ID"))
    assert check(world, PIN).user_id == USER_ID


@pytest.mark.parametrize("bound", [True, False])
def test_a_secret_that_does_not_say_whose_password_it_is_is_told_what_to_add(
    world: World, bound: bool
) -> None:
    world.secrets.texts[CURRENT] = without_arn()
    if not bound:
        world.users.its_tags = {}
    arn = USER_ARN if bound else "<the ARN of its ElastiCache user>"
    with pytest.raises(SecretFormatError) as caught:
        check(world)
    assert f'Add to its JSON object: "user_arn": "{arn}".' in str(caught.value)


def test_a_secret_without_an_arn_is_refused_as_that_although_no_tag_can_be_read(
    world: World,
) -> None:
    world.secrets.texts[CURRENT] = without_arn()
    world.users.faults.raise_at("tags", UserBusyError("in transition"))
    with pytest.raises(SecretFormatError, match="the ARN of its ElastiCache user"):
        check(world)


@pytest.mark.parametrize("password", ["short", "with,comma~with,comma", OTHER_PASSWORD * 6])
def test_a_current_password_that_elasticache_does_not_take_is_refused_first(
    world: World, password: str
) -> None:
    world.secrets.texts[CURRENT] = secret_text(password)
    with pytest.raises(SecretFormatError, match="not valid for ElastiCache"):
        check(world)


def test_a_secret_that_another_stack_rotates_is_refused_by_name(world: World) -> None:
    other = FUNCTION_ARN.replace("stack-", "other-")
    with pytest.raises(SecretNotAllowedError, match="which is not this stack's"):
        check(world, rotation_function=other)
    world.secrets.schedule = replace(world.secrets.schedule, enabled=False)
    assert check(world, rotation_function=other)
