"""ElastiCache's users, user groups and caches in front of real Valkey servers.

Shapes and error codes are those of botocore's model of the service. [RBAC] below is
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from moto.core.common_types import TYPE_RESPONSE
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import camelcase_to_underscores

from local.nodes import Fleet, Node, RejectedRulesError

logger = logging.getLogger(__name__)

Shape = dict[str, Any]

_ARN_PREFIX = "arn:aws:elasticache:us-east-1:123456789012"
_IDENTIFIER = re.compile(r"[a-zA-Z][a-zA-Z0-9\-]*")
# [RBAC]: 16 to 128 printable characters, without these four.
_PASSWORD = re.compile(r'(?![^,"/@]*[,"/@])[\x21-\x7e]{16,128}')
_MOST_PASSWORDS = 2
# Rules that would bring a password into an access string, where none is allowed.
_PASSWORD_RULE = re.compile(r"[><#!].*|nopass|resetpass|reset", re.IGNORECASE)


class ElastiCacheError(ServiceException):
    """An error answer: the service's own code, and a text."""


@dataclass
class User:
    """A user as DescribeUsers shows it, and what its password hashes are."""

    user_id: str
    name: str
    engine: str
    access_string: str
    authentication: str  # password, no-password or iam
    hashes: list[str] = field(default_factory=list)
    status: str = "active"

    @property
    def arn(self) -> str:
        """The name by which tags and other services know it."""
        return f"{_ARN_PREFIX}:user:{self.user_id}"

    @property
    def rules(self) -> list[str]:
        """The ACL rules that make this user, for an engine's ACL SETUSER."""
        if self.authentication == "no-password":
            return [*self.access_string.split(), "nopass"]
        return [*self.access_string.split(), *(f"#{value}" for value in self.hashes)]


@dataclass
class UserGroup:
    """A user group; its users by their ids."""

    group_id: str
    engine: str
    user_ids: list[str]

    @property
    def arn(self) -> str:
        """The name by which tags and other services know it."""
        return f"{_ARN_PREFIX}:usergroup:{self.group_id}"


@dataclass
class Cache:
    """A replication group or a serverless cache: its nodes, and its shapes as they never change."""

    kind: str  # replicationgroup or serverlesscache, as in the ARN
    name: str
    group_ids: list[str]
    nodes: list[Node]
    shape: Shape
    members: list[Shape] = field(default_factory=list)  # CacheCluster shapes

    @property
    def arn(self) -> str:
        """The name by which tags and other services know it."""
        return f"{_ARN_PREFIX}:{self.kind}:{self.name}"


