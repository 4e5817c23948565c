"""What a run makes in the account: network, stack, caches with a user each, and their secrets."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.deploy import Stack, change_stack, deploy_package
from tools.aws.account import Account
from tools.aws.trials import Trial, as_object, begin, log_events
from tests.rotation.world import Tenant, World

CACHES = ("one node", "replicas", "cluster mode", "serverless")
NODE_TYPE = "cache.t4g.micro"
#: Cluster mode and serverless are of the newer engine; a user group of engine redis serves both.
ENGINES = {"cluster mode": "valkey", "serverless": "valkey"}
#: The parameter group turns cluster mode on (API reference, CreateReplicationGroup), and has to be
#: of the engine's version.
_CLUSTER_MODE = {
    "EngineVersion": "8.0",
    "CacheParameterGroupName": "default.valkey8.cluster.on",
}
#: What a platform line has that tells of a function that could not log for itself.
_PLATFORM = ("[ERROR]", "Task timed out", "Runtime.")
_LINES_KEPT, _LINE_LENGTH = 6, 400
_ENVIRONMENT = Path(__file__).with_name("network.yaml")


class NotClusterModeError(Exception):
    """A cache that was to be of cluster mode is not."""


@dataclass(frozen=True)
class Rotation:
    """A rotation that Secrets Manager began, at its end.

    ``execution`` is DescribeExecution's answer, ``lines`` what the rotation function has logged,
    and ``finished`` whether its last step has ended, as far as the log shows.
    """

    execution: Mapping[str, Any] | None
    lines: list[str]
    finished: bool


@dataclass
class Scene(World):
    """The world of tests/rotation, in an account: whatever is made takes time, and has a place."""

    aws: Any  # an Account, which has `client` as a LocalAws does
    stack: Stack = field(default_factory=lambda: Stack({}))
    prefix: str = ""
    network: dict[str, str] = field(default_factory=dict)
    #: By the plan: a rotation that was begun, or what has happened instead.
    trials: dict[str, Trial | Exception] = field(default_factory=dict)
    #: By the kind of cache: its user, or what has happened instead of making it.
    tenants: dict[str, Tenant | Exception] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        """Whose account it is."""
        account: Account = self.aws
        return account

    def eventually(self, look: Any, what: str) -> Any:
        """The first true answer, looked for as often as the account allows."""
        return self.account.eventually(look, what)

    def user(self, *, inactive: bool = False, **user: Any) -> Tenant:
        """A user with its secret, that can be modified: with a password, or as the guide begins."""
        first = (
            {"AccessString": "off ~app:* +get", "password": None}
            if inactive
            else {"password": secrets.token_hex(16)}
        )
        tenant = self.tenant(**{**first, **user})
        self.settled(tenant)
        return tenant

    def settled(self, tenant: Tenant) -> dict[str, Any]:
        """What DescribeUsers tells once nothing changes the user any more."""
        found: dict[str, Any] = self.eventually(
            lambda: user if (user := tenant.user())["Status"] == "active" else None,
            f"user {tenant.user_id} to be active",
        )
        return found

    def placement(self, kind: str) -> dict[str, Any]:
        """Where a cache is, and its size."""
        groups = {"SecurityGroupIds": self.network["SecurityGroupIds"].split(",")}
        if kind == "serverless":
            return {**groups, "SubnetIds": self.network["SubnetIds"].split(",")}
        return {
            **groups,
            "CacheNodeType": NODE_TYPE,
            "CacheSubnetGroupName": self.network["CacheSubnetGroupName"],
            "AutomaticFailoverEnabled": kind != "one node",
            **(_CLUSTER_MODE if kind == "cluster mode" else {}),
        }

    def replication_group(self, name: str) -> dict[str, Any]:
        """What DescribeReplicationGroups tells of one."""
        answer = self.elasticache.describe_replication_groups(ReplicationGroupId=name)
        [found] = answer["ReplicationGroups"]
        return dict(found)

    def ready(self, kind: str, name: str) -> None:
        """Wait until a user group, replication group or serverless cache can be used."""
        client = self.elasticache

        def look() -> bool:
            if kind == "user group":
                [found] = client.describe_user_groups(UserGroupId=name)["UserGroups"]
            elif kind == "serverless":
                [found] = client.describe_serverless_caches(ServerlessCacheName=name)[
                    "ServerlessCaches"
                ]
            else:
                found = self.replication_group(name)
            return str(found["Status"]).lower() in ("active", "available")

        self.eventually(look, f"{kind} {name} to be ready")

    def rotation(self, token: str, name: str, last_step: str = "finishSecret") -> Rotation:
        """Wait for the end of a rotation as Secrets Manager sees it: that of its last step.

        A step that has failed ends it, too. ``name`` is the execution's, which ends earlier; if the
        log shows no last step for a while after that, none is waited for.
        """
        account, since, ended = self.account, self.account.now(), 0.0
        function = self.stack.rotation_function_arn.rpartition(":")[2]

        def look() -> Rotation | None:
            nonlocal ended
            execution = self.execution(name)
            lines = self._logged(function, token, since)
            running = execution is not None and execution["status"] == "RUNNING"
            # An invocation whose time ran short fails as well; a retry waits on.
            failed = [it["error"] for it in lines if it.get("error")]
            finished = any(last_step in it.values() for it in lines)
            if not running and (finished or set(failed) - {"RotationInProgressError"}):
                return Rotation(execution, list(map(_said, lines)), finished=True)
            if execution and not running:
                ended = ended or account.clock()
                if account.clock() - ended > account.quiet:
                    texts = list(map(_said, lines)) or self._platform_lines(since)
                    return Rotation(execution, texts, finished=False)
            return None

        found: Rotation = self.eventually(look, f"the end of {last_step} of {token}")
        return found

    def execution(self, name: str) -> dict[str, Any] | None:
        """DescribeExecution's answer, or None if there is none of that name."""
        executions = self.stack.state_machine_arn.replace(":stateMachine:", ":execution:")
        client = self.step_functions
        try:
            return dict(client.describe_execution(executionArn=f"{executions}:{name}"))
        except client.exceptions.ExecutionDoesNotExist:
            return None

    def _logged(self, function: str, token: str, since: float) -> list[dict[str, Any]]:
        events = log_events(self.account, self._log_group, token, since)
        events.sort(key=lambda event: event["timestamp"])
        lines = (as_object(event["message"]) for event in events)
        return [line for line in lines if line.get("function") == function]

    def _platform_lines(self, since: float) -> list[str]:
        """Lambda's own, of whichever function: all write to one log group."""
        events = log_events(self.account, self._log_group, "", since)
        texts = (str(event["message"]).strip() for event in events)
        kept = [text[:_LINE_LENGTH] for text in texts if any(it in text for it in _PLATFORM)]
        return kept[-_LINES_KEPT:]

    @property
    def _log_group(self) -> str:
        return f"/aws/lambda/{self.account.run}-rotates"


