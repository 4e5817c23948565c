"""What there is in ElastiCache, and how users come onto nodes."""

import copy
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Self

from moto.core.exceptions import ServiceException

from local.nodes import Fleet, Node, RejectedRulesError

logger = logging.getLogger(__name__)

Shape = dict[str, Any]

ARN_PREFIX = "arn:aws:elasticache:us-east-1:123456789012"


class ElastiCacheError(ServiceException):
    """An error answer: the service's own code, and a text."""


def invalid(text: str) -> ElastiCacheError:
    """The answer to a value that is not valid."""
    return ElastiCacheError("InvalidParameterValue", text)


def combination(text: str) -> ElastiCacheError:
    """The answer to parameters that do not go together."""
    return ElastiCacheError("InvalidParameterCombination", text)


@dataclass
class User:
    """A user as DescribeUsers shows it, and the hashes of its passwords."""

    user_id: str
    name: str
    engine: str
    access_string: str
    authentication: str  # password, no-password or iam
    hashes: list[str] = field(default_factory=list)
    status: str = "active"  # its own; a change of its groups or caches counts as well

    @property
    def arn(self) -> str:
        return f"{ARN_PREFIX}:user:{self.user_id}"

    @property
    def rules(self) -> list[str]:
        """The ACL rules that make this user, for ACL SETUSER."""
        passwords = [f"#{value}" for value in self.hashes]
        nopass = ["nopass"] if self.authentication == "no-password" else []
        return [*self.access_string.split(), *nopass, *passwords]


@dataclass
class UserGroup:
    """A user group; its users by their ids, and those of a change in progress."""

    group_id: str
    engine: str
    user_ids: list[str]
    status: str = "active"
    joining: list[str] = field(default_factory=list)
    leaving: list[str] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return f"{ARN_PREFIX}:usergroup:{self.group_id}"


@dataclass
class Cache:
    """A replication group or a serverless cache; `future_group_ids` are of a change in progress."""

    kind: str  # ReplicationGroup or ServerlessCache
    name: str
    engine: str
    group_ids: list[str]
    nodes: list[Node] = field(default_factory=list)
    shape: Shape = field(default_factory=dict)  # without what changes
    members: list[Shape] = field(default_factory=list)  # CacheCluster shapes
    status: str = "available"
    future_group_ids: list[str] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return f"{ARN_PREFIX}:{self.kind.lower()}:{self.name}"


#: The user of a cache without user groups: anybody.
_OPEN_TO_ALL = User("default", "default", "redis", "on ~* &* +@all", "no-password")


class Inventory:
    """All users, user groups, caches and tags."""

    def __init__(
        self, fleet: Fleet, modifying_seconds: float, after: Callable[..., None] | None = None
    ) -> None:
        """`after` runs a function after some seconds; by default, in a thread of its own."""
        self.fleet = fleet
        self.faults = fleet.faults
        self.lock = threading.RLock()
        self.after = after or _after
        self._modifying_seconds = modifying_seconds
        self.users = {"default": replace(_OPEN_TO_ALL, access_string="on ~* +@all")}  # AWS's own
        self.groups: dict[str, UserGroup] = {}
        self.caches: dict[str, Cache] = {}  # by ARN
        self.tags: dict[str, dict[str, str]] = {}  # by ARN
        self.unreadable: dict[str, float] = {}  # by a user's ARN: until when its tags are

    @property
    def state(self) -> Any:
        """What a read can show, to be compared."""
        return (self.users, self.groups, self.caches, self.tags, self.unreadable)

    def frozen(self) -> Self:
        """The same as it is now; only to be read."""
        other = copy.copy(self)
        with self.lock:
            other.users, other.groups = copy.deepcopy((self.users, self.groups))
            other.tags, other.unreadable = copy.deepcopy((self.tags, self.unreadable))
            other.caches = {
                arn: replace(cache, shape=dict(cache.shape)) for arn, cache in self.caches.items()
            }
        return other

    def change(self, finish: Callable[..., None], *arguments: Any) -> None:
        """Decides when a change that has begun takes effect: `finish` is then called, locked."""
        self.later(
            self.faults.seconds("keep-modifying", self._modifying_seconds), finish, *arguments
        )

    def later(self, seconds: float, work: Callable[..., None], *arguments: Any) -> None:
        """Does the work after that many seconds, locked."""

        def locked() -> None:
            with self.lock:
                work(*arguments)

        self.after(seconds, locked)

    def user(self, user_id: str) -> User:
        if found := self.users.get(user_id.lower()):
            return found
        raise ElastiCacheError("UserNotFound", f"User {user_id} not found.")

    def group(self, group_id: str) -> UserGroup:
        if found := self.groups.get(group_id.lower()):
            return found
        raise ElastiCacheError("UserGroupNotFound", f"User group {group_id} not found.")

    def cache(self, kind: str, name: str) -> Cache:
        if found := self.caches.get(f"{ARN_PREFIX}:{kind.lower()}:{name.lower()}"):
            return found
        raise ElastiCacheError(f"{kind}NotFoundFault", f"{kind} {name} not found.")

    def group_ids(self, user: User) -> list[str]:
        return [name for name, group in self.groups.items() if user.user_id in group.user_ids]

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

    def nodes(self, group_ids: Iterable[str]) -> list[Node]:
        """Every node of every cache that uses one of the groups."""
        wanted = set(group_ids)
        caches = [cache for cache in self.caches.values() if wanted & set(cache.group_ids)]
        return [node for cache in caches for node in cache.nodes]

    def users_of(self, group_ids: list[str]) -> list[User]:
        """The users that a cache with these groups lets in."""
        if not group_ids:
            return [_OPEN_TO_ALL]
        return [self.users[each] for name in group_ids for each in self.groups[name].user_ids]

    def apply(self, user: User, node: Node) -> None:
        """Makes the node's user what ElastiCache's user is."""
        try:
            node.set_user(user.name, user.rules)
        except RejectedRulesError as error:
            logger.error("user %s: a node refused its rules: %s", user.user_id, error)


def _after(seconds: float, work: Callable[..., None]) -> None:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()
