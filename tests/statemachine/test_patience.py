"""How long each error is tried again, on average, before it is final."""

import json

import pytest

from tests.statemachine.cases import DEFINITION
from tests.statemachine.checks import ALWAYS_RETRIED, Place, average_wait, places
from tests.statemachine.lambda_errors import REFUSED

TASKS = list(places(json.loads(DEFINITION.read_text()), "Task"))
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


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task.name))
def test_each_error_is_tried_for_as_long_as_it_takes(task: Place) -> None:
    for rule in task.state["Retry"]:
        for name in rule["ErrorEquals"]:
            least, most = PATIENCE[name]
            assert least <= average_wait(rule) <= most, name


def test_a_throttled_function_is_asked_every_minute() -> None:
    longest = {
        rule["MaxDelaySeconds"]
        for task in TASKS
        for rule in task.state["Retry"]
        if "Lambda.TooManyRequestsException" in rule["ErrorEquals"]
    }
    assert longest == {60}
