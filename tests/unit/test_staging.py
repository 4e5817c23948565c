"""Making a version, AWSPENDING, which is the lock of a secret, and the wait for earlier runs."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS
from rotation.errors import (
    RotationError,
    RotationSupersededError,
    SecretFormatError,
    ServiceUnavailableError,
    ThrottlingError,
    VersionNotReadableError,
)
from rotation.records.target import Target
from rotation.rules.executions import execution_name, version_of
from rotation.rules.staging import (
    LONGEST_EXECUTION,
    make_version,
    remove_pending,
    require_promotable,
    require_unchanged,
    stage_version,
    wait_for_earlier_runs,
)
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    EXECUTION_ARN,
    NEW_PASSWORD,
    NOW,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    RULES,
    SECRET_ARN,
    World,
    make_target,
    secret_text,
)
from tests.unit.leaks import assert_no_leak

#: When AWSPENDING was on no version.
FREE = make_target(pending_version_at_check="")
#: When AWSPENDING was on the version of a run that is no more.
LEFT = make_target(pending_version_at_check=OTHER)
LATE = 45


def stage(world: World, target: Target = FREE, *, by_hand: bool = True) -> bool:
    return stage_version(target, world.secrets, RULES, by_hand=by_hand)


def fields_of(world: World, version: str = PENDING) -> dict[str, Any]:
    text = world.secrets.texts[version]
    assert isinstance(text, str)
    found: dict[str, Any] = json.loads(text)
    return found


def labels(world: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = world.secrets.snapshot()["labels"]
    return found


STAGED = {PREVIOUS: [AWSPREVIOUS], CURRENT: [AWSCURRENT], PENDING: [AWSPENDING]}


# A version is made


def test_a_made_version_is_awscurrents_text_with_a_new_password(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(CURRENT_PASSWORD, host="\u00fc", port=6379)
    assert make_version(world.secrets, SECRET_ARN, PENDING, CURRENT, RULES, "token")
    assert fields_of(world) == fields_of(world, CURRENT) | {"password": NEW_PASSWORD}
    assert world.secrets.faults.called("put_pending") == [(SECRET_ARN, PENDING, "token")]
    assert world.secrets.faults.called("random_password") == [(RULES,)]
    assert labels(world) == STAGED


def test_a_version_that_has_a_value_already_is_not_made(world: World) -> None:
    world.stage()
    assert make_version(world.secrets, SECRET_ARN, PENDING, CURRENT, RULES) is False
    assert fields_of(world)["password"] == PENDING_PASSWORD


def test_a_run_by_hand_makes_its_version(world: World) -> None:
    assert stage(world) is True
    assert fields_of(world)["password"] == NEW_PASSWORD
    assert labels(world) == STAGED
    # It has the label from its first moment: Secrets Manager may delete a version without any.
    assert world.secrets.faults.called("move_label") == []


@pytest.mark.parametrize("left", [secret_text(OTHER_PASSWORD), None, b"binary", "no JSON"])
def test_awspending_is_taken_from_a_run_that_is_no_more_and_its_password_is_not(
    world: World, left: str | bytes | None
) -> None:
    world.secrets.add(OTHER, left, AWSPENDING)
    assert stage(world, LEFT) is True
    assert fields_of(world)["password"] == NEW_PASSWORD
    assert labels(world) == STAGED


def test_awspending_that_is_left_on_awscurrent_is_free(world: World) -> None:
    world.secrets.labels[CURRENT].add(AWSPENDING)
    assert stage(world, make_target(pending_version_at_check=CURRENT)) is True
    assert labels(world) == STAGED


def test_in_a_run_of_secrets_managers_no_version_is_made(world: World) -> None:
    # It takes one from the rotation function alone.
    world.stage(None)
    with pytest.raises(VersionNotReadableError):
        stage(world, make_target(), by_hand=False)
    assert world.secrets.faults.called("put_pending") == []


# A version is found


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_version_that_is_there_is_kept(world: World, by_hand: bool) -> None:
    world.stage()
    before = world.secrets.snapshot()
    assert stage(world, make_target(), by_hand=by_hand) is False
    assert world.secrets.snapshot() == before


@pytest.mark.parametrize("pending", ["", CURRENT, OTHER])
def test_a_kept_version_gets_awspending_back(world: World, pending: str) -> None:
    # A failed attempt has taken it off.
    if pending == OTHER:
        world.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    world.secrets.add(PENDING, secret_text(PENDING_PASSWORD))
    if pending:
        world.secrets.labels.setdefault(pending, set()).add(AWSPENDING)
    assert stage(world, make_target(pending_version_at_check=pending), by_hand=False) is False
    assert fields_of(world)["password"] == PENDING_PASSWORD
    assert labels(world) == STAGED


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("target", [make_target(), FREE])
def test_another_run_that_took_awspending_meanwhile_keeps_it(
    world: World, kept: bool, target: Target
) -> None:
    if kept:
        world.secrets.add(PENDING, secret_text(PENDING_PASSWORD))
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    before = world.secrets.snapshot()
    with pytest.raises(RotationSupersededError, match=OTHER):
        stage(world, target)
    assert world.secrets.snapshot() == before


def test_awspending_of_a_run_that_has_ended_since_the_check_is_free(world: World) -> None:
    assert stage(world, LEFT)
    assert world.secrets.labels[PENDING] == {AWSPENDING}


def meanwhile(world: World, method: str, act: Callable[[], object]) -> None:
    """Does it just before the method's next call has its effect."""
    real = getattr(world.secrets, method)

    def first(*args: Any, **kwargs: Any) -> Any:
        setattr(world.secrets, method, real)
        act()
        return real(*args, **kwargs)

    setattr(world.secrets, method, first)


