"""Whatever Secrets Manager does where AWS does not say: rotations end well, none is blocked."""

from collections.abc import Iterator

import pytest

from local.assumptions import Assumptions
from tests.histories.in_process import InProcess
from tests.histories.worlds import InProcessTenant, served
from tests.rotation.world import FIRST_PASSWORD

EITHER_WAY = [
    Assumptions(),
    Assumptions(pending_removed_after=0),
    Assumptions(pending_removed_after=3600),
    Assumptions(attempts=1),
    Assumptions(attempts=5, retry_seconds=600),
    Assumptions(retries_without_pending=False),
    Assumptions(refusal_reattempts=False),
    Assumptions(creator_checked_after="finishSecret"),
    Assumptions(creator_checked_after="never"),
    Assumptions(created_when_staged=False),
    Assumptions(any_version_abandons=True),
]


@pytest.fixture(params=EITHER_WAY, ids=str)
def assumptions(request: pytest.FixtureRequest) -> Assumptions:
    found: Assumptions = request.param
    return found


@pytest.fixture
def tenant(assumptions: Assumptions) -> Iterator[InProcessTenant]:
    with InProcess(assumptions=assumptions).set_up() as inside:
        yield served(inside, "replicas")


def assert_in_order(tenant: InProcessTenant, *, new: bool) -> None:
    assert tenant.current_logs_in()
    assert (tenant.value()["password"] != FIRST_PASSWORD) is new
    assert tenant.version("AWSPENDING") in (None, tenant.version("AWSCURRENT"))


def assert_next_succeeds(tenant: InProcessTenant) -> None:
    tenant.world.arm()
    assert tenant.rotation() == "succeeded"
    assert_in_order(tenant, new=True)


def test_rotations_follow_each_other(tenant: InProcessTenant) -> None:
    passwords = {FIRST_PASSWORD}
    for _ in range(2):
        for _ in range(2):
            assert_next_succeeds(tenant)
            passwords.add(tenant.value()["password"])
        tenant.succeeds()
        passwords.add(tenant.value()["password"])
    assert len(passwords) == 7


@pytest.mark.parametrize("fault", ["drop-node:2:Log In", "deny:PutSecretValue"])
def test_a_failure_that_lasts_blocks_nothing(tenant: InProcessTenant, fault: str) -> None:
    tenant.world.arm(fault)
    assert tenant.rotation() == "failed"
    assert_in_order(tenant, new=False)
    assert_next_succeeds(tenant)


def test_a_failed_attempt_is_repeated(tenant: InProcessTenant, assumptions: Assumptions) -> None:
    tenant.world.arm("deny:ListTagsForResource:1")
    again = assumptions.attempts > 1 and assumptions.retries_without_pending
    assert tenant.rotation() == ("succeeded" if again else "failed")
    assert_in_order(tenant, new=again)


def edited(tenant: InProcessTenant) -> str:
    """The token of a rotation that an edit has abandoned after it had made its version."""
    token = tenant.begin_rotation()
    tenant.world.stage.until("ModifyUser")
    tenant.edit(note="by hand")
    tenant.world.stage.run()
    return token


def test_an_edit_in_the_middle_is_not_lost(tenant: InProcessTenant) -> None:
    edited(tenant)
    assert tenant.value()["note"] == "by hand"
    assert_in_order(tenant, new=False)
    assert_next_succeeds(tenant)
    assert tenant.value()["note"] == "by hand"


def test_a_retry_of_an_abandoned_rotation_does_not_win(tenant: InProcessTenant) -> None:
    """Whether one ever comes, AWS does not say."""
    token = edited(tenant)
    labels = tenant.labels()
    assert tenant.retry(token) == "failed"
    assert tenant.labels() == labels
    assert_in_order(tenant, new=False)


def test_an_execution_that_is_stopped_delays_one_rotation_at_most(tenant: InProcessTenant) -> None:
    tenant.world.arm("stop-at:Wait For User")
    tenant.start()
    tenant.world.arm()
    assert tenant.logins(FIRST_PASSWORD) == {True}
    tenant.succeeds()
    assert_in_order(tenant, new=True)
    assert_next_succeeds(tenant)