class ElastiCache:
    """The service: each public operation takes its request's shape and returns its answer's."""

    def __init__(self, fleet: Fleet, modifying_seconds: float) -> None:
        self._fleet = fleet
        self._faults = fleet.faults
        self._faults.occupy = self.occupy
        self._modifying_seconds = modifying_seconds
        self._lock = threading.RLock()
        aws_owned = User("default", "default", "redis", "on ~* +@all", "no-password")
        self._users = {"default": aws_owned}
        self._groups: dict[str, UserGroup] = {}
        self._caches: dict[str, Cache] = {}  # by ARN
        self._tags: dict[str, dict[str, str]] = {}  # by ARN

    def call(self, operation: str, request: Shape) -> Shape:
        """Performs the named operation; raises ElastiCacheError."""
        method = getattr(self, camelcase_to_underscores(operation), None)
        if method is None:
            raise ElastiCacheError("InvalidAction", f"{operation} is not part of the local AWS.")
        with self._lock:
            answer: Shape = method(request)
            return answer

    # Users

    def create_user(self, request: Shape) -> Shape:
        """CreateUser; the user is active at once."""
        user_id = _identifier(request["UserId"])
        if user_id in self._users:
            raise ElastiCacheError("UserAlreadyExists", f"User {user_id} already exists.")
        authentication = _authentication(request)
        if authentication is None:
            raise _invalid(
                "No password was provided. If you want to create/update the user without "
                "password, please use the NoPasswordRequired flag."
            )
        user = User(
            user_id,
            request["UserName"],
            _engine(request["Engine"]),
            _normalised(request["AccessString"]),
            *authentication,
        )
        self._check(user)
        self._users[user_id] = user
        self._tag(user.arn, request)
        return self._user_shape(user)

    def modify_user(self, request: Shape) -> Shape:
        """ModifyUser: AccessString and the passwords are replaced as wholes, after a while."""
        user = self._changeable_user(request["UserId"])
        access_string, appended = request.get("AccessString"), request.get("AppendAccessString")
        if access_string and appended:
            raise _combination("Use only one of AccessString and AppendAccessString.")
        authentication = _authentication(request)
        changed = User(
            user.user_id,
            user.name,
            _engine(request.get("Engine") or user.engine),
            _normalised(access_string or f"{user.access_string} {appended or ''}"),
            *(authentication or (user.authentication, user.hashes)),
            status="modifying",
        )
        self._check(changed)
        self._require_quiet_groups(user)
        self._users[user.user_id] = changed
        self._finish_later(changed, self._faults.modifying_seconds(self._modifying_seconds))
        return self._user_shape(changed)

    def describe_users(self, request: Shape) -> Shape:
        """DescribeUsers, by UserId or Engine."""
        _refuse_filters(request)
        if user_id := request.get("UserId"):
            users = [self._user(user_id)]
        else:
            engine = request.get("Engine")
            users = [u for u in self._users.values() if not engine or u.engine == _engine(engine)]
        return _page("Users", [self._user_shape(user) for user in users], request)

    def delete_user(self, request: Shape) -> Shape:
        """DeleteUser: like a modification, it takes a while."""
        user = self._changeable_user(request["UserId"])
        if user.name == "default" and self._group_ids(user):
            raise ElastiCacheError(
                "DefaultUserAssociatedToUserGroup",
                "The default user assigned to a user group cannot be deleted.",
            )
        user.status = "deleting"
        self._finish_later(user, self._faults.modifying_seconds(self._modifying_seconds))
        return self._user_shape(user)

    def occupy(self, user_id: str, seconds: float) -> None:
        """Modifies an active user for so long, and changes nothing."""
        with self._lock:
            if user_id in self._users and self._users[user_id].status == "active":
                self._users[user_id].status = "modifying"
                self._finish_later(self._users[user_id], seconds)

    def _finish_later(self, user: User, seconds: float) -> None:
        """Decides when a modification or deletion that has begun takes effect."""
        _after(seconds, self._finish, user)

    def _finish(self, user: User) -> None:
        with self._lock:
            group_ids = self._group_ids(user)
            nodes = self._nodes(group_ids)
            if user.status == "deleting":
                for group_id in group_ids:
                    self._groups[group_id].user_ids.remove(user.user_id)
                for node in nodes:
                    node.delete_user(user.name)
                del self._users[user.user_id]
                self._tags.pop(user.arn, None)
                return
            for node in nodes:
                if lag := self._faults.lag_seconds(node.position):
                    _after(lag, self._apply_late, user, node)
                else:
                    self._apply(user, node)
            user.status = "active"

    def _apply_late(self, user: User, node: Node) -> None:
        with self._lock:
            now = self._users.get(user.user_id)
            # Not over a later modification, which may have been applied without a lag.
            if now and (now is user or now.status == "modifying"):
                self._apply(user, node)

    def _apply(self, user: User, node: Node) -> None:
        """Makes the node's user what ElastiCache's user is."""
        try:
            node.set_user(user.name, user.rules)
        except RejectedRulesError as error:
            logger.error("user %s: a node refused its rules: %s", user.user_id, error)

    def _check(self, user: User) -> None:
        """Raises ElastiCacheError for what no user of its engine may be."""
        if user.engine == "valkey" and user.authentication == "no-password":
            raise _invalid("Users of engine valkey must have a password or use IAM.")
        rules = user.access_string.split()
        if any(_PASSWORD_RULE.fullmatch(rule) for rule in rules):
            raise _invalid("An access string cannot hold a password or reset the user.")
        try:
            self._fleet.check_rules(rules)
        except RejectedRulesError as error:
            raise _invalid(f"Invalid access string: {error}") from None

    def _user(self, user_id: str) -> User:
        try:
            return self._users[user_id.lower()]
        except KeyError:
            raise ElastiCacheError("UserNotFound", f"User {user_id} not found.") from None

    def _changeable_user(self, user_id: str) -> User:
        user = self._user(user_id)
        if user.user_id == "default":
            raise _invalid("The user default belongs to AWS and cannot be changed.")
        if user.status != "active":
            raise ElastiCacheError(
                "InvalidUserState",
                f"User {user.user_id} has status {user.status}. Only active users can be modified.",
            )
        return user

    def _require_quiet_groups(self, user: User) -> None:
        """Raises ElastiCacheError while another user of its groups is modified, by a fault."""
        peers = {
            peer
            for group_id in self._group_ids(user)
            for peer in self._groups[group_id].user_ids
            if self._users[peer].status != "active"
        }
        if peers and self._faults.one_at_a_time():
            raise ElastiCacheError(
                "InvalidUserState",
                f"User {min(peers)} of a user group of {user.user_id} is being modified.",
            )

    def _group_ids(self, user: User) -> list[str]:
        return [name for name, group in self._groups.items() if user.user_id in group.user_ids]

    def _user_shape(self, user: User) -> Shape:
        authentication: Shape = {"Type": user.authentication}
        if user.authentication == "password":
            authentication["PasswordCount"] = len(user.hashes)
        return {
            "UserId": user.user_id,
            "UserName": user.name,
            "Status": user.status,
            "Engine": user.engine,
            "MinimumEngineVersion": "7.2" if user.engine == "valkey" else "6.0",
            "AccessString": user.access_string,
            "UserGroupIds": self._group_ids(user),
            "Authentication": authentication,
            "ARN": user.arn,
        }

    # User groups

    def create_user_group(self, request: Shape) -> Shape:
        """CreateUserGroup; the group is active at once."""
        group_id = _identifier(request["UserGroupId"])
        if group_id in self._groups:
            raise ElastiCacheError("UserGroupAlreadyExists", f"User group {group_id} exists.")
        user_ids = [user_id.lower() for user_id in request.get("UserIds", [])]
        group = UserGroup(group_id, _engine(request["Engine"]), user_ids)
        self._check_group(group)
        self._groups[group_id] = group
        self._tag(group.arn, request)
        return self._group_shape(group)

    def modify_user_group(self, request: Shape) -> Shape:
        """ModifyUserGroup, in effect at once."""
        group = self._group(request["UserGroupId"])
        added = [user_id.lower() for user_id in request.get("UserIdsToAdd", [])]
        removed = [user_id.lower() for user_id in request.get("UserIdsToRemove", [])]
        if not added and not removed:
            raise _combination("Name users to add or to remove.")
        if strangers := [user_id for user_id in removed if user_id not in group.user_ids]:
            raise _invalid(f"Users {strangers} are not in user group {group.group_id}.")
        if members := [user_id for user_id in added if user_id in group.user_ids]:
            raise _invalid(f"Users {members} are in user group {group.group_id} already.")
        kept = [user_id for user_id in group.user_ids if user_id not in removed]
        changed = UserGroup(group.group_id, group.engine, kept + added)
        self._check_group(changed)
        group.user_ids = changed.user_ids
        for node in self._nodes([group.group_id]):
            for user_id in removed:
                node.delete_user(self._user(user_id).name)
            for user_id in added:
                self._apply(self._user(user_id), node)
        return self._group_shape(group)

    def describe_user_groups(self, request: Shape) -> Shape:
        """DescribeUserGroups."""
        group_id = request.get("UserGroupId")
        groups = [self._group(group_id)] if group_id else list(self._groups.values())
        return _page("UserGroups", [self._group_shape(group) for group in groups], request)

    def delete_user_group(self, request: Shape) -> Shape:
        """DeleteUserGroup, of a group that no cache uses."""
        group = self._group(request["UserGroupId"])
        if any(group.group_id in cache.group_ids for cache in self._caches.values()):
            raise ElastiCacheError(
                "InvalidUserGroupState", f"User group {group.group_id} is used by a cache."
            )
        shape = self._group_shape(group) | {"Status": "deleting"}
        del self._groups[group.group_id]
        self._tags.pop(group.arn, None)
        return shape

    def _check_group(self, group: UserGroup) -> None:
        users = [self._user(user_id) for user_id in group.user_ids]
        names = [user.name for user in users]
        if len(names) != len(set(names)):
            raise ElastiCacheError(
                "DuplicateUserName", "Two users of one user group cannot have the same name."
            )
        if group.engine == "redis":
            # [RBAC]: only groups of engine valkey can do without a user named default.
            if "default" not in names:
                raise ElastiCacheError(
                    "DefaultUserRequired",
                    "A user group of engine redis needs a user named default.",
                )
            if any(user.engine == "valkey" for user in users):
                raise _invalid("Users of engine valkey join only user groups of engine valkey.")
        elif any(user.authentication == "no-password" for user in users):
            raise _invalid("Users without a password cannot join user groups of engine valkey.")

    def _group(self, group_id: str) -> UserGroup:
        try:
            return self._groups[group_id.lower()]
        except KeyError:
            raise ElastiCacheError(
                "UserGroupNotFound", f"User group {group_id} not found."
            ) from None

    def _group_shape(self, group: UserGroup) -> Shape:
        caches = [cache for cache in self._caches.values() if group.group_id in cache.group_ids]
        return {
            "UserGroupId": group.group_id,
            "Status": "active",
            "Engine": group.engine,
            "UserIds": group.user_ids,
            "MinimumEngineVersion": "7.2" if group.engine == "valkey" else "6.0",
            "ReplicationGroups": [c.name for c in caches if c.kind == "replicationgroup"],
            "ServerlessCaches": [c.name for c in caches if c.kind == "serverlesscache"],
            "ARN": group.arn,
        }

    # Caches

    def create_replication_group(self, request: Shape) -> Shape:
        """CreateReplicationGroup; the group is available at once."""
        name, tls = _identifier(request["ReplicationGroupId"]), _tls(request)
        engine = _engine(request.get("Engine") or "redis")
        group_ids = [group_id.lower() for group_id in request.get("UserGroupIds", [])]
        if group_ids and not tls:
            raise _combination("User groups need TransitEncryptionEnabled.")
        shards = int(request.get("NumNodeGroups") or 1)
        clustered = (
            shards > 1
            or request.get("ClusterMode") == "enabled"
            or str(request.get("CacheParameterGroupName")).endswith(".cluster.on")
        )
        if "ReplicasPerNodeGroup" in request or shards > 1:
            size = 1 + int(request.get("ReplicasPerNodeGroup") or 0)
        else:
            size = int(request.get("NumCacheClusters") or 1)
        cache = self._start("replicationgroup", name, engine, group_ids, shards * size)
        node_groups = []
        for shard in range(shards):
            nodes = cache.nodes[shard * size : (shard + 1) * size]
            middle = f"-{shard + 1:04}" if clustered else ""
            members = [f"{name}{middle}-{index + 1:03}" for index in range(size)]
            endpoints = [_endpoint(node, tls=tls) for node in nodes]
            for member, endpoint in zip(members, endpoints, strict=True):
                cache.members.append(_cluster_shape(member, name, engine, endpoint, tls=tls))
            node_group: Shape = {"NodeGroupId": f"{shard + 1:04}", "Status": "available"}
            node_group["NodeGroupMembers"] = [
                {"CacheClusterId": member, "CacheNodeId": "0001"} for member in members
            ]
            if not clustered:
                node_group["PrimaryEndpoint"] = _endpoint(nodes[0], tls=tls)
                node_group["ReaderEndpoint"] = _endpoint(nodes[-1], tls=tls)
                for index, member in enumerate(node_group["NodeGroupMembers"]):
                    member["ReadEndpoint"] = endpoints[index]
                    member["CurrentRole"] = "replica" if index else "primary"
            node_groups.append(node_group)
        cache.shape = {
            "ReplicationGroupId": name,
            "Description": request["ReplicationGroupDescription"],
            "Status": "available",
            "MemberClusters": [member["CacheClusterId"] for member in cache.members],
            "NodeGroups": node_groups,
            "ClusterEnabled": clustered,
            "ClusterMode": "enabled" if clustered else "disabled",
            "TransitEncryptionEnabled": tls,
            "UserGroupIds": group_ids,
            "Engine": engine,
            "ARN": cache.arn,
        }
        if tls:
            cache.shape["TransitEncryptionMode"] = "required"
        if clustered:
            cache.shape["ConfigurationEndpoint"] = _endpoint(cache.nodes[0], tls=tls)
        self._tag(cache.arn, request)
        return {"ReplicationGroup": cache.shape}

    def describe_replication_groups(self, request: Shape) -> Shape:
        """DescribeReplicationGroups."""
        caches = self._find("replicationgroup", request.get("ReplicationGroupId"))
        return _page("ReplicationGroups", [cache.shape for cache in caches], request)

    def delete_replication_group(self, request: Shape) -> Shape:
        """DeleteReplicationGroup, with all nodes at once."""
        [cache] = self._find("replicationgroup", request["ReplicationGroupId"])
        return {"ReplicationGroup": self._delete(cache)}

    def describe_cache_clusters(self, request: Shape) -> Shape:
        """DescribeCacheClusters: where nodes of cluster mode have their addresses."""
        cluster_id = request.get("CacheClusterId")
        members = [
            member
            for cache in self._caches.values()
            for member in cache.members
            if not cluster_id or member["CacheClusterId"] == cluster_id.lower()
        ]
        if cluster_id and not members:
            raise ElastiCacheError("CacheClusterNotFound", f"CacheCluster not found: {cluster_id}")
        if request.get("ShowCacheClustersNotInReplicationGroups"):
            members = []
        if not request.get("ShowCacheNodeInfo"):
            members = [
                {key: value for key, value in member.items() if key != "CacheNodes"}
                for member in members
            ]
        return _page("CacheClusters", members, request)

    def create_serverless_cache(self, request: Shape) -> Shape:
        """CreateServerlessCache: one node behind two ports."""
        name, engine = _identifier(request["ServerlessCacheName"]), _engine(request["Engine"])
        group_id = request.get("UserGroupId")
        group_ids = [group_id.lower()] if group_id else []
        cache = self._start("serverlesscache", name, engine, group_ids, 1)
        cache.shape = {
            "ServerlessCacheName": name,
            "Description": request.get("Description") or " ",
            "Status": "available",
            "Engine": engine,
            "MajorEngineVersion": request.get("MajorEngineVersion") or "8",
            "Endpoint": _endpoint(cache.nodes[0]),
            "ReaderEndpoint": _endpoint(cache.nodes[0]),
            "ARN": cache.arn,
        }
        if group_ids:
            cache.shape["UserGroupId"] = group_ids[0]
        self._tag(cache.arn, request)
        return {"ServerlessCache": cache.shape}

    def describe_serverless_caches(self, request: Shape) -> Shape:
        """DescribeServerlessCaches."""
        caches = self._find("serverlesscache", request.get("ServerlessCacheName"))
        shapes = [cache.shape for cache in caches]
        return _page("ServerlessCaches", shapes, request, size="MaxResults", marker="NextToken")

    def delete_serverless_cache(self, request: Shape) -> Shape:
        """DeleteServerlessCache."""
        [cache] = self._find("serverlesscache", request["ServerlessCacheName"])
        return {"ServerlessCache": self._delete(cache)}

    def _start(self, kind: str, name: str, engine: str, group_ids: list[str], count: int) -> Cache:
        """Starts a cache's nodes with the users of its groups on every one of them."""
        code, subject = _CACHE_ERRORS[kind]
        cache = Cache(kind, name, group_ids, [], {})
        if cache.arn in self._caches:
            exists = code.replace("NotFound", "AlreadyExists")
            exists = "ReplicationGroupAlreadyExists" if kind == "replicationgroup" else exists
            raise ElastiCacheError(exists, f"{subject} {name} already exists.")
        for group in map(self._group, group_ids):
            if group.engine == "valkey" and engine == "redis":
                raise _combination("User groups of engine valkey need a cache of that engine.")
        cache.nodes = self._fleet.start_nodes(count)
        open_to_all = User("default", "default", engine, "on ~* &* +@all", "no-password")
        for node in cache.nodes:
            if not group_ids:
                self._apply(open_to_all, node)
            for user_id in self._user_ids(group_ids):
                self._apply(self._users[user_id], node)
        self._caches[cache.arn] = cache
        return cache

    def _delete(self, cache: Cache) -> Shape:
        del self._caches[cache.arn]
        self._tags.pop(cache.arn, None)
        self._fleet.stop_nodes(cache.nodes)
        return cache.shape | {"Status": "deleting"}

    def _find(self, kind: str, name: str | None) -> list[Cache]:
        """All caches of the kind, or the one that is named; raises ElastiCacheError."""
        caches = [cache for cache in self._caches.values() if cache.kind == kind]
        if name is None:
            return caches
        if found := [cache for cache in caches if cache.name == name.lower()]:
            return found
        code, subject = _CACHE_ERRORS[kind]
        raise ElastiCacheError(code, f"{subject} {name} not found.")

    def _user_ids(self, group_ids: Iterable[str]) -> list[str]:
        return [user_id for group_id in group_ids for user_id in self._groups[group_id].user_ids]

    def _nodes(self, group_ids: Iterable[str]) -> list[Node]:
        """Every node of every cache that uses one of the groups."""
        wanted = set(group_ids)
        caches = [cache for cache in self._caches.values() if wanted & set(cache.group_ids)]
        return [node for cache in caches for node in cache.nodes]

    # Tags

    def list_tags_for_resource(self, request: Shape) -> Shape:
        """ListTagsForResource."""
        tags = self._tags.get(self._existing(request["ResourceName"]), {})
        return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def tags(self, arn: str) -> dict[str, str]:
        """What an ARN is tagged with."""
        with self._lock:
            return dict(self._tags.get(arn, {}))

    def add_tags_to_resource(self, request: Shape) -> Shape:
        """AddTagsToResource."""
        self._tag(self._existing(request["ResourceName"]), request)
        return self.list_tags_for_resource(request)

    def remove_tags_from_resource(self, request: Shape) -> Shape:
        """RemoveTagsFromResource: all of the named tags, or none."""
        tags = self._tags.get(self._existing(request["ResourceName"]), {})
        for key in request["TagKeys"]:
            if key not in tags:
                raise ElastiCacheError("TagNotFound", f"Tag {key} not found.")
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return self.list_tags_for_resource(request)

    def _tag(self, arn: str, request: Shape) -> None:
        tags = {tag["Key"]: tag.get("Value", "") for tag in request.get("Tags", [])}
        self._tags.setdefault(arn, {}).update(tags)

    def _existing(self, arn: str) -> str:
        """The ARN, when it names something that exists; raises ElastiCacheError."""
        prefix, _, rest = arn.partition(f"{_ARN_PREFIX}:")
        kind, _, name = rest.partition(":")
        if prefix or not name:
            raise ElastiCacheError("InvalidARN", f"ARN {arn} is invalid.")
        if kind == "user":
            self._user(name)
        elif kind == "usergroup":
            self._group(name)
        elif kind in _CACHE_ERRORS:
            self._find(kind, name)
        else:
            raise ElastiCacheError("InvalidARN", f"ARN {arn} is invalid.")
        return arn


