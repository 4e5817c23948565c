"""Secrets Manager's four steps."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING
from rotation.adapters.step_functions import Execution
from rotation.errors import (
    AccessDeniedError,
    ConfigurationError,
    CrossAccountRotationError,
    InvalidInputError,
    RotationError,
    RotationFailedError,
    RotationInProgressError,
    RotationSupersededError,
    SecretFormatError,
    SecretNotAllowedError,
    SecretNotFoundError,
    ServiceUnavailableError,
    ThrottlingError,
    UnexpectedAwsError,
    VersionNotFoundError,
    VersionNotReadableError,
)
from rotation.rules.executions import execution_name, version_of
from rotation.rules.pin import Pin
from rotation.rules.steps import (
    FIRST_LOOK_SECONDS,
    GIVING_WAY,
    LONGEST_WAIT_SECONDS,
    LOOKS,
    MARGIN_SECONDS,
    PATIENCE_SECONDS,
    SECONDS_BETWEEN_LOOKS,
    STEPS,
    RotationEvent,
    RotationSteps,
)
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    EXECUTION_ARN,
    NEW_PASSWORD,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    RULES,
    SECRET_ARN,
    USER_ARN,
    USERNAME,
    World,
    secret_text,
)
from tests.unit.leaks import assert_no_leak, found_in

ACCOUNT = "123456789012"
ROTATION_TOKEN = "d363e29d-aaaa-bbbb-cccc-0123456789ab"
STAGED, MADE = None, secret_text(PENDING_PASSWORD)
GIVEN = {"SecretId": SECRET_ARN, "ClientRequestToken": PENDING, "Attempt": 1}


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
        world.stage(STAGED)

    def step(
        self, step: str, token: str = PENDING, pin: Pin | None = None, random: float = 0.5
    ) -> Execution | None:
        steps = RotationSteps(
            self.world.secrets,
            self.world.machine,
            pin,
            look_seconds=60,
            rules=lambda: RULES,
            remaining=self.clock.remaining,
            sleep=self.clock.sleep,
            random=lambda: random,
        )
        return steps.run(RotationEvent(step, SECRET_ARN, token, ROTATION_TOKEN))

    def becomes(self, *statuses: str, attempt: int = 1) -> None:
        self.world.machine.machine.statuses[f"{PENDING}-{attempt}"] = list(statuses)

    def release(self) -> None:
        self.world.secrets.labels[PENDING].discard(AWSPENDING)

    def promote(self) -> None:
        self.world.secrets.texts[PENDING] = MADE
        self.world.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)

    def started(self) -> list[str]:
        """The names that StartExecution was asked for."""
        return [str(arguments[0]) for arguments in self.world.machine.faults.called("start")]

    def looks(self, call: str = "find") -> int:
        """How often Step Functions was asked."""
        return len(self.world.machine.faults.called(call))


@pytest.fixture
def rotation(world: World) -> Rotation:
    return Rotation(world)


@pytest.fixture
def made(rotation: Rotation) -> Rotation:
    """As after createSecret, but for the execution."""
    rotation.world.stage(MADE)
    return rotation


def at_sleep(rotation: Rotation, number: int, act: Callable[[], object]) -> None:
    """Does it while the steps sleep for the ``number``-th time."""

    def sleeping() -> None:
        if len(rotation.clock.slept) == number:
            act()

    rotation.clock.at_each_sleep = sleeping


# The event


EVENT: dict[str, Any] = {
    "Step": "setSecret",
    "SecretId": SECRET_ARN,
    "ClientRequestToken": PENDING,
    "RotationToken": ROTATION_TOKEN,
}


@pytest.mark.parametrize("step", STEPS)
def test_an_event_of_each_step_is_read(step: str) -> None:
    found = RotationEvent.parse(EVENT | {"Step": step}, ACCOUNT)
    assert found == RotationEvent(step, SECRET_ARN, PENDING, ROTATION_TOKEN)


def test_secrets_manager_has_four_steps() -> None:
    assert STEPS == ("createSecret", "setSecret", "testSecret", "finishSecret")


@pytest.mark.parametrize("key", ["Step", "SecretId", "ClientRequestToken"])
@pytest.mark.parametrize("value", [None, "", 1, [], "\ud800"])
def test_an_event_without_a_key_is_refused_by_its_name(key: str, value: object) -> None:
    with pytest.raises(InvalidInputError, match=f'"{key}"'):
        RotationEvent.parse(EVENT | {key: value}, ACCOUNT)
    with pytest.raises(InvalidInputError, match=f'"{key}"'):
        RotationEvent.parse({name: each for name, each in EVENT.items() if name != key}, ACCOUNT)


@pytest.mark.parametrize("event", [None, [], "Step", 1])
def test_an_event_that_is_no_object_is_refused(event: object) -> None:
    with pytest.raises(InvalidInputError, match='"Step"'):
        RotationEvent.parse(event, ACCOUNT)


@pytest.mark.parametrize("step", ["createsecret", "rotate", "finishSecret "])
def test_another_step_is_refused(step: str) -> None:
    with pytest.raises(InvalidInputError, match="createSecret, setSecret"):
        RotationEvent.parse(EVENT | {"Step": step}, ACCOUNT)


def test_an_event_that_a_person_has_made_needs_no_rotation_token() -> None:
    by_hand = {key: value for key, value in EVENT.items() if key != "RotationToken"}
    assert RotationEvent.parse(by_hand, ACCOUNT).rotation_token == ""


@pytest.mark.parametrize("value", ["short", "x" * 257, "with space " * 4, 36 * "\u00fc", 1, ["x"]])
def test_a_rotation_token_of_another_shape_is_refused_untold(value: object) -> None:
    with pytest.raises(InvalidInputError, match='"RotationToken"') as caught:
        RotationEvent.parse(EVENT | {"RotationToken": value}, ACCOUNT)
    if isinstance(value, str):
        assert_no_leak([value], error=caught.value)


def test_a_rotation_token_is_in_no_representation() -> None:
    assert ROTATION_TOKEN not in repr(RotationEvent.parse(EVENT, ACCOUNT))


def test_a_secret_of_another_account_is_refused_by_its_arn() -> None:
    with pytest.raises(CrossAccountRotationError, match=f"{SECRET_ARN}.*999999999999"):
        RotationEvent.parse(EVENT, "999999999999")


# createSecret


def test_create_secret_makes_the_version_with_the_events_rotation_token(
    rotation: Rotation,
) -> None:
    rotation.world.secrets.texts[CURRENT] = secret_text(CURRENT_PASSWORD, host="h")
    rotation.step("createSecret")
    assert rotation.world.secrets.faults.called("put_pending") == [
        (SECRET_ARN, PENDING, ROTATION_TOKEN)
    ]
    assert rotation.world.secrets.texts[PENDING] == secret_text(NEW_PASSWORD, host="h")
    assert rotation.world.secrets.version_with(AWSPENDING) == PENDING


def test_create_secret_starts_an_execution_that_is_named_after_the_token(
    rotation: Rotation,
) -> None:
    execution = rotation.step("createSecret")
    assert execution
    assert execution.arn.endswith(f":{PENDING}-1")
    assert rotation.world.machine.faults.called("start") == [(f"{PENDING}-1", GIVEN)]


def test_a_clean_create_secret_asks_step_functions_for_nothing_else(rotation: Rotation) -> None:
    rotation.step("createSecret")
    assert [name for name, _ in rotation.world.machine.faults.calls] == ["start"]
    assert rotation.clock.slept == []


def test_a_token_that_is_not_staged_any_more_gets_its_version(rotation: Rotation) -> None:
    # A failed run has taken AWSPENDING off a version without a value, and that was the end of it.
    del rotation.world.secrets.labels[PENDING], rotation.world.secrets.texts[PENDING]
    assert rotation.step("createSecret")
    assert rotation.world.secrets.version_with(AWSPENDING) == PENDING


def test_a_version_that_has_a_value_keeps_it(made: Rotation) -> None:
    made.step("createSecret")
    assert made.world.secrets.texts[PENDING] == MADE
    assert made.world.secrets.faults.called("put_pending") == []
    assert made.started() == [f"{PENDING}-1"]


def test_a_value_that_could_not_be_read_a_moment_ago_is_kept(made: Rotation) -> None:
    made.world.secrets.faults.raise_at("read", VersionNotReadableError("not yet"))
    made.step("createSecret")
    assert made.world.secrets.texts[PENDING] == MADE
    assert made.started() == [f"{PENDING}-1"]


def test_create_secret_attaches_to_the_tokens_execution(made: Rotation) -> None:
    made.becomes("FAILED")
    made.becomes("RUNNING", attempt=2)
    execution = made.step("createSecret")
    assert execution
    assert execution.arn.endswith(f":{PENDING}-2")
    assert [*made.world.machine.machine.statuses] == [f"{PENDING}-1", f"{PENDING}-2"]


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
@pytest.mark.parametrize("labelled", [True, False])
def test_a_failed_attempt_gets_another_one(made: Rotation, status: str, labelled: bool) -> None:
    if not labelled:
        made.release()
    made.becomes(status)
    made.becomes(status, attempt=2)
    made.step("createSecret")
    assert made.started()[-1] == f"{PENDING}-3"
    assert made.world.machine.machine.inputs[f"{PENDING}-3"] == GIVEN | {"Attempt": 3}


def test_an_execution_that_has_succeeded_is_not_started_again(made: Rotation) -> None:
    made.becomes("SUCCEEDED")
    execution = made.step("createSecret")
    assert execution
    assert execution.status == "SUCCEEDED"


def test_a_name_that_is_taken_by_what_is_not_to_be_seen_yet_starts_no_second_one(
    rotation: Rotation,
) -> None:
    rotation.world.machine.machine.statuses[f"{PENDING}-1"] = []
    with pytest.raises(RotationInProgressError, match=f"{PENDING}-1"):
        rotation.step("createSecret")
    assert rotation.started() == [f"{PENDING}-1"]
    assert rotation.clock.slept == [SECONDS_BETWEEN_LOOKS] * LOOKS


@pytest.mark.parametrize(
    "text",
    [
        secret_text(PENDING_PASSWORD, note="of an older AWSCURRENT"),
        secret_text("with,comma~with,comma"),
        b"binary",
        "no JSON",
    ],
)
def test_a_version_that_can_never_be_promoted_loses_awspending(
    made: Rotation, text: str | bytes
) -> None:
    made.world.secrets.texts[PENDING] = text
    with pytest.raises(RotationSupersededError, match="Rotate again"):
        made.step("createSecret")
    assert made.world.secrets.version_with(AWSPENDING) is None
    assert made.started() == []


@pytest.mark.parametrize("own_name", [True, False])
def test_a_version_that_an_execution_by_hand_makes_is_left_to_it(
    rotation: Rotation, own_name: bool
) -> None:
    arn = rotation.world.machine.arn(OTHER) if own_name else EXECUTION_ARN
    token, name = version_of(arn), arn.rsplit(":", 1)[1]
    rotation.world.secrets.add(token, MADE, AWSPENDING)
    rotation.world.machine.machine.statuses[name] = ["RUNNING"]
    rotation.world.machine.machine.running_by_hand = [arn]
    with pytest.raises(RotationInProgressError, match=arn):
        rotation.step("createSecret", token=token)
    assert rotation.started() == []
    assert rotation.world.secrets.version_with(AWSPENDING) == token
    # Only where the version does not tell its execution are all of them asked for.
    assert rotation.looks("running") == int(not own_name)
    rotation.world.machine.machine.statuses[name] = ["ABORTED"]
    rotation.world.machine.machine.running_by_hand = []
    rotation.step("createSecret", token=token)
    assert rotation.started() == [f"{token}-1"]


@pytest.mark.parametrize(
    "call,error",
    [
        ("read", SecretFormatError("It is not JSON.")),
        ("put_pending", AccessDeniedError("kms:GenerateDataKey")),
        ("random_password", ConfigurationError("PASSWORD_LENGTH")),
        ("put_pending", UnexpectedAwsError("LimitExceededException")),
    ],
)
def test_what_keeps_create_secret_from_making_the_version_fails_an_execution(
    rotation: Rotation, call: str, error: RotationError
) -> None:
    if call == "read":
        rotation.world.secrets.texts[CURRENT] = "no JSON"
    else:
        rotation.world.secrets.faults.raise_at(call, error)
    with pytest.raises(type(error)) as caught:
        rotation.step("createSecret")
    told = f"{caught.value} It was the rotation function that met this, in createSecret."
    failed = {"Error": type(error).__name__, "Cause": told}
    assert rotation.world.machine.faults.called("start") == [
        (f"{PENDING}-1", GIVEN | {"CreateSecretError": failed})
    ]


@pytest.mark.parametrize("step", ["createSecret", "testSecret"])
def test_a_key_that_is_denied_is_named(rotation: Rotation, step: str) -> None:
    """In createSecret, and in the testSecret that comes alone."""
    rotation.world.secrets.kms_key = "alias/of-another-team"
    denied = AccessDeniedError("GetSecretValue: User x is not authorized to perform: kms:Decrypt")
    rotation.world.secrets.faults.raise_at("read", denied)
    with pytest.raises(AccessDeniedError, match=r"alias/of-another-team.* KmsKeyArns"):
        rotation.step(step)


def test_the_failure_is_raised_though_no_execution_can_be_started(rotation: Rotation) -> None:
    rotation.world.secrets.faults.raise_at("put_pending", AccessDeniedError("the key"))
    rotation.world.machine.faults.raise_at("start", AccessDeniedError("the machine"))
    with pytest.raises(AccessDeniedError, match="the key"):
        rotation.step("createSecret")
    # Nobody else takes it off.
    assert rotation.world.secrets.version_with(AWSPENDING) is None


def test_an_execution_that_cannot_be_started_leaves_no_lock(rotation: Rotation) -> None:
    for _ in range(2):
        rotation.world.machine.faults.raise_at("start", AccessDeniedError("no"))
    with pytest.raises(AccessDeniedError):
        rotation.step("createSecret")
    assert rotation.world.secrets.version_with(AWSPENDING) is None


def test_an_execution_that_may_have_been_started_keeps_its_lock(rotation: Rotation) -> None:
    rotation.world.secrets.faults.raise_at("put_pending", AccessDeniedError("the key"))
    rotation.world.machine.faults.raise_at("start", ServiceUnavailableError("lost"), after=True)
    with pytest.raises(AccessDeniedError, match="the key"):
        rotation.step("createSecret")
    assert rotation.world.secrets.version_with(AWSPENDING) == PENDING


def test_a_secret_without_a_value_fails_an_execution(rotation: Rotation) -> None:
    rotation.world.secrets.labels[CURRENT].clear()
    with pytest.raises(VersionNotFoundError, match="PutSecretValue"):
        rotation.step("createSecret")
    assert rotation.started() == [f"{PENDING}-1"]


def test_a_retry_after_the_cause_is_gone_succeeds(rotation: Rotation) -> None:
    rotation.world.secrets.faults.raise_at("put_pending", AccessDeniedError("the key"))
    with pytest.raises(AccessDeniedError):
        rotation.step("createSecret")
    rotation.becomes("FAILED")
    rotation.step("createSecret")
    assert rotation.started()[-1] == f"{PENDING}-2"
    assert rotation.world.machine.machine.inputs[f"{PENDING}-2"] == GIVEN | {"Attempt": 2}


# All steps


@pytest.mark.parametrize("step", STEPS)
def test_every_step_of_a_rotation_that_is_done_is_done(rotation: Rotation, step: str) -> None:
    rotation.promote()
    assert rotation.step(step) is None
    assert rotation.world.machine.faults.calls == []


@pytest.mark.parametrize("step", STEPS)
def test_a_secret_that_is_not_there_fails_every_step(rotation: Rotation, step: str) -> None:
    rotation.world.secrets.exists = False
    with pytest.raises(SecretNotFoundError):
        rotation.step(step)


@pytest.mark.parametrize("step", STEPS)
def test_a_pinned_stack_takes_no_step_for_another_secret(rotation: Rotation, step: str) -> None:
    with pytest.raises(SecretNotAllowedError):
        rotation.step(step, pin=Pin(SECRET_ARN + "x", USER_ARN, USERNAME))
    assert rotation.world.machine.faults.calls == []
    assert rotation.world.secrets.faults.calls == []


@pytest.mark.parametrize("kind", [ThrottlingError, ServiceUnavailableError])
@pytest.mark.parametrize("call", ["describe", "put_pending", "start"])
def test_a_step_is_begun_again_while_aws_throttles_or_fails(
    rotation: Rotation, call: str, kind: type[RotationError]
) -> None:
    faults = rotation.world.machine.faults if call == "start" else rotation.world.secrets.faults
    for _ in range(3):
        faults.raise_at(call, kind("not now"))
    assert rotation.step("createSecret")
    assert rotation.world.machine.machine.inputs == {f"{PENDING}-1": GIVEN}
    assert rotation.clock.slept[:3] == [1, 2, 4]


def test_a_step_is_begun_again_for_so_long(rotation: Rotation) -> None:
    for _ in range(100):
        rotation.world.machine.faults.raise_at("start", ThrottlingError("no"))
    with pytest.raises(ThrottlingError):
        rotation.step("createSecret")
    assert PATIENCE_SECONDS - LONGEST_WAIT_SECONDS < sum(rotation.clock.slept) <= PATIENCE_SECONDS
    assert max(rotation.clock.slept) == LONGEST_WAIT_SECONDS / 2


def test_a_step_is_not_begun_again_when_lambda_would_end_it(rotation: Rotation) -> None:
    rotation.clock.left = MARGIN_SECONDS + 3.5
    for _ in range(100):
        rotation.world.machine.faults.raise_at("start", ThrottlingError("no"))
    with pytest.raises(ThrottlingError):
        rotation.step("createSecret")
    assert rotation.clock.slept == [1, 2]


@pytest.mark.parametrize("step", STEPS)
def test_a_create_secret_that_gives_up_fails_an_execution_that_frees_the_secret(
    rotation: Rotation, step: str
) -> None:
    for _ in range(100):
        rotation.world.secrets.faults.raise_at("describe", ThrottlingError("no"))
    with pytest.raises(ThrottlingError):
        rotation.step(step)
    given = [arguments[1] for arguments in rotation.world.machine.faults.called("start")]
    told = "no It was the rotation function that met this, in createSecret."
    failed = {"Error": "ThrottlingError", "Cause": told}
    assert given == ([GIVEN | {"CreateSecretError": failed}] if step == "createSecret" else [])


def test_what_no_waiting_helps_is_told_at_once(rotation: Rotation) -> None:
    rotation.world.machine.faults.raise_at("start", AccessDeniedError("no"))
    with pytest.raises(AccessDeniedError):
        rotation.step("createSecret")
    assert rotation.clock.slept == []


# setSecret and testSecret


@pytest.mark.parametrize("step", ["setSecret", "testSecret"])
def test_the_steps_between_look_at_labels_alone(made: Rotation, step: str) -> None:
    assert made.step(step) is None
    assert made.world.machine.faults.calls == []
    assert made.clock.slept == []


@pytest.mark.parametrize("step", ["setSecret", "testSecret", "finishSecret"])
def test_a_failed_execution_fails_the_step_with_state_error_cause_and_execution(
    made: Rotation, step: str
) -> None:
    made.release()
    made.becomes("FAILED")
    with pytest.raises(RotationFailedError) as caught:
        made.step(step)
    for part in ("FAILED", "Log In", "PasswordRefusedError", "does not log in", f":{PENDING}-1"):
        assert part in str(caught.value)


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
@pytest.mark.parametrize("step", ["setSecret", "testSecret"])
def test_a_label_that_is_not_seen_is_no_failure_while_the_execution_is_none(
    made: Rotation, step: str, status: str
) -> None:
    made.release()
    made.becomes(status)
    execution = made.step(step)
    assert execution
    assert execution.status == status


@pytest.mark.parametrize("step", ["setSecret", "testSecret", "finishSecret"])
def test_a_step_without_an_execution_fails(made: Rotation, step: str) -> None:
    made.release()
    with pytest.raises(RotationFailedError, match="createSecret"):
        made.step(step)
    assert made.clock.slept == [SECONDS_BETWEEN_LOOKS] * LOOKS


@pytest.mark.parametrize("step", ["setSecret", "finishSecret"])
def test_a_failed_attempt_that_is_seen_instead_of_the_newer_one_is_looked_at_again(
    made: Rotation, step: str
) -> None:
    made.release()
    made.becomes("FAILED")

    def show() -> None:
        made.becomes("SUCCEEDED", attempt=2)
        if step == "finishSecret":
            made.promote()

    at_sleep(made, 1, show)
    execution = made.step(step)
    assert execution
    assert execution.arn.endswith(f":{PENDING}-2")


@pytest.mark.parametrize("status", ["TIMED_OUT", "ABORTED"])
def test_a_stopped_execution_fails_the_step_with_what_there_is(made: Rotation, status: str) -> None:
    made.becomes(status)
    made.world.machine.machine.failed_in = None
    with pytest.raises(RotationFailedError, match=f"{status}.*:{PENDING}-1"):
        made.step("finishSecret")


@pytest.mark.parametrize("kind", [ThrottlingError, AccessDeniedError, ServiceUnavailableError])
def test_a_history_that_cannot_be_read_does_not_hide_the_error(
    made: Rotation, kind: type[RotationError]
) -> None:
    made.release()
    made.becomes("FAILED")
    made.world.machine.faults.raise_at("failed_state", kind("no history"))
    with pytest.raises(RotationFailedError, match="PasswordRefusedError") as caught:
        made.step("setSecret")
    assert "no history" not in str(caught.value)


def test_an_end_without_state_and_error_is_told_without_them(made: Rotation) -> None:
    made.becomes("FAILED")
    told = made.world.machine.machine
    told.failed_in, told.error, told.cause = None, "", ""
    with pytest.raises(RotationFailedError, match=r"^The rotation FAILED\. Execution: arn:"):
        made.step("finishSecret")


# finishSecret


@pytest.mark.parametrize("sleeps", [1, 5, 40])
def test_finish_secret_waits_until_awscurrent_is_on_the_token(made: Rotation, sleeps: int) -> None:
    made.becomes("RUNNING")
    at_sleep(made, sleeps, made.promote)
    made.step("finishSecret")
    assert len(made.clock.slept) == sleeps


def test_finish_secret_asks_for_the_execution_once_a_minute(made: Rotation) -> None:
    made.becomes("RUNNING")
    looked_at: list[float] = []
    find = made.world.machine.find

    def noted(name: str) -> Execution | None:
        looked_at.append(sum(made.clock.slept))
        return find(name)

    made.world.machine.find = noted  # type: ignore[method-assign]
    with pytest.raises(RotationInProgressError):
        made.step("finishSecret")
    first, *later = looked_at
    assert FIRST_LOOK_SECONDS <= first <= FIRST_LOOK_SECONDS + 1
    between = [after - before for before, after in zip(looked_at, later, strict=False)]
    assert min(between) >= 60
    assert max(between) <= 120
    assert made.looks("running") == 0


def test_an_execution_that_fails_while_it_is_waited_for_fails_the_step(made: Rotation) -> None:
    made.becomes("RUNNING")

    def fail() -> None:
        made.becomes("FAILED")
        made.release()

    at_sleep(made, 3, fail)
    with pytest.raises(RotationFailedError, match="PasswordRefusedError"):
        made.step("finishSecret")
    assert sum(made.clock.slept) < FIRST_LOOK_SECONDS


def test_finish_secret_does_not_believe_an_execution_alone(made: Rotation) -> None:
    made.becomes("SUCCEEDED")
    with pytest.raises(RotationFailedError, match=f"{PENDING} is not AWSCURRENT"):
        made.step("finishSecret")


@pytest.mark.parametrize("sleeps", [1, 2, 3])
def test_a_promotion_that_is_not_visible_yet_is_waited_for(made: Rotation, sleeps: int) -> None:
    made.release()
    made.becomes("SUCCEEDED")
    at_sleep(made, sleeps, made.promote)
    assert made.step("finishSecret")
    assert made.clock.slept == [SECONDS_BETWEEN_LOOKS] * sleeps


def test_finish_secret_ends_by_name_before_lambda_ends_it(made: Rotation) -> None:
    made.becomes("RUNNING")
    with pytest.raises(RotationInProgressError, match=PENDING):
        made.step("finishSecret")
    assert MARGIN_SECONDS <= made.clock.left <= MARGIN_SECONDS + 10
    # A wait is never shorter than the one before, and none is a busy loop.
    waits = made.clock.slept
    assert waits == sorted(waits)
    assert min(waits) >= 0.1
    assert len(waits) < 150


@pytest.mark.parametrize("remaining", [0, 14, 15.4, 16, 20, 59.9, 300, 899.5])
def test_the_wait_never_overshoots_lambdas_bound(made: Rotation, remaining: float) -> None:
    made.becomes("RUNNING")
    made.clock.left = remaining
    with pytest.raises(RotationInProgressError):
        made.step("finishSecret")
    assert made.clock.left >= min(remaining, MARGIN_SECONDS)


def test_finish_secret_gives_its_slot_to_its_own_execution(made: Rotation) -> None:
    made.becomes("RUNNING")
    made.world.machine.machine.waits_for_lambda = True
    with pytest.raises(RotationInProgressError, match="concurrency"):
        made.step("finishSecret", random=GIVING_WAY - 0.01)
    assert 60 <= sum(made.clock.slept) <= 120


def test_not_all_give_way_at_once(made: Rotation) -> None:
    made.becomes("RUNNING")
    made.world.machine.machine.waits_for_lambda = True
    with pytest.raises(RotationInProgressError, match="not ended yet"):
        made.step("finishSecret", random=GIVING_WAY)


def test_a_history_that_cannot_be_read_gives_no_slot_away(made: Rotation) -> None:
    made.becomes("RUNNING")
    made.world.machine.machine.waits_for_lambda = True
    made.world.machine.faults.raise_at("waits_for_lambda", AccessDeniedError("no"))
    at_sleep(made, 30, made.promote)
    made.step("finishSecret", random=0)


def test_a_later_finish_secret_waits_on_for_the_same_execution(made: Rotation) -> None:
    made.becomes("RUNNING")
    with pytest.raises(RotationInProgressError):
        made.step("finishSecret")
    made.clock.left = 900
    # Secrets Manager begins again with createSecret.
    made.step("createSecret")
    at_sleep(made, len(made.clock.slept) + 1, made.promote)
    made.step("finishSecret")
    assert [*made.world.machine.machine.statuses] == [f"{PENDING}-1"]


def test_an_execution_that_lets_go_of_the_label_is_looked_at_often_and_then_seldom(
    made: Rotation,
) -> None:
    # Its version has lost AWSPENDING, and it goes on: an edit, or a busy user of a second attempt.
    made.release()
    made.becomes("RUNNING")
    with pytest.raises(RotationInProgressError):
        made.step("finishSecret")
    assert 10 <= made.looks() <= 25


def test_a_failure_that_is_told_late_is_looked_at_again_for_a_few_seconds(made: Rotation) -> None:
    made.release()
    made.becomes("FAILED")
    with pytest.raises(RotationFailedError):
        made.step("setSecret")
    assert made.clock.slept == [SECONDS_BETWEEN_LOOKS] * LOOKS


# testSecret alone


@pytest.mark.parametrize("text", [secret_text(CURRENT_PASSWORD), None])
def test_test_secret_alone_is_a_dry_run_that_is_waited_for(
    rotation: Rotation, text: str | None
) -> None:
    rotation.world.stage(text)
    rotation.world.machine.becomes = ["RUNNING", "RUNNING", "SUCCEEDED"]
    before = rotation.world.secrets.snapshot()
    execution = rotation.step("testSecret")
    assert execution
    assert execution.status == "SUCCEEDED"
    assert rotation.world.machine.faults.called("start") == [
        (f"{PENDING}-dry-run-1", {"SecretId": SECRET_ARN, "DryRun": True, "Attempt": 1})
    ]
    assert rotation.world.secrets.snapshot() == before


def test_a_value_that_cannot_be_read_yet_makes_no_dry_run(made: Rotation) -> None:
    made.world.secrets.faults.raise_at("read", VersionNotReadableError("not yet"))
    assert made.step("testSecret") is None
    assert made.started() == []


def test_a_failed_dry_run_fails_the_step_and_can_be_repeated(rotation: Rotation) -> None:
    for number in (1, 2):
        rotation.world.machine.becomes = ["FAILED"]
        with pytest.raises(RotationFailedError):
            rotation.step("testSecret")
        assert rotation.started()[-1] == f"{PENDING}-dry-run-{number}"


def test_a_dry_run_is_waited_for_no_longer_than_lambda_lets_it(rotation: Rotation) -> None:
    rotation.world.machine.becomes = ["RUNNING"]
    with pytest.raises(RotationInProgressError):
        rotation.step("testSecret")
    assert rotation.clock.left >= MARGIN_SECONDS


def test_a_dry_run_does_not_stand_for_the_rotation(rotation: Rotation) -> None:
    rotation.world.machine.becomes = ["SUCCEEDED"]
    rotation.step("testSecret")
    rotation.world.machine.becomes = ["RUNNING"]
    rotation.step("createSecret")
    assert rotation.started() == [f"{PENDING}-dry-run-1", f"{PENDING}-1"]


# Tokens


def test_the_longest_token_still_makes_a_name_for_an_execution(rotation: Rotation) -> None:
    token = "t" * 64
    rotation.world.secrets.add(token, None, AWSPENDING)
    rotation.world.machine.becomes = ["SUCCEEDED"]
    rotation.step("testSecret", token=token)
    assert all(len(name) <= 80 for name in rotation.started())


ODD_TOKEN = "odd: token/with {characters} \u00fc"


def test_a_token_with_characters_that_no_name_can_have_goes_through_all_steps(
    rotation: Rotation,
) -> None:
    rotation.world.secrets.add(ODD_TOKEN, None, AWSPENDING)
    rotation.step("createSecret", token=ODD_TOKEN)
    ((name, given),) = rotation.world.machine.faults.called("start")
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", name)
    assert given["ClientRequestToken"] == ODD_TOKEN
    rotation.step("createSecret", token=ODD_TOKEN)
    rotation.step("setSecret", token=ODD_TOKEN)
    rotation.step("testSecret", token=ODD_TOKEN)
    rotation.world.secrets.move_label(SECRET_ARN, AWSCURRENT, to=ODD_TOKEN, away_from=CURRENT)
    rotation.step("finishSecret", token=ODD_TOKEN)
    assert {*rotation.started()} == {name}


def test_a_failed_attempt_of_an_odd_token_gets_another_one(rotation: Rotation) -> None:
    rotation.world.secrets.add(ODD_TOKEN, None, AWSPENDING)
    rotation.world.machine.machine.statuses[execution_name(ODD_TOKEN, 1)] = ["FAILED"]
    rotation.step("createSecret", token=ODD_TOKEN)
    assert rotation.started()[-1] == execution_name(ODD_TOKEN, 2)


def test_no_value_is_told(rotation: Rotation) -> None:
    rotation.world.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    for step in STEPS[:3]:
        rotation.step(step)
    given = [json.dumps(each) for each in rotation.world.machine.faults.called("start")]
    assert found_in([NEW_PASSWORD, CURRENT_PASSWORD, ROTATION_TOKEN], {"inputs": given}) == []
