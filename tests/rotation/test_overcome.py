"""What a rotation gets over by itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from local.faults import apis, control
from tests.local.helpers import eventually
from tests.rotation.world import FIRST_PASSWORD, Tenant, World


@contextmanager
def faults(world: World, *armed: str) -> Iterator[list[str]]:
    """With the faults; afterwards the list has those that were met."""
    url, met = world.aws.environment["LOCAL_CONTROL_URL"], list[str]()
    control(url, "POST", armed)
    try:
        yield met
        met += [each["fault"] for each in control(url, "GET") if each["met"]]
    finally:
        control(url, "DELETE")


def rotated(tenant: Tenant) -> bool:
    password = tenant.value()["password"]
    return password != FIRST_PASSWORD and tenant.logins(password) == {True}


def of_each_call(kind: str) -> Sequence[str]:
    return [f"{kind}:{api}" for api in (*apis(), *(["Invoke"] if kind != "lose-reply" else []))]


@pytest.mark.parametrize("kind", ["throttle", "error-500", "lose-reply"])
def test_each_call_fails_once(world: World, kind: str) -> None:
    tenant = world.tenant()
    tenant.serve()
    with faults(world, *of_each_call(kind)) as met:
        execution = tenant.start()
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert rotated(tenant)
    assert {f"{kind}:{api}" for api in ("ModifyUser", "PutSecretValue", "DescribeUsers")} <= {*met}


@pytest.mark.parametrize(
    "fault", ["busy-user:1", "lag-password:1:2", "drop-node:1:Log In", "slow-node:1:1"]
)
def test_what_passes_by_itself(world: World, fault: str) -> None:
    tenant = world.tenant()
    tenant.serve("replicas")
    with faults(world, fault) as met:
        arn = tenant.begin()
        if fault.startswith("drop-node"):
            eventually(lambda: tenant.errors(arn), "a login that fails")
        else:
            tenant.ended(arn)
    execution = tenant.ended(arn)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert met == [fault]
    assert rotated(tenant)
