"""What each task retries and for how long, and what of Lambda's own errors is final."""

import json
import re
from typing import Any

import pytest
from botocore.session import Session

from local.package import read_template
from rotation import errors
from rotation.rules.overdue import WORK
from statemachine.asl import DEFINITION as PATH
from statemachine.asl import SOURCE, load
from tools.asl.definition import Place, places

DEFINITION = json.loads(PATH.read_text())
TASKS = [*places(DEFINITION, "Task")]
INVOKE = {
    f"Lambda.{shape.name}"
    for shape in Session().get_service_model("lambda").operation_model("Invoke").error_shapes
}
#: Each with the reason.
FINAL: dict[str, str] = load(SOURCE.read_text())["x-final"]


def spellings(*names: str) -> set[str]:
    """The names, and as the AWS SDK for Java 2 spells them: with ``Ec2`` for ``EC2``."""
    acronym = re.compile(r"[A-Z]{2,}\d?(?=[A-Z][a-z])")
    return {*names, *(acronym.sub(lambda each: each[0].title(), name) for name in names)}


#: The function has not run.
REFUSED = spellings(*INVOKE)
#: What says nothing about the rotation: every task has to retry it.
ALWAYS_RETRIED = {
    *spellings(*(INVOKE - FINAL.keys())),
    # Of no model: Step Functions guide, "Handle transient Lambda service exceptions". The AWS SDK
    # for Java 2 calls AWSLambdaException LambdaException.
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.LambdaException",
    "Lambda.SdkClientException",
    "Lambda.Unknown",
    # The Lambda runtime's own names for a function that was killed, and one that ran out of time;
    # the guide documents Lambda.Unknown for both.
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "ServiceUnavailableError",
    "States.Timeout",
    "ThrottlingError",
}
_LOGS_IN = {"AnyPasswordAcceptedError", "EndpointUnreachableError", "VersionNotReadableError"}
_LABELS = {"RotationSupersededError", "VersionNotReadableError"}
#: What else a function can meet that may be gone a moment later.
RETRIED: dict[str, set[str]] = {
    "Check Target": {
        *("UserBusyError", "UserNotFoundError"),
        *("VersionNotFoundError", "VersionNotReadableError"),
    },
    "Find Endpoints": {"UserNotFoundError"},
    "Check Endpoint": {*_LOGS_IN, "CurrentPasswordRefusedError", "CurrentPasswordUnknownError"},
    "Generate Password": _LABELS,
    "Modify User": {*_LABELS, "AccessDeniedError", "UserBusyError", "UserNotFoundError"},
    "Describe User": {"UserNotFoundError"},
    "Log In": {*_LOGS_IN, "PasswordRefusedError"},
    "Promote Version": _LABELS,
    "Log In With Current": {"PasswordRefusedError", "VersionNotReadableError"},
}
#: Seconds, at least and at most.
PATIENCE: dict[str, tuple[int, int]] = {
    **dict.fromkeys(ALWAYS_RETRIED, (40, 60)),
    # While a function is not ready: up to 90 s, and longer where a subnet lacks addresses.
    **dict.fromkeys(REFUSED, (300, 360)),
    "Lambda.ServiceException": (40, 60),
    # Many rotations at once in an account with a concurrency of 10.
    "Lambda.TooManyRequestsException": (1800, 2100),
    # The rotations of all other users of a group.
    "UserBusyError": (2400, 3000),
    # Until a user's tags can be read again.
    "AccessDeniedError": (180, 240),
    "AnyPasswordAcceptedError": (20, 60),
    "CurrentPasswordRefusedError": (20, 60),
    "CurrentPasswordUnknownError": (20, 60),
    "EndpointUnreachableError": (20, 60),
    "PasswordRefusedError": (40, 60),
    "RotationSupersededError": (5, 10),
    "UserNotFoundError": (15, 30),
    "VersionNotFoundError": (20, 45),
    "VersionNotReadableError": (20, 45),
}
#: Nodes that a Map logs in to, 20 at a time.
NODES = 100


