"""Two runs of one secret at once: with one token, or one that goes on after it was stopped."""

import json

import pytest

from tests.histories.stage import Stage
from tests.histories.staged_functions import FUNCTION_SECONDS
from tests.histories.test_breaks import OFF, OPEN
from tests.histories.worlds import InProcessTenant
from tests.rotation.world import FIRST_PASSWORD

#: Functions that write, and their calls.
WRITES = {
    "GeneratePassword": "PutSecretValue",
    "ModifyUser": "ModifyUser",
    "PromoteVersion": "UpdateSecretVersionStage",
    "CloseRotation": "UpdateSecretVersionStage",
}

pytestmark = pytest.mark.usefixtures("rotates_in_the_end")


# Two executions with one token


@pytest.fixture
def pair(tenant: InProcessTenant, stage: Stage) -> tuple[str, str]:
    """V-1, which a person has redriven, beside V-2: both have passed Check Target."""
    token = tenant.begin_rotation()
    stage.until("CheckTarget")
    [first] = tenant.inside.executions()
    execution_input = json.loads(tenant.inside.executions()[first]["input"])
    second = tenant.world.step_functions.start_execution(
        name=f"{token}-2", input=json.dumps({**execution_input, "Attempt": 2})
    )["executionArn"]
    for each in (first, second):
        stage.until("ModifyUser", only=each)
    return first, second


def version_of(attempt: str) -> str:
    return attempt.rsplit(":", 1)[1].rpartition("-")[0]


def test_both_can_succeed(tenant: InProcessTenant, stage: Stage, pair: tuple[str, str]) -> None:
    stage.run()
    assert {tenant.status(each, version_of(each)) for each in pair} == {"SUCCEEDED"}
    assert tenant.current_logs_in()


@pytest.mark.parametrize("moment", ["LogIn", "PromoteVersion", "UpdateSecretVersionStage"])
@pytest.mark.parametrize("fails_first", [True, False])
def test_one_of_two_executions_with_one_token_fails_and_locks_nobody_out(
    tenant: InProcessTenant, stage: Stage, pair: tuple[str, str], moment: str, fails_first: bool
) -> None:
    """The second meets a node that does not answer, while the first is anywhere."""
    first, second = pair
    stage.until(moment, only=first)
    tenant.world.arm("drop-node:2")
    stage.until("CloseRotation", only=second)
    tenant.world.arm()
    for each in (second, first) if fails_first else (first, second):
        stage.run(only=each)
        assert tenant.logins(FIRST_PASSWORD) == {True}
        assert tenant.current_logs_in()
        tenant.status(each, version_of(each))


# Functions that outlive their execution


@pytest.mark.parametrize("tenant", [{}, OFF, OPEN], ids=["on", "off", "open"], indirect=True)
@pytest.mark.parametrize("function", WRITES)
def test_a_late_write_harms_nobody(tenant: InProcessTenant, stage: Stage, function: str) -> None:
    """It lands as late as Lambda lets it; the next run has gone on for so long."""
    stopped = tenant.begin()
    if function == "CloseRotation":
        stage.until("LogIn")
        tenant.world.arm("drop-node:2")
    stage.until(function)
    tenant.world.arm()
    stage.step(stopped)
    stage.until(WRITES[function], only=stopped)
    tenant.world.step_functions.stop_execution(executionArn=stopped)
    latest = stage.now + FUNCTION_SECONDS
    then = tenant.begin()
    while stage.turn_of(then) < latest:
        stage.step(then)
    stage.pass_time(until=latest)
    for late in (stopped, None):
        stage.run(only=late)
        assert "password" not in tenant.value() or tenant.current_logs_in()
    tenant.status(then)
