"""What the daily check finds of a secret and its user, and what it leaves out."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rotation.adapters.secrets_manager import SecretDescription
from rotation.errors import (
    AccessDeniedError,
    RotationError,
    SecretDeletedError,
    ServiceUnavailableError,
    ThrottlingError,
    UserBusyError,
)
from rotation.records.user import User
from rotation.rules.executions import version_of
from rotation.rules.findings import MOST_FINDINGS, Finding, message_of
from rotation.rules.overdue import (
    PAUSES_SECONDS,
    SECONDS_UNTIL_A_SECOND_LOOK,
    WORK,
    OverdueCheck,
    Scope,
)
from rotation.rules.pin import Pin
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    EXECUTION_ARN,
    FUNCTION_ARN,
    LONG_AGO,
    NOW,
    OTHER,
    PENDING,
    SECRET_ARN,
    SECRET_NAME,
    USER_ARN,
    USERNAME,
    FakeElastiCache,
    FakeSecretsManager,
    World,
    make_user,
)

MAX_MODIFYING_SECONDS = 1800
TAGGED = Scope(FUNCTION_ARN)
PINNED = Scope(FUNCTION_ARN, Pin(SECRET_ARN, USER_ARN, USERNAME))
DAY = timedelta(days=1)


def look(
    world: World,
    scope: Scope = TAGGED,
    sleep: Callable[[float], None] | None = None,
    *,
    require_endpoints: bool = True,
) -> list[Finding]:
    """What is found; ``sleep`` is what happens before a second look."""
    check = OverdueCheck(
        scope,
        world.secrets,
        world.users,
        world.machine,
        max_modifying_seconds=MAX_MODIFYING_SECONDS,
        require_endpoints=require_endpoints,
        now=lambda: NOW,
        sleep=sleep or world.context.sleep,
    )
    _, found = check.run()
    return found


def kinds(found: list[Finding]) -> list[str]:
    return [finding.kind for finding in found]


def schedule(world: World, **fields: Any) -> None:
    world.secrets.schedule = replace(world.secrets.schedule, **fields)


@pytest.fixture(params=[TAGGED, PINNED], ids=["tagged", "pinned"])
def scope(request: pytest.FixtureRequest) -> Scope:
    found: Scope = request.param
    return found


def test_nothing_is_found_of_a_secret_that_rotates_as_it_should(world: World, scope: Scope) -> None:
    assert look(world, scope) == []
    assert world.context.slept == []
    assert not world.secrets.faults.called("read")
    assert world.cache.opened == []


def test_a_pinned_stack_lists_nothing_and_reads_no_tags(world: World) -> None:
    look(world, PINNED)
    assert not world.secrets.faults.called("rotated_by")
    assert not world.users.faults.called("users")
    assert not world.users.faults.called("tags")


def test_a_secret_whose_date_has_passed_is_overdue(world: World, scope: Scope) -> None:
    schedule(world, next=NOW - 2 * DAY)
    [finding] = look(world, scope)
    assert finding == Finding(
        SECRET_NAME,
        "Overdue",
        f"Secret {SECRET_NAME} was due by 2026-02-27, and was last rotated or given a new value "
        "on 2026-02-19. Find out why its last execution failed, or why there was none; then rotate "
        "it.",
    )


def test_a_secret_that_was_never_rotated_is_overdue_too(world: World) -> None:
    schedule(world, next=NOW - 2 * DAY, last=None)
    assert "and was never rotated." in look(world)[0].message


@pytest.mark.parametrize(
    "fields, due",
    [
        ({"next": None, "last": NOW - 40 * DAY}, "2026-02-20"),
        ({"next": NOW + 5 * DAY, "last": NOW - 70 * DAY}, "2026-02-20"),
    ],
)
def test_by_when_a_secret_was_due_is_told_by_the_date_that_has_passed(
    world: World, fields: dict[str, Any], due: str
) -> None:
    schedule(world, **fields)
    assert f"was due by {due}," in look(world)[0].message


def test_a_rotation_that_is_off_is_told_and_not_its_date(world: World, scope: Scope) -> None:
    schedule(world, enabled=False, next=NOW - 2 * DAY)
    [finding] = look(world, scope)
    assert finding.kind == "RotationOff"
    assert "is off." in finding.message


def test_a_secret_that_is_off_and_has_no_user_any_more_was_taken_out(world: World) -> None:
    schedule(world, enabled=False, last=None)
    world.secrets.add(PENDING, None, "AWSPENDING")
    world.users.its_tags = {}
    assert look(world) == []


@pytest.mark.parametrize("by, told", [("arn:other", "done by arn:other"), ("", "done by no func")])
def test_a_pinned_secret_that_another_function_rotates_is_told(
    world: World, by: str, told: str
) -> None:
    schedule(world, function_arn=by)
    [finding] = look(world, PINNED)
    assert finding.kind == "RotationOff"
    assert told in finding.message


def test_secrets_of_another_function_are_none_of_ours(world: World) -> None:
    schedule(world, function_arn="arn:other", next=NOW - 2 * DAY)
    assert look(world) == []


def test_a_version_that_no_execution_rotates_to_blocks_its_secret(
    world: World, scope: Scope
) -> None:
    world.stage()
    [finding] = look(world, scope)
    assert finding.kind == "Blocked"
    assert f"AWSPENDING is on version {PENDING}, which is not AWSCURRENT," in finding.message
    assert (
        f"`aws secretsmanager update-secret-version-stage --secret-id {SECRET_NAME} "
        f"--version-stage AWSPENDING --remove-from-version-id {PENDING}`"
    ) in finding.message
    assert world.context.slept == [SECONDS_UNTIL_A_SECOND_LOOK]


def test_a_version_with_an_odd_id_is_quoted_for_a_shell(world: World) -> None:
    odd = "a token that somebody chose; it's 32 characters"
    world.secrets.add(odd, None, "AWSPENDING")
    message = look(world)[0].message
    command = message.split("`")[1]
    assert shlex.split(command)[-1] == odd


def test_a_rotation_that_may_be_tried_again_in_its_window_blocks_nothing_yet(
    world: World, scope: Scope
) -> None:
    world.stage(None)
    half_an_hour = timedelta(minutes=30)
    schedule(world, duration="1h", next=NOW + half_an_hour)
    assert look(world, scope) == []
    assert world.context.slept == []
    schedule(world, next=NOW + 3 * half_an_hour)
    assert kinds(look(world, scope)) == ["Blocked"]


def test_what_blocks_a_secret_is_told_and_not_that_it_is_overdue_too(world: World) -> None:
    world.stage()
    schedule(world, next=NOW - 2 * DAY)
    assert kinds(look(world)) == ["Blocked"]


def test_a_secret_whose_rotation_is_off_can_be_blocked_too(world: World) -> None:
    world.stage()
    schedule(world, enabled=False, last=None, next=None)
    assert kinds(look(world)) == ["RotationOff", "Blocked"]


def test_a_version_whose_execution_runs_blocks_nothing(world: World, scope: Scope) -> None:
    world.stage()
    world.users.change(status="modifying", password_count=2)
    world.machine.machine.statuses[f"{PENDING}-2"] = ["RUNNING"]
    assert look(world, scope) == []


def test_a_version_of_an_execution_by_hand_blocks_nothing(world: World) -> None:
    world.secrets.add(version_of(EXECUTION_ARN), None, "AWSPENDING")
    world.machine.machine.running_by_hand = [EXECUTION_ARN]
    assert look(world) == []


def test_an_execution_with_an_odd_name_hides_nothing(world: World) -> None:
    """As of attempt 1 for a version whose id is empty."""
    world.machine.machine.running_by_hand = [world.machine.arn("-1")]
    schedule(world, next=NOW - 2 * DAY)
    assert kinds(look(world)) == ["Overdue"]


def test_a_version_that_secrets_manager_only_tests_blocks_nothing(world: World) -> None:
    """A copy of AWSCURRENT, for RotateImmediately=false."""
    world.stage()
    world.machine.machine.statuses[f"{PENDING}-dry-run-1"] = ["RUNNING"]
    assert look(world) == []


def test_a_version_that_is_also_current_blocks_nothing(world: World) -> None:
    world.secrets.labels["11111111-1111-4111-8111-111111111111"].add("AWSPENDING")
    assert look(world) == []


def test_an_execution_that_starts_a_moment_later_makes_it_no_finding(world: World) -> None:
    world.stage(None)

    def start(_: float) -> None:
        world.machine.machine.statuses[f"{PENDING}-1"] = ["RUNNING"]

    assert look(world, sleep=start) == []


def test_a_rotation_that_ends_between_two_looks_is_no_finding(world: World) -> None:
    world.stage()

    def end(_: float) -> None:
        del world.secrets.labels[PENDING]

    assert look(world, sleep=end) == []


def test_what_only_the_second_look_sees_waits_for_the_next_day(world: World) -> None:
    world.stage()

    def end(_: float) -> None:
        del world.secrets.labels[PENDING]
        world.users.change(status="modifying")
        schedule(world, next=NOW - 2 * DAY)

    assert kinds(look(world, sleep=end)) == ["Overdue"]


def test_an_execution_that_runs_longer_than_can_be_is_told(world: World, scope: Scope) -> None:
    world.stage()
    machine = world.machine.machine
    machine.statuses[f"{PENDING}-1"] = ["RUNNING"]
    machine.running_since = NOW - timedelta(seconds=MAX_MODIFYING_SECONDS) - WORK
    assert look(world, scope) == []
    machine.running_since -= timedelta(seconds=1)
    [finding] = look(world, scope)
    assert finding.kind == "RunningTooLong"
    assert world.machine.arn(f"{PENDING}-1") in finding.message
    assert "for 31 hours" in finding.message


@pytest.mark.parametrize("status", ["modifying", "deleting", "creating"])
def test_a_user_that_is_not_active_is_found(world: World, scope: Scope, status: str) -> None:
    world.users.change(status=status)
    [finding] = look(world, scope)
    assert finding.kind == "UserNotActive"
    assert f"has status {status}" in finding.message


def test_a_user_that_is_active_again_a_moment_later_is_not(world: World) -> None:
    world.users.change(status="modifying")
    assert look(world, sleep=lambda _: world.users.change(status="active")) == []


def test_a_user_that_another_rotation_may_keep_busy_is_not(world: World) -> None:
    world.machine.machine.statuses[f"{OTHER}-1"] = ["RUNNING"]
    world.users.change(status="modifying")
    assert look(world) == []
    world.users.change(status="deleting")
    assert kinds(look(world)) == ["UserNotActive"]


def test_a_user_that_is_off_is_found_once_it_was_rotated(world: World, scope: Scope) -> None:
    world.users.change(access_string="off ~* +@all")
    [finding] = look(world, scope)
    assert finding.kind == "UserOff"
    assert (
        'CloudFormation or Terraform turns it off again if its access string there says "off"'
        in (finding.message)
    )
    schedule(world, last=None)
    assert look(world, scope) == []


@pytest.mark.parametrize(
    "authentication, count", [("no-password", 0), ("iam", 0), ("password", 0), ("no-password", 1)]
)
def test_a_rotated_user_without_a_password_is_found(
    world: World, authentication: str, count: int
) -> None:
    world.users.change(
        authentication=authentication, password_count=count, access_string="off ~* +@all"
    )
    assert kinds(look(world)) == ["UserWithoutPassword"]
    schedule(world, last=None)
    assert look(world) == []


@pytest.mark.parametrize("count", [1, 2])
def test_one_password_or_two_are_right_after_the_first_rotation(world: World, count: int) -> None:
    """AWSPREVIOUS is the secret's first version; a failed attempt has made one, too."""
    world.secrets.add(OTHER, None)
    world.users.change(password_count=count)
    assert look(world) == []


