"""Histories that have broken a promise once, in another design or a careless one: none does here.

Each ends with a rotation by hand and one of Secrets Manager's, which need no repair.
"""

import json
from typing import Any

import pytest

from local import interpreter
from tests.histories.in_process import MACHINE, InProcess
from tests.histories.staged_functions import FUNCTION_SECONDS
from tests.histories.worlds import InProcessTenant, served
from tests.rotation.world import FIRST_PASSWORD

BY_HAND = "by-hand-password-0123456789"
OFF: dict[str, Any] = {"AccessString": "off ~app:* +get", "password": None}
OFF_VALKEY = {
    **OFF,
    "Engine": "valkey",
    "password": "throw-away-password-0123456",
    "secret_password": "",
}
OFF_WITH_SECRET = {**OFF, "secret_password": FIRST_PASSWORD}
OPEN = {**OFF_WITH_SECRET, "AccessString": "on ~app:* +get"}
#: When Step Functions is about to call them.
MOMENTS = ["CheckEndpoint", "GeneratePassword", "ModifyUser", "LogIn", "PromoteVersion"]


def rotate(tenant: InProcessTenant, how: str) -> None:
    if how == "by hand":
        tenant.succeeds()
    elif how == "new execution":  # the console's: the same input, another name
        machines, latest = tenant.world.step_functions, list(tenant.inside.executions())[-1]
        given = machines.describe_execution(executionArn=latest)["input"]
        tenant.succeeds(machines.start_execution(input=given)["executionArn"])
    else:
        assert tenant.rotation() == "succeeded"


def comes_through(tenant: InProcessTenant) -> None:
    """By hand and by Secrets Manager, with whatever the history has left."""
    tenant.world.arm()
    tenant.world.stage.run()
    for how in ("by hand", "by Secrets Manager"):
        before = tenant.value().get("password")
        rotate(tenant, how)
        assert tenant.value()["password"] != before
        assert tenant.current_logs_in()


def status(tenant: InProcessTenant, arn: str, version: str = "") -> str:
    """The execution's, which says what has become of its version."""
    found: str = tenant.inside.executions()[arn]["status"].value
    promoted = "AWSCURRENT" in tenant.labels().get(version or arn.rsplit(":", 1)[1], ())
    assert (found == "SUCCEEDED") is promoted
    return found


# Edits


@pytest.mark.parametrize("after", ["by hand", "new execution", "by Secrets Manager"])
@pytest.mark.parametrize("before", ["by hand", "by Secrets Manager"])
def test_an_edit_between_two_rotations_is_kept(
    tenant: InProcessTenant, before: str, after: str
) -> None:
    rotate(tenant, before)
    old = tenant.value()["password"]
    tenant.edit(host="new")
    rotate(tenant, after)
    assert tenant.value()["host"] == "new"
    assert tenant.value()["password"] != old
    comes_through(tenant)
    assert tenant.value()["host"] == "new"


@pytest.mark.parametrize("by", ["a person", "Secrets Manager"])
@pytest.mark.parametrize("moment", [*MOMENTS, "UpdateSecretVersionStage"])
def test_an_edit_during_a_rotation_is_kept(tenant: InProcessTenant, moment: str, by: str) -> None:
    token = tenant.begin_rotation() if by == "Secrets Manager" else ""
    if not token:
        tenant.begin()
    tenant.world.stage.until(moment)
    tenant.edit(host="new")
    tenant.world.stage.run()
    assert tenant.value()["host"] == "new"
    assert tenant.current_logs_in()
    for arn in tenant.inside.executions():
        status(tenant, arn, token)
    comes_through(tenant)
    assert tenant.value()["host"] == "new"


@pytest.mark.parametrize("how", ["by hand", "by Secrets Manager"])
def test_two_rotations_after_a_leak_end_the_leaked_password_also_after_an_edit(
    tenant: InProcessTenant, how: str
) -> None:
    rotate(tenant, how)
    leaked = tenant.value()["password"]
    tenant.edit(host="new")
    for _ in range(2):
        rotate(tenant, how)
    assert tenant.logins(leaked) == {False}
    comes_through(tenant)


def test_a_rotation_whose_execution_is_forgotten_brings_nothing_back(
    tenant: InProcessTenant,
) -> None:
    token = tenant.begin_rotation()
    tenant.world.stage.run()
    tenant.modify(Passwords=[BY_HAND, tenant.value()["password"]])
    tenant.edit(host="new", password=BY_HAND)
    # After 90 days.
    tenant.inside._machines.describe_state_machine(MACHINE).executions.clear()
    assert tenant.retry(token) == "failed"
    assert (tenant.value()["host"], tenant.value()["password"]) == ("new", BY_HAND)
    comes_through(tenant)