_CACHE_ERRORS: Mapping[str, tuple[str, str]] = {
    "replicationgroup": ("ReplicationGroupNotFoundFault", "Replication group"),
    "serverlesscache": ("ServerlessCacheNotFoundFault", "Serverless cache"),
}


class ElastiCacheResponse(BaseResponse):
    """Between HTTP and the service: moto parses requests and writes answers by botocore's model."""

    service: ClassVar[ElastiCache]

    def __init__(self) -> None:
        super().__init__(service_name="elasticache")
        self.automated_parameter_parsing = True

    def call_action(self) -> TYPE_RESPONSE:
        """Answers one request."""
        try:
            result: object = self.service.call(self._get_action(), dict(self.params))
        except ElastiCacheError as error:
            result = error
        return self.serialized(ActionResult(result))


def _after(seconds: float, work: Callable[..., None], *arguments: Any) -> None:
    timer = threading.Timer(seconds, work, arguments)
    timer.daemon = True
    timer.start()


def _invalid(text: str) -> ElastiCacheError:
    return ElastiCacheError("InvalidParameterValue", text)


def _combination(text: str) -> ElastiCacheError:
    return ElastiCacheError("InvalidParameterCombination", text)


def _identifier(text: str) -> str:
    if not _IDENTIFIER.fullmatch(text):
        raise _invalid(f"{text!r} is not an identifier: a letter, then letters, digits, hyphens.")
    return text.lower()