@pytest.fixture
def rotated_twice(world: World) -> World:
    """A version before AWSPREVIOUS, whose user has the passwords of a rotation."""
    world.secrets.add(OTHER, None)
    world.secrets.created[OTHER] = LONG_AGO - DAY
    world.users.change(password_count=2)
    return world


def test_one_password_is_not_right_after_the_second_rotation(
    rotated_twice: World, scope: Scope
) -> None:
    """As CloudFormation or Terraform leaves it that sets a password of its own, or AWSCURRENT's."""
    world = rotated_twice
    assert look(world, scope) == []
    assert not world.secrets.faults.called("versions")
    world.users.change(password_count=1)
    [finding] = look(world, scope)
    assert finding.kind == "PasswordsReplaced"
    for words in (
        "an update by CloudFormation or Terraform",
        '"DryRun": true',
        "CurrentPasswordRefusedError in docs/troubleshooting.md",
        "rotate, which ends this finding",
    ):
        assert words in finding.message
    assert not world.secrets.faults.called("read")


def test_the_next_rotation_ends_what_one_password_may_mean(rotated_twice: World) -> None:
    """An edit between the first rotation and the second looks the same."""
    world = rotated_twice
    world.users.change(password_count=1)
    assert kinds(look(world)) == ["PasswordsReplaced"]
    world.stage()
    world.modify()
    world.secrets.move_label("", "AWSCURRENT", to=PENDING, away_from=CURRENT)
    world.secrets.move_label("", "AWSPENDING", to=None, away_from=PENDING)
    assert look(world) == []


