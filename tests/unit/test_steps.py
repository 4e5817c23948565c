"""Secrets Manager's four steps."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from rotation.errors import (
    AccessDeniedError,
    CrossAccountRotationError,
    InvalidInputError,
    RotationError,
    RotationFailedError,
    RotationInProgressError,
    SecretNotAllowedError,
    SecretNotFoundError,
    ServiceUnavailableError,
    ThrottlingError,
    VersionNotFoundError,
)
from rotation.secrets_manager import AWSCURRENT, AWSPENDING
from rotation.step_functions import Execution
from rotation.steps import (
    LONGEST_WAIT_SECONDS,
    LOOKS,
    MARGIN_SECONDS,
    PATIENCE_SECONDS,
    SECONDS_BETWEEN_LOOKS,
    STEPS,
    RotationEvent,
    RotationSteps,
)
from rotation.target import Pin, execution_name, token_of
from tests.unit.fakes import (
    CURRENT,
    EXECUTION_ARN,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    SECRET_ARN,
    USERNAME,
    World,
    secret_text,
)


class Clock:
    """Lambda's remaining time, which only sleeping takes."""

    def __init__(self, remaining: float) -> None:
        self.left = remaining
        self.slept: list[float] = []
        self.at_each_sleep: Callable[[], object] = lambda: None

    def remaining(self) -> float:
        return self.left

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.left -= seconds
        self.at_each_sleep()


