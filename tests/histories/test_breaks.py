"""Histories that have broken a promise once, in another design or a careless one: none does here.

Each ends with a rotation by hand and one of Secrets Manager's, which need no repair.
"""

from typing import Any

import pytest

from tests.histories.in_process import MACHINE
from tests.histories.stage import Stage
from tests.histories.worlds import InProcessTenant
from tests.rotation.world import FIRST_PASSWORD

BY_HAND = "by-hand-password-0123456789"
OFF: dict[str, Any] = {"AccessString": "off ~app:* +get", "password": None}
THROWN = {"password": "throw-away-password-0123456", "secret_password": ""}
OFF_VALKEY = {**OFF, **THROWN, "Engine": "valkey"}
OFF_WITH_SECRET = {**OFF, "secret_password": FIRST_PASSWORD}
OPEN = {**OFF_WITH_SECRET, "AccessString": "on ~app:* +get"}
#: When Step Functions is about to call them.
MOMENTS = ["CheckEndpoint", "GeneratePassword", "ModifyUser", "LogIn", "PromoteVersion"]
pytestmark = pytest.mark.usefixtures("rotates_in_the_end")


# Edits


@pytest.mark.parametrize("after", ["by hand", "new execution", "by Secrets Manager"])
@pytest.mark.parametrize("before", ["by hand", "by Secrets Manager"])
def test_an_edit_between_rotations_stays(tenant: InProcessTenant, before: str, after: str) -> None:
    tenant.rotate_by(before)
    old = tenant.value()["password"]
    tenant.edit(host="new")
    tenant.rotate_by(after)
    assert tenant.value()["host"] == "new"
    assert tenant.value()["password"] != old


@pytest.mark.parametrize("by", ["a person", "Secrets Manager"])
@pytest.mark.parametrize("moment", [*MOMENTS, "UpdateSecretVersionStage"])
def test_edits_meanwhile_stay(tenant: InProcessTenant, stage: Stage, moment: str, by: str) -> None:
    token = tenant.begin_rotation() if by == "Secrets Manager" else ""
    if not token:
        tenant.begin()
    stage.until(moment)
    tenant.edit(host="new")
    stage.run()
    assert tenant.value()["host"] == "new"
    assert tenant.current_logs_in()
    for arn in tenant.inside.executions():
        tenant.status(arn, token)


def test_a_forgotten_execution_brings_nothing_back(tenant: InProcessTenant, stage: Stage) -> None:
    token = tenant.begin_rotation()
    stage.run()
    tenant.modify(Passwords=[BY_HAND, tenant.value()["password"]])
    tenant.edit(host="new", password=BY_HAND)
    # After 90 days.
    tenant.inside._machines.describe_state_machine(MACHINE).executions.clear()
    assert tenant.retry(token) == "failed"
    assert (tenant.value()["host"], tenant.value()["password"]) == ("new", BY_HAND)


# A person and a run


@pytest.mark.parametrize("hurry", [True, False])
@pytest.mark.parametrize("moment", ["LogIn", "PromoteVersion"])
def test_a_password_changed_meanwhile_is_not_undone(
    tenant: InProcessTenant, stage: Stage, moment: str, hurry: bool
) -> None:
    """By "By hand, without the stack" (docs/operations.md)."""
    arn = tenant.begin()
    stage.until(moment)
    tenant.modify(Passwords=[BY_HAND, FIRST_PASSWORD])
    if not hurry:
        stage.run()
        tenant.status(arn)
    tenant.edit(password=BY_HAND)
    stage.run()
    assert tenant.value()["password"] == BY_HAND
    assert tenant.current_logs_in()


@pytest.mark.parametrize("tenant", [{**OFF, "AccessString": "off ~* +@all"}], indirect=True)
def test_an_access_string_changed_meanwhile_is_kept(tenant: InProcessTenant, stage: Stage) -> None:
    arn = tenant.begin()
    stage.until("GeneratePassword")
    tenant.modify(AccessString="off ~app:* +get")
    tenant.world.arm("deny:UpdateSecretVersionStage:1")
    assert tenant.ended(arn)["status"] == "FAILED"
    assert tenant.user()["AccessString"] == "on ~app:* -@all +get"
    tenant.succeeds()
    assert tenant.user()["AccessString"] == "on ~app:* -@all +get"


@pytest.mark.parametrize("tenant", [OPEN], indirect=True)
def test_an_open_user_closed_meanwhile_stays_closed(tenant: InProcessTenant, stage: Stage) -> None:
    arn = tenant.begin()
    stage.until("GeneratePassword")
    tenant.modify(Passwords=[FIRST_PASSWORD])
    stage.until("LogIn")
    tenant.world.arm("deny:UpdateSecretVersionStage:1")
    assert tenant.ended(arn)["status"] == "FAILED"
    stage.pass_time(60)
    assert tenant.logins("made-up") == {False}
    assert tenant.current_logs_in()


# First rotations


@pytest.mark.parametrize("tenant", [OFF, OFF_VALKEY, OFF_WITH_SECRET], indirect=True)
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
def test_an_interrupted_first_rotation_resumes(tenant: InProcessTenant, cut_off: list[str]) -> None:
    """Each fault has a run of its own."""
    for fault in cut_off:
        tenant.world.arm(fault)
        assert tenant.start()["status"] != "SUCCEEDED"
        [met] = tenant.world.control("GET")
        assert met["met"], fault


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
def test_a_promoted_run_succeeds(tenant: InProcessTenant, stage: Stage, faults: list[str]) -> None:
    arn = tenant.begin()
    stage.until("PromoteVersion")
    tenant.world.arm(*faults)
    while "CloseRotation" not in stage.parked.values() and stage.next():
        stage.step(arn)
    tenant.world.arm()
    stage.run()
    assert tenant.status(arn) == "SUCCEEDED"


# Waiting


@pytest.mark.parametrize("tenant", [OPEN], indirect=True)
def test_a_lagging_node_of_an_open_user_is_waited_for(tenant: InProcessTenant) -> None:
    tenant.world.arm("lag-password:2:20")
    arn = tenant.begin()
    tenant.succeeds(arn)
    assert "AnyPasswordAcceptedError" in tenant.errors(arn)
