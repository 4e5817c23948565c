"""The event of a rotation step, and createSecret: it makes the version and starts an execution."""

from collections.abc import Callable
from typing import Any

import pytest

from rotation import errors
from rotation.adapters.secrets_manager import AWSPENDING
from rotation.adapters.step_functions import Execution
from rotation.records.rotation_event import RotationEvent
from rotation.rules.executions import version_by_hand
from rotation.rules.late_reads import READS, SECONDS_BETWEEN_READS
from rotation.rules.steps import LONGEST_PAUSE_SECONDS, MARGIN_SECONDS
from tests.unit.fakes import World
from tests.unit.leaks import assert_no_leak
from tests.unit.steps import EXECUTION_INPUT, PENDING_TEXT, Rotation
from tests.unit.values import (
    CURRENT,
    CURRENT_PASSWORD,
    NEW_PASSWORD,
    OTHER,
    PENDING,
    PENDING_PASSWORD,
    ROTATION_TOKEN,
    RULES,
    SECRET_ARN,
    secret_text,
)

ACCOUNT = "123456789012"
EVENT: dict[str, Any] = {
    "Step": "setSecret",
    "SecretId": SECRET_ARN,
    "ClientRequestToken": PENDING,
    "RotationToken": ROTATION_TOKEN,
}
DENIED, NOT_VALID = errors.AccessDeniedError("No."), errors.ConfigurationError("PASSWORD_LENGTH")
THROTTLED = errors.ThrottlingError("Not now.")
REQUIRED = ("Step", "SecretId", "ClientRequestToken")


@pytest.fixture
def rotation(world: World) -> Rotation:
    return Rotation(world)


@pytest.fixture
def created(world: World) -> Rotation:
    """The version has a value already."""
    return Rotation(world, PENDING_TEXT)


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in EVENT.items() if name != key}


# The event


@pytest.mark.parametrize("step", ["createSecret", "setSecret", "testSecret", "finishSecret"])
def test_an_event_of_each_step_is_read_and_hides_its_rotation_token(step: str) -> None:
    event = RotationEvent.parse(EVENT | {"Step": step}, ACCOUNT)
    assert event == RotationEvent(step, SECRET_ARN, PENDING, ROTATION_TOKEN)
    assert ROTATION_TOKEN not in repr(event)
    # A person has none.
    assert RotationEvent.parse(without("RotationToken"), ACCOUNT).rotation_token == ""


@pytest.mark.parametrize(
    "event, problem",
    [
        (None, '"Step"'),
        ([], '"Step"'),
        *((without(key), f'"{key}"') for key in REQUIRED),
        *((EVENT | {key: ""}, f'"{key}"') for key in REQUIRED),
        *((EVENT | {key: 1}, f'"{key}"') for key in REQUIRED),
        *((EVENT | {key: "\ud800"}, f'"{key}"') for key in REQUIRED),
        (EVENT | {"Step": "createsecret"}, "not one of createSecret, setSecret"),
        (EVENT | {"Step": "finishSecret "}, "not one of createSecret, setSecret"),
    ],
)
def test_an_event_that_is_not_secrets_managers_is_refused(event: object, problem: str) -> None:
    with pytest.raises(errors.InvalidInputError, match=problem):
        RotationEvent.parse(event, ACCOUNT)


@pytest.mark.parametrize("token", ["short", "x" * 257, "with space " * 4, 36 * "\u00fc", 1, ["x"]])
def test_a_rotation_token_of_another_shape_is_refused_and_not_repeated(token: object) -> None:
    with pytest.raises(errors.InvalidInputError, match='"RotationToken"') as caught:
        RotationEvent.parse(EVENT | {"RotationToken": token}, ACCOUNT)
    if isinstance(token, str):
        assert_no_leak([token], error=caught.value)


def test_a_secret_of_another_account_is_refused_by_its_arn() -> None:
    with pytest.raises(errors.CrossAccountRotationError, match=f"{SECRET_ARN}.*999999999999"):
        RotationEvent.parse(EVENT, "999999999999")
    assert RotationEvent.parse(EVENT | {"SecretId": "a-name"}, "999999999999").secret_id == "a-name"


