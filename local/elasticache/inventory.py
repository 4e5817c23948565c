"""What there is in ElastiCache, and how users come onto nodes."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from moto.core.exceptions import ServiceException

from local.nodes import Fleet, Node, RejectedRulesError

logger = logging.getLogger(__name__)

Shape = dict[str, Any]

ARN_PREFIX = "arn:aws:elasticache:us-east-1:123456789012"


class ElastiCacheError(ServiceException):
    """An error answer: the service's own code, and a text."""


def invalid(text: str) -> ElastiCacheError:
    """The answer to a value that cannot be."""
    return ElastiCacheError("InvalidParameterValue", text)


def combination(text: str) -> ElastiCacheError:
    """The answer to parameters that do not go together."""
    return ElastiCacheError("InvalidParameterCombination", text)


@dataclass
class User:
    """A user as DescribeUsers shows it, and what its password hashes are."""

    user_id: str
    name: str
    engine: str
    access_string: str
    authentication: str  # password, no-password or iam
    hashes: list[str] = field(default_factory=list)
    status: str = "active"  # its own; a change of its groups or caches counts as well

    @property
    def arn(self) -> str:
        """The name by which tags and other services know it."""
        return f"{ARN_PREFIX}:user:{self.user_id}"

    @property
    def rules(self) -> list[str]:
        """The ACL rules that make this user, for an engine's ACL SETUSER."""
        if self.authentication == "no-password":
            return [*self.access_string.split(), "nopass"]
        return [*self.access_string.split(), *(f"#{value}" for value in self.hashes)]


@dataclass
class UserGroup:
    """A user group; its users by their ids, and those of a change that is under way."""

    group_id: str
    engine: str
    user_ids: list[str]
    status: str = "active"
    joining: list[str] = field(default_factory=list)
    leaving: list[str] = field(default_factory=list)

    @property
    def arn(self) -> str:
        """The name by which tags and other services know it."""
        return f"{ARN_PREFIX}:usergroup:{self.group_id}"


@dataclass
class Cache:
    """A replication group or a serverless cache; of a change under way, the groups it will have."""

    kind: str  # replicationgroup or serverlesscache, as in the ARN
    name: str
    engine: str
    group_ids: list[str]
    nodes: list[Node]
    shape: Shape = field(default_factory=dict)  # without what changes
    members: list[Shape] = field(default_factory=list)  # CacheCluster shapes
    status: str = "available"
    future_group_ids: list[str] = field(default_factory=list)

    @property
    def arn(self) -> str:
        """The name by which tags and other services know it."""
        return f"{ARN_PREFIX}:{self.kind}:{self.name}"


#: What is in a cache without user groups: anybody.
_OPEN_TO_ALL = User("default", "default", "redis", "on ~* &* +@all", "no-password")


class Inventory:
    """All users, user groups, caches and tags, and what each of them is part of."""

    def __init__(
        self, fleet: Fleet, modifying_seconds: float, after: Callable[..., None] | None = None
    ) -> None:
        """`after` does some work so many seconds later; by default, a thread of its own does."""
        self.fleet = fleet
        self.faults = fleet.faults
        self.lock = threading.RLock()
        self.after = after or _after
        self._modifying_seconds = modifying_seconds
        aws_owned = User("default", "default", "redis", "on ~* +@all", "no-password")
        self.users = {"default": aws_owned}
        self.groups: dict[str, UserGroup] = {}
        self.caches: dict[str, Cache] = {}  # by ARN
        self.tags: dict[str, dict[str, str]] = {}  # by ARN
        self.unreadable: dict[str, float] = {}  # by a user's ARN: until when its tags are

    def frozen(self) -> Inventory:
        """The same as it is now, for ever; to be read only."""
        other = copy.copy(self)
        other.users = {key: replace(user) for key, user in self.users.items()}
        other.groups = {
            key: replace(group, user_ids=[*group.user_ids]) for key, group in self.groups.items()
        }
        other.caches = {
            key: replace(cache, shape=dict(cache.shape)) for key, cache in self.caches.items()
        }
        other.tags = copy.deepcopy(self.tags)
        other.unreadable = dict(self.unreadable)
        return other

    @property
    def state(self) -> Any:
        """What a read can tell of, to be compared."""
        return (self.users, self.groups, self.caches, self.tags, self.unreadable)

    def change(self, finish: Callable[..., None], *arguments: Any) -> None:
        """Decides when a change that has begun takes effect: `finish` is then called, locked."""

        def locked() -> None:
            with self.lock:
                finish(*arguments)

        self.after(self.faults.modifying_seconds(self._modifying_seconds), locked)

    # Users

    def user(self, user_id: str) -> User:
        """The user; raises ElastiCacheError."""
        try:
            return self.users[user_id.lower()]
        except KeyError:
            raise ElastiCacheError("UserNotFound", f"User {user_id} not found.") from None

    def status(self, user: User) -> str:
        """A user is modifying, too, while its user groups are, or caches that use them.

        https://github.com/hashicorp/terraform-provider-aws/issues/49726
        """
        if user.status != "active" or user.user_id == "default":  # AWS's own is in many groups
            return user.status
        groups = {
            group.group_id: group
            for group in self.groups.values()
            if user.user_id in (*group.user_ids, *group.joining)
        }
        changing = any(group.status != "active" for group in groups.values()) or any(
            cache.status != "available"
            for cache in self.caches.values()
            if groups.keys() & {*cache.group_ids, *cache.future_group_ids}
        )
        return "modifying" if changing else "active"

    # User groups

    def group(self, group_id: str) -> UserGroup:
        """The user group; raises ElastiCacheError."""
        try:
            return self.groups[group_id.lower()]
        except KeyError:
            raise ElastiCacheError(
                "UserGroupNotFound", f"User group {group_id} not found."
            ) from None

    def group_ids(self, user: User) -> list[str]:
        """The groups that the user is in."""
        return [name for name, group in self.groups.items() if user.user_id in group.user_ids]

    # Nodes

    def nodes(self, group_ids: Iterable[str]) -> list[Node]:
        """Every node of every cache that uses one of the groups."""
        wanted = set(group_ids)
        caches = [cache for cache in self.caches.values() if wanted & set(cache.group_ids)]
        return [node for cache in caches for node in cache.nodes]

    def users_of(self, group_ids: Iterable[str]) -> list[User]:
        """Whom a cache with these groups lets in."""
        group_ids = list(group_ids)
        if not group_ids:
            return [_OPEN_TO_ALL]
        return [self.users[each] for name in group_ids for each in self.groups[name].user_ids]

    def apply(self, user: User, node: Node) -> None:
        """Makes the node's user what ElastiCache's user is."""
        try:
            node.set_user(user.name, user.rules)
        except RejectedRulesError as error:
            logger.error("user %s: a node refused its rules: %s", user.user_id, error)


def _after(seconds: float, work: Callable[..., None], *arguments: Any) -> None:
    timer = threading.Timer(seconds, work, arguments)
    timer.daemon = True
    timer.start()
