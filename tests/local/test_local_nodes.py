"""The nodes of caches: real Valkey servers, on which users are what ElastiCache says."""

import socket
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.instance import LocalAws
from tests.local.helpers import eventually, log_in

OLD, NEW, OTHER = "a" * 16, "b" * 16, "c" * 16


def unique(prefix: str) -> str:
    return f"{prefix}{uuid.uuid4().hex[:10]}"


def make_user(elasticache: Any, **changes: Any) -> str:
    user_id = unique("u")
    passwords = {} if "NoPasswordRequired" in changes else {"Passwords": [OLD]}
    request = {"UserId": user_id, "UserName": user_id, "Engine": "redis", **passwords}
    request |= {"AccessString": "on ~* +@all"} | changes
    return str(elasticache.create_user(**request)["UserId"])


def make_group(elasticache: Any, user_id: str) -> str:
    group_id, users = unique("g"), ["default", user_id]
    elasticache.create_user_group(UserGroupId=group_id, Engine="redis", UserIds=users)
    return group_id


def make_cache(elasticache: Any, group_id: str, **changes: Any) -> dict[str, Any]:
    request: dict[str, Any] = {
        "ReplicationGroupId": unique("c"),
        "ReplicationGroupDescription": "t",
    }
    request |= {"TransitEncryptionEnabled": True, "UserGroupIds": [group_id], **changes}
    return dict(elasticache.create_replication_group(**request)["ReplicationGroup"])


def primary(cache: dict[str, Any]) -> dict[str, Any]:
    return dict(cache["NodeGroups"][0]["PrimaryEndpoint"])


def wait_active(elasticache: Any, user_id: str) -> None:
    shown = elasticache.describe_users
    eventually(lambda: shown(UserId=user_id)["Users"][0]["Status"] == "active")


def test_a_modification_reaches_every_endpoint(aws: LocalAws, elasticache: Any) -> None:
    user_id = make_user(elasticache)
    group_id = make_group(elasticache, user_id)
    [shard] = make_cache(elasticache, group_id, NumCacheClusters=3)["NodeGroups"]
    serverless = elasticache.create_serverless_cache(
        ServerlessCacheName=unique("s"), Engine="redis", UserGroupId=group_id
    )["ServerlessCache"]
    shown = (shard, serverless, *shard["NodeGroupMembers"])
    endpoints = [each[key] for each in shown for key in each if key.endswith("Endpoint")]
    assert len({endpoint["Port"] for endpoint in endpoints}) == 7

    def logins(password: str) -> set[str]:
        return {log_in(aws, endpoint, user_id, password)[:10] for endpoint in endpoints}

    assert logins(OLD) == {"+OK"}
    elasticache.modify_user(UserId=user_id, Passwords=[NEW, OTHER])
    wait_active(elasticache, user_id)
    assert logins(NEW) == logins(OTHER) == {"+OK"}
    assert logins(OLD) == {"-WRONGPASS"}


LONGEST = "!#$%&'()*+-.:;<=>?[]^_`{|}~".ljust(128, "9")


@pytest.mark.parametrize(
    "user, password, answer",
    [
        ({"AccessString": "OFF ~* +get"}, OLD, "-WRONGPASS"),
        ({"AccessString": "+@ALL ALLKEYS ON"}, OLD, "+OK"),
        ({"NoPasswordRequired": True}, OTHER, "+OK"),
        ({"Passwords": [LONGEST]}, LONGEST, "+OK"),
    ],
)
def test_what_a_node_answers_to_a_password(
    aws: LocalAws, elasticache: Any, user: dict[str, Any], password: str, answer: str
) -> None:
    user_id = make_user(elasticache, **user)
    endpoint = primary(make_cache(elasticache, make_group(elasticache, user_id)))
    assert log_in(aws, endpoint, user_id, password).partition(" ")[0] == answer


