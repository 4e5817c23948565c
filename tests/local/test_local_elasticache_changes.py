"""Users, groups and caches while they change; nodes are dictionaries, and time is the test's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from local.elasticache import ElastiCache, ElastiCacheError
from local.faults import Faults
from local.nodes import Fleet
from tests.histories.in_process import MemoryFleet
from tests.histories.stage import Stage

SECONDS = 60
PASSWORD = "a" * 16


class Service:
    """ElastiCache with users a, b and c, groups of a and of b, and a cache of either kind for a.

    The default user is on in the group of a, and off in that of b.
    """

    def __init__(self) -> None:
        self.stage = Stage()
        self.faults = Faults(now=lambda: self.stage.now)
        self.fleet = MemoryFleet(self.faults)
        self.elasticache = ElastiCache(cast(Fleet, self.fleet), SECONDS, self.stage.after)
        for name in "abc":
            self(
                "CreateUser",
                UserId=name,
                UserName=name,
                Engine="redis",
                AccessString="on +@all",
                Passwords=[PASSWORD],
                Tags=[{"Key": "of", "Value": name}],
            )
        closed = {"UserName": "default", "Engine": "redis", "AccessString": "off"}
        self("CreateUser", UserId="closed", **closed, Passwords=[PASSWORD])
        for name in "ab":
            users = {"UserIds": ["closed" if name == "b" else "default", name]}
            self("CreateUserGroup", UserGroupId=f"g{name}", Engine="redis", **users)
        cache = self(
            "CreateReplicationGroup",
            ReplicationGroupId="r",
            ReplicationGroupDescription="r",
            TransitEncryptionEnabled=True,
            UserGroupIds=["ga"],
        )["ReplicationGroup"]
        serverless = self(
            "CreateServerlessCache", ServerlessCacheName="s", Engine="redis", UserGroupId="ga"
        )["ServerlessCache"]
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


@pytest.fixture
def service() -> Service:
    return Service()


@contextmanager
def refused(code: str, match: str = ".") -> Iterator[None]:
    with pytest.raises(ElastiCacheError, match=match) as caught:
        yield
    assert caught.value.code == code


def test_a_group_that_changes_keeps_its_users_modifying(service: Service) -> None:
    change = {"UserIdsToAdd": ["c"], "UserIdsToRemove": ["a"]}
    changed = service("ModifyUserGroup", UserGroupId="ga", **change)
    assert (changed["Status"], changed["PendingChanges"]) == ("modifying", change)
    assert changed["UserIds"] == ["default", "a"]
    assert service.statuses() == "mam"
    # AWS's own user is in everybody's groups.
    assert service("DescribeUsers", UserId="default")["Users"][0]["Status"] == "active"
    for operation in ("ModifyUser", "DeleteUser"):
        with refused("InvalidUserState", "User c has status modifying. Only active users can be"):
            service(operation, UserId="c")
    for operation in ("ModifyUserGroup", "DeleteUserGroup"):
        with refused("InvalidUserGroupState", "User group ga has status modifying. Only active"):
            service(operation, UserGroupId="ga")
    assert service.logins("r") == service.logins("s") == "a"
    service.stage.pass_time(SECONDS)
    assert service.statuses() == "aaa"
    assert service.logins("r") == service.logins("s") == "c"
    [group] = service("DescribeUserGroups", UserGroupId="ga")["UserGroups"]
    assert (group["Status"], group["UserIds"]) == ("active", ["default", "c"])
    assert "PendingChanges" not in group


def test_a_user_that_is_deleted_does_not_join_the_group_that_is_changing(service: Service) -> None:
    service("DeleteUser", UserId="c")
    service.arm("keep-modifying:90")
    service("ModifyUserGroup", UserGroupId="ga", UserIdsToAdd=["c"])
    service.stage.pass_time(90)
    [group] = service("DescribeUserGroups", UserGroupId="ga")["UserGroups"]
    assert group["UserIds"] == ["default", "a"]


CHANGES: list[tuple[str, str, dict[str, Any], str, str]] = [
    (
        "ServerlessCache",
        "s",
        {"UserGroupId": "gb"},
        "InvalidServerlessCacheStateFault",
        "b",
    ),
    ("ServerlessCache", "s", {"RemoveUserGroup": True}, "InvalidServerlessCacheStateFault", ""),
    (
        "ReplicationGroup",
        "r",
        {"UserGroupIdsToAdd": ["gb"], "UserGroupIdsToRemove": ["ga"]},
        "InvalidReplicationGroupState",
        "b",
    ),
    ("ReplicationGroup", "r", {"RemoveUserGroups": True}, "InvalidReplicationGroupState", ""),
]


@pytest.mark.parametrize("kind, name, change, code, users", CHANGES)
def test_a_cache_that_changes_its_groups_keeps_their_users_modifying(
    service: Service, kind: str, name: str, change: dict[str, Any], code: str, users: str
) -> None:
    key = "ServerlessCacheName" if kind == "ServerlessCache" else "ReplicationGroupId"
    changed = service(f"Modify{kind}", **{key: name}, **change)[kind]
    assert changed["Status"] == "modifying"
    assert service.statuses() == ("mma" if users else "maa")
    with refused("InvalidUserState"):
        service("ModifyUser", UserId="a", Passwords=[PASSWORD])
    for operation in (f"Modify{kind}", f"Delete{kind}"):
        with refused(code):
            service(operation, **{key: name})
    assert service.logins(name) == "a"
    service.stage.pass_time(SECONDS)
    assert service.statuses() == "aaa"
    assert service.logins(name) == users
    # Without user groups, anybody is the default user.
    assert service.nodes[name].lets_in("default", "any") == (not users)
    [found] = service(f"Describe{kind}s", **{key: name})[f"{kind}s"]
    assert found["Status"] == "available"
    ids = found.get("UserGroupIds", [found["UserGroupId"]] if "UserGroupId" in found else [])
    assert ids == [f"g{user}" for user in users]


def modify(service: Service) -> None:
    service("ModifyUser", UserId="a", AccessString="on +get")


def change_group(service: Service) -> None:
    service("ModifyUserGroup", UserGroupId="ga", UserIdsToAdd=["c"])


def change_cache(service: Service) -> None:
    service("ModifyServerlessCache", ServerlessCacheName="s", UserGroupId="ga")


@pytest.mark.parametrize("change", [modify, change_group, change_cache])
def test_the_tags_of_a_user_in_transition_cannot_be_read_or_written(
    service: Service, change: Callable[[Service], None]
) -> None:
    [user] = service("DescribeUsers", UserId="a")["Users"]
    change(service)
    arn = {"ResourceName": user["ARN"]}
    for operation, request in (
        ("ListTagsForResource", {}),
        ("AddTagsToResource", {"Tags": [{"Key": "of", "Value": "other"}]}),
        ("RemoveTagsFromResource", {"TagKeys": ["of"]}),
    ):
        with refused("UserNotFound", "a is not available for tagging"):
            service(operation, **arn, **request)
    # It is there all the same for DescribeUsers.
    assert service("DescribeUsers", UserId="a")["Users"][0]["Status"] == "modifying"
    assert service.tags("b") == [{"Key": "of", "Value": "b"}]
    service.stage.pass_time(SECONDS)
    assert service.tags("a") == [{"Key": "of", "Value": "a"}]


def test_by_a_fault_tags_cannot_be_read_for_a_while_after_they_were_written(
    service: Service,
) -> None:
    service.arm("lag-tags:5")
    [user] = service("DescribeUsers", UserId="a")["Users"]
    arn, tag = {"ResourceName": user["ARN"]}, {"Key": "new", "Value": "1"}
    new = {"UserId": "n", "UserName": "n", "Engine": "redis", "AccessString": "on"}
    for operation, request in (
        ("AddTagsToResource", {"Tags": [tag]}),
        ("RemoveTagsFromResource", {"TagKeys": ["new"]}),
    ):
        assert {"Key": "of", "Value": "a"} in service(operation, **arn, **request)["TagList"]
        with refused("UserNotFound", "a is not available for tagging"):
            service.tags("a")
        assert service("DescribeUsers", UserId="a")["Users"] == [user]
        service.stage.pass_time(5)
        assert service.tags("a")
    service("CreateUser", **new, Passwords=[PASSWORD])
    with refused("UserNotFound", "n is not available for tagging"):
        service.tags("n")


def test_by_a_fault_iam_sees_no_tags_while_they_cannot_be_read(service: Service) -> None:
    [user] = service("DescribeUsers", UserId="a")["Users"]
    seen = service.elasticache.seen_by_iam
    modify(service)
    assert seen(user["ARN"]) == {"of": "a"}
    service.arm("hide-tags", "lag-tags:5")
    assert seen(user["ARN"]) == {}
    service.stage.pass_time(SECONDS)
    assert seen(user["ARN"]) == {"of": "a"}
    service("AddTagsToResource", ResourceName=user["ARN"], Tags=[{"Key": "x", "Value": "y"}])
    assert seen(user["ARN"]) == {}
    service.stage.pass_time(5)
    assert seen(user["ARN"]) == {"of": "a", "x": "y"}
