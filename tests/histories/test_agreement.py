"""The world in one process says what the local AWS says; so what holds in the one counts."""

from collections.abc import Iterator

import pytest

from tests.histories.in_process import InProcess
from tests.histories.worlds import InProcessWorld, faults
from tests.rotation.world import FIRST_PASSWORD, World

#: A rotation for each, with these faults; then one without.
HISTORIES = {
    "killed after ModifyUser": ["kill-after:ModifyUser"],
    "killed before the version is there": ["kill-before:PutSecretValue"],
    "killed at the promotion": ["kill-after:UpdateSecretVersionStage:1"],
    "a reply is lost": ["lose-reply:PutSecretValue", "lose-reply:ModifyUser"],
    "a removal's reply is lost": ["lose-reply:UpdateSecretVersionStage:2"],
    "botocore tries again": ["error-500:DescribeUsers", "deny:GetSecretValue:7"],
    "the change is denied": ["deny:ModifyUser"],
    "the promotion is denied": ["deny:UpdateSecretVersionStage:1"],
    "the end is denied": ["deny:UpdateSecretVersionStage"],
    "stopped before the change": ["stop-at:Modify User"],
    "stopped after the change": ["stop-at:Wait For User"],
    "stopped before the promotion": ["stop-at:Promote Version"],
    "stopped after a failure": ["deny:UpdateSecretVersionStage:1", "stop-at:Close Rotation"],
}
#: With a user who has no password yet.
FIRST = ["killed after ModifyUser", "stopped after the change", "the promotion is denied"]
# A thread of the interpreter that is told to stop.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture
def in_process() -> Iterator[World]:
    with InProcess(modifying_seconds=0.5).set_up() as aws:
        yield InProcessWorld(aws)


def outcomes(world: World, armed: list[str], *, first: bool) -> list[object]:
    """What both worlds have to agree on, after the rotation with the faults and the one without."""
    off = {"AccessString": "off ~app:* +get", "password": None}
    tenant = world.tenant(**off if first else {})
    tenant.serve()
    told: list[object] = []
    for faulty in (armed, []):
        with faults(world, *faulty):
            execution = tenant.start()
        password = tenant.value().get("password", "none")
        told += [
            (execution["status"], execution.get("error")),
            [state for state in tenant.states(execution["executionArn"]) if "Wait" not in state],
            sorted(sorted(map(without_id, labels)) for labels in tenant.labels().values()),
            (password == FIRST_PASSWORD, tenant.logins(password)),
            (tenant.user()["Authentication"], tenant.user()["AccessString"].split()[0]),
        ]
    return told


def without_id(label: str) -> str:
    return label.partition("-")[0]


@pytest.mark.parametrize(
    "history, first",
    [*((each, False) for each in HISTORIES), *((each, True) for each in FIRST)],
)
def test_both_worlds_agree(world: World, in_process: World, history: str, first: bool) -> None:
    found = outcomes(in_process, HISTORIES[history], first=first)
    assert found == outcomes(world, HISTORIES[history], first=first)
    assert found[5] == ("SUCCEEDED", None)
