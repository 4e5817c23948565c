"""No password or RotationToken leaves a handler.

Not in an answer, an exception, its traceback or a log line.
"""

import base64
import json
import traceback
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from botocore.exceptions import ClientError, ParamValidationError

import check_endpoint
import check_overdue
import check_target
import close_rotation
import describe_user
import find_endpoints
import generate_password
import log_in
import log_in_with_current
import modify_user
import notify_failure
import promote_version
import report_rotation
import rotate_secret
from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.adapters.topic import Topic
from rotation.runtime.telemetry import entry_point, logger
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    ENDPOINT,
    EXECUTION_ARN,
    MACHINE_ARN,
    PENDING,
    ROTATION_TOKEN,
    SECRET_ARN,
    SENSITIVE,
    USER_ARN,
    USER_ID,
    USERNAME,
    FakeContext,
    World,
    make_target,
    secret_text,
)
from tests.unit.leaks import assert_no_leak
from tests.unit.test_fakes import public_methods

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

TARGET = make_target().to_state()
GIVEN = {"SecretId": SECRET_ARN, "ClientRequestToken": PENDING, "Attempt": 1}
#: Of an execution that the rotation function has started, and of one in the console.
BY_TOKEN, BY_HAND = (f"{EXECUTION_ARN.rsplit(':', 1)[0]}:{PENDING}{end}" for end in ("-1", ""))
MODIFICATION = {
    "StartedAt": "2026-03-01T12:00:00+00:00",
    "Status": "modifying",
    "Seconds": 0,
    "WaitSeconds": 2,
}
AT_ENDPOINT = {"Target": TARGET, "Endpoint": ENDPOINT.to_state()}
CHECKS = [{"Endpoint": str(ENDPOINT), "CurrentLogsIn": True, "ProvenVersion": ""}]
STATE = {
    "ExecutionArn": EXECUTION_ARN,
    "Input": GIVEN,
    "Target": TARGET,
    "Network": {"Endpoints": [ENDPOINT.to_state()], "Count": 1},
    "Checks": CHECKS,
    "Generation": {"Generated": True, "WaitSeconds": 0, "LateSeconds": 45},
    "Modification": MODIFICATION,
}
FAILURE = {"Error": "E", "Cause": "c"}
FAILED = {
    **STATE,
    "Failure": FAILURE,
    "Verification": [{"Endpoint": str(ENDPOINT), "Result": "LOGGED_IN"}],
}
STEP = {
    "SecretId": SECRET_ARN,
    "ClientRequestToken": PENDING,
    "RotationToken": ROTATION_TOKEN,
}

HANDLERS: dict[str, tuple[Handler, dict[str, Any]]] = {
    "check_target": (check_target.handler, {"Input": GIVEN, "ExecutionArn": BY_TOKEN}),
    "check_target_by_hand": (check_target.handler, {"Input": {"SecretId": SECRET_ARN}}),
    "find_endpoints": (find_endpoints.handler, {"Target": TARGET}),
    "find_endpoints_again": (
        find_endpoints.handler,
        {"Target": TARGET, "Network": {"Endpoints": [], "Count": 0, "Unreachable": FAILURE}},
    ),
    "check_endpoint": (check_endpoint.handler, AT_ENDPOINT),
    "dry_run": (
        check_endpoint.handler,
        AT_ENDPOINT | {"Target": make_target(dry_run=True).to_state()},
    ),
    "generate_password": (generate_password.handler, {"Target": TARGET}),
    "generate_password_by_hand": (
        generate_password.handler,
        {"Target": TARGET, "ExecutionArn": BY_HAND},
    ),
    "modify_user": (modify_user.handler, {"Target": TARGET, "Checks": CHECKS}),
    "describe_user": (describe_user.handler, {"Target": TARGET, "Modification": MODIFICATION}),
    "log_in": (log_in.handler, AT_ENDPOINT),
    "promote_version": (promote_version.handler, {"Target": TARGET}),
    "report_rotation": (report_rotation.handler, {"State": STATE}),
    "log_in_with_current": (log_in_with_current.handler, AT_ENDPOINT),
    "close_rotation": (close_rotation.handler, {"State": FAILED}),
    "close_rotation_without_a_target": (
        close_rotation.handler,
        {"ExecutionArn": BY_TOKEN, "State": {"Input": GIVEN, "Failure": FAILURE}},
    ),
    "notify_failure": (
        notify_failure.handler,
        {"detail": {"name": f"{PENDING}-1", "status": "FAILED", "input": json.dumps(GIVEN)}},
    ),
    "check_overdue": (check_overdue.handler, {}),
    **{
        step: (rotate_secret.handler, {"Step": step, **STEP})
        for step in ("createSecret", "setSecret", "testSecret", "finishSecret")
    },
}
#: Where Generate Password has work to do, and where it has been done.
STAGES = ("staged", "generated", "modified")