def test_a_rotation_that_ends_between_two_looks_has_replaced_no_password(
    rotated_twice: World,
) -> None:
    world = rotated_twice
    world.users.change(password_count=1)
    assert look(world, sleep=lambda _: world.users.change(password_count=2)) == []


def test_one_password_of_a_user_that_is_off_is_not_looked_into(rotated_twice: World) -> None:
    world = rotated_twice
    world.users.change(password_count=1, access_string="off ~* +@all")
    assert kinds(look(world)) == ["UserOff"]
    schedule(world, last=None)
    assert look(world) == []


def test_versions_that_cannot_be_listed_are_a_finding_beside_the_others(world: World) -> None:
    schedule(world, next=NOW - 2 * DAY)
    for _ in range(2):
        world.secrets.faults.raise_at("versions", AccessDeniedError("Denied."))
    assert [(finding.kind, finding.secret) for finding in look(world)] == [
        ("Overdue", SECRET_NAME),
        ("NotLookedAt", SECRET_NAME),
    ]


def test_a_user_in_no_group_is_found_where_the_stack_requires_a_cache(
    world: World, scope: Scope
) -> None:
    world.users.change(group_ids=())
    [finding] = look(world, scope)
    assert finding.kind == "UserWithoutGroup"
    assert "RequireEndpoints=true" in finding.message
    assert "CloudFormation or Terraform" in finding.message
    assert look(world, scope, require_endpoints=False) == []