def test_of_two_runs_that_find_awspending_free_the_last_one_gets_it(world: World) -> None:
    theirs = secret_text(OTHER_PASSWORD)
    meanwhile(world, "put_pending", lambda: world.secrets.add(OTHER, theirs, AWSPENDING))
    assert stage(world) is True
    assert labels(world) == STAGED


def test_a_kept_version_does_not_take_awspending_from_where_it_was_not_seen(world: World) -> None:
    world.secrets.add(PENDING, secret_text(PENDING_PASSWORD))
    theirs = secret_text(OTHER_PASSWORD)
    meanwhile(world, "move_label", lambda: world.secrets.add(OTHER, theirs, AWSPENDING))
    with pytest.raises(RotationSupersededError):
        stage(world)
    assert world.secrets.version_with(AWSPENDING) == OTHER


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("method", ["describe", "read", "put_pending", "random_password"])
@pytest.mark.parametrize("pending", ["", OTHER])
def test_a_call_that_failed_is_made_good_by_the_next_one(
    world: World, pending: str, method: str, after: bool
) -> None:
    if pending:
        world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    target = make_target(pending_version_at_check=pending)
    world.secrets.faults.raise_at(method, ThrottlingError("too many"), after=after)
    with pytest.raises(ThrottlingError):
        stage(world, target)
    world.secrets.generated = "Another~Passw0rd~Generated"
    stage(world, target)
    assert labels(world) == STAGED
    # One value for a version, whatever was lost on the way.
    before = fields_of(world)
    assert stage(world, target) is False
    assert fields_of(world) == before


def test_a_value_that_was_put_and_not_answered_is_kept(world: World) -> None:
    world.secrets.faults.raise_at("put_pending", ServiceUnavailableError("lost"), after=True)
    with pytest.raises(ServiceUnavailableError):
        stage(world)
    world.secrets.generated = OTHER_PASSWORD
    assert stage(world) is False
    assert fields_of(world)["password"] == NEW_PASSWORD
    assert world.secrets.version_with(AWSPENDING) == PENDING


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_value_that_could_not_be_read_a_moment_ago_is_not_replaced(
    world: World, by_hand: bool
) -> None:
    world.stage()
    world.secrets.faults.raise_at("read", VersionNotReadableError("not yet"))
    if by_hand:
        assert stage(world, make_target()) is False
    else:
        with pytest.raises(VersionNotReadableError):
            stage(world, make_target(), by_hand=False)
    assert fields_of(world)["password"] == PENDING_PASSWORD
    assert labels(world) == STAGED


# The secret is as the run needs it


def unchanged(world: World) -> str:
    return require_unchanged(make_target(), world.secrets.describe(SECRET_ARN), world.secrets)


def test_labels_where_the_run_has_seen_them_are_unchanged_and_no_value_is_read(
    world: World,
) -> None:
    world.stage()
    assert unchanged(world) == CURRENT
    assert world.secrets.faults.called("read") == []