# The version


def test_create_secret_makes_the_version_and_starts_its_execution(rotation: Rotation) -> None:
    rotation.secrets.texts[CURRENT] = secret_text(CURRENT_PASSWORD, host="h")
    execution = rotation.step("createSecret")
    assert rotation.secrets.faults.called("put_pending") == [(SECRET_ARN, PENDING, ROTATION_TOKEN)]
    assert rotation.secrets.faults.called("random_password") == [(RULES,)]
    assert rotation.secrets.texts[PENDING] == secret_text(NEW_PASSWORD, host="h")
    assert rotation.locked_version == PENDING
    assert execution == Execution(rotation.machine.arn(f"{PENDING}-1"), "RUNNING")
    assert rotation.machine.faults.calls == [("start", (f"{PENDING}-1", EXECUTION_INPUT))]
    assert rotation.slept == []


def test_a_token_that_is_no_longer_staged_gets_its_version(rotation: Rotation) -> None:
    # A failed run removed AWSPENDING from a version without a value, which deleted it.
    del rotation.secrets.labels[PENDING], rotation.secrets.texts[PENDING]
    assert rotation.step("createSecret")
    assert rotation.locked_version == PENDING


@pytest.mark.parametrize("puts", [0, 1])
def test_a_version_keeps_a_value_that_is_not_readable_yet(created: Rotation, puts: int) -> None:
    created.fail("read", errors.VersionNotReadableError("not yet"), times=puts)
    created.step("createSecret")
    assert created.secrets.texts[PENDING] == PENDING_TEXT
    assert len(created.secrets.faults.called("put_pending")) == puts
    assert created.started() == [f"{PENDING}-1"]


@pytest.mark.parametrize(
    "text", [secret_text(PENDING_PASSWORD, note="of an older AWSCURRENT"), b"binary", "no JSON"]
)
def test_a_version_of_another_text_loses_awspending(created: Rotation, text: str | bytes) -> None:
    created.secrets.texts[PENDING] = text
    with pytest.raises(errors.RotationSupersededError, match="Rotate again"):
        created.step("createSecret")
    assert created.locked_version is None
    assert created.started() == []


@pytest.mark.parametrize("name", [OTHER, "run-1"])
def test_the_version_of_a_running_execution_by_hand_is_left_to_it(
    rotation: Rotation, name: str
) -> None:
    arn = rotation.machine.arn(name)
    token = version_by_hand(arn)
    rotation.secrets.add(token, PENDING_TEXT, AWSPENDING)
    rotation.machine.machine.statuses[name] = ["RUNNING"]
    with pytest.raises(errors.RotationInProgressError, match=arn):
        rotation.step("createSecret", token=token)
    assert rotation.started() == []
    assert rotation.locked_version == token
    # Executions are listed only if the version's id is not the execution's name.
    assert len(rotation.machine.faults.called("running")) == int(name != token)
    rotation.machine.machine.statuses[name] = ["ABORTED"]
    rotation.step("createSecret", token=token)
    assert rotation.started() == [f"{token}-1"]


@pytest.mark.parametrize("step", ["createSecret", "testSecret"])
def test_a_denied_kms_key_is_named(rotation: Rotation, step: str) -> None:
    rotation.secrets.kms_key = "alias/of-another-team"
    denied = "GetSecretValue: User x is not authorized to perform: kms:Decrypt"
    rotation.fail("read", errors.AccessDeniedError(denied))
    with pytest.raises(errors.AccessDeniedError, match=r"alias/of-another-team.* KmsKeyArns"):
        rotation.step(step)


# The execution


@pytest.mark.parametrize(
    "earlier, attempt, status",
    [
        (["FAILED"], 2, "RUNNING"),
        (["TIMED_OUT", "ABORTED"], 3, "RUNNING"),
        (["RUNNING"], 1, "RUNNING"),
        (["FAILED", "RUNNING"], 2, "RUNNING"),
        (["SUCCEEDED"], 1, "SUCCEEDED"),
    ],
)
def test_an_attempt_is_started_only_if_every_earlier_one_failed(
    created: Rotation, earlier: list[str], attempt: int, status: str
) -> None:
    created.release()
    for number, its_status in enumerate(earlier, start=1):
        created.execution(its_status, attempt=number)
    execution = created.step("createSecret")
    name = f"{PENDING}-{attempt}"
    assert execution
    assert (execution.arn, execution.status) == (created.machine.arn(name), status)
    new = {name: EXECUTION_INPUT | {"Attempt": attempt}} if attempt > len(earlier) else {}
    assert created.machine.machine.inputs == new


