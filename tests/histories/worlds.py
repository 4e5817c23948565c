"""The world of tests/rotation in one process."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from local.deploy import Stack
from local.instance import LocalAws
from tests.histories.in_process import MACHINE, ROTATION_FUNCTION, InProcess
from tests.rotation.world import Tenant, World

T = TypeVar("T")

STACK = Stack({"RotationFunctionArn": ROTATION_FUNCTION, "StateMachineArn": MACHINE})
_LONGEST_SECONDS = 4 * 3600


class InProcessWorld(World):
    """The same for a test as the local AWS; see in_process.py for what it is made of."""

    def __init__(self, aws: InProcess) -> None:
        self.inside, self.stage = aws, aws.stage
        super().__init__(cast(LocalAws, aws), STACK)

    def __post_init__(self) -> None:
        self.elasticache = self.inside.elasticache
        self.secrets = self.inside.secrets
        self.step_functions = self.inside.step_functions

    def eventually(self, look: Callable[[], T | None], what: str) -> T:
        """The first true answer; until then the earliest actor goes on, or time passes."""
        latest = self.stage.now + _LONGEST_SECONDS
        while not (answer := look()):
            assert self.stage.now < latest, f"not within {_LONGEST_SECONDS} s: {what}"
            if name := self.stage.next():
                self.stage.step(name)
            else:
                self.stage.pass_time(1)
        return answer

    def control(self, method: str, armed: Sequence[str] = ()) -> list[dict[str, Any]]:
        status, text = self.inside.faults.control(method, json.dumps(armed).encode())
        assert status == 200, text
        found: list[dict[str, Any]] = json.loads(text)
        return found

    def arm(self, *armed: str) -> None:
        self.control("DELETE")
        self.control("POST", armed)

    def made_tenant(self, *names: Any) -> "InProcessTenant":
        return InProcessTenant(self, *names)


class InProcessTenant(Tenant):
    world: InProcessWorld

    @property
    def inside(self) -> InProcess:
        return self.world.inside

    def ended(self, execution: str) -> dict[str, Any]:
        self.world.stage.run()
        return super().ended(execution)

    def rotation(self) -> str:
        """How a rotation of Secrets Manager's ends, with its retries."""
        token = self.begin_rotation()
        self.world.stage.run()
        return self.inside.outcome(token)

    def value(self, VersionStage: str = "AWSCURRENT") -> dict[str, Any]:
        return dict(json.loads(self.inside.text(self.secret_arn, VersionStage)))

    def rotate_by(self, how: str) -> None:
        """By hand, by the console's "New execution" or by Secrets Manager; it has to succeed."""
        if how == "by hand":
            self.succeeds()
        elif how == "new execution":  # with the input of the latest one
            latest = list(self.inside.executions().values())[-1]
            step_functions = self.world.step_functions
            self.succeeds(step_functions.start_execution(input=latest["input"])["executionArn"])
        else:
            assert self.rotation() == "succeeded"

    def status(self, arn: str, version: str = "") -> str:
        """The execution's, which says what has become of its version."""
        found: str = self.inside.executions()[arn]["status"].value
        promoted = "AWSCURRENT" in self.labels().get(version or arn.rsplit(":", 1)[1], ())
        assert (found == "SUCCEEDED") is promoted
        return found

    def retry(self, token: str) -> str:
        """How that rotation ends if Secrets Manager tries it once more."""
        secrets = self.inside._secrets
        secrets._begin(secrets.secrets[self.secret_arn], token, ROTATION_FUNCTION)
        self.world.stage.settle()
        self.world.stage.run()
        return self.inside.outcome(token)

    def modify(self, **fields: Any) -> None:
        """ModifyUser, until the user is active again; no actor goes on meanwhile."""
        self.world.elasticache.modify_user(UserId=self.user_id, **fields)
        self.world.stage.pass_time(10)

    def logins(self, password: str) -> set[bool]:
        groups = self.world.elasticache.describe_replication_groups()["ReplicationGroups"]
        return {
            self.inside.fleet.nodes[member["ReadEndpoint"]["Port"]].lets_in(self.username, password)
            for group in groups
            if group["ReplicationGroupId"] in self.caches
            for shard in group["NodeGroups"]
            for member in shard["NodeGroupMembers"]
        }


def served(inside: InProcess, kind: str = "one node", **user: Any) -> InProcessTenant:
    tenant = cast(InProcessTenant, InProcessWorld(inside).tenant(**user))
    tenant.serve(kind, user.get("Engine", "redis"))
    return tenant