def prepare(world: World, stage: str) -> None:
    world.stage(None) if stage == "staged" else world.stage()
    if stage == "modified":
        world.modify()
    world.machine.machine.statuses[f"{PENDING}-1"] = ["SUCCEEDED"]


def run(name: str, world: World, output: Callable[[], str]) -> BaseException | None:
    """Calls the handler; whatever comes out of it is looked through."""
    handler, event = HANDLERS[name]
    output()
    answer, error = None, None
    try:
        answer = world.call(handler, {"ExecutionArn": EXECUTION_ARN, **event})
    except Exception as caught:
        error = caught
    assert_no_leak(SENSITIVE, answer=answer, error=error, output=output())
    return error


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", list(HANDLERS))
def test_a_handler_that_ends_well_or_by_its_own_rules_tells_no_password(
    world: World, output: Callable[[], str], name: str, stage: str
) -> None:
    prepare(world, stage)
    run(name, world, output)


@pytest.mark.parametrize("name", [name for name in HANDLERS if name != "finishSecret"])
def test_the_handlers_do_end_well_in_these_worlds(
    world: World, output: Callable[[], str], name: str
) -> None:
    prepare(world, "modified")
    if name == "describe_user":
        world.users.change(status="active")
    assert run(name, world, output) is None


class QuotingError(Exception):
    """An exception of somebody else that quotes what it was given, in every way there is."""

    def __init__(self) -> None:
        super().__init__(*SENSITIVE)
        self.value = json.dumps(SENSITIVE)
        self.add_note(SENSITIVE[0])
        self.__cause__ = ValueError(SENSITIVE[1])


ADAPTERS = {
    "secrets": public_methods(SecretsManager),
    "users": public_methods(ElastiCache),
    "machine": public_methods(StepFunctions),
    "topic": public_methods(Topic),
    "cache": ("open", "accepts"),
}


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("name", list(HANDLERS))
def test_a_foreign_exception_anywhere_tells_no_password(
    monkeypatch: pytest.MonkeyPatch, world: World, output: Callable[[], str], name: str
) -> None:
    reached = 0
    for stage in STAGES:
        for adapter, methods in ADAPTERS.items():
            for method in methods:
                for after in (False, True):
                    again = World()
                    prepare(again, stage)
                    again.take_over(monkeypatch)
                    getattr(again, adapter).faults.raise_at(method, QuotingError(), after=after)
                    error = run(name, again, output)
                    reached += error is not None and "QuotingError" in str(error)
    assert reached, "no fault has reached the handler"