# A person and a run


@pytest.mark.parametrize("hurry", [True, False])
@pytest.mark.parametrize("moment", ["LogIn", "PromoteVersion"])
def test_a_password_changed_by_hand_during_a_run_is_not_undone(
    tenant: InProcessTenant, moment: str, hurry: bool
) -> None:
    """By "By hand, without the stack" (docs/operations.md)."""
    arn = tenant.begin()
    tenant.world.stage.until(moment)
    tenant.modify(Passwords=[BY_HAND, FIRST_PASSWORD])
    if not hurry:
        tenant.world.stage.run()
        status(tenant, arn)
    tenant.edit(password=BY_HAND)
    tenant.world.stage.run()
    assert tenant.value()["password"] == BY_HAND
    assert tenant.logins(BY_HAND) == {True}
    comes_through(tenant)


def test_an_access_string_that_is_changed_meanwhile_is_kept(inside: InProcess) -> None:
    tenant = served(inside, **{**OFF, "AccessString": "off ~* +@all"})
    arn = tenant.begin()
    inside.stage.until("GeneratePassword")
    tenant.modify(AccessString="off ~app:* +get")
    tenant.world.arm("deny:UpdateSecretVersionStage:1")
    assert tenant.ended(arn)["status"] == "FAILED"
    assert tenant.user()["AccessString"] == "on ~app:* -@all +get"
    comes_through(tenant)
    assert tenant.user()["AccessString"] == "on ~app:* -@all +get"


def test_an_open_user_that_a_person_closes_meanwhile_stays_closed(inside: InProcess) -> None:
    tenant = served(inside, **OPEN)
    arn = tenant.begin()
    inside.stage.until("GeneratePassword")
    tenant.modify(Passwords=[FIRST_PASSWORD])
    inside.stage.until("LogIn")
    tenant.world.arm("deny:UpdateSecretVersionStage:1")
    assert tenant.ended(arn)["status"] == "FAILED"
    inside.stage.pass_time(60)
    assert tenant.logins("made-up") == {False}
    assert tenant.current_logs_in()
    comes_through(tenant)


# First rotations


@pytest.mark.parametrize(
    "user", [OFF, OFF_VALKEY, OFF_WITH_SECRET], ids=["off", "off, valkey", "off, in the secret"]
)
@pytest.mark.parametrize(
    "cut_off",
    [
        ["deny:GetSecretValue:8-"],
        ["deny:UpdateSecretVersionStage"],
        ["kill-after:ModifyUser:1-"],
        ["stop-at:Wait For User", "deny:ModifyUser"],
        ["stop-at:Test Authentication", "stop-at:Modify User", "deny:PutSecretValue"],
        ["drop-node:1:Test Authentication", "deny:ListSecretVersionIds:2-"],
    ],
    ids=str,
)
def test_a_first_rotation_that_was_cut_off_is_resumed(
    inside: InProcess, user: dict[str, Any], cut_off: list[str]
) -> None:
    """Each fault has a run of its own."""
    tenant = served(inside, **user)
    for fault in cut_off:
        tenant.world.arm(fault)
        assert tenant.start()["status"] != "SUCCEEDED"
        [met] = tenant.world.control("GET")
        assert met["met"], fault
    comes_through(tenant)


# Two executions with one token


@pytest.fixture
def pair(tenant: InProcessTenant) -> tuple[str, str]:
    """V-1, which a person has redriven, beside V-2: both have passed Check Target."""
    stage, token = tenant.world.stage, tenant.begin_rotation()
    stage.until("CheckTarget")
    [first] = tenant.inside.executions()
    given = json.loads(tenant.inside.executions()[first]["input"])
    second = tenant.world.step_functions.start_execution(
        name=f"{token}-2", input=json.dumps({**given, "Attempt": 2})
    )["executionArn"]
    for each in (first, second):
        stage.until("ModifyUser", only=each)
    return first, second


def version_of(attempt: str) -> str:
    """The version of an execution that Secrets Manager started."""
    return attempt.rsplit(":", 1)[1].rpartition("-")[0]


def test_two_executions_with_one_token_both_succeed(
    tenant: InProcessTenant, pair: tuple[str, str]
) -> None:
    tenant.world.stage.run()
    assert {status(tenant, each, version_of(each)) for each in pair} == {"SUCCEEDED"}
    assert tenant.current_logs_in()
    comes_through(tenant)