@pytest.mark.parametrize(
    "label,holder",
    [
        (AWSCURRENT, OTHER),
        (AWSCURRENT, PREVIOUS),
        (AWSCURRENT, PENDING),
        (AWSCURRENT, None),
        (AWSPENDING, OTHER),
        (AWSPENDING, CURRENT),
        (AWSPENDING, None),
    ],
)
def test_a_label_that_was_moved_ends_the_run(world: World, label: str, holder: str | None) -> None:
    world.stage()
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    before = {AWSCURRENT: CURRENT, AWSPENDING: PENDING}[label]
    world.secrets.labels[before].remove(label)
    if holder:
        world.secrets.labels.setdefault(holder, set()).add(label)
    moved = f"^{label} of secret {SECRET_ARN} .* from version {before} to {holder or 'none'}\\."
    with pytest.raises(RotationSupersededError, match=moved):
        unchanged(world)


def test_awscurrent_may_be_on_an_equal_version(world: World) -> None:
    # A person has saved the secret without changing it.
    world.stage()
    world.secrets.add(OTHER, world.secrets.texts[CURRENT], AWSCURRENT)
    assert unchanged(world) == OTHER


def test_the_runs_own_version_equals_none(world: World) -> None:
    # A person has made it AWSCURRENT.
    text = world.secrets.texts[CURRENT]
    world.stage(text)
    world.secrets.labels[CURRENT].remove(AWSCURRENT)
    world.secrets.labels[PENDING].add(AWSCURRENT)
    with pytest.raises(RotationSupersededError, match=AWSCURRENT):
        unchanged(world)


@pytest.mark.parametrize(
    "text", [secret_text(CURRENT_PASSWORD, added="x"), secret_text(CURRENT_PASSWORD) + "\n"]
)
def test_a_version_with_the_same_password_in_another_text_is_not_equal(
    world: World, text: str
) -> None:
    # No edit may be lost.
    world.stage()
    world.secrets.add(OTHER, text, AWSCURRENT)
    with pytest.raises(RotationSupersededError, match=AWSCURRENT) as caught:
        unchanged(world)
    assert_no_leak([CURRENT_PASSWORD], error=caught.value)


@pytest.mark.parametrize(
    "text,error", [(None, VersionNotReadableError), ("no JSON", SecretFormatError)]
)
def test_a_version_that_cannot_be_compared_is_not_taken_for_an_equal_one(
    world: World, text: str | None, error: type[RotationError]
) -> None:
    world.stage()
    world.secrets.add(OTHER, text, AWSCURRENT)
    with pytest.raises(error):
        unchanged(world)


# Can never be promoted


def promotable(world: World, version: str = PENDING) -> None:
    require_promotable(world.secrets.describe(SECRET_ARN), version, world.secrets)


@pytest.mark.parametrize("first", [True, False])
def test_a_version_of_awscurrents_text_can_be_promoted(world: World, first: bool) -> None:
    if first:
        world.secrets.texts[CURRENT] = secret_text(None)
    world.stage()
    promotable(world)


@pytest.mark.parametrize(
    "text,why",
    [
        (secret_text(PENDING_PASSWORD, added="by a person"), "another text"),
        (secret_text(PENDING_PASSWORD) + "\n", "another text"),
        (secret_text("with,comma~with,comma"), "not valid"),
        (secret_text(None), "not valid"),
        ("no JSON", "not what a rotation needs"),
        (b"binary", "not what a rotation needs"),
    ],
)
def test_a_version_of_another_text_can_never_be_promoted(
    world: World, text: str | bytes, why: str
) -> None:
    world.stage(text)
    with pytest.raises(RotationSupersededError, match=f"{PENDING}.*{why}.*Rotate again") as caught:
        promotable(world)
    assert_no_leak([PENDING_PASSWORD, CURRENT_PASSWORD, "with,comma"], error=caught.value)


def test_an_edit_of_awscurrent_outdates_the_version(world: World) -> None:
    world.stage()
    world.secrets.texts[CURRENT] = secret_text(CURRENT_PASSWORD, added="by a person")
    with pytest.raises(RotationSupersededError, match="another text"):
        promotable(world)


def test_awsprevious_can_never_be_promoted(world: World) -> None:
    world.secrets.created[PREVIOUS] = NOW
    with pytest.raises(RotationSupersededError, match=AWSPREVIOUS):
        promotable(world, PREVIOUS)


