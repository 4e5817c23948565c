"""The world in one process says what the local AWS says; so what holds in the one counts."""

from collections.abc import Iterator

import pytest

from tests.histories.in_process import InProcess
from tests.histories.worlds import InProcessWorld, faults
from tests.rotation.world import FIRST_PASSWORD, World

#: A rotation for each, with these faults; then one without.
HISTORIES = {
    "killed at each write": [
        "kill-before:PutSecretValue",
        "kill-after:ModifyUser",
        "kill-after:UpdateSecretVersionStage:1",
    ],
    "replies are lost": [
        "error-500:DescribeUsers",
        "lose-reply:PutSecretValue",
        "deny:ModifyUser:1-2",
        "lose-reply:ModifyUser:3",
        "lose-reply:UpdateSecretVersionStage:2",
    ],
    "a login is denied": ["deny:GetSecretValue:7"],
    "the end is denied": ["deny:UpdateSecretVersionStage"],
    "stopped before the promotion": ["stop-at:Promote Version"],
    "stopped after a failure": ["deny:UpdateSecretVersionStage:1", "stop-at:Close Rotation"],
}
#: With a user who has no password yet.
FIRST = {
    "killed after the change": ["kill-after:ModifyUser"],
    "stopped after the change": ["stop-at:Wait For User"],
    "the promotion is denied": ["deny:UpdateSecretVersionStage:1"],
}
#: Of what `outcomes` finds: how the rotation without faults has ended.
LAST = 6
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
            # Whether the user is still busy is a matter of time.
            [each for each in tenant.errors(execution["executionArn"]) if each != "UserBusyError"],
            [state for state in tenant.states(execution["executionArn"]) if "Wait" not in state],
            sorted(sorted(map(without_id, labels)) for labels in tenant.labels().values()),
            (password == FIRST_PASSWORD, tenant.logins(password)),
            (tenant.user()["Authentication"], tenant.user()["AccessString"].split()[0]),
        ]
    return told


def without_id(label: str) -> str:
    return label.partition("-")[0]


@pytest.mark.parametrize("history", HISTORIES)
def test_both_worlds_agree(world: World, in_process: World, history: str) -> None:
    agree(world, in_process, HISTORIES[history], first=False)


@pytest.mark.parametrize("history", FIRST)
def test_both_worlds_agree_on_first_rotations(
    world: World, in_process: World, history: str
) -> None:
    agree(world, in_process, FIRST[history], first=True)


def agree(world: World, in_process: World, armed: list[str], *, first: bool) -> None:
    found = outcomes(in_process, armed, first=first)
    assert found == outcomes(world, armed, first=first)
    assert found[LAST] == ("SUCCEEDED", None)
