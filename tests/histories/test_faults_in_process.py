"""Faults, long waits, and what a run leaves that does not end well; waiting takes no time."""

import pytest

from tests.histories.worlds import InProcessTenant
from tests.rotation.world import FIRST_PASSWORD
from tests.unit.leaks import found_in


@pytest.mark.parametrize("function", ["RotateSecret", "DescribeUser"])
def test_any_error_of_lambda_is_met(tenant: InProcessTenant, function: str) -> None:
    tenant.world.arm(f"lambda-error:EC2ThrottledException:1:{function}")
    token = tenant.begin_rotation()
    tenant.world.stage.run()
    if function == "RotateSecret":
        [line, *_] = tenant.inside._secrets.progress(token)["messages"]
        assert "createSecret failed: EC2ThrottledException" in line
    else:
        [arn, *_] = tenant.inside.executions()
        assert "Lambda.EC2ThrottledException" in tenant.errors(arn)
    [fault] = tenant.world.control("GET")
    assert fault["met"] == 1


@pytest.mark.parametrize("seconds", [30, 2400])
def test_a_user_modified_by_others_is_waited_for(tenant: InProcessTenant, seconds: int) -> None:
    tenant.inside.faults.occupy(tenant.user_id, seconds)
    tenant.succeeds()
    assert tenant.world.stage.now > seconds


def test_functions_that_sleep_are_waited_for(tenant: InProcessTenant) -> None:
    tenant.world.arm("idle-function:90")
    arn = tenant.begin()
    tenant.succeeds(arn)
    assert set(tenant.errors(arn)) == {"Lambda.ResourceNotReadyException"}
    # Check Endpoint's and then Log In's.
    assert tenant.world.stage.now > 2 * 90


def test_a_user_modified_for_too_long_is_left_to_the_next_run(tenant: InProcessTenant) -> None:
    arn, user = tenant.begin(), tenant.inside._users.users[tenant.user_id]
    tenant.world.stage.until("ModifyUser")
    user.status = "modifying"
    # Whether that is its own change, the answer to which was lost, is unknown.
    maybe = "The user may have the new password beside the current one."
    assert maybe in tenant.fails("UserBusyError", arn)
    assert tenant.logins(FIRST_PASSWORD) == {True}
    user.status = "active"
    tenant.succeeds()


def test_a_modification_that_does_not_end_is_given_up(tenant: InProcessTenant) -> None:
    tenant.world.arm("keep-modifying:3600")
    tenant.fails("UserModifyingTooLongError")
    assert tenant.world.stage.now >= 1800
    assert tenant.logins(FIRST_PASSWORD) == {True}


@pytest.mark.parametrize("call", ["FindEndpoints", "ModifyUser", "DescribeUser"])
def test_a_user_that_is_gone_for_a_moment_is_waited_for(tenant: InProcessTenant, call: str) -> None:
    arn, stage, users = tenant.begin(), tenant.world.stage, tenant.inside._users.users
    stage.until(call)
    user = users.pop(tenant.user_id)
    stage.after(20, lambda: users.update({tenant.user_id: user}))
    tenant.succeeds(arn)


def test_an_endpoint_that_goes_during_a_login_is_left_out(tenant: InProcessTenant) -> None:
    tenant.serve()
    arn = tenant.begin()
    tenant.world.stage.until("LogIn")
    gone = tenant.caches.pop()
    tenant.world.elasticache.delete_replication_group(ReplicationGroupId=gone)
    tenant.succeeds(arn)
    assert tenant.current_logs_in()
    assert tenant.states(arn).count("Test Authentication") == 2


def test_an_endpoint_without_an_answer_fails_the_rotation(tenant: InProcessTenant) -> None:
    arn = tenant.begin()
    tenant.world.stage.until("LogIn")
    tenant.world.arm("drop-node:1")
    cause = tenant.fails("EndpointUnreachableError", arn)
    assert "AWSCURRENT logs in on 2 of 3 endpoints" in cause
    assert tenant.states(arn).count("Test Authentication") == 1
    assert tenant.logins(FIRST_PASSWORD) == {True}
    assert tenant.version("AWSPENDING") is None


@pytest.mark.parametrize("faults", [[], ["deny:PutSecretValue"], ["drop-node:1:Log In"]])
def test_no_rotation_token_is_recorded(tenant: InProcessTenant, faults: list[str]) -> None:
    inside = tenant.inside
    tenant.world.arm(*faults)
    token = tenant.begin_rotation()
    inside.stage.run()
    assert inside.outcome(token) == ("failed" if faults else "succeeded")
    executions = inside.executions()
    places = {
        "histories": [str(tenant.history(arn)) for arn in executions],
        "executions": [str(executions)],
        "logs": [inside.logs.getvalue()],
    }
    assert all(map(any, places.values()))
    tokens = inside._secrets.secrets[tenant.secret_arn].versions[token]["rotation_tokens"]
    assert tokens
    assert found_in(tokens, places) == []


# What a run leaves: AWSCURRENT logs in, and the next run succeeds


def begun(tenant: InProcessTenant) -> str:
    arn = tenant.begin()
    tenant.world.eventually(lambda: tenant.user()["Status"] == "modifying", "the modification")
    return arn


def test_a_run_that_fails_after_the_change_says_what_it_has_left(
    tenant: InProcessTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_ENDPOINTS", "true")
    labels, value = tenant.labels(), tenant.value()
    arn = begun(tenant)
    cache = tenant.caches.pop()
    tenant.world.elasticache.delete_replication_group(ReplicationGroupId=cache)
    cause = tenant.fails("NoEndpointError", arn)
    assert "The user has the new password beside the current one." in cause
    assert (tenant.labels(), tenant.value()) == (labels, value)
    tenant.serve("replicas")
    assert tenant.logins(FIRST_PASSWORD) == {True}
    tenant.succeeds()


def test_the_run_after_a_stopped_one_makes_its_own_password(tenant: InProcessTenant) -> None:
    arn = begun(tenant)
    tenant.world.step_functions.stop_execution(executionArn=arn)
    left = tenant.value(VersionStage="AWSPENDING")["password"]
    assert tenant.logins(FIRST_PASSWORD) == {True}
    tenant.succeeds()
    assert tenant.current_logs_in()
    assert tenant.logins(FIRST_PASSWORD) == {True}
    assert tenant.logins(left) == {False}
    assert {"AWSCURRENT"} in tenant.labels().values()


@pytest.mark.parametrize("tenant", [{"secret_password": "mistyped-password-0123"}], indirect=True)
def test_an_unused_password_is_replaced_only_by_hand(tenant: InProcessTenant) -> None:
    cause = tenant.fails("CurrentPasswordRefusedError", DryRun=True)
    assert "Correct the secret" in cause
    assert "ReplaceUnknownPassword" in cause
    assert tenant.logins(FIRST_PASSWORD) == {True}
    tenant.fails("CurrentPasswordRefusedError")
    assert tenant.succeeds(ReplaceUnknownPassword=True)["ReplacedUnknownPassword"] is True
    assert tenant.current_logs_in()
    assert tenant.logins(FIRST_PASSWORD) == {False}