def _said(line: Mapping[str, Any]) -> str:
    """A line of the functions' own: its keys are known, and none has a value of a secret."""
    text = " ".join(str(line[key]) for key in ("message", "error", "reason") if line.get(key))
    return text[:_LINE_LENGTH]


def prepare(account: Account, plans: list[str]) -> Scene:
    """A scene with nothing but trials of these plans, which have begun."""
    return Scene(account, prefix=f"{account.run}-", trials=begin(account, plans))


def build(scene: Scene, caches: tuple[str, ...]) -> None:
    """Make all the rest; a cache that AWS refuses is an answer, too.

    Raises:
        LocalAwsError: a stack was not deployed.
        ClientError: nor was its package.
    """
    account = scene.account
    poll = {"Delay": account.pause, "MaxAttempts": int(account.patience / account.pause)}
    template = {"TemplateBody": _ENVIRONMENT.read_text()}
    scene.network = network = change_stack(
        account.client("cloudformation"), f"{account.run}-network", template, {}, poll
    )
    in_vpc = {key: network[key] for key in ("SubnetIds", "SecurityGroupIds")}
    scene.stack = deploy_package(
        account.client,
        account.package(),
        f"{account.run}-rotates",
        account.run,
        {**in_vpc, "MaxModifyingSeconds": "900", "LogRetentionDays": "1"},
        poll,
    )
    account.deployed()
    for kind in caches:
        try:
            tenant = scene.user(inactive=True)
            tenant.serve(kind, ENGINES.get(kind, "redis"), "redis")
            scene.tenants[kind] = tenant
        except Exception as error:
            scene.tenants[kind] = error
    for kind, made in scene.tenants.items():
        if isinstance(made, Tenant):
            try:
                scene.ready(kind, made.caches[0])
                scene.settled(made)
                _check(scene, kind, made.caches[0])
            except Exception as error:
                scene.tenants[kind] = error


def _check(scene: Scene, kind: str, cache: str) -> None:
    """Nothing is told of cluster mode that another cache has answered."""
    if kind == "cluster mode" and not scene.replication_group(cache)["ClusterEnabled"]:
        raise NotClusterModeError(f"{cache} was created without cluster mode.")