class QuotingClient:
    """A client of boto3 whose every call fails with an error that quotes the passwords."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.exceptions = self
        self.ExecutionDoesNotExist = ZeroDivisionError
        self.ExecutionAlreadyExists = ZeroDivisionError

    def __getattr__(self, _: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            raise self.error

        return call


def aws_error(code: str, status: int = 400) -> ClientError:
    response: dict[str, Any] = {
        "Error": {"Code": code, "Message": " ".join(SENSITIVE)},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "AnyCall")


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize(
    "error",
    [
        aws_error("InvalidParameterValue"),
        aws_error("InvalidParameterException"),
        aws_error("InvalidUserState"),
        aws_error("ResourceExistsException"),
        aws_error("ThrottlingException"),
        aws_error("InternalFailure", 500),
        ParamValidationError(report=" ".join(SENSITIVE)),
    ],
    ids=lambda error: error.response["Error"]["Code"] if hasattr(error, "response") else "botocore",
)
@pytest.mark.parametrize("broken", ["secrets", "users", "machine"])
@pytest.mark.parametrize("name", list(HANDLERS))
def test_an_error_of_aws_that_quotes_a_password_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    output: Callable[[], str],
    name: str,
    broken: str,
    error: Exception,
) -> None:
    prepare(world, "modified")
    client = QuotingClient(error)
    real: dict[str, tuple[type, Any]] = {
        "secrets": (SecretsManager, SecretsManager(client)),
        "users": (ElastiCache, ElastiCache(client)),
        "machine": (StepFunctions, StepFunctions(client, MACHINE_ARN)),
    }
    kind, adapter = real[broken]
    monkeypatch.setattr(kind, "connect", lambda: adapter)
    run(name, world, output)


BAD_TEXTS = [
    CURRENT_PASSWORD,
    f'{{"password": "{CURRENT_PASSWORD}"',
    json.dumps({"password": CURRENT_PASSWORD}),
    json.dumps([CURRENT_PASSWORD]),
    json.dumps({"username": CURRENT_PASSWORD, "user_arn": USER_ARN, "password": 1}),
    json.dumps({"username": USERNAME, "user_arn": CURRENT_PASSWORD}),
    json.dumps({"username": USERNAME, "user_arn": [CURRENT_PASSWORD]}),
    json.dumps({"username": USERNAME, "user_arn": USER_ARN, "password": [CURRENT_PASSWORD]}),
    secret_text(CURRENT_PASSWORD, username=f"not-{CURRENT_PASSWORD}"),
    secret_text(CURRENT_PASSWORD, note="x" * 65_500),
    secret_text(CURRENT_PASSWORD, note="\ud800"),
    secret_text(CURRENT_PASSWORD)[:-1] + ', "password": "twice"}',
    secret_text(CURRENT_PASSWORD)[:-1] + ', "n": NaN}',
    CURRENT_PASSWORD.encode(),
]


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("text", BAD_TEXTS, ids=range(len(BAD_TEXTS)))
@pytest.mark.parametrize("version", [CURRENT, PENDING])
@pytest.mark.parametrize("name", list(HANDLERS))
def test_a_bad_secret_is_refused_without_its_text(
    world: World, output: Callable[[], str], name: str, version: str, text: str | bytes
) -> None:
    prepare(world, "modified")
    world.secrets.texts[version] = text
    run(name, world, output)


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "ERROR"])
@pytest.mark.parametrize("name", list(HANDLERS))
def test_no_level_logs_a_password(
    world: World, output: Callable[[], str], name: str, level: str
) -> None:
    prepare(world, "modified")
    before = logger.log_level
    logger.setLevel(level)
    try:
        run(name, world, output)
    finally:
        logger.setLevel(before)


# The detector itself: a planted leak is found.


def raised(act: Callable[[], Any]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        act()
    return caught.value


def from_cause() -> None:
    try:
        raise ValueError(CURRENT_PASSWORD)
    except ValueError as error:
        raise RuntimeError("harmless") from error


def from_context() -> None:
    try:
        raise ValueError(CURRENT_PASSWORD)
    except ValueError:
        raise RuntimeError("harmless")  # noqa: B904


def from_attribute() -> None:
    error = RuntimeError("harmless")
    error.response = {"password": CURRENT_PASSWORD}  # type: ignore[attr-defined]
    raise error


def from_note() -> None:
    error = RuntimeError("harmless")
    error.add_note(CURRENT_PASSWORD)
    raise error


def from_source_line() -> None:
    raise RuntimeError("harmless", {"nested": [CURRENT_PASSWORD]})


@pytest.mark.parametrize(
    "plant", [from_cause, from_context, from_attribute, from_note, from_source_line]
)
def test_a_leak_that_is_planted_in_an_exception_is_found(plant: Callable[[], None]) -> None:
    with pytest.raises(AssertionError, match="exception"):
        assert_no_leak([CURRENT_PASSWORD], error=raised(plant))


@pytest.mark.parametrize(
    "answer",
    [
        CURRENT_PASSWORD,
        {"a": [{"b": f"x{CURRENT_PASSWORD}y"}]},
        {CURRENT_PASSWORD: 1},
        base64.b64encode(CURRENT_PASSWORD.encode()).decode(),
        *(
            base64.b64encode(b"x" * before + CURRENT_PASSWORD.encode() + b"yz").decode()
            for before in range(4)
        ),
        CURRENT_PASSWORD.encode().hex(),
        f"user app on #{sha256(CURRENT_PASSWORD.encode()).hexdigest()} ~* +@all",
    ],
)
def test_a_leak_that_is_planted_in_an_answer_is_found(answer: Any) -> None:
    with pytest.raises(AssertionError, match="answer"):
        assert_no_leak(SENSITIVE, answer=answer)


def test_a_password_that_json_has_to_escape_is_found() -> None:
    password = 'back\\slash"quote~and~more'
    text = password
    for _ in range(3):
        text = json.dumps({"message": text})
        with pytest.raises(AssertionError, match="output"):
            assert_no_leak([password], output=text)
    for text in (quote(password), quote_plus(f"a {password}"), repr([password])):
        with pytest.raises(AssertionError, match="output"):
            assert_no_leak([password], output=text)


@pytest.mark.parametrize("channel", ["log", "print", "log_key"])
def test_a_leak_that_is_planted_in_a_handlers_log_is_found(
    output: Callable[[], str], channel: str
) -> None:
    @entry_point
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        if channel == "log":
            logger.info(f"new: {CURRENT_PASSWORD}")
        elif channel == "log_key":
            logger.info("new", extra={"value": {"password": CURRENT_PASSWORD}})
        else:
            print(CURRENT_PASSWORD)  # noqa: T201
        return {}

    handler({}, FakeContext())  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="output"):
        assert_no_leak([CURRENT_PASSWORD], output=output())


def test_what_is_no_leak_passes() -> None:
    error = raised(lambda: check_target.handler({}, FakeContext()))  # type: ignore[arg-type]
    assert "KeyError" in "".join(traceback.format_exception(error))
    assert_no_leak(SENSITIVE, answer={"UserId": USER_ID}, error=error, output=USER_ID)
