"""A local AWS with the stack on it, and what a person does there."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from local.client import logs_in, nodes
from local.deploy import Stack
from local.faults import control
from local.instance import LocalAws
from tests.local.helpers import eventually

T = TypeVar("T")

FIRST_PASSWORD = "first-password-0123456789"
#: Of a replication group, by the kind of cache.
SHAPES: dict[str, dict[str, int]] = {
    "one node": {"NumCacheClusters": 1},
    "replicas": {"NumCacheClusters": 3},
    "cluster mode": {"NumNodeGroups": 2, "ReplicasPerNodeGroup": 1},
}
numbers = count(1)


@dataclass
class World:
    aws: LocalAws
    stack: Stack
    prefix: str = ""  # of all names
    elasticache: Any = field(init=False)
    secrets: Any = field(init=False)
    step_functions: Any = field(init=False)

    def __post_init__(self) -> None:
        self.elasticache = self.aws.client("elasticache")
        self.secrets = self.aws.client("secretsmanager")
        self.step_functions = self.aws.client("stepfunctions")

    def eventually(self, look: Callable[[], T | None], what: str) -> T:
        return eventually(look, what)

    def control(self, method: str, armed: Sequence[str] = ()) -> list[dict[str, Any]]:
        """What the local AWS answers about its faults: GET, POST, or DELETE."""
        return control(self.aws.environment["LOCAL_CONTROL_URL"], method, armed)

    @contextmanager
    def faults(self, *armed: str) -> Iterator[list[str]]:
        """With these faults; afterwards the list has those that were met."""
        met: list[str] = []
        self.control("POST", armed)
        try:
            yield met
            met += [each["fault"] for each in self.control("GET") if each["met"]]
        finally:
            self.control("DELETE")

    def ready(self, kind: str, name: str) -> None:
        """Wait until what was just created can be used; here, it can be at once."""

    def placement(self, kind: str) -> dict[str, Any]:
        """What a cache of the kind needs besides, to be created."""
        return {}

    def tenant(self, *, name: str | None = None, **user: Any) -> "Tenant":
        """A user and its secret, bound to each other; by default `on`, with a password."""
        number = next(numbers)
        secret_name = name or f"{self.prefix}secret-{number}"
        user_id = f"{self.prefix}user-{number}"
        password = user.pop("password", FIRST_PASSWORD)
        secret_password = user.pop("secret_password", password)
        bound_to = user.pop("bound_to", secret_name)
        more = user.pop("more", {})
        request = {
            "UserId": user_id,
            "UserName": user_id,
            "Engine": "redis",
            "AccessString": "on ~app:* +get",
            **({"Passwords": [password]} if password else {"NoPasswordRequired": True}),
            "Tags": [{"Key": "rotation-secret", "Value": bound_to}] if bound_to else [],
        }
        described = self.elasticache.create_user(**{**request, **user})
        value = {"username": described["UserName"], "user_arn": described["ARN"], **more}
        if secret_password:
            value["password"] = secret_password
        created = self.secrets.create_secret(
            Name=secret_name, SecretString=json.dumps(value, ensure_ascii=False)
        )
        names = described["UserId"], described["UserName"], created["ARN"], secret_name
        return self.made_tenant(*names)

    def default_user(self, number: int) -> str:
        user = {"UserId": f"{self.prefix}default-{number}", "UserName": "default"}
        self.elasticache.create_user(
            **user, Engine="redis", AccessString="off -@all", NoPasswordRequired=True
        )
        return user["UserId"]

    def cache(self, kind: str, name: str, group: str, how: dict[str, Any]) -> None:
        how |= self.placement(kind)
        if kind == "serverless":
            self.elasticache.create_serverless_cache(
                ServerlessCacheName=name, UserGroupId=group, **how
            )
            return
        self.elasticache.create_replication_group(
            ReplicationGroupId=name,
            ReplicationGroupDescription=kind,
            UserGroupIds=[group],
            TransitEncryptionEnabled=True,
            **how,
        )

    def made_tenant(self, *names: Any) -> "Tenant":
        return Tenant(self, *names)


@dataclass
class Tenant:
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
        """Put the user, and the others', into a new user group of a new cache.

        With ``nodes``, of as many caches as it takes: one without cluster mode has at most six.
        """
        world, number = self.world, next(numbers)
        elasticache, prefix = world.elasticache, world.prefix
        group, cache = f"{prefix}group-{number}", f"{prefix}cache-{number}"
        users = [self, *others]
        members = [each.user_id for each in users]
        group_engine = group_engine or engine
        if group_engine == "redis" and self.username != "default":
            members.append(world.default_user(number))
        elasticache.create_user_group(UserGroupId=group, Engine=group_engine, UserIds=members)
        world.ready("user group", group)
        shapes = {cache: SHAPES.get(kind, {})}
        if nodes:
            sixes = range(0, nodes, 6)
            shapes = {f"{cache}-{n}": {"NumCacheClusters": min(6, nodes - n)} for n in sixes}
        for name, shape in shapes.items():
            world.cache(kind, name, group, {"Engine": engine, **shape})
        for each in users:
            each.caches += shapes

    def rotate(self, **how: Any) -> str:
        """RotateSecret, to the end of its execution; the new version's ID."""
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
        """An execution by hand, as it has ended."""
        return self.ended(self.begin(**execution_input))

    def begin(self, **execution_input: Any) -> str:
        """The same, without waiting; the execution's ARN."""
        started = self.world.step_functions.start_execution(
            stateMachineArn=self.world.stack.state_machine_arn,
            input=json.dumps({"SecretId": self.secret_name, **execution_input}),
        )
        return str(started["executionArn"])

    def succeeds(self, execution: str = "", **execution_input: Any) -> dict[str, Any]:
        """The output of that execution, by default of one by hand; it has to end well."""
        ended = self.ended(execution or self.begin(**execution_input))
        assert ended["status"] == "SUCCEEDED", ended.get("cause")
        return dict(json.loads(ended["output"]))

    def fails(self, error: str, execution: str = "", **execution_input: Any) -> str:
        """The cause of that execution, by default of one by hand; it has to fail so."""
        ended = self.ended(execution or self.begin(**execution_input))
        found = ended["status"], ended.get("error")
        assert found == ("FAILED", error), f"{found}: {ended.get('cause')}"
        return str(ended["cause"])

    def ended(self, execution: str) -> dict[str, Any]:
        """Wait for the execution of that name or ARN; DescribeExecution's answer."""
        machine = self.world.stack.state_machine_arn
        executions = machine.replace(":stateMachine:", ":execution:")
        arn = f"{executions}:{execution.rsplit(':', 1)[-1]}"
        step_functions = self.world.step_functions

        def look() -> dict[str, Any] | None:
            try:
                found: dict[str, Any] = step_functions.describe_execution(executionArn=arn)
            except step_functions.exceptions.ExecutionDoesNotExist:
                return None
            return found if found["status"] != "RUNNING" else None

        return self.world.eventually(look, f"the end of {arn}")

    def history(self, execution_arn: str) -> list[dict[str, Any]]:
        pages = self.world.step_functions.get_paginator("get_execution_history")
        found = pages.paginate(executionArn=execution_arn).build_full_result()
        return list(found["events"])

    def states(self, execution_arn: str) -> list[str]:
        """The names of the states that an execution entered, in turn."""
        return self._details(execution_arn, "stateEnteredEventDetails", "name")

    def errors(self, execution_arn: str) -> list[str]:
        """The names of the errors that its tasks met, in turn."""
        return self._details(execution_arn, "taskFailedEventDetails", "error")

    def _details(self, execution_arn: str, kind: str, key: str) -> list[str]:
        events = self.history(execution_arn)
        return [event[kind].get(key, "") for event in events if kind in event]

    def described(self) -> dict[str, Any]:
        return dict(self.world.secrets.describe_secret(SecretId=self.secret_arn))

    def labels(self) -> dict[str, set[str]]:
        found = self.described()["VersionIdsToStages"]
        return {version: set(labels) for version, labels in found.items()}

    def version(self, label: str) -> str | None:
        """The ID of the version that has the label."""
        return next((version for version, its in self.labels().items() if label in its), None)

    def value(self, VersionStage: str = "AWSCURRENT") -> dict[str, Any]:
        secrets, arn = self.world.secrets, self.secret_arn
        found = secrets.get_secret_value(SecretId=arn, VersionStage=VersionStage)
        return dict(json.loads(found["SecretString"]))

    def put(self, value: str | bytes) -> None:
        """A new AWSCURRENT, with this text."""
        form = "SecretString" if isinstance(value, str) else "SecretBinary"
        self.world.secrets.put_secret_value(SecretId=self.secret_arn, **{form: value})

    def edit(self, **keys: Any) -> None:
        """A new AWSCURRENT, with these keys changed."""
        self.put(json.dumps({**self.value(), **keys}))

    def user(self) -> dict[str, Any]:
        [found] = self.world.elasticache.describe_users(UserId=self.user_id)["Users"]
        return dict(found)

    def modify(self, **fields: Any) -> None:
        """ModifyUser, until the user is active again."""
        self.world.elasticache.modify_user(UserId=self.user_id, **fields)
        self.world.eventually(lambda: self.user()["Status"] == "active", "the user to be active")

    def tag(self, secret: str) -> None:
        """Allow the secret of that name or ARN to rotate the user."""
        self.world.elasticache.add_tags_to_resource(
            ResourceName=self.user()["ARN"], Tags=[{"Key": "rotation-secret", "Value": secret}]
        )

    def untag(self) -> None:
        """Allow none."""
        self.world.elasticache.remove_tags_from_resource(
            ResourceName=self.user()["ARN"], TagKeys=["rotation-secret"]
        )

    def logins(self, password: str) -> set[bool]:
        return {
            logs_in(self.world.aws, endpoint, self.username, password)
            for cache in self.caches
            for endpoint in nodes(self.world.aws, cache).values()
        }

    def current_logs_in(self) -> bool:
        """Whether AWSCURRENT's password does, on every node."""
        return self.logins(self.value()["password"]) == {True}
