"""Histories that have broken a promise once, in another design or a careless one: none does here.

Each ends with a rotation by hand and one of Secrets Manager's, which need no repair.
"""

import json
from typing import Any

import pytest

from local import interpreter
from tests.histories.in_process import FUNCTION_SECONDS, MACHINE, ROTATION_FUNCTION, InProcess
from tests.histories.worlds import InProcessTenant, served
from tests.rotation.world import FIRST_PASSWORD

BY_HAND = "by-hand-password-0123456789"
THROWN = "throw-away-password-0123456"
OFF: dict[str, Any] = {"AccessString": "off ~app:* +get", "password": None}
OFF_VALKEY = {**OFF, "Engine": "valkey", "password": THROWN, "secret_password": ""}
OFF_WITH_SECRET = {**OFF, "secret_password": FIRST_PASSWORD}
OPEN = {**OFF_WITH_SECRET, "AccessString": "on ~app:* +get"}
#: When Step Functions is about to call them.
MOMENTS = ["CheckEndpoint", "GeneratePassword", "ModifyUser", "LogIn", "PromoteVersion"]
# A thread of the interpreter that is told to stop.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


def edit(tenant: InProcessTenant, **keys: Any) -> None:
    """A person saves the secret with other keys."""
    value = json.dumps({**tenant.value(), **keys})
    tenant.world.secrets.put_secret_value(SecretId=tenant.secret_arn, SecretString=value)


def set_passwords(inside: InProcess, tenant: InProcessTenant, *passwords: str) -> None:
    """A person changes the user, and waits until it is active."""
    tenant.world.elasticache.modify_user(UserId=tenant.user_id, Passwords=list(passwords))
    inside.stage.pass_time(10)


def again(tenant: InProcessTenant, execution: str) -> str:
    """The console's "New execution": the same input, another name."""
    machines = tenant.world.step_functions
    given = machines.describe_execution(executionArn=execution)["input"]
    return str(machines.start_execution(stateMachineArn=MACHINE, input=given)["executionArn"])


def rotate(inside: InProcess, tenant: InProcessTenant, how: str) -> None:
    if how == "by hand":
        assert tenant.start()["status"] == "SUCCEEDED"
    elif how == "new execution":
        latest = tenant.ended(again(tenant, list(inside.executions())[-1]))
        assert latest["status"] == "SUCCEEDED"
    else:
        token = tenant.begin_rotation()
        inside.stage.run()
        assert inside.outcome(token) == "succeeded"


def is_in(tenant: InProcessTenant) -> bool:
    return tenant.logins(tenant.value()["password"]) == {True}


def comes_through(inside: InProcess, tenant: InProcessTenant) -> None:
    """By hand and by Secrets Manager, with whatever the history has left."""
    inside.faults.control("DELETE", b"")
    inside.stage.run()
    for how in ("by hand", "by Secrets Manager"):
        before = tenant.value().get("password")
        rotate(inside, tenant, how)
        assert tenant.value()["password"] != before
        assert is_in(tenant)


def told(inside: InProcess, tenant: InProcessTenant, arn: str, version: str = "") -> str:
    """The execution's status, which says what has become of its version."""
    status: str = inside.executions()[arn]["status"].value
    promoted = "AWSCURRENT" in tenant.labels().get(version or arn.rsplit(":", 1)[1], ())
    assert (status == "SUCCEEDED") is promoted
    return status


# Edits


@pytest.mark.parametrize("after", ["by hand", "new execution", "by Secrets Manager"])
@pytest.mark.parametrize("before", ["by hand", "by Secrets Manager"])
def test_an_edit_between_two_rotations_is_kept(inside: InProcess, before: str, after: str) -> None:
    tenant = served(inside)
    rotate(inside, tenant, before)
    old = tenant.value()["password"]
    edit(tenant, host="new")
    rotate(inside, tenant, after)
    assert tenant.value()["host"] == "new"
    assert tenant.value()["password"] != old
    comes_through(inside, tenant)
    assert tenant.value()["host"] == "new"