@pytest.mark.parametrize("moment", ["LogIn", "PromoteVersion", "UpdateSecretVersionStage"])
@pytest.mark.parametrize("fails_first", [True, False])
def test_one_of_two_executions_with_one_token_fails_and_locks_nobody_out(
    tenant: InProcessTenant, pair: tuple[str, str], moment: str, fails_first: bool
) -> None:
    """The second meets a node that does not answer, while the first is anywhere."""
    (first, second), stage = pair, tenant.world.stage
    stage.until(moment, only=first)
    tenant.world.arm("drop-node:2")
    stage.until("CloseRotation", only=second)
    tenant.world.arm()
    for each in (second, first) if fails_first else (first, second):
        stage.run(only=each)
        assert tenant.logins(FIRST_PASSWORD) == {True}
        assert tenant.current_logs_in()
        status(tenant, each, version_of(each))
    comes_through(tenant)


# What a run says


@pytest.mark.parametrize(
    "faults",
    [
        ["kill-after:UpdateSecretVersionStage:1", "throttle:DescribeSecret:3-"],
        ["kill-after:UpdateSecretVersionStage:1", "deny:DescribeSecret:3"],
        ["kill-after:UpdateSecretVersionStage:1", "throttle:Invoke:2-"],
        ["lose-reply:UpdateSecretVersionStage:1", "throttle:UpdateSecretVersionStage:2-"],
        ["lose-reply:UpdateSecretVersionStage:1-3", "deny:DescribeSecret:3"],
    ],
    ids=str,
)
def test_a_run_whose_version_was_promoted_after_all_succeeds(
    tenant: InProcessTenant, faults: list[str]
) -> None:
    arn, stage = tenant.begin(), tenant.world.stage
    stage.until("PromoteVersion")
    tenant.world.arm(*faults)
    while "CloseRotation" not in stage.parked.values() and stage.next():
        stage.step(arn)
    tenant.world.arm()
    stage.run()
    assert status(tenant, arn) == "SUCCEEDED"
    comes_through(tenant)


# Functions that outlive their execution


@pytest.mark.parametrize("user", [{}, OFF, OPEN], ids=["on", "off", "open"])
@pytest.mark.parametrize(
    "function, call",
    [
        ("GeneratePassword", "PutSecretValue"),
        ("ModifyUser", "ModifyUser"),
        ("PromoteVersion", "UpdateSecretVersionStage"),
        ("CloseRotation", "UpdateSecretVersionStage"),
    ],
)
def test_a_late_write_of_a_stopped_execution_harms_nobody(
    inside: InProcess, user: dict[str, Any], function: str, call: str
) -> None:
    """It lands as late as Lambda lets it; the next run has gone on for so long."""
    tenant, stage = served(inside, "replicas", **user), inside.stage
    stopped = tenant.begin()
    if function == "CloseRotation":
        stage.until("LogIn")
        tenant.world.arm("drop-node:2")
    stage.until(function)
    tenant.world.arm()
    stage.step(stopped)
    stage.until(call, only=stopped)
    tenant.world.step_functions.stop_execution(executionArn=stopped)
    latest = stage.now + FUNCTION_SECONDS
    then = tenant.begin()
    while stage.turn_of(then) < latest:
        stage.step(then)
    stage.pass_time(until=latest)
    stage.run(only=stopped)
    assert "password" not in tenant.value() or tenant.current_logs_in()
    stage.run()
    assert "password" not in tenant.value() or tenant.current_logs_in()
    status(tenant, then)
    comes_through(tenant)


# Waiting


def test_a_modification_that_a_stopped_run_has_left_is_waited_for(tenant: InProcessTenant) -> None:
    tenant.world.arm("keep-modifying:600", "stop-at:Wait For User")
    assert tenant.start()["status"] == "ABORTED"
    begun = tenant.world.stage.now
    comes_through(tenant)
    assert tenant.world.stage.now > begun + 600


def test_a_node_that_lags_behind_for_a_user_that_was_open_is_waited_for(inside: InProcess) -> None:
    tenant = served(inside, "replicas", **OPEN)
    tenant.world.arm("lag-password:2:20")
    tenant.succeeds()
    assert "AnyPasswordAcceptedError" in tenant.errors(list(inside.executions())[-1])
    comes_through(tenant)


def test_a_promotion_that_close_rotation_cannot_see_is_not_denied(tenant: InProcessTenant) -> None:
    """The function is killed when the label has moved, and from then on nobody may look."""
    execution = tenant.begin()
    tenant.world.stage.until("PromoteVersion")
    tenant.world.arm("kill-after:UpdateSecretVersionStage:1", "deny:DescribeSecret:2-")
    ended = tenant.ended(execution)
    assert ended["status"] == "FAILED"
    assert "AWSCURRENT is unknown." in ended["cause"]
    comes_through(tenant)


def test_a_process_may_have_thousands_of_worlds() -> None:
    """As `make soak` has."""
    for _ in range(3000):
        interpreter.install(lambda role: None, lambda state: False, lambda execution: None)
    with InProcess().set_up() as inside:
        comes_through(served(inside))
