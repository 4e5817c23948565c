"""The execution's input, checked against the secret and the user."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from rotation import errors
from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING
from rotation.records.execution_input import ExecutionInput
from rotation.records.schedule import Schedule
from rotation.records.target import Target
from rotation.rules.executions import version_by_hand
from rotation.rules.pin import Pin
from rotation.rules.target_check import check_target
from tests.unit.fakes import World
from tests.unit.values import (
    CURRENT,
    CURRENT_PASSWORD,
    EXECUTION_ARN,
    FUNCTION_ARN,
    OTHER,
    PENDING,
    PREVIOUS,
    SECRET_ARN,
    SECRET_NAME,
    USER_ARN,
    USER_ID,
    USERNAME,
    make_target,
    secret_text,
)

Change = Callable[[World], object]

PIN = Pin(SECRET_ARN, USER_ARN, USERNAME)
OTHER_PIN = Pin(f"{SECRET_ARN}x", USER_ARN, USERNAME)
ELSEWHERE = secret_text(CURRENT_PASSWORD, user_arn=USER_ARN.replace("us-east-1", "eu-west-1"))
WITHOUT_ARN = json.dumps({"username": USERNAME, "password": CURRENT_PASSWORD})
FROM_CREATE_SECRET = errors.AccessDeniedError("PutSecretValue answered AccessDeniedException.")
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
KEY_DENIED = "GetSecretValue on it answered AccessDeniedException. Access to KMS is not allowed."
ROLE_DENIED = "User: x is not authorized to perform: secretsmanager:GetSecretValue on resource: y"


def arn_of(name: str) -> str:
    return f"{EXECUTION_ARN.rsplit(':', 1)[0]}:{name}"


BY_TOKEN = arn_of(f"{PENDING}-1")


def check(
    world: World, pin: Pin | None = None, arn: str = EXECUTION_ARN, **execution_input: Any
) -> Target:
    return check_target(
        ExecutionInput(**{"secret_id": SECRET_ARN, **execution_input}),
        arn,
        world.secrets,
        world.users,
        world.machine,
        pin,
        FUNCTION_ARN,
    )


def check_attempt(world: World, pin: Pin | None = None, **execution_input: Any) -> Target:
    """In the execution that the rotation function has started for PENDING."""
    return check(world, pin, BY_TOKEN, version_id=PENDING, **execution_input)


def user(**fields: Any) -> Change:
    return lambda world: world.users.change(**fields)


def tags(its_tags: dict[str, str]) -> Change:
    return lambda world: setattr(world.users, "its_tags", its_tags)


def text(text: str | bytes) -> Change:
    return lambda world: world.secrets.texts.update({CURRENT: text})


def rotated_by_another_stack(*, enabled: bool) -> Change:
    schedule = Schedule(FUNCTION_ARN.replace("stack-", "other-"), enabled)
    return lambda world: setattr(world.secrets, "schedule", schedule)


def without_any_password(world: World) -> None:
    world.secrets.texts |= {CURRENT: secret_text(None), PREVIOUS: secret_text(None)}


def both(*changes: Change) -> Change:
    return lambda world: [change(world) for change in changes]


# Accepted


def test_a_sound_secret_and_user_make_a_target_and_nothing_is_changed(world: World) -> None:
    world.stage(None)
    before = world.secrets.snapshot(), world.users.snapshot()
    assert check_attempt(world) == make_target()
    assert (world.secrets.snapshot(), world.users.snapshot()) == before


@pytest.mark.parametrize(
    "change, pin, execution_input, expected",
    [
        (tags({"rotation-secret": SECRET_ARN}), None, {"secret_id": SECRET_NAME}, {}),
        (rotated_by_another_stack(enabled=False), None, {"dry_run": True}, {"dry_run": True}),
        (
            both(text(secret_text(None)), user(access_string="off", authentication="no-password")),
            None,
            {},
            {"turn_on": True, "first_rotation": True, "authentication": "no-password"},
        ),
        # A pinned stack knows its user, and needs no tag.
        (both(text(WITHOUT_ARN), tags({})), PIN, {}, {}),
        (text(secret_text(CURRENT_PASSWORD, user_arn=USER_ARN.replace("app", "App"))), PIN, {}, {}),
    ],
)
def test_a_secret_and_its_user_are_accepted(
    world: World, change: Change, pin: Pin | None, execution_input: Any, expected: Any
) -> None:
    change(world)
    by_hand = make_target(version_id=version_by_hand(EXECUTION_ARN), pending_version_at_check="")
    assert check(world, pin, **execution_input) == replace(by_hand, **expected)
    assert not (pin and world.users.faults.called("tags"))


@pytest.mark.parametrize("name", [OTHER, "run-1", f"{OTHER}-1", f"{PENDING}-dry-run-1"])
@pytest.mark.parametrize("version_id", [None, PENDING])
def test_a_run_by_hand_makes_the_version_of_its_own_name_whatever_version_its_input_has(
    world: World, name: str, version_id: str | None
) -> None:
    # "New execution" in the console copies the input of one that Secrets Manager has started.
    arn = arn_of(name)
    assert check(world, arn=arn, version_id=version_id).version_id == version_by_hand(arn)


def test_an_unknown_password_may_be_replaced_only_in_a_run_by_hand(world: World) -> None:
    assert check(world, replace_unknown_password=True).replace_unknown_password
    assert check(world, version_id=PENDING, replace_unknown_password=True).replace_unknown_password
    with pytest.raises(errors.InvalidInputError, match=r"ReplaceUnknownPassword.*by hand"):
        check_attempt(world, replace_unknown_password=True)


@pytest.mark.parametrize("name, version_id", [(f"{CURRENT}-1", CURRENT), (CURRENT, None)])
def test_awscurrent_itself_is_not_rotated_to(
    world: World, name: str, version_id: str | None
) -> None:
    with pytest.raises(errors.InvalidInputError, match="AWSCURRENT already"):
        check(world, arn=arn_of(name), version_id=version_id)


# Other runs


@pytest.mark.parametrize(
    "run, pending, running, listed",
    [
        (partial(check, dry_run=True), OTHER, f"{OTHER}-2", False),
        (check, OTHER, f"{CURRENT}-1", True),
        # A person has named it like an attempt for the version that has AWSPENDING.
        (partial(check, arn=BY_TOKEN), PENDING, f"{PENDING}-1", True),
        # ListExecutions has two calls a second for a whole account.
        *((check_attempt, pending, f"{OTHER}-1", False) for pending in (PENDING, CURRENT, "")),
    ],
)
def test_an_awspending_that_no_other_running_execution_has_is_free(
    world: World, run: Callable[[World], Target], pending: str, running: str, listed: bool
) -> None:
    if pending:
        world.secrets.labels.setdefault(pending, set()).add(AWSPENDING)
    world.machine.machine.statuses[running] = ["RUNNING"]
    assert run(world).pending_version_at_check == pending
    assert bool(world.machine.faults.calls) is listed


@pytest.mark.parametrize("name", [f"{OTHER}-2", OTHER])
@pytest.mark.parametrize("run", [check, check_attempt])
def test_another_rotation_of_the_secret_is_not_disturbed(
    world: World, name: str, run: Callable[[World], Target]
) -> None:
    world.secrets.add(OTHER, None, AWSPENDING)
    world.machine.machine.statuses[name] = ["RUNNING"]
    with pytest.raises(errors.RotationInProgressError, match=f"{arn_of(name)}.* {OTHER}"):
        run(world)


# Refused


BUSY = errors.UserBusyError("in transition")
BIND = rf".*--resource-name {USER_ARN} --tags Key=rotation-secret,Value={SECRET_NAME}"
ADD_ARN = 'Add to its JSON object: "user_arn": "{}".'
REFUSED = [
    *(
        (pin, change, error, words)
        for pin in (None, PIN)
        for change, error, words in (
            (lambda w: setattr(w.secrets, "deleted", True), errors.SecretDeletedError, "deletion"),
            (lambda w: w.secrets.labels[CURRENT].clear(), errors.VersionNotFoundError, AWSCURRENT),
            (text("no JSON"), errors.SecretFormatError, "not valid JSON"),
            (user(arn=f"{USER_ARN}2"), errors.UserNotFoundError, USER_ID),
            (user(name="another"), errors.UserMismatchError, '"username"'),
            (rotated_by_another_stack(enabled=True), errors.SecretNotAllowedError, "this stack's"),
        )
    ),
    # The user's tag.
    *(
        (None, tags(its_tags), errors.UserNotBoundError, words + BIND)
        for its_tags, words in (
            ({}, "is missing"),
            ({"rotation-secret": ""}, "is missing"),
            ({"Rotation-Secret": SECRET_NAME}, "is missing"),
            ({"rotation-secret": "redis"}, "names redis"),
        )
    ),
    (None, lambda w: w.users.faults.raise_at("tags", BUSY), errors.UserBusyError, str(BUSY)),
    (None, text(ELSEWHERE), errors.UserMismatchError, "another region"),
    # No "user_arn".
    *(
        (None, both(text(WITHOUT_ARN), change), errors.SecretFormatError, ADD_ARN.format(arn))
        for arn, change in (
            (USER_ARN, lambda w: None),
            ("<the ARN of its ElastiCache user>", tags({})),
            ("<the ARN of its ElastiCache user>", user(name="another")),
            ("<the ARN of its ElastiCache user>", lambda w: w.users.faults.raise_at("tags", BUSY)),
        )
    ),
    (None, without_any_password, errors.CurrentPasswordUnknownError, "lock out"),
    # A person who may write the secret must not redirect the rotation of a pinned stack.
    (PIN, text(secret_text("p", username="admin")), errors.SecretNotAllowedError, '"username" in'),
    (PIN, text(secret_text("p", user_arn="admin")), errors.SecretNotAllowedError, '"user_arn" in'),
    (
        Pin(f"{SECRET_ARN}x", USER_ARN, USERNAME),
        text("no JSON"),
        errors.SecretNotAllowedError,
        SECRET_ARN,
    ),
]


@pytest.mark.parametrize("pin, change, error, words", REFUSED)
@pytest.mark.parametrize(
    "run", [check, partial(check_attempt, create_secret_error=FROM_CREATE_SECRET)]
)
def test_a_wrong_secret_or_user_is_refused_before_an_error_of_create_secret_is_raised(
    world: World,
    run: Callable[..., Target],
    pin: Pin | None,
    change: Change,
    error: type[errors.RotationError],
    words: str,
) -> None:
    change(world)
    with pytest.raises(error, match=words) as caught:
        run(world, pin)
    assert "admin" not in str(caught.value)
    if error is errors.SecretNotAllowedError:
        assert world.users.faults.calls == []


def test_the_error_of_create_secret_fails_only_its_own_execution(world: World) -> None:
    world.stage(None)
    with pytest.raises(errors.AccessDeniedError, match=str(FROM_CREATE_SECRET)):
        check_attempt(world, create_secret_error=FROM_CREATE_SECRET)
    # The input of a run by hand may be a copy.
    assert check(world, version_id=PENDING, create_secret_error=FROM_CREATE_SECRET).secret_arn


@pytest.mark.parametrize(
    "key, denied, message",
    [
        # AWS may mean another key: that of a version from before the secret had this one.
        (KEY, KEY_DENIED, f"^{KEY_DENIED} Secret {SECRET_ARN} has key {KEY}. .*KmsKeyArns"),
        ("", KEY_DENIED, f"^{KEY_DENIED}$"),
        (KEY, ROLE_DENIED, f"^{ROLE_DENIED}$"),
    ],
)
def test_a_denied_kms_key_is_named_with_the_parameter_that_allows_it(
    world: World, key: str, denied: str, message: str
) -> None:
    world.secrets.kms_key = key
    world.secrets.faults.raise_at("read", errors.AccessDeniedError(denied))
    with pytest.raises(errors.AccessDeniedError, match=message):
        check(world)
