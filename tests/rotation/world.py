"""A local AWS with the stack on it, and what a person does there."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from local.client import logs_in, nodes
from local.deploy import Stack
from local.instance import LocalAws
from tests.local.helpers import eventually

T = TypeVar("T")

FIRST_PASSWORD = "first-password-0123456789"
numbers = count(1)


@dataclass
class World:
    aws: LocalAws
    stack: Stack
    prefix: str = ""  # of the name of whatever is made
    elasticache: Any = field(init=False)
    secrets: Any = field(init=False)
    step_functions: Any = field(init=False)

    @property
    def kind_of_tenant(self) -> type["Tenant"]:
        """What `tenant` makes."""
        return Tenant

    def __post_init__(self) -> None:
        self.elasticache = self.aws.client("elasticache")
        self.secrets = self.aws.client("secretsmanager")
        self.step_functions = self.aws.client("stepfunctions")

    def eventually(self, look: Callable[[], T | None], what: str) -> T:
        """The first true answer."""
        return eventually(look, what)

    def ready(self, kind: str, name: str) -> None:
        """Wait until what was just created can be used; here, it can be at once."""

    def placement(self, kind: str) -> dict[str, Any]:
        """What a cache of the kind needs besides, to be created."""
        return {}

    def tenant(
        self, *, name: str | None = None, user_name: str | None = None, **user: Any
    ) -> "Tenant":
        """A user and its secret, bound to each other; by default `on`, with a password."""
        number = next(numbers)
        secret_name, user_id = (
            name or f"{self.prefix}secret-{number}",
            f"{self.prefix}user-{number}",
        )
        password = user.pop("password", FIRST_PASSWORD)
        secret_password = user.pop("secret_password", password)
        bound_to = user.pop("bound_to", secret_name)
        more = user.pop("more", {})
        described = self.elasticache.create_user(
            **{
                "UserId": user_id,
                "UserName": user_name or user_id,
                "Engine": "redis",
                "AccessString": "on ~app:* +get",
                **({"Passwords": [password]} if password else {"NoPasswordRequired": True}),
                "Tags": [{"Key": "rotation-secret", "Value": bound_to}] if bound_to else [],
                **user,
            }
        )
        value = {"username": described["UserName"], "user_arn": described["ARN"], **more}
        if secret_password:
            value["password"] = secret_password
        created = self.secrets.create_secret(
            Name=secret_name, SecretString=json.dumps(value, ensure_ascii=False)
        )
        names = (described["UserId"], described["UserName"], created["ARN"], secret_name)
        return self.kind_of_tenant(self, *names)


@dataclass
class Tenant:
    """One user and its secret."""

    world: World
    user_id: str
    username: str
    secret_arn: str
    secret_name: str
    caches: list[str] = field(default_factory=list)

    def serve(
        self,
        kind: str = "one node",
        engine: str = "redis",
        group_engine: str = "",
        *,
        nodes: int = 0,
        others: Sequence["Tenant"] = (),
    ) -> None:
        """Put the user, and the others', into a new user group, and that before a new cache.

        Or before so many nodes: in several caches, for one without cluster mode has at most six.
        """
        elasticache, number = self.world.elasticache, next(numbers)
        prefix = self.world.prefix
        group, cache = f"{prefix}group-{number}", f"{prefix}cache-{number}"
        served = [self, *others]
        members = [each.user_id for each in served]
        group_engine = group_engine or engine
        if group_engine == "redis" and self.username != "default":
            members.append(f"{prefix}default-{number}")
            elasticache.create_user(
                UserId=members[-1],
                UserName="default",
                Engine="redis",
                AccessString="off -@all",
                NoPasswordRequired=True,
            )
        elasticache.create_user_group(UserGroupId=group, Engine=group_engine, UserIds=members)
        self.world.ready("user group", group)
        if kind == "serverless":
            caches = [cache]
            elasticache.create_serverless_cache(
                ServerlessCacheName=cache,
                Engine=engine,
                UserGroupId=group,
                **self.world.placement(kind),
            )
        else:
            shape = {
                "one node": {"NumCacheClusters": 1},
                "replicas": {"NumCacheClusters": 3},
                "cluster mode": {"NumNodeGroups": 2, "ReplicasPerNodeGroup": 1},
            }[kind]
            sixes = [{"NumCacheClusters": min(6, nodes - first)} for first in range(0, nodes, 6)]
            shapes = {f"{cache}-{first}": each for first, each in enumerate(sixes)}
            caches = list(shapes or [cache])
            for name in caches:
                elasticache.create_replication_group(
                    ReplicationGroupId=name,
                    ReplicationGroupDescription=kind,
                    Engine=engine,
                    UserGroupIds=[group],
                    TransitEncryptionEnabled=True,
                    **shapes.get(name, shape),
                    **self.world.placement(kind),
                )
        for each in served:
            each.caches += caches

    def rotate(self, **how: Any) -> str:
        """RotateSecret, to its end; the new version's id."""
        token = self.begin_rotation(**how)
        self.ended(f"{token}-1")
        return token

    def begin_rotation(self, **how: Any) -> str:
        """The same, without waiting."""
        how.setdefault("RotationLambdaARN", self.world.stack.rotation_function_arn)
        rotated = self.world.secrets.rotate_secret(
            SecretId=self.secret_arn, RotationRules={"AutomaticallyAfterDays": 30}, **how
        )
        return str(rotated["VersionId"])

    def start(self, **execution_input: Any) -> dict[str, Any]:
        """What an operator does in the console; the ended execution."""
        return self.ended(self.begin(**execution_input))

    def begin(self, **execution_input: Any) -> str:
        """The same, without waiting; the execution's ARN."""
        started = self.world.step_functions.start_execution(
            stateMachineArn=self.world.stack.state_machine_arn,
            input=json.dumps({"SecretId": self.secret_name, **execution_input}),
        )
        return str(started["executionArn"])

    def ended(self, execution: str) -> dict[str, Any]:
        """Wait for the execution of that name or ARN; DescribeExecution's answer."""
        machine = self.world.stack.state_machine_arn
        executions = machine.replace(":stateMachine:", ":execution:")
        arn = f"{executions}:{execution.rsplit(':', 1)[-1]}"

        def look() -> dict[str, Any] | None:
            try:
                found: dict[str, Any] = self.world.step_functions.describe_execution(
                    executionArn=arn
                )
            except self.world.step_functions.exceptions.ExecutionDoesNotExist:
                return None
            return found if found["status"] != "RUNNING" else None

        return self.world.eventually(look, f"the end of {arn}")

    def history(self, execution_arn: str) -> list[dict[str, Any]]:
        """All events of an execution, so far."""
        pages = self.world.step_functions.get_paginator("get_execution_history")
        found = pages.paginate(executionArn=execution_arn).build_full_result()
        return list(found["events"])

    def states(self, execution_arn: str) -> list[str]:
        """The names of the states that an execution entered, in turn."""
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in self.history(execution_arn)
            if "stateEnteredEventDetails" in event
        ]

    def errors(self, execution_arn: str) -> list[str]:
        """The names of the errors that its tasks met, in turn."""
        return [
            event["taskFailedEventDetails"]["error"]
            for event in self.history(execution_arn)
            if "taskFailedEventDetails" in event
        ]

    def largest(self, execution_arn: str) -> int:
        """How many characters the longest input or output of its states has."""
        passed = [
            details.get(key, "")
            for event in self.history(execution_arn)
            for name in ("stateEnteredEventDetails", "stateExitedEventDetails")
            if (details := event.get(name))
            for key in ("input", "output")
        ]
        return max(map(len, passed))

    def described(self) -> dict[str, Any]:
        """What DescribeSecret tells."""
        found: dict[str, Any] = self.world.secrets.describe_secret(SecretId=self.secret_arn)
        return found

    def labels(self) -> dict[str, set[str]]:
        """Staging labels by version id."""
        found = self.described()["VersionIdsToStages"]
        return {version: set(labels) for version, labels in found.items()}

    def value(self, **version: str) -> dict[str, Any]:
        """The secret's JSON; of AWSCURRENT by default."""
        found = self.world.secrets.get_secret_value(SecretId=self.secret_arn, **version)
        value: dict[str, Any] = json.loads(found["SecretString"])
        return value

    def user(self) -> dict[str, Any]:
        """What DescribeUsers tells."""
        [found] = self.world.elasticache.describe_users(UserId=self.user_id)["Users"]
        return dict(found)

    def logins(self, password: str) -> set[bool]:
        """Whether the password logs in, over all nodes of all caches."""
        return {
            logs_in(self.world.aws, endpoint, self.username, password)
            for cache in self.caches
            for endpoint in nodes(self.world.aws, cache).values()
        }
