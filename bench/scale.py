"""Many rotations at once, many nodes, one group for all, and a limit to calls."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from local.deploy import deploy
from local.faults import apis, ask, control
from local.instance import LocalAws
from tests.local.helpers import eventually
from tests.rotation.world import Tenant, World

MODIFYING_SECONDS = 1.0
#: Of a rotation that is tried again and again under a limit.
_PATIENCE_SECONDS = 3600


def measure(folder: Path, told: Callable[[str], None], *, quick: bool) -> list[dict[str, Any]]:
    """``{"case", "rotations", "nodes", "succeeded", "seconds", "calls", "peak_mb"}`` for each case.

    ``calls`` is the mean number of API calls of a rotation; ``peak_mb`` the largest resident set
    that a process of a function had.
    """
    at_once = (1, 4) if quick else (1, 10, 50, 200)
    cases: list[tuple[str, int, int, list[str]]] = [
        *(("in groups of their own", number, 1, []) for number in at_once),
        ("in one group, one modification at a time", 3 if quick else 50, 1, ["busy-group:3"]),
        ("at most 10 calls a second", 2 if quick else 20, 1, ["rate-limit:10"]),
        *((f"{nodes} nodes", 1, nodes, []) for nodes in ((2,) if quick else (6, 90))),
    ]
    rows: list[dict[str, Any]] = []
    for case, number, nodes, faults in cases:
        told(f"{number} rotations at once, {case} ...")
        with ExitStack() as stack:
            place = folder / f"scale-{len(rows)}"
            aws = stack.enter_context(LocalAws(place, modifying_seconds=MODIFYING_SECONDS))
            world = World(aws, deploy(aws))
            tenants = _tenants(world, number, nodes, together="group" in case and bool(faults))
            rows.append({"case": case, "rotations": number, "nodes": nodes})
            rows[-1] |= _rotate(world, tenants, faults)
    return rows


def _tenants(world: World, number: int, nodes: int, *, together: bool) -> list[Tenant]:
    tenants = [world.tenant() for _ in range(number)]
    served = tenants[:1] if together else tenants
    for tenant in served:
        tenant.serve("one node")
    if together:
        [group] = tenants[0].user()["UserGroupIds"]
        for tenant in tenants[1:]:
            world.elasticache.modify_user_group(UserGroupId=group, UserIdsToAdd=[tenant.user_id])
            tenant.caches = tenants[0].caches
    more = nodes - 1
    while more:
        # A replication group has at most five replicas.
        [group] = tenants[0].user()["UserGroupIds"]
        count = min(more, 6)
        name = f"nodes-{more}"
        world.elasticache.create_replication_group(
            ReplicationGroupId=name,
            ReplicationGroupDescription=name,
            Engine="redis",
            NumCacheClusters=count,
            UserGroupIds=[group],
            TransitEncryptionEnabled=True,
        )
        tenants[0].caches.append(name)
        more -= count
    return tenants


def _rotate(world: World, tenants: list[Tenant], faults: list[str]) -> dict[str, Any]:
    url = world.aws.environment["LOCAL_CONTROL_URL"]
    control(url, "POST", [*faults, *(f"throttle:{api}:999999" for api in apis())])
    begun = time.monotonic()
    with ThreadPoolExecutor(len(tenants)) as pool:
        rotated = sum(pool.map(_rotated, tenants))
    seconds = time.monotonic() - begun
    calls = sum(each["seen"] for each in control(url, "GET") if "throttle" in each["fault"])
    control(url, "DELETE")
    for tenant in tenants:
        assert tenant.logins(tenant.value()["password"]) == {True}, tenant.user_id
    return {
        "succeeded": rotated,
        "seconds": seconds,
        "calls": calls / len(tenants),
        "peak_mb": _peak_mb(world.aws),
    }


def _rotated(tenant: Tenant) -> bool:
    """Whether Secrets Manager has rotated it, with the retries that it makes by itself."""
    url = tenant.world.aws.environment["LOCAL_CONTROL_URL"]
    token = tenant.world.aws.client("secretsmanager").rotate_secret(
        SecretId=tenant.secret_arn,
        RotationLambdaARN=tenant.world.stack.rotation_function_arn,
        RotationRules={"AutomaticallyAfterDays": 30},
    )["VersionId"]
    progress = f"{url}/rotations/{token}"
    eventually(lambda: ask(progress)["ended"], "the rotation's end", _PATIENCE_SECONDS)
    return "AWSCURRENT" in tenant.labels()[token]


def _peak_mb(aws: LocalAws) -> float:
    """Of the instance's awslambdaric processes, as Linux remembers it."""
    assert aws._process
    peaks = [0.0]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status, command = (folder / "status").read_text(), (folder / "cmdline").read_text()
            group = int((folder / "stat").read_text().rpartition(")")[2].split()[2])
        except OSError:  # it has ended meanwhile
            continue
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        if group == aws._process.pid and "awslambdaric" in command and found:
            peaks.append(int(found[1]) / 1024)
    return max(peaks)
