"""Every function, killed before and after each of its calls and logins, in one process.

The calls are those that a clean rotation was seen to make, not a list written by hand. After each
crash the run ends by itself or the next one ends it; AWSCURRENT logs in on every node throughout.
"""

import pytest

from local.faults import apis
from tests.histories.worlds import InProcessTenant, InProcessWorld, served
from tests.rotation.world import World


def calls_of_a_clean_rotation(world: World) -> dict[str, int]:
    """How often each API is called by the functions of one execution."""
    tenant = world.tenant()
    tenant.serve()
    with world.faults(*(f"kill-before:{api}:100000" for api in (*apis(), "AUTH"))):
        tenant.succeeds()
        counted = world.control("GET")
    return {each["fault"].split(":")[1]: each["seen"] for each in counted if each["seen"]}


def run_watched(tenant: InProcessTenant) -> None:
    stage = tenant.world.stage
    while name := stage.next():
        stage.step(name)
        assert tenant.current_logs_in()


def crash(tenant: InProcessTenant, point: str, *, scheduled: bool) -> str:
    """A rotation with that fault, and the next one if it fails; the new version's ID."""
    with tenant.world.faults(point) as met:
        arn = "" if scheduled else tenant.begin()
        version = tenant.begin_rotation() if scheduled else arn.rpartition(":")[2]
        run_watched(tenant)
    assert met == [point]
    if not scheduled and tenant.ended(arn)["status"] != "SUCCEEDED":
        version = str(tenant.succeeds()["VersionId"])
    return version


def test_no_crash_locks_out_or_needs_repair(in_process: InProcessWorld) -> None:
    calls = calls_of_a_clean_rotation(in_process)
    assert {"PutSecretValue", "UpdateSecretVersionStage", "ModifyUser", "AUTH"} <= calls.keys()
    tenant = served(in_process.inside)
    for api, count in calls.items():
        for number in range(1, count + 1):
            for when in ("before", "after"):
                version = crash(tenant, f"kill-{when}:{api}:{number}", scheduled=False)
                assert tenant.version("AWSCURRENT") == version, (when, api, number)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "call",
    ["PutSecretValue", "StartExecution", "DescribeSecret", "GetSecretValue", "GetRandomPassword"],
)
def test_scheduled_rotations_survive(in_process: InProcessWorld, call: str, when: str) -> None:
    tenant = served(in_process.inside)
    version = crash(tenant, f"kill-{when}:{call}", scheduled=True)
    assert tenant.version("AWSCURRENT") == version