@pytest.mark.parametrize("by", ["a person", "Secrets Manager"])
@pytest.mark.parametrize("moment", [*MOMENTS, "UpdateSecretVersionStage"])
def test_an_edit_during_a_rotation_is_kept(inside: InProcess, moment: str, by: str) -> None:
    tenant = served(inside)
    token = "" if by == "a person" else tenant.begin_rotation()
    arn = "" if token else tenant.begin()
    inside.stage.until(moment)
    edit(tenant, host="new")
    inside.stage.run()
    assert tenant.value()["host"] == "new"
    assert is_in(tenant)
    for arn in inside.executions():
        told(inside, tenant, arn, token)
    comes_through(inside, tenant)
    assert tenant.value()["host"] == "new"


@pytest.mark.parametrize("how", ["by hand", "by Secrets Manager"])
def test_two_rotations_after_a_leak_shut_the_leaked_password_out_also_after_an_edit(
    inside: InProcess, how: str
) -> None:
    tenant = served(inside)
    rotate(inside, tenant, how)
    leaked = tenant.value()["password"]
    edit(tenant, host="new")
    for _ in range(2):
        rotate(inside, tenant, how)
    assert tenant.logins(leaked) == {False}
    comes_through(inside, tenant)


def test_a_rotation_whose_execution_is_forgotten_brings_nothing_back(inside: InProcess) -> None:
    tenant = served(inside)
    token = tenant.begin_rotation()
    inside.stage.run()
    set_passwords(inside, tenant, BY_HAND, tenant.value()["password"])
    edit(tenant, host="new", password=BY_HAND)
    # After 90 days.
    inside._machines.describe_state_machine(MACHINE).executions.clear()
    secrets = inside._secrets
    secrets._begin(secrets.secrets[tenant.secret_arn], token, ROTATION_FUNCTION)
    inside.stage.settle()
    inside.stage.run()
    assert inside.outcome(token) == "failed"
    assert (tenant.value()["host"], tenant.value()["password"]) == ("new", BY_HAND)
    comes_through(inside, tenant)


# A person and a run


@pytest.mark.parametrize("hurry", [True, False])
@pytest.mark.parametrize("moment", ["LogIn", "PromoteVersion"])
def test_a_password_changed_by_hand_during_a_run_is_not_undone(
    inside: InProcess, moment: str, hurry: bool
) -> None:
    """By "By hand, without the stack" (docs/operations.md)."""
    tenant = served(inside, "replicas")
    arn = tenant.begin()
    inside.stage.until(moment)
    set_passwords(inside, tenant, BY_HAND, FIRST_PASSWORD)
    if not hurry:
        inside.stage.run()
        told(inside, tenant, arn)
    edit(tenant, password=BY_HAND)
    inside.stage.run()
    assert tenant.value()["password"] == BY_HAND
    assert tenant.logins(BY_HAND) == {True}
    comes_through(inside, tenant)


def test_an_access_string_that_is_changed_meanwhile_is_kept(inside: InProcess) -> None:
    tenant = served(inside, **{**OFF, "AccessString": "off ~* +@all"})
    arn = tenant.begin()
    inside.stage.until("GeneratePassword")
    tenant.world.elasticache.modify_user(UserId=tenant.user_id, AccessString="off ~app:* +get")
    inside.stage.pass_time(10)
    tenant.world.arm("deny:UpdateSecretVersionStage:1")
    assert tenant.ended(arn)["status"] == "FAILED"
    assert tenant.user()["AccessString"] == "on ~app:* -@all +get"
    comes_through(inside, tenant)
    assert tenant.user()["AccessString"] == "on ~app:* -@all +get"


def test_an_open_user_that_a_person_closes_meanwhile_stays_closed(inside: InProcess) -> None:
    tenant = served(inside, **OPEN)
    arn = tenant.begin()
    inside.stage.until("GeneratePassword")
    set_passwords(inside, tenant, FIRST_PASSWORD)
    inside.stage.until("LogIn")
    tenant.world.arm("deny:UpdateSecretVersionStage:1")
    assert tenant.ended(arn)["status"] == "FAILED"
    inside.stage.pass_time(60)
    assert tenant.logins("made-up") == {False}
    assert is_in(tenant)
    comes_through(inside, tenant)


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
        [met] = json.loads(inside.faults.control("GET", b"")[1])
        assert met["met"], fault
    comes_through(inside, tenant)


# Two executions with one token


