"""The world in one process says what the local AWS says; so what holds in the one counts."""

from typing import Any

import pytest

from tests.histories.worlds import InProcessWorld
from tests.rotation.world import FIRST_PASSWORD, World

FIRST: dict[str, Any] = {"AccessString": "off ~app:* +get", "password": None}
MOVE = "UpdateSecretVersionStage"
#: The user, and the faults of a rotation; then comes one without.
HISTORIES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "killed at each write": (
        {},
        ["kill-before:PutSecretValue", "kill-after:ModifyUser", f"kill-after:{MOVE}:1"],
    ),
    "replies are lost": (
        {},
        [
            *("error-500:DescribeUsers", "lose-reply:PutSecretValue", "deny:ModifyUser:1-2"),
            *("lose-reply:ModifyUser:3", f"lose-reply:{MOVE}:2"),
        ],
    ),
    "a login is denied": ({}, ["deny:GetSecretValue:7"]),
    "the end is denied": ({}, [f"deny:{MOVE}"]),
    "stopped before the promotion": ({}, ["stop-at:Promote Version"]),
    "stopped after a failure": ({}, [f"deny:{MOVE}:1", "stop-at:Close Rotation"]),
    "first rotation, killed after the change": (FIRST, ["kill-after:ModifyUser"]),
    "first rotation, stopped after the change": (FIRST, ["stop-at:Wait For User"]),
    "first rotation, its promotion denied": (FIRST, [f"deny:{MOVE}:1"]),
}
#: Of what `outcomes` finds: how the rotation without faults has ended.
LAST = 6


def outcomes(world: World, armed: list[str], **user: Any) -> list[object]:
    """What both worlds have to agree on, after the rotation with the faults and the one without."""
    tenant = world.tenant(**user)
    tenant.serve()
    found: list[object] = []
    for faulty in (armed, []):
        with world.faults(*faulty):
            execution = tenant.start()
        arn, password = execution["executionArn"], tenant.value().get("password", "none")
        found += [
            (execution["status"], execution.get("error")),
            # Whether the user is still busy is a matter of time.
            [each for each in tenant.errors(arn) if each != "UserBusyError"],
            [state for state in tenant.states(arn) if "Wait" not in state],
            sorted(sorted(map(without_id, labels)) for labels in tenant.labels().values()),
            (password == FIRST_PASSWORD, tenant.logins(password)),
            (tenant.user()["Authentication"], tenant.user()["AccessString"].split()[0]),
        ]
    return found


def without_id(label: str) -> str:
    return label.partition("-")[0]


@pytest.mark.parametrize("history", HISTORIES)
def test_both_worlds_agree(world: World, in_process: InProcessWorld, history: str) -> None:
    user, armed = HISTORIES[history]
    found = outcomes(in_process, armed, **user)
    assert found == outcomes(world, armed, **user)
    assert found[LAST] == ("SUCCEEDED", None)