def _engine(text: str) -> str:
    engine = text.lower()
    if engine not in ("redis", "valkey"):
        raise _invalid(f"Unknown engine {text!r}: use redis or valkey.")
    return engine


def _tls(request: Shape) -> bool:
    return bool(request.get("TransitEncryptionEnabled"))


def _normalised(access_string: str) -> str:
    """The order in which the guide shows an access string: on or off, keys, channels, commands.

    "off +get ~keys*" is shown as "off ~keys* -@all +get".
    """
    rules = access_string.split()
    if "(" in access_string:  # Selectors: their order is their meaning.
        return " ".join(rules)
    state = [rule for rule in rules if rule in ("on", "off")][-1:] or ["off"]
    rest = [rule for rule in rules if rule not in ("on", "off")]
    commands = [rule for rule in rest if rule[0] in "+-" or rule.endswith("commands")]
    channels = [rule for rule in rest if rule[0] == "&" or rule.endswith("channels")]
    keys = [rule for rule in rest if rule not in commands and rule not in channels]
    if not commands or commands[0] not in ("+@all", "-@all", "allcommands", "nocommands"):
        commands.insert(0, "-@all")
    return " ".join([*state, *keys, *channels, *commands])


def _authentication(request: Shape) -> tuple[str, list[str]] | None:
    """The requested type and the hashes of its passwords, or None when none was requested."""
    mode = request.get("AuthenticationMode")
    no_password = request.get("NoPasswordRequired")
    given = [bool(mode), bool(request.get("Passwords")), bool(no_password)]
    if sum(given) > 1:
        raise _combination("Use only one of AuthenticationMode, Passwords and NoPasswordRequired.")
    if not any(given):
        return None
    passwords = list((mode or request).get("Passwords", []))
    kind = mode.get("Type") if mode else "no-password-required" if no_password else "password"
    if kind not in ("password", "no-password-required", "iam"):
        raise _invalid(f"Unknown authentication type {kind!r}.")
    if (kind == "password") != bool(passwords):
        raise _combination(f"Authentication type {kind} with {len(passwords)} passwords.")
    if len(passwords) > _MOST_PASSWORDS:
        raise _invalid(f"A user can have at most {_MOST_PASSWORDS} passwords.")
    if len(set(passwords)) != len(passwords):
        raise _invalid("The passwords of a user must differ.")
    if not all(_PASSWORD.fullmatch(password) for password in passwords):
        raise _invalid('Passwords must be 16-128 printable characters, without any of , " / and @.')
    hashes = [hashlib.sha256(password.encode()).hexdigest() for password in passwords]
    return kind.removesuffix("-required"), hashes