@pytest.fixture
def pair(inside: InProcess) -> tuple[InProcessTenant, str, str]:
    """V-1, which a person has redriven, beside V-2: both have passed Check Target."""
    tenant = served(inside, "replicas")
    token = tenant.begin_rotation()
    inside.stage.until("CheckTarget")
    [first] = inside.executions()
    given = json.loads(inside.executions()[first]["input"])
    second = tenant.world.step_functions.start_execution(
        stateMachineArn=MACHINE, name=f"{token}-2", input=json.dumps({**given, "Attempt": 2})
    )["executionArn"]
    for each in (first, second):
        inside.stage.until("ModifyUser", only=each)
    return tenant, first, second


def version_of(attempt: str) -> str:
    """Of an execution of Secrets Manager's."""
    return attempt.rsplit(":", 1)[1].rpartition("-")[0]


def test_two_executions_with_one_token_both_succeed(
    inside: InProcess, pair: tuple[InProcessTenant, str, str]
) -> None:
    tenant, *both = pair
    inside.stage.run()
    assert {told(inside, tenant, each, version_of(each)) for each in both} == {"SUCCEEDED"}
    assert is_in(tenant)
    comes_through(inside, tenant)


@pytest.mark.parametrize("moment", ["LogIn", "PromoteVersion", "UpdateSecretVersionStage"])
@pytest.mark.parametrize("fails_first", [True, False])
def test_one_of_two_executions_with_one_token_fails_and_locks_nobody_out(
    inside: InProcess, pair: tuple[InProcessTenant, str, str], moment: str, fails_first: bool
) -> None:
    """The second meets a node that does not answer, while the first is anywhere."""
    tenant, first, second = pair
    inside.stage.until(moment, only=first)
    tenant.world.arm("drop-node:2")
    inside.stage.until("CloseRotation", only=second)
    tenant.world.arm()
    order = (second, first) if fails_first else (first, second)
    for each in order:
        inside.stage.run(only=each)
        assert tenant.logins(FIRST_PASSWORD) == {True}
        assert is_in(tenant)
        told(inside, tenant, each, version_of(each))
    inside.stage.run()
    assert is_in(tenant)
    comes_through(inside, tenant)


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
    inside: InProcess, faults: list[str]
) -> None:
    tenant = served(inside)
    arn = tenant.begin()
    inside.stage.until("PromoteVersion")
    tenant.world.arm(*faults)
    while "CloseRotation" not in inside.stage.parked.values() and inside.stage.next():
        inside.stage.step(arn)
    tenant.world.arm()
    inside.stage.run()
    assert told(inside, tenant, arn) == "SUCCEEDED"
    comes_through(inside, tenant)


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
    assert "password" not in tenant.value() or is_in(tenant)
    stage.run()
    assert "password" not in tenant.value() or is_in(tenant)
    told(inside, tenant, then)
    comes_through(inside, tenant)


# Waiting


@pytest.mark.parametrize("seconds", [120, 600])
def test_a_modification_that_a_stopped_run_has_left_is_waited_for(
    inside: InProcess, seconds: int
) -> None:
    tenant = served(inside)
    tenant.world.arm(f"keep-modifying:{seconds}", "stop-at:Wait For User")
    assert tenant.start()["status"] == "ABORTED"
    begun = inside.stage.now
    comes_through(inside, tenant)
    assert inside.stage.now > begun + seconds


def test_a_node_that_lags_behind_for_a_user_that_was_open_is_waited_for(inside: InProcess) -> None:
    tenant = served(inside, "replicas", **OPEN)
    tenant.world.arm("lag-password:2:20")
    assert tenant.start()["status"] == "SUCCEEDED"
    assert "AnyPasswordAcceptedError" in tenant.errors(list(inside.executions())[-1])
    comes_through(inside, tenant)


def test_a_promotion_that_close_rotation_may_not_see_is_not_denied(inside: InProcess) -> None:
    """The function is killed when the label has moved, and from then on nobody may look."""
    tenant = served(inside, "replicas")
    execution = tenant.begin()
    inside.stage.until("PromoteVersion")
    tenant.world.arm("kill-after:UpdateSecretVersionStage:1", "deny:DescribeSecret:2-")
    ended = tenant.ended(execution)
    tenant.world.arm()
    assert ended["status"] == "FAILED"
    assert "AWSCURRENT is unknown." in ended["cause"]
    comes_through(inside, tenant)


def test_a_process_may_have_thousands_of_worlds() -> None:
    """As `make soak` has."""
    for _ in range(3000):
        interpreter.install(lambda role: None, lambda state: False, lambda execution: None)
    with InProcess().set_up() as inside:
        comes_through(inside, served(inside))
