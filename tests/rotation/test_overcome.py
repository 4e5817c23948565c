"""What a rotation gets over by itself."""

from collections.abc import Sequence

import pytest

from local.faults import apis
from tests.rotation.world import FIRST_PASSWORD, World


def of_each_call(kind: str) -> Sequence[str]:
    return [f"{kind}:{api}" for api in (*apis(), *(["Invoke"] if kind != "lose-reply" else []))]


@pytest.mark.parametrize(
    "faults, some",
    [
        *(
            (of_each_call(kind), (f"{kind}:ModifyUser", f"{kind}:PutSecretValue"))
            for kind in ("throttle", "error-500", "lose-reply")
        ),
        (
            ["busy-user:1", "lag-password:1:2", "slow-node:2:1", "stale:GetSecretValue:1"],
            ("lag-password:1:2", "slow-node:2:1"),
        ),
    ],
    ids=["each call is throttled", "each call fails", "each reply is lost", "user and nodes"],
)
def test_what_passes_by_itself(world: World, faults: list[str], some: tuple[str, ...]) -> None:
    tenant = world.tenant()
    tenant.serve("replicas")
    with world.faults(*faults) as met:
        tenant.succeeds()
    assert {*some} <= {*met}
    new = tenant.value()["password"]
    assert new != FIRST_PASSWORD
    assert tenant.logins(new) == {True}