def test_an_execution_that_is_not_visible_yet_is_not_started_again(rotation: Rotation) -> None:
    rotation.execution()
    with pytest.raises(errors.RotationInProgressError, match=f"{PENDING}-1"):
        rotation.step("createSecret")
    assert rotation.started() == [f"{PENDING}-1"]
    assert rotation.slept == [SECONDS_BETWEEN_READS] * READS


# Failures


@pytest.mark.parametrize(
    "prevent, error",
    [
        (lambda it: it.secrets.texts.update({CURRENT: "no JSON"}), errors.SecretFormatError),
        (lambda it: it.secrets.labels[CURRENT].clear(), errors.VersionNotFoundError),
        (lambda it: it.fail("put_pending", DENIED), errors.AccessDeniedError),
        (lambda it: it.fail("random_password", NOT_VALID), errors.ConfigurationError),
        (lambda it: it.fail("describe", THROTTLED, times=100), errors.ThrottlingError),
    ],
)
def test_an_error_of_create_secret_fails_an_execution_that_releases_the_secret(
    rotation: Rotation, prevent: Callable[[Rotation], object], error: type[errors.RotationError]
) -> None:
    prevent(rotation)
    with pytest.raises(error) as caught:
        rotation.step("createSecret")
    cause = f"{caught.value} The rotation function failed with this in createSecret."
    failed = {"CreateSecretError": {"Error": error.__name__, "Cause": cause}}
    start = ("start", (f"{PENDING}-1", EXECUTION_INPUT | failed))
    assert rotation.machine.faults.calls == [start]


@pytest.mark.parametrize(
    "call, at_start, locked_version",
    [
        ("put_pending", errors.AccessDeniedError, None),
        ("start", errors.AccessDeniedError, None),
        # The execution may have been started.
        ("put_pending", errors.ServiceUnavailableError, PENDING),
    ],
)
def test_if_no_execution_can_be_started_create_secret_removes_awspending_itself(
    rotation: Rotation, call: str, at_start: type[errors.AwsError], locked_version: str | None
) -> None:
    rotation.fail(call, errors.AccessDeniedError("the cause"))
    rotation.fail("start", at_start("another"))
    with pytest.raises(errors.AccessDeniedError, match="the cause"):
        rotation.step("createSecret")
    assert rotation.locked_version == locked_version


@pytest.mark.parametrize("kind", [errors.ThrottlingError, errors.ServiceUnavailableError])
@pytest.mark.parametrize("call", ["describe", "put_pending", "start"])
def test_a_step_is_repeated_while_aws_throttles_or_fails(
    rotation: Rotation, call: str, kind: type[errors.RotationError]
) -> None:
    rotation.fail(call, kind("not now"), times=3)
    assert rotation.step("createSecret")
    assert rotation.machine.machine.inputs == {f"{PENDING}-1": EXECUTION_INPUT}
    assert rotation.slept[:3] == [1, 2, 4]


@pytest.mark.parametrize(
    "error, remaining, slept",
    [
        (errors.ThrottlingError, 900, [1, 2, 4, 8, 16, *[LONGEST_PAUSE_SECONDS / 2] * 18]),
        (errors.ThrottlingError, MARGIN_SECONDS + 3.5, [1, 2]),
        (errors.AccessDeniedError, 900, []),
    ],
)
def test_a_step_is_repeated_for_ten_minutes_or_until_lambda_would_end_it(
    rotation: Rotation, error: type[errors.AwsError], remaining: float, slept: list[float]
) -> None:
    rotation.remaining = remaining
    rotation.fail("start", error("no"), times=100)
    with pytest.raises(error):
        rotation.step("createSecret")
    assert rotation.slept == slept
