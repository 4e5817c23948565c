"""One rotation after another: how long until AWSCURRENT, and what it takes."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench import reference
from local.deploy import deploy
from local.faults import apis, ask, control
from local.instance import LocalAws
from report.cost import GB_SECOND, REQUEST, STEPS, cost_of
from tests.local.helpers import any_role, eventually
from tests.rotation.world import Tenant, World

#: Longer modifications run side by side.
TOGETHER_SECONDS = 10
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Measured:
    """One rotation. Seconds are of the real clock; dollars are those of report/cost.py.

    ``overhead`` is the time from RotateSecret to AWSCURRENT beyond the user's modifying time,
    ``lateness`` that from the user's being active again to AWSCURRENT.
    """

    overhead: float
    lateness: float
    calls: float
    transitions: int
    lambda_seconds: float
    gb_seconds: float
    dollars: float


class Side:
    """One local AWS, and what rotates there: this project's stack, or AWS's function."""

    def __init__(self, directory: Path, modifying_seconds: float, source: str | None) -> None:
        self._aws = LocalAws(directory, modifying_seconds=modifying_seconds)
        self._modifying_seconds = modifying_seconds
        self._source = source
        self._world: World

    def __enter__(self) -> "Side":
        self._aws.start()
        self._world = World(self._aws, deploy(self._aws))
        any_role(self._aws)
        return self

    def __exit__(self, *error: object) -> None:
        self._aws.stop()

    def tenant(self) -> Tenant:
        """A user with one password before a serverless cache, which has two endpoints."""
        tenant = self._world.tenant()
        tenant.serve("serverless")
        return tenant

    def warm(self, at_once: int) -> None:
        """Have so many processes of each function: an event that it refuses starts one."""
        functions: Any = self._aws.client("lambda")
        names = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
        with ThreadPoolExecutor(at_once) as pool:
            for name in names:
                for _ in range(at_once):
                    pool.submit(functions.invoke, FunctionName=name, Payload="{}")

    def function(self, tenant: Tenant) -> str:
        """The ARN of what rotates it."""
        if self._source is None:
            return self._world.stack.rotation_function_arn
        return reference.deploy(self._aws, self._source, tenant)

    def rotate(self, tenants: list[tuple[Tenant, str]]) -> list[Measured]:
        """All at once; calls are the mean of them, since they are counted together."""
        url = self._aws.environment["LOCAL_CONTROL_URL"]
        # Faults that never come due count the calls that the functions make.
        control(url, "POST", [f"throttle:{api}:999999" for api in apis()])
        with ThreadPoolExecutor(len(tenants)) as pool:
            found = [*pool.map(lambda each: self._rotate(*each), tenants)]
        calls = sum(each["seen"] for each in control(url, "GET")) / len(tenants)
        control(url, "DELETE")
        return [replace(each, calls=calls) for each in found]

    def _rotate(self, tenant: Tenant, function: str) -> Measured:
        manager, elasticache = (self._aws.client(n) for n in ("secretsmanager", "elasticache"))
        begun = time.monotonic()
        token = manager.rotate_secret(
            SecretId=tenant.secret_arn,
            RotationLambdaARN=function,
            RotationRules={"AutomaticallyAfterDays": 30},
        )["VersionId"]
        active = promoted = 0.0
        changed = False
        while not promoted:
            time.sleep(_LOOK_SECONDS)
            [user] = elasticache.describe_users(UserId=tenant.user_id)["Users"]
            now = time.monotonic()
            changed = changed or user["Authentication"]["PasswordCount"] == 2
            if changed and user["Status"] == "active" and not active:
                active = now
            labels = manager.describe_secret(SecretId=tenant.secret_arn)["VersionIdsToStages"]
            if "AWSCURRENT" in labels.get(token, ()):
                promoted = time.monotonic()
        url = self._aws.environment["LOCAL_CONTROL_URL"]
        eventually(lambda: ask(f"{url}/rotations/{token}")["ended"], "the rotation's end")
        waited = time.monotonic() - begun
        overhead = promoted - begun - self._modifying_seconds
        if self._source is not None:
            gb_seconds = waited * reference.MEMORY_MB / 1024
            dollars = gb_seconds * GB_SECOND + STEPS * REQUEST
            return Measured(overhead, promoted - active, 0, 0, waited, gb_seconds, dollars)
        cost = cost_of(tenant.history(self._execution(token)))
        return Measured(
            overhead,
            promoted - active,
            0,
            cost.transitions,
            cost.task_seconds + cost.seconds,
            cost.gb_seconds,
            cost.total,
        )

    def _execution(self, token: str) -> str:
        machine = self._world.stack.state_machine_arn
        return f"{machine.replace(':stateMachine:', ':execution:')}:{token}-1"


def measure(
    folder: Path,
    source: str | None,
    repetitions: Mapping[float, int],
    told: Callable[[str], None],
) -> list[dict[str, Any]]:
    """For each number of modifying seconds, so many rotations of each side.

    Up to ten seconds the sides take turns; longer ones all run at the same time.
    """
    rows = []
    for seconds, count in repetitions.items():
        told(f"{count} rotations of a user who is modifying for {seconds:g} s ...")
        together = seconds > TOGETHER_SECONDS
        with ExitStack() as stack:
            sides = [
                ("ours", stack.enter_context(Side(folder / f"ours-{seconds:g}", seconds, None)))
            ]
            if source is not None:
                other = Side(folder / f"reference-{seconds:g}", seconds, source)
                sides.append(("reference", stack.enter_context(other)))
            waiting = {
                name: [
                    (tenant, side.function(tenant)) for tenant in map(Side.tenant, [side] * count)
                ]
                for name, side in sides
            }
            for _, side in sides:
                # An endpoint each is checked, and logged in to, at once.
                side.warm(2 * (count if together else 1))
            found = _turns(sides, waiting, count if together else 1)
        rows.append({"modifying_seconds": seconds, **found})
    return rows


def _turns(
    sides: list[tuple[str, Side]], waiting: dict[str, list[tuple[Tenant, str]]], at_once: int
) -> dict[str, list[dict[str, Any]]]:
    """Of each side in turn so many, all of a turn at once if there is one turn."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name, _ in sides}

    def turn(each: tuple[str, Side]) -> None:
        name, side = each
        some, waiting[name] = waiting[name][:at_once], waiting[name][at_once:]
        found[name] += map(asdict, side.rotate(some))

    while any(waiting.values()):
        with ThreadPoolExecutor(len(sides) if at_once > 1 else 1) as pool:
            [*pool.map(turn, sides)]
    return found