def _refuse_filters(request: Shape) -> None:
    if request.get("Filters"):
        raise _combination("Filters are not part of the local AWS.")


def _endpoint(node: Node, *, tls: bool = True) -> Shape:
    """A new port of the node, under the name that its certificate carries."""
    return {"Address": "localhost", "Port": node.listen(tls=tls)}


def _cluster_shape(member: str, name: str, engine: str, endpoint: Shape, *, tls: bool) -> Shape:
    return {
        "CacheClusterId": member,
        "ReplicationGroupId": name,
        "Engine": engine,
        "CacheClusterStatus": "available",
        "NumCacheNodes": 1,
        "TransitEncryptionEnabled": tls,
        "CacheNodes": [
            {"CacheNodeId": "0001", "CacheNodeStatus": "available", "Endpoint": endpoint}
        ],
        "ARN": f"{_ARN_PREFIX}:cluster:{member}",
    }


def _page(
    key: str, items: list[Shape], request: Shape, size: str = "MaxRecords", marker: str = "Marker"
) -> Shape:
    """One page of items under the key, and the marker of the next one when there is one."""
    token = str(request.get(marker) or "0")
    if not token.isdigit():
        raise _invalid(f"Invalid {marker}.")
    start, end = int(token), int(token) + int(request.get(size) or 100)
    page: Shape = {key: items[start:end]}
    return page | {marker: str(end)} if end < len(items) else page
