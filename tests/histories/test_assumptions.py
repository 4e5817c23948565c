"""Whatever Secrets Manager does where AWS does not say: rotations end well, none is blocked."""

from collections.abc import Iterator

import pytest

from local.assumptions import Assumptions
from tests.histories.in_process import ROTATION_FUNCTION, InProcess
from tests.histories.worlds import InProcessTenant, InProcessWorld
from tests.rotation.world import FIRST_PASSWORD

# A thread of the interpreter that is told to stop.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
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
def inside(assumptions: Assumptions) -> Iterator[InProcess]:
    with InProcess(assumptions=assumptions).set_up() as aws:
        yield aws


@pytest.fixture
def tenant(inside: InProcess) -> InProcessTenant:
    found = InProcessWorld(inside).tenant()
    assert isinstance(found, InProcessTenant)
    found.serve("replicas")
    return found


def rotated(inside: InProcess, tenant: InProcessTenant) -> str:
    """By Secrets Manager, to its very end; how it has ended."""
    token = tenant.begin_rotation()
    inside.stage.run()
    return inside.outcome(token)


def is_in_order(tenant: InProcessTenant, *, new: bool) -> None:
    """AWSCURRENT logs in, and AWSPENDING blocks nothing."""
    password, labels = tenant.value()["password"], tenant.labels()
    assert tenant.logins(password) == {True}
    assert (password != FIRST_PASSWORD) is new
    pending = [version for version, found in labels.items() if "AWSPENDING" in found]
    assert all("AWSCURRENT" in labels[version] for version in pending)


def test_rotations_follow_each_other(inside: InProcess, tenant: InProcessTenant) -> None:
    passwords = {FIRST_PASSWORD}
    for _ in range(3):
        assert rotated(inside, tenant) == "succeeded"
        is_in_order(tenant, new=True)
        passwords.add(tenant.value()["password"])
    assert tenant.start()["status"] == "SUCCEEDED"
    assert rotated(inside, tenant) == "succeeded"
    passwords.add(tenant.value()["password"])
    assert len(passwords) == 5


def test_a_failure_that_lasts_blocks_nothing(inside: InProcess, tenant: InProcessTenant) -> None:
    tenant.world.arm("drop-node:2:Log In")
    assert rotated(inside, tenant) == "failed"
    is_in_order(tenant, new=False)
    tenant.world.arm()
    assert rotated(inside, tenant) == "succeeded"
    is_in_order(tenant, new=True)


def test_a_failure_of_one_attempt_is_made_good(
    inside: InProcess, tenant: InProcessTenant, assumptions: Assumptions
) -> None:
    tenant.world.arm("deny:ListTagsForResource:1")
    ended = rotated(inside, tenant)
    again = assumptions.attempts > 1 and assumptions.retries_without_pending
    assert ended == ("succeeded" if again else "failed")
    is_in_order(tenant, new=again)


def test_a_version_that_cannot_be_made_blocks_nothing(
    inside: InProcess, tenant: InProcessTenant
) -> None:
    tenant.world.arm("deny:PutSecretValue")
    assert rotated(inside, tenant) == "failed"
    is_in_order(tenant, new=False)
    tenant.world.arm()
    assert rotated(inside, tenant) == "succeeded"


def edited(inside: InProcess, tenant: InProcessTenant) -> str:
    """The token of a rotation that an edit has abandoned after it had made its version."""
    token = tenant.begin_rotation()
    stage = inside.stage
    while "ModifyUser" not in stage.parked.values():
        stage.step(stage.next() or "")
    value = '{"note": "by hand", ' + inside.text(tenant.secret_arn)[1:]
    inside.secrets.put_secret_value(SecretId=tenant.secret_arn, SecretString=value)
    stage.run()
    return token


def test_an_edit_in_the_middle_is_not_lost(inside: InProcess, tenant: InProcessTenant) -> None:
    edited(inside, tenant)
    assert tenant.value()["note"] == "by hand"
    is_in_order(tenant, new=False)
    assert rotated(inside, tenant) == "succeeded"
    assert tenant.value()["note"] == "by hand"
    is_in_order(tenant, new=True)


def test_a_retry_of_an_abandoned_rotation_does_not_win(
    inside: InProcess, tenant: InProcessTenant
) -> None:
    """Whether one ever comes, AWS does not say."""
    token = edited(inside, tenant)
    secrets, labels = inside._secrets, tenant.labels()
    secrets._begin(secrets.secrets[tenant.secret_arn], token, ROTATION_FUNCTION)
    inside.stage.settle()
    inside.stage.run()
    assert inside.outcome(token) == "failed"
    assert tenant.labels() == labels
    is_in_order(tenant, new=False)


def test_an_execution_that_is_stopped_delays_one_rotation_at_most(
    inside: InProcess, tenant: InProcessTenant
) -> None:
    tenant.world.arm("stop-at:Wait For User")
    tenant.start()
    tenant.world.arm()
    assert tenant.logins(FIRST_PASSWORD) == {True}
    assert tenant.start()["status"] == "SUCCEEDED"
    is_in_order(tenant, new=True)
    assert rotated(inside, tenant) == "succeeded"
