"""What the daily check finds of a secret and its user, and what it says."""

import shlex
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from rotation.errors import AccessDeniedError, UserBusyError
from rotation.rules.executions import version_by_hand
from rotation.rules.overdue import WORK, Scope
from tests.unit.daily_check import (
    DAY,
    MAX_MODIFYING_SECONDS,
    PAST,
    PINNED,
    TAGGED,
    Change,
    check,
    dates,
    rotated_twice,
    user,
)
from tests.unit.fakes import World
from tests.unit.values import (
    CURRENT,
    EXECUTION_ARN,
    NOW,
    OTHER,
    PENDING,
    PREVIOUS,
    SECRET_ARN,
    SECRET_NAME,
    USER_ARN,
    USER_ID,
)

BOTH = (TAGGED, PINNED)
ODD_VERSION = "a token of one's own, with 32 characters"
OFF = user(access_string="off ~* +@all")
NEVER_ROTATED, ROTATION_OFF, OVERDUE = dates(last=None), dates(enabled=False), dates(next=PAST)
ONE_PASSWORD, TWO_PASSWORDS = user(password_count=1), user(password_count=2)
LONGEST = timedelta(seconds=MAX_MODIFYING_SECONDS) + WORK
BUSY, DENIED = UserBusyError("Busy."), AccessDeniedError("Denied.")
TOO_LONG = f"for 31 hours: execution {EXECUTION_ARN.replace('run-1', f'{PENDING}-1')}."
UNBLOCK = (
    f"`aws secretsmanager update-secret-version-stage --secret-id {SECRET_NAME} --version-stage "
    f"AWSPENDING --remove-from-version-id {shlex.quote(ODD_VERSION)}`"
)


def staged(version: str = PENDING) -> Change:
    return lambda world: world.secrets.add(version, None, "AWSPENDING")


def running(name: str, duration: timedelta = DAY) -> Change:
    def start(world: World) -> None:
        world.machine.machine.statuses[name] = ["RUNNING"]
        world.machine.machine.running_since = NOW - duration

    return start


def tag(value: str) -> Change:
    return lambda world: world.users.its_tags.update({"rotation-secret": value})


def replica_failed(reason: str) -> Change:
    return lambda world: world.secrets.failed_replicas.update({"eu-west-1": reason})


def user_deleted(world: World) -> None:
    world.users.found = None


def no_previous_version(world: World) -> None:
    del world.secrets.labels[PREVIOUS]


def fails(adapter: str, method: str, error: Exception) -> Change:
    """Both looks fail."""

    def fail(world: World) -> None:
        for _ in range(2):
            getattr(world, adapter).faults.raise_at(method, error)

    return fail


def case(name: str, *changes: Change, scopes: Any = BOTH, **findings: str) -> Any:
    """The changes lead to findings of these kinds, with these words."""
    return pytest.param(scopes, changes, findings, id=name)


