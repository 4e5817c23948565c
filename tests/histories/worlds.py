"""Two worlds for one test: the whole local AWS, and everything in one process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from local.deploy import Stack
from local.faults import control
from local.instance import LocalAws
from tests.histories.in_process import MACHINE, ROTATION_FUNCTION, InProcess
from tests.rotation.world import Tenant, World


@contextmanager
def faults(world: World, *armed: str) -> Iterator[None]:
    """With these faults, in either world."""
    if isinstance(world, InProcessWorld):
        world.arm(*armed)
        yield
        world.arm()
        return
    url = world.aws.environment["LOCAL_CONTROL_URL"]
    control(url, "POST", armed)
    try:
        yield
    finally:
        control(url, "DELETE")


STACK = Stack({"RotationFunctionArn": ROTATION_FUNCTION, "StateMachineArn": MACHINE})


class InProcessWorld(World):
    """The same for a test as the local AWS; see in_process.py for what it is made of."""

    def __init__(self, aws: InProcess) -> None:
        self.inside = aws
        super().__init__(cast(LocalAws, aws), STACK)

    def __post_init__(self) -> None:
        self.elasticache = self.inside.elasticache
        self.secrets = self.inside.secrets
        self.step_functions = self.inside.step_functions

    @property
    def kind_of_tenant(self) -> type[Tenant]:
        """What `tenant` makes."""
        return InProcessTenant

    def arm(self, *armed: str) -> None:
        """These faults from now on, and no others."""
        self.inside.faults.control("DELETE", b"")
        status, text = self.inside.faults.control("POST", json.dumps(armed).encode())
        assert status == 200, text


class InProcessTenant(Tenant):
    """A user and its secret, in one process."""

    world: InProcessWorld

    def ended(self, execution: str) -> dict[str, Any]:
        """Everything goes on until it has ended."""
        stage = self.world.inside.stage
        arn = f"{MACHINE.replace(':stateMachine:', ':execution:')}:{execution.rsplit(':', 1)[-1]}"
        while name := stage.next():
            stage.step(name)
        found: dict[str, Any] = self.world.step_functions.describe_execution(executionArn=arn)
        return found

    def logins(self, password: str) -> set[bool]:
        """Whether the password logs in, over all nodes of all caches."""
        fleet = self.world.inside.fleet
        return {
            fleet.nodes[member["ReadEndpoint"]["Port"]].lets_in(self.username, password)
            for cache in self.caches
            for group in self.world.elasticache.describe_replication_groups(
                ReplicationGroupId=cache
            )["ReplicationGroups"]
            for shard in group["NodeGroups"]
            for member in shard["NodeGroupMembers"]
        }


def served(inside: InProcess, kind: str = "one node", **user: Any) -> InProcessTenant:
    """A user before a new cache, and its secret."""
    tenant = cast(InProcessTenant, InProcessWorld(inside).tenant(**user))
    tenant.serve(kind, user.get("Engine", "redis"))
    return tenant
