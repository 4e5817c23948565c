"""ElastiCache's control plane, as far as a rotation needs it."""

from functools import cache
from typing import Any

import boto3

from rotation.adapters.aws import CLIENT_CONFIG, translated
from rotation.errors import RotationError, UserBusyError, UserNotFoundError
from rotation.records.endpoint import Endpoint
from rotation.records.user import User

_CODES: dict[str, type[RotationError]] = {
    "UserNotFound": UserNotFoundError,
    "InvalidUserState": UserBusyError,
    "InvalidUserGroupState": UserBusyError,
}


class _GoneError(RotationError):
    """A group or a cache was deleted between two looks."""


_GONE: dict[str, type[RotationError]] = dict.fromkeys(
    ("UserGroupNotFound", "ReplicationGroupNotFoundFault", "ServerlessCacheNotFoundFault"),
    _GoneError,
)


class ElastiCache:
    """Describes and modifies users, and finds the caches that serve them."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    @cache
    def connect(cls) -> "ElastiCache":
        """The function's own client."""
        return cls(boto3.client("elasticache", config=CLIENT_CONFIG))

    def user(self, user_id: str) -> User:
        """The user, as DescribeUsers shows it now.

        Raises:
            UserNotFoundError: there is none.
        """
        with translated("DescribeUsers", user_id, _CODES):
            found = self._client.describe_users(UserId=user_id)["Users"]
            if not found:
                raise UserNotFoundError(f"DescribeUsers knows no user {user_id}.")
            return _user(found[0])

    def users(self) -> list[User]:
        """All users of the account and region."""
        with translated("DescribeUsers", "all users", _CODES):
            pages = self._client.get_paginator("describe_users").paginate()
            return [_user(found) for page in pages for found in page["Users"]]

    def tags(self, user_arn: str) -> dict[str, str]:
        """The user's tags. To be asked of a user that DescribeUsers has just shown.

        Raises:
            UserBusyError: the user is in transition; its tags then answer UserNotFound
                (hashicorp/terraform-provider-aws issues 34002 and 47638).
        """
        codes = {**_CODES, "UserNotFound": UserBusyError}
        with translated("ListTagsForResource", user_arn, codes):
            found = self._client.list_tags_for_resource(ResourceName=user_arn)["TagList"]
            return {tag["Key"]: tag.get("Value", "") for tag in found}

    def set_passwords(
        self, user_id: str, passwords: list[str], *, access_string: str | None = None
    ) -> None:
        """Replace the user's whole list of passwords by one or two.

        Raises:
            UserBusyError: only active users can be modified.
        """
        mode = {"Type": "password", "Passwords": list(dict.fromkeys(passwords))}
        access = {"AccessString": access_string} if access_string else {}
        with translated("ModifyUser", user_id, _CODES):
            self._client.modify_user(UserId=user_id, AuthenticationMode=mode, **access)

    def endpoints(self, user: User) -> list[Endpoint]:
        """Every node of every replication group and serverless cache behind the user's groups.

        A cache that is being created or deleted has no endpoint and is left out.
        """
        replication_groups: set[str] = set()
        serverless_caches: set[str] = set()
        for group_id in user.group_ids:
            for group in self._described("user_groups", "UserGroup", group_id):
                replication_groups.update(group.get("ReplicationGroups", ()))
                serverless_caches.update(group.get("ServerlessCaches", ()))
        found: set[Endpoint] = set()
        sharded: set[str] = set()
        for group_id in sorted(replication_groups):
            for group in self._described("replication_groups", "ReplicationGroup", group_id):
                if group.get("ClusterEnabled"):
                    sharded.add(group_id)
                for node_group in group.get("NodeGroups", ()):
                    for member in node_group.get("NodeGroupMembers", ()):
                        found.update(_endpoint(group_id, member.get("ReadEndpoint")))
        if sharded:
            found.update(self._node_endpoints(sharded))
        for name in sorted(serverless_caches):
            for serverless in self._described("serverless_caches", "ServerlessCache", name):
                found.update(_endpoint(name, serverless.get("Endpoint")))
                found.update(_endpoint(name, serverless.get("ReaderEndpoint")))
        return sorted(found)

    def _described(self, plural: str, kind: str, name: str) -> list[dict[str, Any]]:
        """What a describe call tells of one group or cache; nothing if it is gone meanwhile."""
        key = f"{kind}Name" if kind == "ServerlessCache" else f"{kind}Id"
        try:
            with translated(f"Describe{kind}s", name, {**_CODES, **_GONE}):
                answer = getattr(self._client, f"describe_{plural}")(**{key: name})
                found: list[dict[str, Any]] = answer[f"{kind}s"]
                return found
        except _GoneError:
            return []

    def _node_endpoints(self, replication_groups: set[str]) -> set[Endpoint]:
        """With cluster mode on, only DescribeCacheClusters tells the nodes' addresses."""
        found: set[Endpoint] = set()
        with translated("DescribeCacheClusters", ", ".join(sorted(replication_groups)), _CODES):
            pages = self._client.get_paginator("describe_cache_clusters").paginate(
                ShowCacheNodeInfo=True
            )
            for cluster in (cluster for page in pages for cluster in page["CacheClusters"]):
                if cluster.get("ReplicationGroupId") in replication_groups:
                    for node in cluster.get("CacheNodes", ()):
                        found |= _endpoint(cluster["ReplicationGroupId"], node.get("Endpoint"))
        return found


def _user(found: dict[str, Any]) -> User:
    authentication = found.get("Authentication", {})
    return User(
        user_id=found["UserId"],
        arn=found["ARN"],
        name=found["UserName"],
        status=found["Status"].lower(),
        access_string=found.get("AccessString", ""),
        # Samples in the guide print no_password, the API model no-password.
        authentication=authentication.get("Type", "").replace("_", "-"),
        password_count=authentication.get("PasswordCount") or 0,
        group_ids=tuple(found.get("UserGroupIds", ())),
    )


def _endpoint(cache_id: str, described: dict[str, Any] | None) -> set[Endpoint]:
    if not described or not described.get("Address") or not described.get("Port"):
        return set()
    return {Endpoint(cache_id, described["Address"], described["Port"])}
