"""Users, groups and caches while they change."""

from typing import Any

import pytest

from tests.local.memory import PASSWORD, SECONDS, Users, refused


def test_a_group_that_changes_keeps_its_users_modifying(users: Users) -> None:
    change = {"UserIdsToAdd": ["c"], "UserIdsToRemove": ["a"]}
    changed = users("ModifyUserGroup", UserGroupId="ga", **change)
    assert (changed["Status"], changed["PendingChanges"]) == ("modifying", change)
    assert changed["UserIds"] == ["default", "a"]
    assert users.statuses() == "mam"
    # AWS's own user is in everybody's groups.
    assert users("DescribeUsers", UserId="default")["Users"][0]["Status"] == "active"
    for operation in ("ModifyUser", "DeleteUser"):
        with refused("InvalidUserState", "User c has status modifying. Only active users can be"):
            users(operation, UserId="c")
    for operation in ("ModifyUserGroup", "DeleteUserGroup"):
        with refused("InvalidUserGroupState", "User group ga has status modifying. Only active"):
            users(operation, UserGroupId="ga")
    assert users.logins("r") == users.logins("s") == "a"
    users.stage.pass_time(SECONDS)
    assert users.statuses() == "aaa"
    assert users.logins("r") == users.logins("s") == "c"
    [group] = users("DescribeUserGroups", UserGroupId="ga")["UserGroups"]
    assert (group["Status"], group["UserIds"]) == ("active", ["default", "c"])
    assert "PendingChanges" not in group


def test_a_user_that_is_deleted_does_not_join_the_group_that_is_changing(users: Users) -> None:
    users("DeleteUser", UserId="c")
    users.arm("keep-modifying:90")
    users("ModifyUserGroup", UserGroupId="ga", UserIdsToAdd=["c"])
    users.stage.pass_time(90)
    [group] = users("DescribeUserGroups", UserGroupId="ga")["UserGroups"]
    assert group["UserIds"] == ["default", "a"]


OTHER_GROUP = {"UserGroupIdsToAdd": ["gb"], "UserGroupIdsToRemove": ["ga"]}
SERVERLESS, REPLICATED = "InvalidServerlessCacheStateFault", "InvalidReplicationGroupState"
#: A cache, how its groups change, the error of what it refuses meanwhile, and who logs in then.
CHANGES: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("ServerlessCache", "s", {"UserGroupId": "gb"}, SERVERLESS, "b"),
    ("ServerlessCache", "s", {"RemoveUserGroup": True}, SERVERLESS, ""),
    ("ReplicationGroup", "r", OTHER_GROUP, REPLICATED, "b"),
    ("ReplicationGroup", "r", {"RemoveUserGroups": True}, REPLICATED, ""),
]


@pytest.mark.parametrize("kind, name, change, code, served", CHANGES)
def test_a_cache_that_changes_its_groups_keeps_their_users_modifying(
    users: Users, kind: str, name: str, change: dict[str, Any], code: str, served: str
) -> None:
    key = "ServerlessCacheName" if kind == "ServerlessCache" else "ReplicationGroupId"
    changed = users(f"Modify{kind}", **{key: name}, **change)[kind]
    assert changed["Status"] == "modifying"
    assert users.statuses() == ("mma" if served else "maa")
    with refused("InvalidUserState"):
        users("ModifyUser", UserId="a", Passwords=[PASSWORD])
    for operation in (f"Modify{kind}", f"Delete{kind}"):
        with refused(code):
            users(operation, **{key: name})
    assert users.logins(name) == "a"
    users.stage.pass_time(SECONDS)
    assert users.statuses() == "aaa"
    assert users.logins(name) == served
    # Without user groups, anybody is the default user.
    assert users.nodes[name].lets_in("default", "any") == (not served)
    [found] = users(f"Describe{kind}s", **{key: name})[f"{kind}s"]
    assert found["Status"] == "available"
    ids = found.get("UserGroupIds", [found["UserGroupId"]] if "UserGroupId" in found else [])
    assert ids == [f"g{user}" for user in served]


def modify(users: Users) -> None:
    users("ModifyUser", UserId="a", AccessString="on +get")


def test_the_tags_of_a_user_in_transition_cannot_be_read_or_written(users: Users) -> None:
    [user] = users("DescribeUsers", UserId="a")["Users"]
    modify(users)
    arn = {"ResourceName": user["ARN"]}
    for operation, request in (
        ("ListTagsForResource", {}),
        ("AddTagsToResource", {"Tags": [{"Key": "of", "Value": "other"}]}),
        ("RemoveTagsFromResource", {"TagKeys": ["of"]}),
    ):
        with refused("UserNotFound", "a is not available for tagging"):
            users(operation, **arn, **request)
    # It is there all the same for DescribeUsers.
    assert users("DescribeUsers", UserId="a")["Users"][0]["Status"] == "modifying"
    assert users.tags("b") == [{"Key": "of", "Value": "b"}]
    users.stage.pass_time(SECONDS)
    assert users.tags("a") == [{"Key": "of", "Value": "a"}]


def test_by_faults_nobody_sees_tags_for_a_while_after_they_were_written(users: Users) -> None:
    [user] = users("DescribeUsers", UserId="a")["Users"]
    seen = users.elasticache.seen_by_iam
    modify(users)
    assert seen(user["ARN"]) == {"of": "a"}
    users.arm("hide-tags", "lag-tags:5")
    assert seen(user["ARN"]) == {}
    users.stage.pass_time(SECONDS)
    [user] = users("DescribeUsers", UserId="a")["Users"]
    arn, tag = {"ResourceName": user["ARN"]}, {"Key": "new", "Value": "1"}
    new = {"UserId": "n", "UserName": "n", "Engine": "redis", "AccessString": "on"}
    for operation, request in (
        ("AddTagsToResource", {"Tags": [tag]}),
        ("RemoveTagsFromResource", {"TagKeys": ["new"]}),
    ):
        assert {"Key": "of", "Value": "a"} in users(operation, **arn, **request)["TagList"]
        with refused("UserNotFound", "a is not available for tagging"):
            users.tags("a")
        assert seen(user["ARN"]) == {}
        assert users("DescribeUsers", UserId="a")["Users"] == [user]
        users.stage.pass_time(5)
        assert users.tags("a")
        assert seen(user["ARN"])["of"] == "a"
    users("CreateUser", **new, Passwords=[PASSWORD])
    with refused("UserNotFound", "n is not available for tagging"):
        users.tags("n")


def test_by_a_fault_a_user_waits_for_the_other_users_of_its_group(users: Users) -> None:
    users("ModifyUserGroup", UserGroupId="ga", UserIdsToAdd=["b"])
    users.stage.pass_time(SECONDS)
    users.arm("one-at-a-time")
    modify(users)
    with refused("InvalidUserState", "User a of a user group of b"):
        users("ModifyUser", UserId="b", Passwords=[PASSWORD])
    users.stage.pass_time(SECONDS)
    users("ModifyUser", UserId="b", Passwords=[PASSWORD])


def test_by_a_fault_a_modification_takes_longer_and_a_node_learns_of_it_later(users: Users) -> None:
    users.arm("keep-modifying:90", "lag-password:1:30")
    users("ModifyUser", UserId="a", Passwords=["b" * 16])
    users.stage.pass_time(89)
    assert users.statuses() == "maa"
    users.stage.pass_time(1)
    assert users.statuses() == "aaa"
    users.stage.pass_time(29)
    assert users.logins("r") == "a"
    users.stage.pass_time(1)
    assert users.logins("r") == ""
