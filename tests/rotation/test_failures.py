"""What a run leaves that does not end well: AWSCURRENT logs in, and the next run succeeds."""

import pytest

from tests.histories.in_process import InProcess
from tests.histories.worlds import InProcessTenant, InProcessWorld, served
from tests.rotation.world import FIRST_PASSWORD, Tenant


@pytest.fixture
def tenant(in_process: InProcessWorld) -> InProcessTenant:
    return served(in_process.inside, "replicas")


def begun(tenant: Tenant) -> str:
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


def test_a_secret_whose_password_nobody_uses_is_refused_and_replaced_only_by_hand() -> None:
    with InProcess().set_up() as inside:
        tenant = served(inside, "replicas", secret_password="mistyped-password-0123")
        cause = tenant.fails("CurrentPasswordRefusedError", DryRun=True)
        assert "Correct the secret" in cause
        assert "ReplaceUnknownPassword" in cause
        assert tenant.logins(FIRST_PASSWORD) == {True}
        tenant.fails("CurrentPasswordRefusedError")
        assert tenant.succeeds(ReplaceUnknownPassword=True)["ReplacedUnknownPassword"] is True
        assert tenant.current_logs_in()
        assert tenant.logins(FIRST_PASSWORD) == {False}
