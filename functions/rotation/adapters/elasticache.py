"""ElastiCache's control plane: users, and the endpoints of the caches that they log in to."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING

import boto3

from rotation.adapters.aws import CLIENT_CONFIG, translated
from rotation.errors import RotationError, UserBusyError, UserNotFoundError
from rotation.records.endpoint import Endpoint
from rotation.records.user import User, user_id_in

if TYPE_CHECKING:
    from mypy_boto3_elasticache import ElastiCacheClient
    from mypy_boto3_elasticache.type_defs import (
        EndpointTypeDef,
        ModifyUserMessageTypeDef,
        UserTypeDef,
    )

_CODES: dict[str, type[RotationError]] = {
    "UserNotFound": UserNotFoundError,
    "InvalidUserState": UserBusyError,
    "InvalidUserGroupState": UserBusyError,
}


class _DeletedError(RotationError):
    """A group or a cache was deleted between two calls."""


_DELETED: dict[str, type[RotationError]] = dict.fromkeys(
    ("UserGroupNotFound", "ReplicationGroupNotFoundFault", "ServerlessCacheNotFoundFault"),
    _DeletedError,
)


class ElastiCache:
    """Describes and modifies users, by ARN, and finds the endpoints of their caches."""

    def __init__(self, client: "ElastiCacheClient") -> None:
        self._client = client

    @classmethod
    @cache
    def connect(cls) -> "ElastiCache":
        """The function's own client."""
        return cls(boto3.client("elasticache", config=CLIENT_CONFIG))

    def user(self, user_arn: str) -> User:
        """The user, as DescribeUsers shows it now.

        Raises:
            UserNotFoundError: there is none.
        """
        user_id = user_id_in(user_arn)
        with translated("DescribeUsers", user_id, _CODES):
            users = self._client.describe_users(UserId=user_id)["Users"]
            if not users:
                raise UserNotFoundError(f"DescribeUsers knows no user {user_id}.")
            return _user(users[0])

    def users(self) -> list[User]:
        """All users of the account and region."""
        with translated("DescribeUsers", "all users", _CODES):
            pages = self._client.get_paginator("describe_users").paginate()
            return [_user(user) for page in pages for user in page["Users"]]

    def tags(self, user_arn: str) -> dict[str, str]:
        """The tags of a user that DescribeUsers has just shown.

        Raises:
            UserBusyError: the user is in transition; its tags then answer UserNotFound
                (hashicorp/terraform-provider-aws issues 34002 and 47638).
        """
        codes = {**_CODES, "UserNotFound": UserBusyError}
        with translated("ListTagsForResource", user_arn, codes):
            tags = self._client.list_tags_for_resource(ResourceName=user_arn)["TagList"]
            return {tag["Key"]: tag.get("Value", "") for tag in tags}

    def set_passwords(
        self, user_arn: str, passwords: list[str], *, access_string: str | None = None
    ) -> None:
        """Replace all passwords of the user with one or two.

        Raises:
            UserBusyError: only active users can be modified.
        """
        user_id = user_id_in(user_arn)
        request: ModifyUserMessageTypeDef = {
            "UserId": user_id,
            "AuthenticationMode": {
                "Type": "password",
                "Passwords": list(dict.fromkeys(passwords)),
            },
        }
        if access_string:
            request["AccessString"] = access_string
        with translated("ModifyUser", user_id, _CODES):
            self._client.modify_user(**request)

    def endpoints(self, user: User) -> list[Endpoint]:
        """Every node of every replication group and serverless cache of the user's groups.

        A cache that is being created or deleted has no endpoint and is left out.
        """
        replication_groups: set[str] = set()
        serverless_caches: set[str] = set()
        for group_id in user.group_ids:
            with _unless_deleted("DescribeUserGroups", group_id):
                answer = self._client.describe_user_groups(UserGroupId=group_id)
                for group in answer["UserGroups"]:
                    replication_groups.update(group.get("ReplicationGroups", ()))
                    serverless_caches.update(group.get("ServerlessCaches", ()))
        endpoints = self._replication_group_endpoints(replication_groups)
        for name in sorted(serverless_caches):
            endpoints |= self._serverless_endpoints(name)
        return sorted(endpoints)

    def _replication_group_endpoints(self, group_ids: set[str]) -> set[Endpoint]:
        endpoints: set[Endpoint] = set()
        with_cluster_mode: set[str] = set()
        for group_id in sorted(group_ids):
            with _unless_deleted("DescribeReplicationGroups", group_id):
                answer = self._client.describe_replication_groups(ReplicationGroupId=group_id)
                for group in answer["ReplicationGroups"]:
                    if group.get("ClusterEnabled"):
                        with_cluster_mode.add(group_id)
                    for shard in group.get("NodeGroups", ()):
                        for node in shard.get("NodeGroupMembers", ()):
                            endpoints |= _endpoint(group_id, node.get("ReadEndpoint"))
        if with_cluster_mode:
            endpoints |= self._node_endpoints(with_cluster_mode)
        return endpoints

    def _serverless_endpoints(self, name: str) -> set[Endpoint]:
        endpoints: set[Endpoint] = set()
        with _unless_deleted("DescribeServerlessCaches", name):
            answer = self._client.describe_serverless_caches(ServerlessCacheName=name)
            for serverless in answer["ServerlessCaches"]:
                endpoints |= _endpoint(name, serverless.get("Endpoint"))
                endpoints |= _endpoint(name, serverless.get("ReaderEndpoint"))
        return endpoints

    def _node_endpoints(self, replication_groups: set[str]) -> set[Endpoint]:
        """With cluster mode on, only DescribeCacheClusters shows the addresses of nodes."""
        endpoints: set[Endpoint] = set()
        with translated("DescribeCacheClusters", ", ".join(sorted(replication_groups)), _CODES):
            pages = self._client.get_paginator("describe_cache_clusters").paginate(
                ShowCacheNodeInfo=True
            )
            for cluster in (cluster for page in pages for cluster in page["CacheClusters"]):
                group_id = cluster.get("ReplicationGroupId", "")
                if group_id in replication_groups:
                    for node in cluster.get("CacheNodes", ()):
                        endpoints |= _endpoint(group_id, node.get("Endpoint"))
        return endpoints


@contextmanager
def _unless_deleted(call: str, name: str) -> Iterator[None]:
    with suppress(_DeletedError), translated(call, name, {**_CODES, **_DELETED}):
        yield


def _user(user: "UserTypeDef") -> User:
    authentication = user.get("Authentication", {})
    return User(
        arn=user["ARN"],
        name=user["UserName"],
        status=user["Status"].lower(),
        access_string=user.get("AccessString", ""),
        # Samples in the guide print no_password, the API model no-password.
        authentication=authentication.get("Type", "").replace("_", "-"),
        password_count=authentication.get("PasswordCount") or 0,
        group_ids=tuple(user.get("UserGroupIds", ())),
    )


def _endpoint(cache_id: str, endpoint: "EndpointTypeDef | None") -> set[Endpoint]:
    if not endpoint or not endpoint.get("Address") or not endpoint.get("Port"):
        return set()
    return {Endpoint(cache_id, endpoint["Address"], endpoint["Port"])}