class Rotation:
    """The steps in a world whose secret has been staged as Secrets Manager does it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = Clock(900)
        world.stage(None)

    def step(self, step: str, token: str = PENDING, pin: Pin | None = None) -> Execution | None:
        steps = RotationSteps(
            self.world.secrets,
            self.world.machine,
            pin,
            remaining=self.clock.remaining,
            sleep=self.clock.sleep,
            chance=lambda: 0.5,
        )
        return steps.run(RotationEvent(step, SECRET_ARN, token))

    def becomes(self, *statuses: str, attempt: int = 1) -> None:
        self.world.machine.machine.statuses[f"{PENDING}-{attempt}"] = list(statuses)

    def promote(self) -> None:
        self.world.secrets.texts[PENDING] = secret_text(PENDING_PASSWORD)
        self.world.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)

    def started(self) -> list[str]:
        return [str(arguments[0]) for arguments in self.world.machine.faults.called("start")]


@pytest.fixture
def rotation(world: World) -> Rotation:
    return Rotation(world)


EVENT: dict[str, Any] = {"Step": "setSecret", "SecretId": SECRET_ARN, "ClientRequestToken": PENDING}


@pytest.mark.parametrize("step", STEPS)
def test_an_event_of_each_step_is_read(step: str) -> None:
    assert RotationEvent.parse(EVENT | {"Step": step}) == RotationEvent(step, SECRET_ARN, PENDING)


def test_secrets_manager_has_four_steps() -> None:
    assert STEPS == ("createSecret", "setSecret", "testSecret", "finishSecret")


@pytest.mark.parametrize("key", list(EVENT))
@pytest.mark.parametrize("value", [None, "", 1, [], "\ud800"])
def test_an_event_without_a_key_is_refused_by_its_name(key: str, value: object) -> None:
    with pytest.raises(InvalidInputError, match=f'"{key}"'):
        RotationEvent.parse(EVENT | {key: value})
    with pytest.raises(InvalidInputError, match=f'"{key}"'):
        RotationEvent.parse({name: each for name, each in EVENT.items() if name != key})


@pytest.mark.parametrize("event", [None, [], "Step", 1])
def test_an_event_that_is_no_object_is_refused(event: object) -> None:
    with pytest.raises(InvalidInputError, match='"Step"'):
        RotationEvent.parse(event)


@pytest.mark.parametrize("step", ["createsecret", "rotate", "finishSecret "])
def test_another_step_is_refused(step: str) -> None:
    with pytest.raises(InvalidInputError, match="createSecret, setSecret"):
        RotationEvent.parse(EVENT | {"Step": step})


def test_a_secret_of_another_account_is_refused_without_its_token() -> None:
    with pytest.raises(CrossAccountRotationError) as caught:
        RotationEvent.parse(EVENT | {"RotationToken": "very-sensitive"})
    assert "very-sensitive" not in str(caught.value)


def test_create_secret_starts_an_execution_named_by_the_token(rotation: Rotation) -> None:
    execution = rotation.step("createSecret")
    assert execution
    assert execution.arn.endswith(f":{PENDING}-1")
    assert rotation.world.machine.faults.called("start") == [
        (
            f"{PENDING}-1",
            {"SecretId": SECRET_ARN, "ClientRequestToken": PENDING, "Attempt": 1},
        )
    ]


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_create_secret_attaches_to_an_execution_that_has_not_failed(
    rotation: Rotation, status: str
) -> None:
    rotation.becomes(status)
    execution = rotation.step("createSecret")
    assert execution
    assert execution.status == status
    assert rotation.started() == []


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_failed_attempt_gets_another_one(rotation: Rotation, status: str) -> None:
    rotation.becomes(status)
    rotation.becomes(status, attempt=2)
    rotation.step("createSecret")
    assert rotation.started() == [f"{PENDING}-3"]
    assert rotation.world.machine.machine.inputs[f"{PENDING}-3"]["Attempt"] == 3


def test_another_attempt_needs_no_label_on_the_token(rotation: Rotation) -> None:
    # The first one's roll back has taken AWSPENDING off.
    rotation.world.secrets.labels[PENDING].clear()
    rotation.becomes("FAILED")
    rotation.step("createSecret")
    assert rotation.started() == [f"{PENDING}-2"]


def test_a_token_that_is_no_version_starts_nothing(rotation: Rotation) -> None:
    with pytest.raises(VersionNotFoundError, match=OTHER):
        rotation.step("createSecret", token=OTHER)
    assert rotation.started() == []


@pytest.mark.parametrize("step", STEPS)
def test_every_step_of_a_rotation_that_is_done_is_done(rotation: Rotation, step: str) -> None:
    rotation.promote()
    assert rotation.step(step) is None
    assert rotation.started() == []


@pytest.mark.parametrize("step", STEPS)
def test_a_secret_that_is_not_there_fails_every_step(rotation: Rotation, step: str) -> None:
    rotation.world.secrets.exists = False
    with pytest.raises(SecretNotFoundError):
        rotation.step(step)


@pytest.mark.parametrize("step", STEPS)
def test_a_pinned_stack_takes_no_step_for_another_secret(rotation: Rotation, step: str) -> None:
    with pytest.raises(SecretNotAllowedError):
        rotation.step(step, pin=Pin(SECRET_ARN + "x", USERNAME))
    assert rotation.world.machine.faults.calls == []
    assert rotation.world.secrets.faults.calls == []


@pytest.mark.parametrize("step", ["setSecret", "testSecret"])
@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_the_steps_between_return_at_once(rotation: Rotation, step: str, status: str) -> None:
    rotation.becomes(status)
    execution = rotation.step(step)
    assert execution
    assert execution.status == status
    assert rotation.clock.slept == []
    assert rotation.started() == []


@pytest.mark.parametrize("step", ["setSecret", "testSecret", "finishSecret"])
def test_a_failed_execution_fails_the_step_with_state_error_cause_and_execution(
    rotation: Rotation, step: str
) -> None:
    rotation.becomes("FAILED")
    with pytest.raises(RotationFailedError) as caught:
        rotation.step(step)
    for part in ("FAILED", "Log In", "PasswordRefusedError", "does not log in", f":{PENDING}-1"):
        assert part in str(caught.value)


@pytest.mark.parametrize("status", ["TIMED_OUT", "ABORTED"])
def test_a_stopped_execution_fails_the_step_with_what_there_is(
    rotation: Rotation, status: str
) -> None:
    rotation.becomes(status)
    rotation.world.machine.machine.failed_in = None
    with pytest.raises(RotationFailedError) as caught:
        rotation.step("finishSecret")
    assert status in str(caught.value)
    assert f":{PENDING}-1" in str(caught.value)


@pytest.mark.parametrize("kind", [ThrottlingError, AccessDeniedError, ServiceUnavailableError])
def test_a_history_that_cannot_be_read_does_not_hide_the_error(
    rotation: Rotation, kind: type[RotationError]
) -> None:
    rotation.becomes("FAILED")
    rotation.world.machine.faults.raise_at("failed_state", kind("no history"))
    with pytest.raises(RotationFailedError, match="PasswordRefusedError") as caught:
        rotation.step("setSecret")
    assert "no history" not in str(caught.value)


@pytest.mark.parametrize("kind", [ThrottlingError, ServiceUnavailableError])
@pytest.mark.parametrize("call", ["describe", "find", "start"])
def test_a_step_is_begun_again_while_aws_throttles_or_fails(
    rotation: Rotation, call: str, kind: type[RotationError]
) -> None:
    faults = rotation.world.machine.faults if call != "describe" else rotation.world.secrets.faults
    for _ in range(3):
        faults.raise_at(call, kind("not now"))
    assert rotation.step("createSecret")
    assert rotation.started()[-1] == f"{PENDING}-1"
    assert rotation.clock.slept[:3] == [1, 2, 4]


def test_a_step_is_begun_again_for_so_long(rotation: Rotation) -> None:
    for _ in range(100):
        rotation.world.machine.faults.raise_at("find", ThrottlingError("no"))
    with pytest.raises(ThrottlingError):
        rotation.step("createSecret")
    assert PATIENCE_SECONDS - LONGEST_WAIT_SECONDS < sum(rotation.clock.slept) <= PATIENCE_SECONDS
    assert max(rotation.clock.slept) == LONGEST_WAIT_SECONDS / 2


def test_a_step_is_not_begun_again_when_lambda_would_end_it(rotation: Rotation) -> None:
    rotation.clock.left = MARGIN_SECONDS + 3.5
    for _ in range(100):
        rotation.world.machine.faults.raise_at("find", ThrottlingError("no"))
    with pytest.raises(ThrottlingError):
        rotation.step("createSecret")
    assert rotation.clock.slept == [1, 2]


def test_what_no_waiting_helps_is_told_at_once(rotation: Rotation) -> None:
    rotation.world.machine.faults.raise_at("find", AccessDeniedError("no"))
    with pytest.raises(AccessDeniedError):
        rotation.step("createSecret")
    assert rotation.clock.slept == []


def test_the_last_attempt_counts(rotation: Rotation) -> None:
    rotation.becomes("FAILED")
    rotation.becomes("RUNNING", attempt=2)
    execution = rotation.step("setSecret")
    assert execution
    assert execution.arn.endswith("-2")


@pytest.mark.parametrize("step", ["setSecret", "finishSecret"])
def test_a_step_without_an_execution_fails(rotation: Rotation, step: str) -> None:
    with pytest.raises(RotationFailedError, match="createSecret"):
        rotation.step(step)


def test_finish_secret_waits_until_awscurrent_is_on_the_token(rotation: Rotation) -> None:
    rotation.becomes("RUNNING", "RUNNING", "RUNNING", "SUCCEEDED")
    looks = iter([None, None, rotation.promote])
    rotation.clock.at_each_sleep = lambda: (next(looks, None) or (lambda: None))()
    execution = rotation.step("finishSecret")
    assert execution
    assert execution.status == "SUCCEEDED"
    assert len(rotation.clock.slept) == 3


def test_finish_secret_does_not_believe_an_execution_alone(rotation: Rotation) -> None:
    rotation.becomes("SUCCEEDED")
    with pytest.raises(RotationFailedError, match=f"{PENDING} is not AWSCURRENT"):
        rotation.step("finishSecret")


def test_an_execution_that_fails_while_it_is_waited_for_fails_the_step(rotation: Rotation) -> None:
    rotation.becomes("RUNNING", "RUNNING", "FAILED")
    with pytest.raises(RotationFailedError, match="PasswordRefusedError"):
        rotation.step("finishSecret")


def test_finish_secret_ends_by_name_before_lambda_ends_it(rotation: Rotation) -> None:
    rotation.becomes("RUNNING")
    with pytest.raises(RotationInProgressError, match=f":{PENDING}-1"):
        rotation.step("finishSecret")
    assert rotation.clock.left >= MARGIN_SECONDS
    # And not long before.
    assert rotation.clock.left <= MARGIN_SECONDS + 10


def test_waiting_costs_few_looks(rotation: Rotation) -> None:
    rotation.becomes("RUNNING")
    with pytest.raises(RotationInProgressError):
        rotation.step("finishSecret")
    assert rotation.clock.slept == sorted(rotation.clock.slept)
    assert min(rotation.clock.slept) >= 0.1
    assert max(rotation.clock.slept) <= 10
    assert len(rotation.clock.slept) < 150


def test_a_later_finish_secret_waits_on_for_the_same_execution(rotation: Rotation) -> None:
    rotation.becomes("RUNNING")
    with pytest.raises(RotationInProgressError):
        rotation.step("finishSecret")
    rotation.clock.left = 900
    rotation.becomes("SUCCEEDED")
    # Secrets Manager begins again with createSecret.
    rotation.step("createSecret")
    rotation.promote()
    rotation.step("finishSecret")
    assert rotation.started() == []


def test_test_secret_alone_is_a_dry_run_that_is_waited_for(rotation: Rotation) -> None:
    rotation.world.machine.becomes = ["RUNNING", "RUNNING", "SUCCEEDED"]
    before = rotation.world.secrets.snapshot()
    execution = rotation.step("testSecret")
    assert execution
    assert execution.status == "SUCCEEDED"
    ((name, given),) = rotation.world.machine.faults.called("start")
    assert name == f"{PENDING}-dry-run-1"
    assert given["DryRun"] is True
    assert rotation.world.secrets.snapshot() == before


def test_a_dry_run_that_fails_fails_the_step(rotation: Rotation) -> None:
    rotation.world.machine.becomes = ["RUNNING", "FAILED"]
    with pytest.raises(RotationFailedError):
        rotation.step("testSecret")


def test_a_dry_run_does_not_stand_for_the_rotation(rotation: Rotation) -> None:
    rotation.world.machine.becomes = ["SUCCEEDED"]
    rotation.step("testSecret")
    rotation.world.machine.becomes = ["RUNNING"]
    rotation.step("createSecret")
    assert rotation.started() == [f"{PENDING}-dry-run-1", f"{PENDING}-1"]


def test_a_failed_dry_run_can_be_repeated(rotation: Rotation) -> None:
    for number in (1, 2):
        rotation.world.machine.becomes = ["FAILED"]
        with pytest.raises(RotationFailedError):
            rotation.step("testSecret")
        assert rotation.started()[-1] == f"{PENDING}-dry-run-{number}"


def test_the_longest_token_still_makes_a_name_for_an_execution(rotation: Rotation) -> None:
    token = "t" * 64
    rotation.world.secrets.add(token, None, "AWSPENDING")
    rotation.world.machine.becomes = ["SUCCEEDED"]
    rotation.step("testSecret", token=token)
    assert all(len(name) <= 80 for name in rotation.started())


def test_a_description_that_lags_behind_the_promotion_is_looked_at_again(
    rotation: Rotation,
) -> None:
    # Reads are eventually consistent (domain.md): the promotion is seen a second later.
    rotation.becomes("SUCCEEDED")
    rotation.clock.at_each_sleep = rotation.promote
    assert rotation.step("finishSecret")
    assert rotation.clock.slept == [SECONDS_BETWEEN_LOOKS]


def at_sleep(rotation: Rotation, number: int, act: Callable[[], object]) -> None:
    """Does it while the steps sleep for the ``number``-th time."""

    def sleeping() -> None:
        if len(rotation.clock.slept) == number:
            act()

    rotation.clock.at_each_sleep = sleeping


def test_the_patience_is_three_looks_of_a_second() -> None:
    assert (LOOKS, SECONDS_BETWEEN_LOOKS) == (3, 1.0)


@pytest.mark.parametrize("sleeps", [1, 2, 3])
def test_a_version_that_is_staged_but_not_visible_yet_is_waited_for(
    rotation: Rotation, sleeps: int
) -> None:
    rotation.world.secrets.labels[PENDING].clear()
    at_sleep(rotation, sleeps, lambda: rotation.world.stage(None))
    assert rotation.step("createSecret")
    assert rotation.clock.slept == [SECONDS_BETWEEN_LOOKS] * sleeps
    assert rotation.started() == [f"{PENDING}-1"]


@pytest.mark.parametrize("sleeps", [1, 2, 3])
@pytest.mark.parametrize("step", ["setSecret", "testSecret", "finishSecret"])
def test_an_execution_that_is_not_visible_yet_is_waited_for(
    rotation: Rotation, step: str, sleeps: int
) -> None:
    def appear() -> None:
        rotation.becomes("SUCCEEDED")
        rotation.promote()

    at_sleep(rotation, sleeps, appear)
    execution = rotation.step(step)
    assert execution
    assert execution.status == "SUCCEEDED"
    assert rotation.clock.slept == [SECONDS_BETWEEN_LOOKS] * sleeps
    assert rotation.started() == []


@pytest.mark.parametrize("sleeps", [1, 2, 3])
def test_a_promotion_that_is_not_visible_yet_is_waited_for(rotation: Rotation, sleeps: int) -> None:
    rotation.becomes("SUCCEEDED")
    at_sleep(rotation, sleeps, rotation.promote)
    assert rotation.step("finishSecret")
    assert rotation.clock.slept == [SECONDS_BETWEEN_LOOKS] * sleeps


@pytest.mark.parametrize(
    "step,token,status,error",
    [
        ("createSecret", OTHER, None, VersionNotFoundError),
        ("setSecret", PENDING, None, RotationFailedError),
        ("finishSecret", PENDING, None, RotationFailedError),
        ("finishSecret", PENDING, "SUCCEEDED", RotationFailedError),
    ],
)
def test_the_patience_ends(
    rotation: Rotation, step: str, token: str, status: str | None, error: type[RotationError]
) -> None:
    if status:
        rotation.becomes(status)
    with pytest.raises(error):
        rotation.step(step, token=token)
    assert rotation.clock.slept == [SECONDS_BETWEEN_LOOKS] * LOOKS


def test_what_is_visible_at_once_costs_no_sleep(rotation: Rotation) -> None:
    rotation.step("createSecret")
    rotation.step("setSecret")
    rotation.becomes("SUCCEEDED")
    rotation.step("testSecret")
    rotation.promote()
    rotation.step("finishSecret")
    assert rotation.clock.slept == []


@pytest.mark.parametrize("remaining", [0, 14, 15.4, 16, 20, 59.9, 300, 899.5])
def test_the_wait_never_overshoots_lambdas_bound(rotation: Rotation, remaining: float) -> None:
    rotation.becomes("RUNNING")
    rotation.clock.left = remaining
    with pytest.raises(RotationInProgressError):
        rotation.step("finishSecret")
    assert rotation.clock.left >= min(remaining, MARGIN_SECONDS)


ODD_TOKEN = "odd: token/with {characters} \u00fc"


def test_a_token_with_characters_that_no_name_can_have_goes_through_all_steps(
    rotation: Rotation,
) -> None:
    rotation.world.secrets.add(ODD_TOKEN, secret_text(PENDING_PASSWORD), AWSPENDING)
    rotation.step("createSecret", token=ODD_TOKEN)
    ((name, given),) = rotation.world.machine.faults.called("start")
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", name)
    assert given["ClientRequestToken"] == ODD_TOKEN
    rotation.world.machine.machine.statuses[name] = ["SUCCEEDED"]
    rotation.step("createSecret", token=ODD_TOKEN)
    rotation.step("setSecret", token=ODD_TOKEN)
    rotation.step("testSecret", token=ODD_TOKEN)
    rotation.world.secrets.move_label(SECRET_ARN, AWSCURRENT, to=ODD_TOKEN, away_from=CURRENT)
    rotation.step("finishSecret", token=ODD_TOKEN)
    assert rotation.started() == [name]


def test_a_failed_attempt_of_an_odd_token_gets_another_one(rotation: Rotation) -> None:
    rotation.world.secrets.add(ODD_TOKEN, None, AWSPENDING)
    rotation.world.machine.machine.statuses[execution_name(ODD_TOKEN, 1)] = ["FAILED"]
    rotation.step("createSecret", token=ODD_TOKEN)
    assert rotation.started() == [execution_name(ODD_TOKEN, 2)]


def test_a_dry_run_of_an_odd_token_is_not_its_rotation(rotation: Rotation) -> None:
    rotation.world.secrets.add(ODD_TOKEN, None, AWSPENDING)
    rotation.world.machine.becomes = ["SUCCEEDED"]
    rotation.step("testSecret", token=ODD_TOKEN)
    rotation.step("createSecret", token=ODD_TOKEN)
    assert len(set(rotation.started())) == 2


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "FAILED"])
def test_an_execution_that_another_invocation_has_started_meanwhile_is_attached_to(
    rotation: Rotation, status: str
) -> None:
    # The look comes before it, StartExecution after it.
    def start_of_another(name: str, execution_input: dict[str, Any]) -> Execution:
        rotation.becomes(status)
        return start(name, execution_input)

    machine = rotation.world.machine
    start, machine.start = machine.start, start_of_another  # type: ignore[method-assign]
    execution = rotation.step("createSecret")
    assert execution
    assert execution.status == status
    assert execution.arn.endswith(f":{PENDING}-1")


def test_a_version_that_an_execution_by_hand_makes_is_left_to_it(rotation: Rotation) -> None:
    token = token_of(EXECUTION_ARN)
    rotation.world.secrets.add(token, secret_text(PENDING_PASSWORD), AWSPENDING)
    rotation.world.machine.machine.running_by_hand = [EXECUTION_ARN]
    with pytest.raises(RotationInProgressError, match=token):
        rotation.step("createSecret", token=token)
    assert rotation.started() == []
    rotation.world.machine.machine.running_by_hand = []
    rotation.step("createSecret", token=token)
    assert rotation.started() == [f"{token}-1"]


def test_an_execution_that_is_not_visible_yet_does_not_fail_set_secret(rotation: Rotation) -> None:
    rotation.step("createSecret")
    hidden = dict(rotation.world.machine.machine.statuses)
    rotation.world.machine.machine.statuses.clear()
    rotation.clock.at_each_sleep = lambda: rotation.world.machine.machine.statuses.update(hidden)
    rotation.step("setSecret")


def test_no_step_reads_a_value_of_the_secret(rotation: Rotation) -> None:
    rotation.world.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    rotation.step("createSecret")
    rotation.step("setSecret")
    rotation.becomes("SUCCEEDED")
    rotation.promote()
    rotation.step("finishSecret")
    assert rotation.world.secrets.faults.called("read") == []


def test_an_end_without_state_and_error_is_told_without_them(rotation: Rotation) -> None:
    rotation.becomes("FAILED")
    told = rotation.world.machine.machine
    told.failed_in, told.error, told.cause = None, "", ""
    with pytest.raises(RotationFailedError, match=r"^The rotation FAILED\. Execution: arn:"):
        rotation.step("finishSecret")
