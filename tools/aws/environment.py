"""What a run creates in the account: a network, the stack, caches with a user each, and secrets."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from local.deploy import Stack, change_stack, deploy_package
from tests.rotation.world import Tenant, World
from tools.aws.account import Account
from tools.aws.trials import Trial

T = TypeVar("T")

CACHES = ("one node", "replicas", "cluster mode", "serverless")
NODE_TYPE = "cache.t4g.micro"
#: Cluster mode and serverless are of the newer engine; a user group of engine redis serves both.
_ENGINES = {"cluster mode": "valkey", "serverless": "valkey"}
#: The parameter group turns cluster mode on (API reference, CreateReplicationGroup), and has to be
#: of the engine's version.
_CLUSTER_MODE = {
    "EngineVersion": "8.0",
    "CacheParameterGroupName": "default.valkey8.cluster.on",
}
_NETWORK = Path(__file__).with_name("network.yaml")


@dataclass
class Environment(World):
    """The world of tests/rotation, in an account: creation takes time, and a cache has a subnet."""

    aws: Any  # an Account, which has `client` as a LocalAws does
    stack: Stack = field(default_factory=lambda: Stack({}))
    prefix: str = ""
    network: dict[str, str] = field(default_factory=dict)
    #: By the plan: a rotation that was started, or the error instead.
    trials: dict[str, Trial | Exception] = field(default_factory=dict)
    #: By the kind of cache: its user, or the error instead.
    tenants: dict[str, Tenant | Exception] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        """Whose account it is."""
        account: Account = self.aws
        return account

    def trial(self, plan: str) -> Trial:
        """The trial of that plan; raises the error that prevented it."""
        return _or_raise(self.trials[plan])

    def tenant_of(self, kind: str = "") -> Tenant:
        """The user of that kind of cache, or of the first; raises the error that prevented it."""
        return _or_raise(self.tenants[kind or next(iter(self.tenants))])

    def eventually(self, look: Any, what: str) -> Any:
        """The first true answer, looked for as often as the account allows."""
        return self.account.eventually(look, what)

    def user(self, *, inactive: bool = False, **user: Any) -> Tenant:
        """An active user with its secret; ``inactive``: off and without a password, as in [USM]."""
        first = (
            {"AccessString": "off ~app:* +get", "password": None}
            if inactive
            else {"password": secrets.token_hex(16)}
        )
        tenant = self.tenant(**{**first, **user})
        self.active(tenant)
        return tenant

    def active(self, tenant: Tenant) -> dict[str, Any]:
        """DescribeUsers' response, once the user is active."""
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

    def described(self, kind: str, name: str) -> dict[str, Any]:
        """The description of a user group or a cache."""
        client = self.elasticache
        if kind == "user group":
            [found] = client.describe_user_groups(UserGroupId=name)["UserGroups"]
        elif kind == "serverless":
            response = client.describe_serverless_caches(ServerlessCacheName=name)
            [found] = response["ServerlessCaches"]
        else:
            response = client.describe_replication_groups(ReplicationGroupId=name)
            [found] = response["ReplicationGroups"]
        return dict(found)

    def ready(self, kind: str, name: str) -> None:
        """Wait until a user group or a cache can be used."""
        self.eventually(
            lambda: self.described(kind, name)["Status"].lower() in ("active", "available"),
            f"{kind} {name} to be ready",
        )

    def build(self, caches: tuple[str, ...]) -> None:
        """Deploy the stacks and create the caches; an error takes the place of a cache's user.

        Raises:
            LocalAwsError: a stack was not deployed.
            ClientError: nor was its package.
        """
        account, template = self.account, {"TemplateBody": _NETWORK.read_text()}
        formation, name = account.client("cloudformation"), f"{account.run}-network"
        self.network = change_stack(formation, name, template, {}, account.poll)
        in_vpc = {key: self.network[key] for key in ("SubnetIds", "SecurityGroupIds")}
        self.stack = deploy_package(
            account.client,
            account.package(),
            f"{account.run}-rotates",
            account.run,
            {**in_vpc, "MaxModifyingSeconds": "900", "LogRetentionDays": "1"},
            account.poll,
        )
        account.deployed()
        for kind in caches:
            try:
                tenant = self.tenants[kind] = self.user(inactive=True)
                tenant.serve(kind, _ENGINES.get(kind, "redis"), "redis")
            except Exception as error:
                self.tenants[kind] = error
        for kind, created in self.tenants.items():
            if isinstance(created, Tenant):
                try:
                    self.ready(kind, created.caches[0])
                    self.active(created)
                except Exception as error:
                    self.tenants[kind] = error


def _or_raise(created: T | Exception) -> T:
    if isinstance(created, Exception):
        raise created
    return created