tagged, pinned = partial(case, scopes=(TAGGED,)), partial(case, scopes=(PINNED,))
CASES = [
    case("a healthy secret"),
    # The schedule.
    case("overdue", OVERDUE, Overdue="2026-02-27, and was last rotated or given a new value"),
    case("never rotated", OVERDUE, NEVER_ROTATED, Overdue="and was never rotated."),
    case("no next date", dates(next=None, last=NOW - 40 * DAY), Overdue="due by 2026-02-20,"),
    case(
        "next date moved", dates(next=NOW + 5 * DAY, last=NOW - 70 * DAY), Overdue="by 2026-02-20,"
    ),
    case("the rotation is off", ROTATION_OFF, OVERDUE, RotationOff="is off."),
    tagged("another function", dates(function_arn="arn:other"), OVERDUE),
    pinned("another function", dates(function_arn="arn:other"), RotationOff="done by arn:other"),
    pinned("no function", dates(function_arn=""), RotationOff="done by no function"),
    # The replicas.
    case("denied", replica_failed("No."), ReplicaFailed="eu-west-1 has failed: No. Clients"),
    case("no reason", replica_failed(""), ReplicaFailed="Secrets Manager gives no reason. "),
    # AWSPENDING.
    case(
        "blocked", staged(), Blocked=f"AWSPENDING is on version {PENDING}, which is not AWSCURRENT,"
    ),
    case("blocked by an odd version", staged(ODD_VERSION), Blocked=UNBLOCK),
    case("blocked, and therefore overdue", staged(), OVERDUE, Blocked=""),
    case("blocked and off", staged(), ROTATION_OFF, OVERDUE, RotationOff="", Blocked=""),
    case("may be tried again", staged(), dates(duration="1h", next=NOW + DAY / 48)),
    case("too early for it", staged(), dates(duration="1h", next=NOW + DAY / 16), Blocked=""),
    case("AWSPENDING on AWSCURRENT", lambda w: w.secrets.labels[CURRENT].add("AWSPENDING")),
    # Executions.
    *(
        case(f"{name} rotates to the version", staged(version), running(name), user(status="x"))
        for version, name in (
            (PENDING, f"{PENDING}-2"),
            # RotateImmediately=false stages a version that is only tested.
            (PENDING, f"{PENDING}-dry-run-1"),
            (version_by_hand(EXECUTION_ARN), "run-1"),
        )
    ),
    *(
        case(f"blocked although {name} runs", staged(), running(name), Blocked="")
        for name in (f"{OTHER}-1", f"{OTHER}-dry-run-1", "by-hand")
    ),
    case("the longest execution", staged(), running(f"{PENDING}-1", LONGEST)),
    case("too long", staged(), running(f"{PENDING}-1", 1.01 * LONGEST), RunningTooLong=TOO_LONG),
    # As attempt 1 of a version whose id is empty.
    case("an execution with an odd name", running("-1"), OVERDUE, Overdue=""),
    # The user.
    *(
        case(status, user(status=status), UserNotActive=f"has status {status}")
        for status in ("modifying", "deleting", "creating")
    ),
    case("another rotation modifies", running(f"{OTHER}-1"), user(status="modifying")),
    case("another runs", running(f"{OTHER}-1"), user(status="deleting"), UserNotActive="deleting"),
    case("no group", user(group_ids=()), UserWithoutGroup="RequireEndpoints=true"),
    case("off", OFF, UserOff='turns it off again if its access string there says "off"'),
    case("off before its first rotation", OFF, NEVER_ROTATED),
    *(
        case(f"{authentication}, {count} passwords", *changes, **findings)
        for authentication, count in (
            ("no-password", 0),
            ("iam", 0),
            ("password", 0),
            ("no-password", 1),
        )
        for without in (user(authentication=authentication, password_count=count),)
        for changes, findings in (
            ((without, OFF), {"UserWithoutPassword": "has no password"}),
            ((without, OFF, NEVER_ROTATED), {}),
        )
    ),
    # The number of passwords. AWSPREVIOUS is the first version after the first rotation.
    case("one password after the first rotation", ONE_PASSWORD),
    case("two passwords after the first rotation", TWO_PASSWORDS),
    case("two passwords after the second", rotated_twice, TWO_PASSWORDS),
    # pragma: allowlist nextline secret
    case("one password after the second", rotated_twice, PasswordsReplaced="CloudFormation"),
    case("off after the second", rotated_twice, OFF, UserOff=""),
    case("off and never rotated", rotated_twice, OFF, NEVER_ROTATED),
    case("rotated by hand", TWO_PASSWORDS, NEVER_ROTATED),
    case("rotated by Secrets Manager", TWO_PASSWORDS, no_previous_version),
    case("one password", NEVER_ROTATED, no_previous_version),
    case(
        "two passwords before the first rotation",
        *(TWO_PASSWORDS, NEVER_ROTATED, no_previous_version),
        UnexpectedPasswordCount="has 2 passwords, although the secret was never rotated.",
    ),
    # Which user it is.
    case("a deleted user", user_deleted, OVERDUE, UserMissing="", Overdue=""),
    pinned("a deleted user", user_deleted, ROTATION_OFF, UserMissing="", RotationOff=""),
    case("a tag with the ARN", tag(SECRET_ARN)),
    tagged("a tag of another secret", tag("another"), UserMissing="No user names secret redis/app"),
    tagged("taken out", tag("another"), ROTATION_OFF, staged()),
    tagged("AWS's own user", user(arn=USER_ARN.replace(USER_ID, "default")), UserMissing=""),
    # Errors.
    tagged("no tags", fails("users", "tags", BUSY), NotChecked="(app-id). app-id: Busy."),
    pinned("user", fails("users", "user", DENIED), NotChecked="secret redis/app: Denied."),
    tagged("list", fails("secrets", "versions", DENIED), OVERDUE, Overdue="", NotChecked="Denied."),
]


@pytest.mark.parametrize("scopes, changes, findings", CASES)
def test_the_daily_check_finds(
    world: World, scopes: tuple[Scope, ...], changes: tuple[Change, ...], findings: dict[str, str]
) -> None:
    for change in changes:
        change(world)
    for scope in scopes:
        found = check(world, scope)
        assert [finding.kind for finding in found] == list(findings)
        assert {finding.secret for finding in found} <= {SECRET_NAME}
        assert all(
            words in finding.message
            for words, finding in zip(findings.values(), found, strict=True)
        )


def test_a_user_needs_no_group_where_the_stack_requires_no_cache(world: World) -> None:
    world.users.change(group_ids=())
    assert check(world, require_endpoints=False) == []
