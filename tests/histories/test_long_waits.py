"""What takes minutes, in a world where waiting takes no time."""

from collections.abc import Iterator

import pytest

from tests.histories.in_process import InProcess
from tests.histories.worlds import InProcessTenant, InProcessWorld
from tests.rotation.test_refusals import everything
from tests.rotation.world import FIRST_PASSWORD


@pytest.fixture
def inside() -> Iterator[InProcess]:
    with InProcess(modifying_seconds=5).set_up() as aws:
        yield aws


@pytest.fixture
def tenant(inside: InProcess) -> InProcessTenant:
    found = InProcessWorld(inside).tenant()
    assert isinstance(found, InProcessTenant)
    found.serve()
    return found


def hidden(inside: InProcess, tenant: InProcessTenant, seconds: float) -> None:
    """DescribeUsers and ModifyUser know no such user, for a while."""
    users = inside._users.users
    user = users.pop(tenant.user_id)
    inside.stage.after(seconds, lambda: users.update({tenant.user_id: user}))


def until(inside: InProcess, call: str) -> None:
    """All go on until somebody is about to make the call."""
    while call not in inside.stage.parked.values():
        inside.stage.step(inside.stage.next() or "")


def outcome(tenant: InProcessTenant, arn: str) -> tuple[str, str]:
    execution = tenant.ended(arn)
    return execution["status"], execution.get("error", "")


@pytest.mark.parametrize("seconds", [30, 240, 2400])
def test_a_user_whom_somebody_else_modifies_for_minutes_is_waited_for(
    inside: InProcess, tenant: InProcessTenant, seconds: int
) -> None:
    inside.faults.occupy(tenant.user_id, seconds)
    assert outcome(tenant, tenant.begin()) == ("SUCCEEDED", "")
    assert inside.stage.now > seconds


def test_functions_that_sleep_are_waited_for(inside: InProcess, tenant: InProcessTenant) -> None:
    inside.faults.control("POST", b'["idle-function:90"]')
    arn = tenant.begin()
    assert outcome(tenant, arn) == ("SUCCEEDED", "")
    assert set(tenant.errors(arn)) == {"Lambda.ResourceNotReadyException"}
    # Check Endpoint's and then Log In's.
    assert inside.stage.now > 2 * 90


def test_a_user_who_is_being_created_for_too_long_is_refused(
    inside: InProcess, tenant: InProcessTenant
) -> None:
    inside._users.users[tenant.user_id].status = "creating"
    before = everything(tenant)
    execution = tenant.start()
    assert (execution["status"], execution["error"]) == ("FAILED", "UserBusyError")
    assert everything(tenant) == before
    assert inside.stage.now > 2400


def test_a_user_who_is_being_modified_for_too_long_is_left_to_the_next_rotation(
    inside: InProcess, tenant: InProcessTenant
) -> None:
    arn = tenant.begin()
    until(inside, "ModifyUser")
    inside._users.users[tenant.user_id].status = "modifying"
    execution = tenant.ended(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "UserBusyError")
    # Whether that is its own change, the answer to which was lost, nobody can tell.
    assert "The user may have the new password beside the current one." in execution["cause"]
    assert tenant.logins(FIRST_PASSWORD) == {True}
    inside._users.users[tenant.user_id].status = "active"
    assert outcome(tenant, tenant.begin()) == ("SUCCEEDED", "")


def test_a_modification_that_does_not_end_is_given_up_at_the_bound(
    inside: InProcess, tenant: InProcessTenant
) -> None:
    inside.faults.control("POST", b'["keep-modifying:3600"]')
    execution = tenant.start()
    assert (execution["status"], execution["error"]) == ("FAILED", "UserModifyingTooLongError")
    assert inside.stage.now >= 1800
    assert tenant.logins(FIRST_PASSWORD) == {True}


@pytest.mark.parametrize("fault", ["drop-node:1"])
def test_a_node_that_does_not_answer_is_given_up_before_anything_has_changed(
    inside: InProcess, tenant: InProcessTenant, fault: str
) -> None:
    before = everything(tenant)
    inside.faults.control("POST", f'["{fault}"]'.encode())
    execution = tenant.start()
    assert (execution["status"], execution["error"]) == ("FAILED", "EndpointUnreachableError")
    assert "The user was not changed." in execution["cause"]
    assert everything(tenant) == before


@pytest.mark.parametrize("call", ["FindEndpoints", "ModifyUser", "DescribeUser"])
def test_a_user_that_is_gone_for_a_moment_is_not_taken_for_deleted(
    inside: InProcess, tenant: InProcessTenant, call: str
) -> None:
    arn = tenant.begin()
    until(inside, call)
    hidden(inside, tenant, 20)
    assert outcome(tenant, arn) == ("SUCCEEDED", "")


def test_an_endpoint_that_goes_while_it_is_logged_in_to_is_left_out(
    inside: InProcess, tenant: InProcessTenant
) -> None:
    tenant.serve()
    arn = tenant.begin()
    until(inside, "LogIn")
    gone = tenant.caches.pop()
    tenant.world.elasticache.delete_replication_group(ReplicationGroupId=gone)
    # Its group served it alone.
    assert outcome(tenant, arn) == ("SUCCEEDED", "")
    assert tenant.logins(tenant.value()["password"]) == {True}
    assert tenant.states(arn).count("Test Authentication") == 2


def test_an_endpoint_that_stays_and_does_not_answer_fails_the_rotation(
    inside: InProcess, tenant: InProcessTenant
) -> None:
    arn = tenant.begin()
    until(inside, "LogIn")
    inside.faults.control("POST", b'["drop-node:1"]')
    execution = tenant.ended(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "EndpointUnreachableError")
    assert "AWSCURRENT logs in on 0 of 1 endpoints" in execution["cause"]
    assert tenant.states(arn).count("Test Authentication") == 1
    assert tenant.logins(FIRST_PASSWORD) == {True}
    assert "AWSPENDING" not in set().union(*tenant.labels().values())
