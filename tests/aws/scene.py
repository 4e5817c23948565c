"""What a run makes in the account: network, stack, caches with a user each, and their secrets."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.deploy import change_stack, deploy_package
from tests.aws.account import Account
from tests.rotation.world import Tenant, World

CACHES = ("one node", "replicas", "cluster mode", "serverless")
NODE_TYPE = "cache.t4g.micro"
#: Cluster mode and serverless are of the newer engine; a user group of engine redis serves both.
ENGINES = {"cluster mode": "valkey", "serverless": "valkey"}
_ENVIRONMENT = Path(__file__).with_name("environment.yaml")


@dataclass
class Scene(World):
    """The world of tests/rotation, in an account: whatever is made takes time, and has a place."""

    aws: Any  # an Account, which has `client` as a LocalAws does
    network: dict[str, str] = field(default_factory=dict)
    #: By the kind of cache: its user, or what AWS has answered instead of making it.
    tenants: dict[str, "Tenant | ClientError"] = field(default_factory=dict)

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
        }

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
                [found] = client.describe_replication_groups(ReplicationGroupId=name)[
                    "ReplicationGroups"
                ]
            return str(found["Status"]).lower() in ("active", "available")

        self.eventually(look, f"{kind} {name} to be ready")


def build(account: Account, caches: tuple[str, ...]) -> Scene:
    """Make it all; a cache that AWS refuses is an answer, too.

    Raises:
        LocalAwsError: a stack was not deployed.
        TimeoutError: something was not ready within the account's patience.
    """
    poll = {"Delay": account.pause, "MaxAttempts": int(account.patience / account.pause)}
    template = {"TemplateBody": _ENVIRONMENT.read_text()}
    network = change_stack(
        account.client("cloudformation"), f"{account.run}-network", template, {}, poll
    )
    in_vpc = {key: network[key] for key in ("SubnetIds", "SecurityGroupIds")}
    stack = deploy_package(
        account.client,
        account.package(),
        f"{account.run}-rotates",
        account.run,
        {**in_vpc, "MaxModifyingSeconds": "900", "LogRetentionDays": "1"},
        poll,
    )
    account.deployed()
    scene = Scene(account, stack, f"{account.run}-", network=network)
    for kind in caches:
        try:
            tenant = scene.user(inactive=True)
            tenant.serve(kind, ENGINES.get(kind, "redis"), "redis")
            scene.tenants[kind] = tenant
        except ClientError as error:
            scene.tenants[kind] = error
    for kind, made in scene.tenants.items():
        if isinstance(made, Tenant):
            scene.ready(kind, made.caches[0])
            scene.settled(made)
    return scene