@pytest.mark.parametrize(
    "reason, shown",
    [
        (
            "Access to KMS is not allowed.",
            "in eu-west-1 has failed: Access to KMS is not allowed. ",
        ),
        ("", "in eu-west-1 has failed: Secrets Manager gives no reason. "),
    ],
)
def test_a_replica_that_has_failed_is_found(
    world: World, scope: Scope, reason: str, shown: str
) -> None:
    world.secrets.failed_replicas = {"eu-west-1": reason, "eu-west-3": reason}
    first, second = look(world, scope)
    assert (first.kind, second.kind) == ("ReplicaFailed", "ReplicaFailed")
    assert shown in first.message
    assert "in eu-west-3 has failed" in second.message


def test_two_passwords_are_not_right_before_the_first_rotation(world: World, scope: Scope) -> None:
    last = world.secrets.schedule.last
    schedule(world, last=None)
    world.users.change(password_count=2)
    # By its labels it was rotated by hand.
    assert look(world, scope) == []
    del world.secrets.labels["33333333-3333-4333-8333-333333333333"]
    [finding] = look(world, scope)
    assert finding.kind == "UnexpectedPasswordCount"
    # By its date it was, by Secrets Manager.
    schedule(world, last=last)
    assert look(world, scope) == []
    schedule(world, last=None)
    world.users.change(password_count=1)
    assert look(world, scope) == []


def test_a_user_that_was_deleted_is_found(world: World, scope: Scope) -> None:
    world.users.found = None
    schedule(world, next=NOW - 2 * DAY)
    assert kinds(look(world, scope)) == ["UserMissing", "Overdue"]
    assert world.context.slept == [SECONDS_UNTIL_A_SECOND_LOOK]


def test_a_pinned_user_that_was_deleted_is_found_even_if_the_rotation_is_off(world: World) -> None:
    world.users.found = None
    schedule(world, enabled=False)
    assert kinds(look(world, PINNED)) == ["UserMissing", "RotationOff"]


def test_a_secret_that_no_tag_names_is_found_while_its_rotation_is_on(world: World) -> None:
    world.users.its_tags = {"rotation-secret": "another"}
    [finding] = look(world)
    assert finding.kind == "UserMissing"
    for words in (
        "No user names secret redis/app in its tag rotation-secret",
        "CloudFormation or Terraform may remove a tag",
        "If the user's tag names another secret",
    ):
        assert words in finding.message
    schedule(world, enabled=False)
    assert look(world) == []


def test_a_user_may_name_the_secret_by_its_arn(world: World) -> None:
    world.users.its_tags = {"rotation-secret": SECRET_ARN}
    assert look(world) == []


def test_a_user_in_transition_that_has_no_tags_is_not_missing(world: World) -> None:
    busy = UserBusyError("ListTagsForResource answered UserNotFound.")
    world.users.faults.raise_at("tags", busy)
    assert look(world) == []
    for _ in range(2):
        world.users.faults.raise_at("tags", busy)
    [finding] = look(world)
    assert finding.kind == "NotLookedAt"
    assert "may be one of those whose tags cannot be read (app-id)" in finding.message
    assert "answered UserNotFound" in finding.message


def test_tags_that_were_read_are_not_read_again(world: World) -> None:
    world.stage()
    look(world)
    assert len(world.users.faults.called("tags")) == 1
    assert len(world.users.faults.called("users")) == 2