def test_rules_that_valkey_does_not_take_are_refused(elasticache: Any) -> None:
    with pytest.raises(ClientError, match=r"Invalid access string: .*no-such-command"):
        make_user(elasticache, AccessString="on +no-such-command")


@pytest.mark.parametrize(
    "engine, default, answer",
    [
        ("redis", {"UserName": "default", "AccessString": "off ~* +@all"}, "-WRONGPASS"),
        ("valkey", {"Engine": "valkey"}, "-WRONGPASS"),  # a group without any user of that name
        ("redis", {}, "+OK"),
    ],
)
def test_the_default_user_of_the_group_is_the_nodes_default_user(
    aws: LocalAws, elasticache: Any, engine: str, default: dict[str, str], answer: str
) -> None:
    users = [make_user(elasticache, **default)] if default else ["default"]
    group_id = unique("g")
    elasticache.create_user_group(UserGroupId=group_id, Engine=engine, UserIds=users)
    endpoint = primary(make_cache(elasticache, group_id, Engine=engine))
    assert log_in(aws, endpoint, "default", OLD).partition(" ")[0] == answer


def test_cluster_mode_shows_node_addresses_only_with_the_clusters(
    aws: LocalAws, elasticache: Any
) -> None:
    user_id = make_user(elasticache)
    shards = {"NumNodeGroups": 2, "ReplicasPerNodeGroup": 1}
    cache = make_cache(elasticache, make_group(elasticache, user_id), **shards)
    assert cache["ClusterEnabled"] is True
    assert "Endpoint" not in str(cache["NodeGroups"])
    endpoints = [cache["ConfigurationEndpoint"]]
    for cluster_id in cache["MemberClusters"]:
        show = partial(elasticache.describe_cache_clusters, CacheClusterId=cluster_id)
        assert "CacheNodes" not in show()["CacheClusters"][0]
        [cluster] = show(ShowCacheNodeInfo=True)["CacheClusters"]
        assert cluster["ReplicationGroupId"] == cache["ReplicationGroupId"]
        endpoints.append(cluster["CacheNodes"][0]["Endpoint"])
    assert len({endpoint["Port"] for endpoint in endpoints}) == 5
    assert {log_in(aws, endpoint, user_id, OLD) for endpoint in endpoints} == {"+OK"}


def test_users_that_join_and_leave_a_group_come_and_go_on_its_nodes(
    aws: LocalAws, elasticache: Any
) -> None:
    first, second = make_user(elasticache), make_user(elasticache)
    group_id = make_group(elasticache, first)
    cache = make_cache(elasticache, group_id)
    changes = {"UserIdsToAdd": [second], "UserIdsToRemove": [first]}
    elasticache.modify_user_group(UserGroupId=group_id, **changes)
    wait_active(elasticache, second)
    assert log_in(aws, primary(cache), first, OLD).startswith("-WRONGPASS")
    assert log_in(aws, primary(cache), second, OLD) == "+OK"
    assert elasticache.delete_user(UserId=second)["Status"] == "deleting"
    groups = elasticache.describe_user_groups
    eventually(lambda: groups(UserGroupId=group_id)["UserGroups"][0]["UserIds"] == ["default"])
    assert log_in(aws, primary(cache), second, OLD).startswith("-WRONGPASS")
    elasticache.delete_replication_group(ReplicationGroupId=cache["ReplicationGroupId"])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", primary(cache)["Port"]), timeout=30)


def test_no_password_is_on_disk_or_in_a_log(aws: LocalAws, elasticache: Any) -> None:
    password = unique("secret-password-")
    user_id = make_user(elasticache, Passwords=[password])
    make_cache(elasticache, make_group(elasticache, user_id))
    elasticache.modify_user(UserId=user_id, Passwords=[password, NEW])
    wait_active(elasticache, user_id)
    directory = Path(aws.environment["LOCAL_CA_FILE"]).parent
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert len(files) > 1
    assert not [path for path in files if password.encode() in path.read_bytes()]