def test_a_version_that_is_older_than_awscurrent_can_never_be_promoted(world: World) -> None:
    world.stage()
    world.secrets.created[PENDING] = world.secrets.created[CURRENT] - timedelta(milliseconds=1)
    with pytest.raises(RotationSupersededError, match="older"):
        promotable(world)


@pytest.mark.parametrize("missing", [PENDING, CURRENT])
def test_a_version_that_is_not_listed_yet_is_not_taken_for_old(
    world: World, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.stage()
    listed = [each for each in world.secrets.versions(SECRET_ARN) if each.version_id != missing]
    monkeypatch.setattr(world.secrets, "versions", lambda arn: listed)
    promotable(world)


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_version_that_can_never_be_promoted_gets_no_lock(world: World, by_hand: bool) -> None:
    world.secrets.add(PENDING, secret_text("with,comma~with,comma"))
    with pytest.raises(RotationSupersededError, match="never"):
        stage(world, by_hand=by_hand)
    assert world.secrets.version_with(AWSPENDING) is None


# The wait for earlier runs


def wait(world: World, after: timedelta = timedelta()) -> int:
    return wait_for_earlier_runs(FREE, world.secrets, world.machine, NOW + after, LATE)


@pytest.fixture
def young(world: World) -> World:
    """AWSCURRENT may be of an execution that has just ended."""
    world.secrets.created[CURRENT] = NOW - timedelta(hours=1)
    world.stage()
    world.secrets.created[PENDING] = NOW
    return world


def test_the_bound_is_that_of_an_execution() -> None:
    machine = json.loads(Path("statemachine/rotation.asl.json").read_text())
    assert timedelta(seconds=machine["TimeoutSeconds"]) + timedelta(hours=1) <= LONGEST_EXECUTION


def test_a_clock_that_lags_makes_no_wait_longer(young: World) -> None:
    young.machine.machine.statuses[execution_name(CURRENT, 1)] = ["SUCCEEDED"]
    assert wait(young, timedelta(minutes=-5)) == LATE


def test_an_ordinary_rotation_waits_for_nobody_and_asks_nobody(world: World) -> None:
    world.stage()
    assert wait(world) == 0
    assert world.machine.faults.calls == []


@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize("ago,left", [(0, LATE), (15, 30), (44, 1), (45, 0), (9000, 0)])
def test_a_rotation_right_after_another_waits_for_its_late_functions(
    young: World, by_hand: bool, ago: int, left: int
) -> None:
    name = CURRENT if by_hand else execution_name(CURRENT, 1)
    young.machine.machine.statuses[name] = ["SUCCEEDED"]
    assert wait(young, timedelta(seconds=ago)) == left


def test_the_newest_attempt_counts(young: World) -> None:
    young.machine.machine.statuses |= {
        execution_name(CURRENT, 1): ["FAILED"],
        execution_name(CURRENT, 2): ["RUNNING"],
    }
    assert wait(young, timedelta(hours=1)) == LATE


def test_a_clean_rotation_right_after_another_asks_for_one_execution(young: World) -> None:
    young.machine.machine.statuses[execution_name(CURRENT, 1)] = ["SUCCEEDED"]
    wait(young)
    assert len(young.machine.faults.calls) == 1


def test_a_version_that_no_execution_has_made_is_waited_for_by_nobody(young: World) -> None:
    assert wait(young) == 0


def test_after_an_edit_a_run_that_it_ended_may_still_be_at_work(young: World) -> None:
    young.secrets.created[CURRENT] = NOW - timedelta(seconds=10)
    assert wait(young) == LATE - 10


@pytest.mark.parametrize("error", [ThrottlingError, ServiceUnavailableError])
def test_an_execution_that_cannot_be_looked_at_is_waited_for(
    young: World, error: type[RotationError]
) -> None:
    young.machine.faults.raise_at("find", error("not now"))
    assert wait(young) == LATE


def test_a_version_that_no_execution_can_be_named_after_is_looked_for_by_attempts_alone(
    young: World,
) -> None:
    odd = "odd: token/with {characters} of AWSCURRENT"
    young.secrets.add(odd, secret_text(OTHER_PASSWORD), AWSCURRENT)
    young.secrets.created[odd] = NOW - timedelta(minutes=1)
    target = make_target(current_version_id=odd)
    assert wait_for_earlier_runs(target, young.secrets, young.machine, NOW, LATE) == 0
    assert young.machine.faults.called("find") == [(execution_name(odd, 1),)]


def test_the_first_version_of_a_secret_was_made_by_no_run(young: World) -> None:
    del young.secrets.texts[PREVIOUS]
    young.machine.machine.statuses[execution_name(CURRENT, 1)] = ["RUNNING"]
    assert wait(young) == 0
    assert young.machine.faults.calls == []


def test_a_version_whose_execution_cannot_be_told_is_waited_for_while_it_is_young(
    world: World,
) -> None:
    derived = version_of(EXECUTION_ARN)
    world.secrets.add(derived, secret_text(OTHER_PASSWORD), AWSCURRENT)
    world.secrets.created[derived] = NOW - LONGEST_EXECUTION
    world.secrets.created[CURRENT] = world.secrets.created[derived] - timedelta(days=1)
    world.stage()
    world.secrets.created[PENDING] = NOW
    target = make_target(current_version_id=derived)
    assert wait_for_earlier_runs(target, world.secrets, world.machine, NOW, LATE) == LATE
    later = NOW + timedelta(seconds=1)
    assert wait_for_earlier_runs(target, world.secrets, world.machine, later, LATE) == 0


@pytest.mark.parametrize("labelled", [True, False])
def test_a_run_that_has_not_got_to_its_end_is_waited_for(world: World, labelled: bool) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), *["kept"][: int(labelled)])
    world.stage()
    assert wait(world) == LATE