def test_a_pinned_user_that_cannot_be_looked_at_is_a_finding(world: World) -> None:
    for _ in range(2):
        world.users.faults.raise_at("user", AccessDeniedError("Denied."))
    [finding] = look(world, PINNED)
    assert (finding.kind, finding.message) == (
        "NotLookedAt",
        f"The user of secret {SECRET_NAME}: Denied.",
    )


def test_awss_own_user_is_not_asked_for_its_tags(world: World) -> None:
    world.users.change(user_id="default")
    assert kinds(look(world)) == ["UserMissing"]
    assert not world.users.faults.called("tags")


class ManySecrets(FakeSecretsManager):
    def __init__(self, described: dict[str, SecretDescription | Exception]) -> None:
        super().__init__()
        self.described = described

    def rotated_by(self, function_arn: str) -> list[str]:
        return list(self.described)

    def describe(self, secret_id: str) -> SecretDescription:
        found = self.described[secret_id]
        if isinstance(found, Exception):
            raise found
        return found


class ManyUsers(FakeElastiCache):
    """Users that each name a secret."""

    def __init__(self, named: dict[str, User]) -> None:
        super().__init__(make_user(), [CURRENT_PASSWORD])
        self.named = named

    def users(self) -> list[User]:
        return list(self.named.values())

    def tags(self, user_arn: str) -> dict[str, str]:
        return {"rotation-secret": next(k for k, v in self.named.items() if v.arn == user_arn)}


def test_a_secret_that_cannot_be_looked_at_hides_none_of_the_others(world: World) -> None:
    good, late = world.secrets.schedule, replace(world.secrets.schedule, next=NOW - 2 * DAY)
    described: dict[str, SecretDescription | Exception] = {
        "arn-1": SecretDescription("arn-1", "one", {}, late),
        "arn-2": SecretDeletedError("Secret arn-2 is marked for deletion."),
        "arn-3": ThrottlingError("DescribeSecret answered Throttling."),
        "arn-4": SecretDescription("arn-4", "four", {}, good),
        "arn-5": SecretDescription("arn-5", "five", {}, late),
    }
    world.secrets = ManySecrets(described)
    users = {name: make_user(arn=name, user_id=name) for name in ("one", "four", "five")}
    world.users = ManyUsers(users)
    assert [(each.secret, each.kind) for each in look(world)] == [
        ("one", "Overdue"),
        ("arn-2", "NotLookedAt"),
        ("arn-3", "NotLookedAt"),
        ("five", "Overdue"),
    ]


@pytest.mark.parametrize("adapter, method", [("secrets", "rotated_by"), ("users", "users")])
def test_what_cannot_be_listed_is_no_check_at_all(world: World, adapter: str, method: str) -> None:
    getattr(world, adapter).faults.raise_at(method, ThrottlingError("Throttled."))
    with pytest.raises(ThrottlingError):
        look(world)


@pytest.mark.parametrize("error", [ThrottlingError("Throttled."), ServiceUnavailableError("503.")])
def test_executions_are_listed_again_and_again_while_the_account_is_throttled(
    world: World, error: RotationError
) -> None:
    for _ in PAUSES_SECONDS:
        world.machine.faults.raise_at("running", error)
    assert look(world) == []
    assert world.context.slept == list(PAUSES_SECONDS)
    for _ in range(len(PAUSES_SECONDS) + 1):
        world.machine.faults.raise_at("running", error)
    with pytest.raises(type(error)):
        look(world)


def test_executions_that_may_not_be_listed_are_not_listed_again(world: World) -> None:
    world.machine.faults.raise_at("running", AccessDeniedError("Denied."))
    with pytest.raises(AccessDeniedError):
        look(world)
    assert world.context.slept == []


def test_a_message_lists_what_was_found() -> None:
    findings = [Finding("a", "Overdue", "A is."), Finding("a", "UserOff", "A is off.")]
    message = message_of(findings)
    assert message.subject == "1 secret to look at: the daily check of rotations"
    first, second, last = message.text.split("\n\n")
    assert (first, second) == ("Overdue. A is.", "UserOff. A is off.")
    assert "docs/troubleshooting.md" in last


def test_a_message_of_hundreds_fits_into_sns() -> None:
    many = [Finding(f"s{n}", "NotLookedAt", "x" * 1000) for n in range(MOST_FINDINGS + 3)]
    message = message_of(many)
    assert message.subject.startswith(f"{MOST_FINDINGS + 3} secrets ")
    assert len(message.text) < 256 * 1024
    assert "And 3 more, in the log of the function." in message.text
    assert " more, in the log" not in message_of(many[:MOST_FINDINGS]).text
