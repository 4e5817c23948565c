"""ElastiCache in process: nodes are dictionaries, and time is the test's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from local.elasticache import ElastiCache, ElastiCacheError
from local.faults import Faults
from local.nodes import Fleet
from tests.histories.memory_nodes import MemoryFleet
from tests.histories.stage import Stage

SECONDS = 60
PASSWORD = "a" * 16


class Users:
    """ElastiCache with users a, b and c, groups of a and of b, and a cache of either kind for a.

    The default user is on in the group of a, and off in that of b.
    """

    def __init__(self) -> None:
        self.stage = Stage()
        self.faults = Faults(now=lambda: self.stage.now)
        self.fleet = MemoryFleet(self.faults)
        self.elasticache = ElastiCache(cast(Fleet, self.fleet), SECONDS, self.stage.after)
        redis: dict[str, Any] = {"Engine": "redis"}
        user: dict[str, Any] = {**redis, "Passwords": [PASSWORD]}
        for name in "abc":
            tags: dict[str, Any] = {"Tags": [{"Key": "of", "Value": name}]}
            self("CreateUser", UserId=name, UserName=name, AccessString="on +@all", **user, **tags)
        self("CreateUser", UserId="closed", UserName="default", AccessString="off", **user)
        for name in "ab":
            members = ["closed" if name == "b" else "default", name]
            self("CreateUserGroup", UserGroupId=f"g{name}", UserIds=members, **redis)
        replicated: dict[str, Any] = {"ReplicationGroupId": "r", "ReplicationGroupDescription": "r"}
        replicated |= {"TransitEncryptionEnabled": True, "UserGroupIds": ["ga"]}
        cache = self("CreateReplicationGroup", **replicated)["ReplicationGroup"]
        request = {"ServerlessCacheName": "s", "UserGroupId": "ga", **redis}
        serverless = self("CreateServerlessCache", **request)["ServerlessCache"]
        primary = cache["NodeGroups"][0]["PrimaryEndpoint"]
        ports = {"r": primary["Port"], "s": serverless["Endpoint"]["Port"]}
        self.nodes = {name: self.fleet.nodes[port] for name, port in ports.items()}

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.elasticache.call(operation, request)

    def statuses(self) -> str:
        """The first letters of the users' statuses."""
        found = [self("DescribeUsers", UserId=name)["Users"][0]["Status"] for name in "abc"]
        return "".join(status[0] for status in found)

    def logins(self, cache: str) -> str:
        """Who can log in there."""
        return "".join(name for name in "abc" if self.nodes[cache].lets_in(name, PASSWORD))

    def tags(self, name: str) -> list[dict[str, str]]:
        arn = self("DescribeUsers", UserId=name)["Users"][0]["ARN"]
        found: list[dict[str, str]] = self("ListTagsForResource", ResourceName=arn)["TagList"]
        return found

    def arm(self, *faults: str) -> None:
        text = ", ".join(f'"{fault}"' for fault in faults)
        self.faults.control("POST", f"[{text}]".encode())


@contextmanager
def refused(code: str, match: str = ".") -> Iterator[None]:
    with pytest.raises(ElastiCacheError, match=match) as caught:
        yield
    assert caught.value.code == code