def test_a_list_that_does_not_show_this_runs_version_is_behind(world: World) -> None:
    assert wait(world) == LATE


def test_a_run_from_which_awspending_was_taken_is_waited_for(world: World) -> None:
    """Its version may be older than AWSCURRENT: a person has made another one since."""
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    world.secrets.created[OTHER] = world.secrets.created[CURRENT] - timedelta(days=1)
    world.stage()
    target = make_target(pending_version_at_check=OTHER)
    assert wait_for_earlier_runs(target, world.secrets, world.machine, NOW, LATE) == LATE


def test_an_older_version_is_of_no_run_any_more(world: World) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    world.secrets.created[OTHER] = world.secrets.created[CURRENT] - timedelta(days=1)
    world.stage()
    assert wait(world) == 0


def test_a_list_that_lags_behind_is_no_proof(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.secrets, "versions", lambda arn: [])
    assert wait(world) == LATE


# Labels


def removed(world: World, version: str = PENDING) -> None:
    remove_pending(world.secrets, SECRET_ARN, version)


def test_a_removal_that_botocore_repeated_is_a_removal(world: World) -> None:
    world.stage()
    answer = RotationSupersededError("AWSPENDING is not where it was expected.")
    world.secrets.faults.raise_at("move_label", answer, after=True)
    removed(world)
    assert world.secrets.version_with(AWSPENDING) is None


def test_a_label_that_stays_is_not_taken_for_removed(world: World) -> None:
    world.stage()
    answer = RotationSupersededError("AWSPENDING is not where it was expected.")
    world.secrets.faults.raise_at("move_label", answer)
    with pytest.raises(RotationSupersededError):
        removed(world)
    assert world.secrets.version_with(AWSPENDING) == PENDING


def test_a_label_that_another_run_has_got_meanwhile_is_gone(world: World) -> None:
    world.stage()
    text = secret_text(OTHER_PASSWORD)
    meanwhile(world, "move_label", lambda: world.secrets.add(OTHER, text, AWSPENDING))
    removed(world)
    assert world.secrets.version_with(AWSPENDING) == OTHER


def test_a_move_of_awspending_that_botocore_repeated_is_a_move(world: World) -> None:
    world.secrets.add(PENDING, secret_text(PENDING_PASSWORD))
    answer = RotationSupersededError("AWSPENDING is not where it was expected.")
    world.secrets.faults.raise_at("move_label", answer, after=True)
    assert stage(world) is False
    assert world.secrets.version_with(AWSPENDING) == PENDING


def test_awspending_is_removed_where_it_is_and_only_there(world: World) -> None:
    world.stage()
    before = world.secrets.snapshot()
    removed(world, OTHER)  # there is no such version
    removed(world, CURRENT)
    assert world.secrets.snapshot() == before
    removed(world)
    assert world.secrets.version_with(AWSPENDING) is None


def test_a_secret_that_is_no_json_makes_no_version(world: World) -> None:
    world.secrets.texts[CURRENT] = "no JSON"
    with pytest.raises(SecretFormatError, match=CURRENT):
        stage(world)
    assert PENDING not in world.secrets.texts
