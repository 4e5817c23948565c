"""All rotation steps, and those after createSecret: they wait for the execution."""

import pytest

from rotation import errors
from rotation.adapters.secrets_manager import AWSPENDING
from rotation.adapters.step_functions import Execution
from rotation.records.rotation_event import STEPS
from rotation.rules.late_reads import READS, SECONDS_BETWEEN_READS
from rotation.rules.pin import Pin
from rotation.rules.run_history import THROTTLED_BY_LAMBDA
from rotation.rules.steps import FIRST_DESCRIPTION_SECONDS, GIVE_WAY_SHARE, MARGIN_SECONDS
from tests.unit.fakes import World
from tests.unit.steps import PENDING_TEXT, Rotation
from tests.unit.values import (
    CURRENT_PASSWORD,
    PENDING,
    SECRET_ARN,
    USER_ARN,
    USERNAME,
    entered,
    execution_name,
    failed,
    secret_text,
)

AFTER_CREATE_SECRET = STEPS[1:]


@pytest.fixture
def rotation(world: World) -> Rotation:
    """createSecret has made the version."""
    return Rotation(world, PENDING_TEXT)


@pytest.fixture
def staged(world: World) -> Rotation:
    """The version has no value: Secrets Manager calls testSecret alone."""
    return Rotation(world)


# All steps


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_a_rotation_that_is_done_does_nothing(staged: Rotation, step: str) -> None:
    staged.promote()
    assert staged.step(step) is None
    assert staged.machine.faults.calls == []


@pytest.mark.parametrize("step", STEPS)
def test_a_pinned_stack_refuses_every_step_of_another_secret(rotation: Rotation, step: str) -> None:
    with pytest.raises(errors.SecretNotAllowedError):
        rotation.step(step, pin=Pin(SECRET_ARN + "x", USER_ARN, USERNAME))
    assert rotation.machine.faults.calls == rotation.secrets.faults.calls == []


@pytest.mark.parametrize("step", AFTER_CREATE_SECRET)
def test_a_later_step_that_gives_up_starts_no_execution(rotation: Rotation, step: str) -> None:
    rotation.fail("describe", errors.ThrottlingError("no"), times=100)
    with pytest.raises(errors.ThrottlingError):
        rotation.step(step)
    assert rotation.started() == []


def test_a_token_that_cannot_be_a_name_is_found_by_a_derived_one(staged: Rotation) -> None:
    token = "odd: token/with {characters} \u00fc"
    staged.secrets.add(token, None, AWSPENDING)
    staged.step("createSecret", token=token)
    ((name, execution_input),) = staged.machine.faults.called("start")
    assert (name, execution_input["ClientRequestToken"]) == (execution_name(token, 1), token)
    staged.secrets.labels[token].clear()
    execution = staged.step("setSecret", token=token)
    assert execution
    assert execution.arn == staged.machine.arn(name)


# The execution has ended


@pytest.mark.parametrize(
    "status, state, error, message",
    [
        ("FAILED", "Log In", "AnError", "FAILED in state Log In: AnError. The cause. Execution: "),
        ("FAILED", None, "AnError", "FAILED: AnError. The cause. Execution: "),
        ("FAILED", None, "", "FAILED. Execution: "),
        ("TIMED_OUT", None, "AnError", "TIMED_OUT. Execution: "),
        ("ABORTED", "Log In", "AnError", "ABORTED in state Log In. Execution: "),
        (None, None, "", "There is no execution for version .* createSecret"),
    ],
)
@pytest.mark.parametrize("step", AFTER_CREATE_SECRET)
def test_a_step_fails_if_the_execution_has_failed_or_does_not_exist(
    rotation: Rotation, step: str, status: str | None, state: str | None, error: str, message: str
) -> None:
    rotation.release()
    rotation.execution(*filter(None, [status]))
    machine = rotation.machine.machine
    machine.history = [entered(state or ""), entered("Check Target")]
    machine.error, machine.cause = error, "The cause."
    if not state:
        rotation.fail("history", errors.AccessDeniedError("no history"))
    arn = rotation.machine.arn(f"{PENDING}-1") if status else ""
    with pytest.raises(errors.RotationFailedError, match=message + arn):
        rotation.step(step)
    # What is not visible yet is looked up again.
    assert rotation.slept == [SECONDS_BETWEEN_READS] * READS
    assert rotation.started() == []


@pytest.mark.parametrize("step", ["setSecret", "finishSecret"])
def test_a_failed_attempt_may_hide_a_newer_one_for_a_moment(rotation: Rotation, step: str) -> None:
    rotation.release()
    rotation.execution("FAILED")

    def show_the_newer_one() -> None:
        rotation.execution("SUCCEEDED", attempt=2)
        if step == "finishSecret":
            rotation.promote()

    rotation.during_sleep[1] = show_the_newer_one
    execution = rotation.step(step)
    assert execution
    assert execution.arn.endswith(f":{PENDING}-2")


# setSecret and testSecret


@pytest.mark.parametrize("status", [None, "RUNNING", "SUCCEEDED"])
@pytest.mark.parametrize("step", ["setSecret", "testSecret"])
def test_the_steps_in_between_look_up_the_execution_only_without_awspending(
    rotation: Rotation, step: str, status: str | None
) -> None:
    if status:
        rotation.release()
        rotation.execution(status)
    execution = rotation.step(step)
    assert (execution and execution.status) == status
    assert rotation.slept == []
    assert bool(rotation.machine.faults.calls) is bool(status)


# finishSecret