def average_wait(rule: dict[str, Any]) -> float:
    """Seconds that a Retry waits if it is used up: FULL jitter takes half of a delay on average."""
    delays = (
        min(rule["IntervalSeconds"] * rule["BackoffRate"] ** number, rule["MaxDelaySeconds"])
        for number in range(rule["MaxAttempts"])
    )
    return float(sum(delays) / 2)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task.name))
def test_a_task_retries_what_may_be_gone_a_moment_later_and_nothing_else(task: Place) -> None:
    named = [name for rule in task.state["Retry"] for name in rule["ErrorEquals"]]
    # Only the first Retry that names an error counts its attempts.
    assert sorted(named) == sorted(ALWAYS_RETRIED | RETRIED.get(task.handler, set()))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task.name))
def test_each_error_is_retried_for_as_long_as_it_takes(task: Place) -> None:
    for rule in task.state["Retry"]:
        assert rule["JitterStrategy"] == "FULL"
        assert rule["BackoffRate"] > 1
        for name in rule["ErrorEquals"]:
            least, most = PATIENCE[name]
            assert least <= average_wait(rule) <= most, name


def test_a_throttled_function_is_invoked_every_minute() -> None:
    rules = [rule for task in TASKS for rule in task.state["Retry"]]
    throttled = [rule for rule in rules if "Lambda.TooManyRequestsException" in rule["ErrorEquals"]]
    assert {rule["MaxDelaySeconds"] for rule in throttled} == {60}


def test_each_transient_error_is_retried_and_each_of_ours_that_is_retried_is_raised() -> None:
    """Lambda reports an exception's own class: the name of a base class matches nothing."""
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    raised = {kind.__name__ for kind in classes if not kind.__subclasses__()}
    ours = {*set().union(*RETRIED.values()), "ServiceUnavailableError", "ThrottlingError"}
    transient = {*re.findall(r"(\w+)\s+\(transient\)", errors.__doc__ or "")}
    assert len(transient) > 1
    assert transient <= ours <= raised


def test_each_error_is_retried_or_final() -> None:
    """A new botocore may bring a new one."""
    retried = {
        name for task in TASKS for rule in task.state["Retry"] for name in rule["ErrorEquals"]
    }
    left = sorted(INVOKE - retried - FINAL.keys())
    assert left == [], "retry them, or name them in x-final of rotation.asl.yaml; run `make asl`"
    assert sorted(FINAL.keys() - INVOKE) == []
    assert {reason[-1] for reason in FINAL.values()} == {"."}


@pytest.mark.parametrize(
    "model, sdk",
    [
        ("EC2ThrottledException", "Ec2ThrottledException"),
        ("ENINotReadyException", "EniNotReadyException"),
        ("SubnetIPAddressLimitReachedException", "SubnetIpAddressLimitReachedException"),
        ("ServiceException", "ServiceException"),
    ],
)
def test_both_spellings_are_known(model: str, sdk: str) -> None:
    assert spellings(f"Lambda.{model}") == {f"Lambda.{model}", f"Lambda.{sdk}"}


def slowest(state: dict[str, Any]) -> float:
    """Seconds that a task takes if it needs every retry, and each attempt that runs times out.

    Waits take their average: there are more than a thousand.
    """
    seconds = float(state["TimeoutSeconds"])
    for retry in state["Retry"]:
        seconds += average_wait(retry)
        if not REFUSED.issuperset(retry["ErrorEquals"]):
            seconds += retry["MaxAttempts"] * state["TimeoutSeconds"]
    return seconds


def test_no_execution_that_may_end_is_cut_off_or_reported_as_too_long() -> None:
    """A TIMED_OUT execution leaves AWSPENDING. The waits for the user are bounded by a clock."""
    template = read_template()
    values = template["Parameters"]["MaxModifyingSeconds"]["ConstraintDescription"]
    most = int(values.rpartition(" to ")[2])
    work = sum(slowest(task.state) * (NODES / 20 if task.nested else 1) for task in TASKS)
    assert 3600 < work < WORK.total_seconds()
    assert DEFINITION["TimeoutSeconds"] > 2 * most + work
