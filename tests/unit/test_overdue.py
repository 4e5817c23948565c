"""How often the daily check looks, what it reads, and what it does about errors."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from rotation import errors
from rotation.adapters.secrets_manager import SecretDescription
from rotation.records.user import user_id_in
from rotation.rules.findings import MOST_FINDINGS, Finding, message_of
from rotation.rules.overdue import PAUSES_SECONDS, SECONDS_UNTIL_SECOND_CHECK
from tests.unit.daily_check import PAST, PINNED, check, dates, kinds, rotated_twice, user
from tests.unit.fakes import World
from tests.unit.values import PENDING, make_user

THROTTLED = errors.ThrottlingError("Throttled.")
DENIED = errors.AccessDeniedError("Denied.")
BUSY = errors.UserBusyError("ListTagsForResource answered UserNotFound.")


def test_the_check_of_a_pinned_stack_reads_the_user_and_lists_nothing(world: World) -> None:
    check(world, PINNED)
    assert [name for name, _ in world.secrets.faults.calls] == ["describe", "versions"]
    assert [name for name, _ in world.users.faults.calls] == ["user"]
    assert world.cache.opened == []


def test_the_second_look_reads_no_tags_again_and_no_value_is_read(world: World) -> None:
    world.stage()
    check(world)
    assert [name for name, _ in world.users.faults.calls] == ["users", "tags", "users"]
    assert not world.secrets.faults.called("read")


@pytest.mark.parametrize(
    "before, after",
    [
        (World.stage, lambda world: world.secrets.labels.pop(PENDING)),
        (World.stage, lambda w: w.machine.machine.statuses.update({f"{PENDING}-1": ["RUNNING"]})),
        (user(status="modifying"), user(status="active")),
        (rotated_twice, user(password_count=2)),
        (lambda world: world.users.faults.raise_at("tags", BUSY), lambda world: None),
        (
            lambda w: setattr(w.users, "found", None),
            lambda w: setattr(w.users, "found", make_user()),
        ),
    ],
)
def test_what_may_pass_is_a_finding_only_if_a_second_look_confirms_it(
    world: World, before: Callable[[World], object], after: Callable[[World], object]
) -> None:
    before(world)
    assert check(world, before_second_look=lambda: after(world)) == []
    assert world.context.slept == [SECONDS_UNTIL_SECOND_CHECK]


def test_what_only_the_second_look_sees_is_left_to_the_next_day(world: World) -> None:
    world.stage()

    def end() -> None:
        del world.secrets.labels[PENDING]
        world.users.change(status="modifying")
        dates(next=PAST)(world)

    assert kinds(check(world, before_second_look=end)) == ["Overdue"]


# Errors


def test_a_secret_that_cannot_be_looked_at_hides_none_of_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, late = world.secrets.schedule, replace(world.secrets.schedule, next=PAST)
    described: dict[str, SecretDescription | Exception] = {
        "arn-1": SecretDescription("arn-1", "one", {}, late),
        "arn-2": errors.SecretDeletedError("Secret arn-2 is marked for deletion."),
        "arn-3": KeyError("a bug"),
        "arn-4": SecretDescription("arn-4", "four", {}, good),
        "arn-5": SecretDescription("arn-5", "five", {}, late),
    }

    def describe(secret_id: str) -> SecretDescription:
        if isinstance(description := described[secret_id], Exception):
            raise description
        return description

    users = [make_user(user_id=name) for name in ("one", "four", "five")]
    monkeypatch.setattr(world.secrets, "secrets_rotated_by", lambda function_arn: list(described))
    monkeypatch.setattr(world.secrets, "describe", describe)
    monkeypatch.setattr(world.users, "users", lambda: users)
    monkeypatch.setattr(world.users, "tags", lambda arn: {"rotation-secret": user_id_in(arn)})
    assert [(finding.secret, finding.kind) for finding in check(world)] == [
        ("one", "Overdue"),
        ("arn-2", "NotChecked"),
        ("arn-3", "NotChecked"),
        ("five", "Overdue"),
    ]


@pytest.mark.parametrize("adapter, method", [("secrets", "secrets_rotated_by"), ("users", "users")])
def test_a_list_that_is_not_readable_fails_the_check(
    world: World, adapter: str, method: str
) -> None:
    getattr(world, adapter).faults.raise_at(method, THROTTLED)
    with pytest.raises(errors.ThrottlingError):
        check(world)


@pytest.mark.parametrize(
    "error, slept",
    [
        (THROTTLED, PAUSES_SECONDS),
        (errors.ServiceUnavailableError("503."), PAUSES_SECONDS),
        (DENIED, ()),
    ],
)
def test_executions_are_listed_again_for_a_limited_time_while_aws_throttles_or_fails(
    world: World, error: errors.RotationError, slept: tuple[float, ...]
) -> None:
    for _ in slept:
        world.machine.faults.raise_at("running", error)
    assert check(world) == []
    assert world.context.slept == [*slept]
    for _ in range(len(slept) + 1):
        world.machine.faults.raise_at("running", error)
    with pytest.raises(type(error)):
        check(world)
    assert world.context.slept == [*slept] * 2


# The notification


def test_a_message_lists_the_findings() -> None:
    findings = [Finding("a", "Overdue", "A is."), Finding("a", "UserOff", "A is off.")]
    message = message_of(findings)
    assert message.subject == "1 secret needs attention: the daily check"
    first, second, last = message.text.split("\n\n")
    assert (first, second) == ("Overdue. A is.", "UserOff. A is off.")
    assert "docs/troubleshooting.md" in last


def test_a_message_of_hundreds_of_findings_fits_into_sns() -> None:
    findings = [Finding(f"s{n}", "NotChecked", "x" * 1000) for n in range(MOST_FINDINGS + 3)]
    message = message_of(findings)
    assert message.subject.startswith(f"{MOST_FINDINGS + 3} secrets ")
    assert len(message.text) < 256 * 1024
    assert "And 3 more, in the log of the function." in message.text
    assert " more, in the log" not in message_of(findings[:MOST_FINDINGS]).text