@pytest.mark.parametrize(
    "status, sleeps", [("RUNNING", 1), ("RUNNING", 40), ("SUCCEEDED", 1), ("SUCCEEDED", 3)]
)
def test_finish_secret_waits_for_the_promotion(
    rotation: Rotation, status: str, sleeps: int
) -> None:
    rotation.execution(status)
    if status == "SUCCEEDED":
        rotation.release()
    rotation.during_sleep[sleeps] = rotation.promote
    rotation.step("finishSecret")
    assert len(rotation.slept) == sleeps


def test_finish_secret_looks_up_the_execution_once_a_minute(rotation: Rotation) -> None:
    rotation.execution("RUNNING")
    looked_at: list[float] = []
    find = rotation.machine.find

    def find_and_note(name: str) -> Execution | None:
        looked_at.append(sum(rotation.slept))
        return find(name)

    rotation.machine.find = find_and_note  # type: ignore[method-assign]
    with pytest.raises(errors.RotationInProgressError):
        rotation.step("finishSecret")
    first, *later = looked_at
    assert FIRST_DESCRIPTION_SECONDS <= first <= FIRST_DESCRIPTION_SECONDS + 1
    between = [after - before for before, after in zip(looked_at, later, strict=False)]
    assert min(between) >= 60
    assert max(between) <= 120
    assert rotation.machine.faults.called("running") == []


def test_an_execution_that_fails_while_it_is_waited_for_fails_the_step(rotation: Rotation) -> None:
    rotation.execution("RUNNING")

    def fail() -> None:
        rotation.execution("FAILED")
        rotation.release()

    rotation.during_sleep[3] = fail
    with pytest.raises(errors.RotationFailedError, match="PasswordRefusedError"):
        rotation.step("finishSecret")
    assert sum(rotation.slept) < FIRST_DESCRIPTION_SECONDS


def test_a_succeeded_execution_without_a_promotion_fails_finish_secret(rotation: Rotation) -> None:
    rotation.execution("SUCCEEDED")
    with pytest.raises(errors.RotationFailedError, match=f"{PENDING} is not AWSCURRENT"):
        rotation.step("finishSecret")


@pytest.mark.parametrize(
    "step, text", [("finishSecret", PENDING_TEXT), ("testSecret", secret_text(CURRENT_PASSWORD))]
)
@pytest.mark.parametrize("remaining", [0, 14, 15.4, 16, 20, 59.9, 300, 899.5])
def test_a_wait_ends_before_lambda_does(
    world: World, step: str, text: str, remaining: float
) -> None:
    rotation = Rotation(world, text)
    rotation.execution("RUNNING")
    rotation.remaining = remaining
    with pytest.raises(errors.RotationInProgressError, match=PENDING):
        rotation.step(step)
    assert min(remaining, MARGIN_SECONDS) <= rotation.remaining <= MARGIN_SECONDS + 10
    # A wait is never shorter than the one before, and none is a busy loop.
    assert rotation.slept == sorted(rotation.slept)
    assert all(wait >= 0.1 for wait in rotation.slept)
    assert len(rotation.slept) < 150


@pytest.mark.parametrize(
    "random, reason", [(GIVE_WAY_SHARE - 0.01, "concurrency"), (GIVE_WAY_SHARE, "not ended yet")]
)
def test_some_give_their_concurrency_to_their_own_execution(
    rotation: Rotation, random: float, reason: str
) -> None:
    rotation.execution("RUNNING")
    throttled = [failed(THROTTLED_BY_LAMBDA), {"type": "TaskSucceeded"}]
    rotation.machine.machine.history = throttled
    with pytest.raises(errors.RotationInProgressError, match=reason):
        rotation.step("finishSecret", random=random)
    assert (60 <= sum(rotation.slept) <= 120) is (reason == "concurrency")


def test_an_execution_without_awspending_is_looked_up_often_at_first_and_then_seldom(
    rotation: Rotation,
) -> None:
    # It goes on after an edit, or with a busy user of a second attempt.
    rotation.release()
    rotation.execution("RUNNING")
    # Nor is a history that cannot be read a reason to give way.
    rotation.machine.machine.history = [failed(THROTTLED_BY_LAMBDA)]
    rotation.fail("history", errors.AccessDeniedError("no"), times=100)
    with pytest.raises(errors.RotationInProgressError, match="not ended yet"):
        rotation.step("finishSecret", random=0.01)
    assert 10 <= len(rotation.machine.faults.called("find")) <= 25


# testSecret alone


@pytest.mark.parametrize("text", [secret_text(CURRENT_PASSWORD), None])
def test_test_secret_alone_waits_for_a_dry_run(staged: Rotation, text: str | None) -> None:
    staged.secrets.texts[PENDING] = text
    staged.machine.becomes = ["RUNNING", "RUNNING", "SUCCEEDED"]
    before = staged.secrets.snapshot()
    execution = staged.step("testSecret")
    assert execution
    assert execution.status == "SUCCEEDED"
    assert staged.machine.faults.called("start") == [
        (f"{PENDING}-dry-run-1", {"SecretId": SECRET_ARN, "DryRun": True, "Attempt": 1})
    ]
    assert staged.secrets.snapshot() == before


def test_a_value_that_is_not_readable_yet_starts_no_dry_run(rotation: Rotation) -> None:
    rotation.fail("read", errors.VersionNotReadableError("not yet"))
    assert rotation.step("testSecret") is None
    assert rotation.started() == []


def test_a_failed_dry_run_fails_the_step_and_can_be_repeated(staged: Rotation) -> None:
    staged.machine.becomes = ["FAILED"]
    for number in (1, 2):
        with pytest.raises(errors.RotationFailedError):
            staged.step("testSecret")
        assert staged.started()[-1] == f"{PENDING}-dry-run-{number}"
