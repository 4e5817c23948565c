"""Every function, killed before and after each of its calls that change something.

The calls are those that a clean rotation was seen to make, not a list written by hand. After each
crash the run ends by itself or the next one ends it; AWSCURRENT logs in on every node all along.
`make crash` takes the calls that only read and the logins, too (minutes).
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.deploy import deploy
from local.faults import apis, ask, control
from local.instance import LocalAws
from tests.local.helpers import eventually
from tests.rotation.world import Tenant, World

CHANGING = ("PutSecretValue", "UpdateSecretVersionStage", "ModifyUser")
#: Calls of the rotation function; all but the first two are repeated for as long as it waits.
ROTATION_CALLS = (
    "PutSecretValue",
    "StartExecution",
    "DescribeSecret",
    "GetSecretValue",
    "GetRandomPassword",
)


@pytest.fixture(scope="module")
def crashing_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with LocalAws(tmp_path_factory.mktemp("crash"), modifying_seconds=0.2) as aws:
        yield World(aws, deploy(aws))


def calls_of_a_clean_rotation(world: World) -> dict[str, int]:
    """How often each API is called by the functions of one execution."""
    url = world.aws.environment["LOCAL_CONTROL_URL"]
    tenant = new_tenant(world)
    control(url, "POST", [f"kill-before:{api}:100000" for api in (*apis(), "AUTH")])
    try:
        assert tenant.start()["status"] == "SUCCEEDED"
        counted = control(url, "GET")
    finally:
        control(url, "DELETE")
    return {each["fault"].split(":")[1]: each["seen"] for each in counted if each["seen"]}


def new_tenant(world: World) -> Tenant:
    tenant = world.tenant()
    tenant.serve("one node")
    return tenant


@contextmanager
def watched(tenant: Tenant) -> Iterator[list[str]]:
    """Logs in with AWSCURRENT all along, from outside; what was refused is in the list."""
    refused: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            # A promotion may come between the two: what was AWSCURRENT a moment ago stays valid.
            password = tenant.value()["password"]
            if tenant.logins(password) != {True}:
                refused.append(str(tenant.labels()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield refused
    finally:
        ended.set()
        thread.join()


def test_no_crash_locks_out_or_needs_repair(crashing_world: World) -> None:
    world = crashing_world
    url = world.aws.environment["LOCAL_CONTROL_URL"]
    calls = calls_of_a_clean_rotation(world)
    assert set(CHANGING) <= set(calls)
    points = [
        f"kill-{when}:{api}:{number}"
        for api, count in calls.items()
        if api in CHANGING or os.environ.get("CRASH_MATRIX") == "all"
        for number in range(1, count + 1)
        for when in ("before", "after")
    ]
    wrong = []
    for point in points:
        tenant = new_tenant(world)
        with watched(tenant) as refused:
            control(url, "POST", [point])
            try:
                execution = tenant.start()
                [fault] = control(url, "GET")
            finally:
                control(url, "DELETE")
            if execution["status"] != "SUCCEEDED":
                execution = tenant.start()
        promoted = execution["status"] == "SUCCEEDED" and tenant.logins(tenant.value()["password"])
        if refused or not fault["met"] or promoted != {True}:
            wrong.append((point, fault, refused, execution.get("cause")))
    assert wrong == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_no_crash_of_the_rotation_function_does_either(crashing_world: World, when: str) -> None:
    url = crashing_world.aws.environment["LOCAL_CONTROL_URL"]
    everything = os.environ.get("CRASH_MATRIX") == "all"
    wrong = []
    for call in ROTATION_CALLS if everything else ROTATION_CALLS[:1]:
        tenant = new_tenant(crashing_world)
        point = f"kill-{when}:{call}"
        with watched(tenant) as refused:
            control(url, "POST", [point])
            try:
                token = tenant.world.secrets.rotate_secret(
                    SecretId=tenant.secret_arn,
                    RotationLambdaARN=crashing_world.stack.rotation_function_arn,
                    RotationRules={"AutomaticallyAfterDays": 30},
                )["VersionId"]
                told = progress(url, token)
                [fault] = control(url, "GET")
            finally:
                control(url, "DELETE")
        if refused or not fault["met"] or "AWSCURRENT" not in tenant.labels()[token]:
            wrong.append((point, fault, refused, told))
    assert wrong == []


def progress(url: str, token: str) -> object:
    """What Secrets Manager tells of a rotation that it has ended, with its retries."""
    rotation = f"{url}/rotations/{token}"
    eventually(lambda: ask(rotation)["ended"], f"the end of {token}")
    return ask(rotation)["told"]
