"""Users, groups and caches: the service's rules, and that the nodes really follow them."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from local.elasticache import ElastiCacheError
from local.elasticache.requests import PARAMETERS, check_parameters
from local.faults import control
from local.instance import LocalAws
from tests.local.helpers import MODIFYING_SECONDS, eventually, log_in

OLD, NEW, OTHER = "a" * 16, "b" * 16, "c" * 16


def unique(prefix: str = "x") -> str:
    return f"{prefix}{uuid.uuid4().hex[:10]}"


def make_user(elasticache: Any, **changes: Any) -> str:
    user_id = unique("u")
    request = {
        "UserId": user_id,
        "UserName": user_id,
        "Engine": "redis",
        "AccessString": "on ~* +@all",
        "Passwords": [OLD],
    }
    request |= changes
    if "AuthenticationMode" in changes or "NoPasswordRequired" in changes:
        del request["Passwords"]
    return str(elasticache.create_user(**request)["UserId"])


def make_group(elasticache: Any, *user_ids: str, engine: str = "redis") -> str:
    members = ["default", *user_ids] if engine == "redis" else list(user_ids)
    group_id = unique("g")
    elasticache.create_user_group(UserGroupId=group_id, Engine=engine, UserIds=members)
    return group_id


def make_cache(elasticache: Any, group_id: str, **changes: Any) -> dict[str, Any]:
    request = {
        "ReplicationGroupId": unique("c"),
        "ReplicationGroupDescription": "test",
        "TransitEncryptionEnabled": True,
        "UserGroupIds": [group_id],
    }
    answer = elasticache.create_replication_group(**(request | changes))["ReplicationGroup"]
    shown = elasticache.describe_replication_groups(ReplicationGroupId=answer["ReplicationGroupId"])
    assert shown["ReplicationGroups"] == [answer]
    return dict(answer)


def describe(elasticache: Any, user_id: str) -> dict[str, Any]:
    [user] = elasticache.describe_users(UserId=user_id)["Users"]
    return dict(user)


def wait_active(elasticache: Any, user_id: str) -> None:
    eventually(lambda: describe(elasticache, user_id)["Status"] == "active")


def refused(code: str, status: int = 400) -> Any:
    class Refusal:
        def __enter__(self) -> None:
            self.raises = pytest.raises(ClientError)
            self.caught = self.raises.__enter__()

        def __exit__(self, *error: Any) -> bool:
            swallowed = bool(self.raises.__exit__(*error))
            answer = self.caught.value.response
            assert answer["Error"]["Code"] == code
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
            return swallowed

    return Refusal()


def test_the_guides_first_user_looks_as_in_the_guide(elasticache: Any) -> None:
    user = elasticache.create_user(
        UserId="User1",
        UserName="user1",
        Engine="REDIS",
        NoPasswordRequired=True,
        AccessString="off +get ~keys*",
    )
    shape = {key: user[key] for key in user if key != "ResponseMetadata"}
    assert shape == {
        "UserId": "user1",
        "UserName": "user1",
        "Status": "active",
        "Engine": "redis",
        "MinimumEngineVersion": "6.0",
        "AccessString": "off ~keys* -@all +get",
        "UserGroupIds": [],
        "Authentication": {"Type": "no-password"},
        "ARN": "arn:aws:elasticache:us-east-1:123456789012:user:user1",
    }
    assert describe(elasticache, "USER1") == shape


def test_a_modification_reaches_every_node_when_the_user_is_active_again(
    aws: LocalAws, elasticache: Any
) -> None:
    user_id = make_user(elasticache, UserName="reader")
    group_id = make_group(elasticache, user_id)
    cache = make_cache(elasticache, group_id, NumCacheClusters=3)
    serverless = elasticache.create_serverless_cache(
        ServerlessCacheName=unique("s"), Engine="redis", UserGroupId=group_id
    )["ServerlessCache"]
    [shard] = cache["NodeGroups"]
    endpoints = [
        shard["PrimaryEndpoint"],
        shard["ReaderEndpoint"],
        *(member["ReadEndpoint"] for member in shard["NodeGroupMembers"]),
        serverless["Endpoint"],
        serverless["ReaderEndpoint"],
    ]
    assert len({endpoint["Port"] for endpoint in endpoints}) == 7

    def logins(password: str) -> set[str]:
        return {log_in(aws, endpoint, "reader", password)[:10] for endpoint in endpoints}

    assert logins(OLD) == {"+OK"}
    control(aws.environment["LOCAL_CONTROL_URL"], "POST", ["keep-modifying:5"])
    modified = elasticache.modify_user(UserId=user_id, Passwords=[NEW, OLD])
    control(aws.environment["LOCAL_CONTROL_URL"], "DELETE")
    assert (modified["Status"], modified["Authentication"]["PasswordCount"]) == ("modifying", 2)
    assert logins(NEW) == {"-WRONGPASS"}
    with refused("InvalidUserState"):
        elasticache.modify_user(UserId=user_id, Passwords=[OTHER])
    wait_active(elasticache, user_id)
    assert logins(NEW) == logins(OLD) == {"+OK"}
    assert logins(OTHER) == {"-WRONGPASS"}
    elasticache.modify_user(
        UserId=user_id, AuthenticationMode={"Type": "password", "Passwords": [OTHER]}
    )
    wait_active(elasticache, user_id)
    assert logins(OLD) == logins(NEW) == {"-WRONGPASS"}
    assert logins(OTHER) == {"+OK"}


def test_a_user_that_is_off_cannot_log_in_until_it_is_on(aws: LocalAws, elasticache: Any) -> None:
    user_id = make_user(elasticache, NoPasswordRequired=True, AccessString="off ~* +get")
    cache = make_cache(elasticache, make_group(elasticache, user_id))
    endpoint = cache["NodeGroups"][0]["PrimaryEndpoint"]
    assert log_in(aws, endpoint, user_id, OLD).startswith("-WRONGPASS")
    elasticache.modify_user(UserId=user_id, AppendAccessString="on", Passwords=[OLD])
    wait_active(elasticache, user_id)
    assert describe(elasticache, user_id)["AccessString"] == "on ~* -@all +get"
    assert log_in(aws, endpoint, user_id, OLD) == "+OK"
    assert log_in(aws, endpoint, user_id, NEW).startswith("-WRONGPASS")


def test_a_no_password_user_accepts_any_password(aws: LocalAws, elasticache: Any) -> None:
    user_id = make_user(elasticache, NoPasswordRequired=True)
    cache = make_cache(elasticache, make_group(elasticache, user_id))
    endpoint = cache["NodeGroups"][0]["PrimaryEndpoint"]
    assert log_in(aws, endpoint, user_id, OTHER) == "+OK"


def test_the_default_user_of_the_group_is_the_nodes_default_user(
    aws: LocalAws, elasticache: Any
) -> None:
    closed = make_user(elasticache, UserName="default", AccessString="off ~* +@all")
    user_id = make_user(elasticache)
    group_id = unique("g")
    elasticache.create_user_group(UserGroupId=group_id, Engine="redis", UserIds=[closed, user_id])
    valkey = make_group(elasticache, make_user(elasticache, Engine="valkey"), engine="valkey")
    for group, engine, answer in (
        (group_id, "redis", "-WRONGPASS"),
        (valkey, "valkey", "-WRONGPASS"),  # a group without any user of that name
        (make_group(elasticache), "redis", "+OK"),
    ):
        cache = make_cache(elasticache, group, Engine=engine)
        endpoint = cache["NodeGroups"][0]["PrimaryEndpoint"]
        assert log_in(aws, endpoint, "default", OLD)[: len(answer)] == answer


def test_cluster_mode_shows_node_addresses_only_with_the_clusters(
    aws: LocalAws, elasticache: Any
) -> None:
    user_id = make_user(elasticache)
    cache = make_cache(
        elasticache, make_group(elasticache, user_id), NumNodeGroups=2, ReplicasPerNodeGroup=1
    )
    assert cache["ClusterEnabled"] is True
    assert log_in(aws, cache["ConfigurationEndpoint"], user_id, OLD) == "+OK"
    for shard in cache["NodeGroups"]:
        assert {"PrimaryEndpoint", "ReaderEndpoint"}.isdisjoint(shard)
        for member in shard["NodeGroupMembers"]:
            assert {"ReadEndpoint", "CurrentRole"}.isdisjoint(member)
    assert len(cache["MemberClusters"]) == 4
    ports = set()
    for cluster_id in cache["MemberClusters"]:
        [bare] = elasticache.describe_cache_clusters(CacheClusterId=cluster_id)["CacheClusters"]
        assert "CacheNodes" not in bare
        [cluster] = elasticache.describe_cache_clusters(
            CacheClusterId=cluster_id, ShowCacheNodeInfo=True
        )["CacheClusters"]
        assert cluster["ReplicationGroupId"] == cache["ReplicationGroupId"]
        endpoint = cluster["CacheNodes"][0]["Endpoint"]
        assert log_in(aws, endpoint, user_id, OLD) == "+OK"
        ports.add(endpoint["Port"])
    assert len(ports) == 4


def test_groups_and_users_name_each_other_and_the_caches(elasticache: Any) -> None:
    user_id = make_user(elasticache)
    group_id = make_group(elasticache, user_id)
    cache = make_cache(elasticache, group_id)
    assert describe(elasticache, user_id)["UserGroupIds"] == [group_id]
    [group] = elasticache.describe_user_groups(UserGroupId=group_id)["UserGroups"]
    assert group["ReplicationGroups"] == [cache["ReplicationGroupId"]]
    assert group["ServerlessCaches"] == []
    assert group["UserIds"] == ["default", user_id]


def test_users_who_join_and_leave_a_group_come_and_go_on_its_nodes(
    aws: LocalAws, elasticache: Any
) -> None:
    first, second = make_user(elasticache), make_user(elasticache)
    group_id = make_group(elasticache, first)
    endpoint = make_cache(elasticache, group_id)["NodeGroups"][0]["PrimaryEndpoint"]
    elasticache.modify_user_group(
        UserGroupId=group_id, UserIdsToAdd=[second], UserIdsToRemove=[first]
    )
    wait_active(elasticache, second)
    assert log_in(aws, endpoint, first, OLD).startswith("-WRONGPASS")
    assert log_in(aws, endpoint, second, OLD) == "+OK"
    assert elasticache.delete_user(UserId=second)["Status"] == "deleting"

    def gone() -> bool:
        try:
            return not describe(elasticache, second)
        except ClientError as error:
            return bool(error.response["Error"]["Code"] == "UserNotFound")

    eventually(gone)
    assert log_in(aws, endpoint, second, OLD).startswith("-WRONGPASS")
    [group] = elasticache.describe_user_groups(UserGroupId=group_id)["UserGroups"]
    assert group["UserIds"] == ["default"]


def test_every_parameter_means_something_or_is_refused_by_name() -> None:
    model = get_session().get_service_model("elasticache")
    refusals = 0
    for operation, known in PARAMETERS.items():
        members: dict[str, Any] = model.operation_model(operation).input_shape.members
        assert set(known.split()) <= set(members)
        for name in set(members) - set(known.split()):
            refusals += 1
            with pytest.raises(ElastiCacheError, match=f" {name} of {operation}: not part of"):
                check_parameters(operation, {name: None})
    assert refusals > 50


@pytest.mark.parametrize(
    "parameter,named",
    [
        ({"Port": 6380}, "Port of CreateReplicationGroup"),
        ({"AuthToken": "a" * 16, "Port": 1}, "AuthToken, Port of|Port, AuthToken of"),
        ({"NumCacheClusters": 2, "NumNodeGroups": 2}, "NumCacheClusters, or NumNodeGroups"),
    ],
)
def test_a_cache_that_cannot_be_here_is_refused_and_not_made(
    elasticache: Any, parameter: dict[str, Any], named: str
) -> None:
    name = {"ReplicationGroupId": unique("c")}
    request = {**name, "ReplicationGroupDescription": "t", "TransitEncryptionEnabled": True}
    with pytest.raises(ClientError, match=named) as caught:
        elasticache.create_replication_group(**request, **parameter)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterCombination"
    with refused("ReplicationGroupNotFoundFault", 404):
        elasticache.describe_replication_groups(**name)


def test_where_a_cache_is_and_how_large_is_shown_as_it_was_given(elasticache: Any) -> None:
    more = {
        "CacheNodeType": "cache.t4g.micro",
        "CacheParameterGroupName": "default.valkey8.cluster.on",
        "CacheSubnetGroupName": "subnets",
        "SecurityGroupIds": ["sg-1"],
        "EngineVersion": "8.0",
        "AutomaticFailoverEnabled": True,
    }
    cache = make_cache(elasticache, make_group(elasticache), **more)
    assert (cache["ClusterMode"], cache["AutomaticFailover"]) == ("enabled", "enabled")
    [member] = cache["MemberClusters"]
    [cluster] = elasticache.describe_cache_clusters(CacheClusterId=member)["CacheClusters"]
    shown = ("CacheNodeType", "CacheSubnetGroupName", "EngineVersion")
    assert {key: cluster[key] for key in shown} == {key: more[key] for key in shown}
    assert cluster["SecurityGroups"] == [{"SecurityGroupId": "sg-1", "Status": "active"}]
    with refused("CacheParameterGroupNotFound", 404):
        make_cache(elasticache, make_group(elasticache), CacheParameterGroupName="mine")


def test_the_case_of_an_access_rule_means_nothing(aws: LocalAws, elasticache: Any) -> None:
    user_id = make_user(elasticache, AccessString="+@ALL ALLKEYS ON")
    assert describe(elasticache, user_id)["AccessString"] == "ON ALLKEYS +@ALL"
    off = make_user(elasticache, AccessString="OFF ~* +GET")
    cache = make_cache(elasticache, make_group(elasticache, user_id, off))
    endpoint = cache["NodeGroups"][0]["PrimaryEndpoint"]
    assert log_in(aws, endpoint, user_id, OLD) == "+OK"
    assert log_in(aws, endpoint, off, OLD).startswith("-WRONGPASS")
    elasticache.modify_user(UserId=off, AppendAccessString="On")
    wait_active(elasticache, off)
    assert log_in(aws, endpoint, off, OLD) == "+OK"
    with refused("InvalidParameterValue"):
        elasticache.modify_user(UserId=user_id, AccessString="ON NOPASS")


@pytest.mark.parametrize(
    "passwords,code",
    [
        ([OLD[:15]], "InvalidParameterValue"),
        (["a" * 129], "InvalidParameterValue"),
        ([OLD + ","], "InvalidParameterValue"),
        ([OLD + '"'], "InvalidParameterValue"),
        ([OLD + "/"], "InvalidParameterValue"),
        ([OLD + "@"], "InvalidParameterValue"),
        ([OLD + "\n"], "InvalidParameterValue"),
        ([OLD + "é"], "InvalidParameterValue"),
        ([OLD, OLD], "InvalidParameterValue"),
        ([OLD, NEW, OTHER], "InvalidParameterValue"),
    ],
)
def test_forbidden_passwords(elasticache: Any, passwords: list[str], code: str) -> None:
    user_id = make_user(elasticache)
    with refused(code):
        elasticache.modify_user(UserId=user_id, Passwords=passwords)
    with refused(code):
        elasticache.create_user(
            UserId=unique(), UserName="n", Engine="redis", AccessString="on", Passwords=passwords
        )
    assert describe(elasticache, user_id)["Status"] == "active"


def test_the_longest_password_logs_in(aws: LocalAws, elasticache: Any) -> None:
    password = "!#$%&'()*+-.:;<=>?[]^_`{|}~".ljust(128, "9")
    user_id = make_user(elasticache, Passwords=[password])
    cache = make_cache(elasticache, make_group(elasticache, user_id))
    endpoint = cache["NodeGroups"][0]["PrimaryEndpoint"]
    quoted = password.replace("'", "\\'")
    assert log_in(aws, endpoint, user_id, f"'{quoted}'") == "+OK"


@pytest.mark.parametrize(
    "authentication,code",
    [
        ({"AuthenticationMode": {"Type": "iam", "Passwords": [OLD]}}, "Combination"),
        ({"AuthenticationMode": {"Type": "password"}}, "Combination"),
        (
            {"AuthenticationMode": {"Type": "no-password-required", "Passwords": [OLD]}},
            "Combination",
        ),
        ({"NoPasswordRequired": True, "Passwords": [OLD]}, "Combination"),
        ({"AuthenticationMode": {"Type": "iam"}, "Passwords": [OLD]}, "Combination"),
        ({"AuthenticationMode": {"Type": "iam"}, "NoPasswordRequired": True}, "Combination"),
        ({"NoPasswordRequired": False}, "Value"),
        ({"Engine": "valkey", "NoPasswordRequired": True}, "Value"),
        ({"Engine": "memcached", "Passwords": [OLD]}, "Value"),
        ({"UserId": "1x", "Passwords": [OLD]}, "Value"),
        ({"AccessString": "on +no-such-command", "Passwords": [OLD]}, "Value"),
        ({"AccessString": f"on >{OLD}", "Passwords": [OLD]}, "Value"),
        ({"AccessString": "on nopass", "Passwords": [OLD]}, "Value"),
    ],
)
def test_users_that_cannot_be(elasticache: Any, authentication: dict[str, Any], code: str) -> None:
    request = {"UserId": unique(), "UserName": "n", "Engine": "redis", "AccessString": "on +get"}
    with refused(f"InvalidParameter{code}"):
        elasticache.create_user(**(request | authentication))


def test_what_exists_and_what_does_not(elasticache: Any) -> None:
    user_id = make_user(elasticache)
    with refused("UserAlreadyExists"):
        make_user(elasticache, UserId=user_id.upper())
    for operation in (elasticache.modify_user, elasticache.delete_user, elasticache.describe_users):
        with refused("UserNotFound", 404):
            operation(UserId="nobody")
    with refused("UserGroupNotFound", 404):
        elasticache.describe_user_groups(UserGroupId="nobody")
    with refused("ReplicationGroupNotFoundFault", 404):
        elasticache.describe_replication_groups(ReplicationGroupId="nothing")
    with refused("ServerlessCacheNotFoundFault", 404):
        elasticache.describe_serverless_caches(ServerlessCacheName="nothing")
    with refused("CacheClusterNotFound", 404):
        elasticache.describe_cache_clusters(CacheClusterId="nothing")


def test_the_user_default_belongs_to_aws(elasticache: Any) -> None:
    user = describe(elasticache, "default")
    assert (user["UserName"], user["Authentication"]) == ("default", {"Type": "no-password"})
    with refused("InvalidParameterValue"):
        elasticache.modify_user(UserId="default", Passwords=[OLD])
    with refused("InvalidParameterValue"):
        elasticache.delete_user(UserId="default")


def test_groups_that_cannot_be(elasticache: Any) -> None:
    user_id = make_user(elasticache, UserName="same")
    twin = make_user(elasticache, UserName="same")
    valkey = make_user(elasticache, Engine="valkey")
    open_user = make_user(elasticache, NoPasswordRequired=True)

    def create(engine: str, *user_ids: str) -> None:
        elasticache.create_user_group(
            UserGroupId=unique("g"), Engine=engine, UserIds=list(user_ids)
        )

    with refused("DefaultUserRequired"):
        create("redis", user_id)
    with refused("DuplicateUserName"):
        create("redis", "default", user_id, twin)
    with refused("InvalidParameterValue"):
        create("redis", "default", valkey)
    with refused("InvalidParameterValue"):
        create("valkey", valkey, open_user)
    with refused("UserNotFound", 404):
        create("redis", "default", "nobody")
    create("valkey", valkey, user_id)


def test_a_group_of_a_cache_stays_and_goes_after_it(elasticache: Any) -> None:
    group_id = make_group(elasticache)
    cache = make_cache(elasticache, group_id)
    with refused("InvalidUserGroupState"):
        elasticache.delete_user_group(UserGroupId=group_id)
    elasticache.delete_replication_group(ReplicationGroupId=cache["ReplicationGroupId"])
    with pytest.raises(ConnectionRefusedError):
        log_in_plainly(cache["NodeGroups"][0]["PrimaryEndpoint"])
    elasticache.delete_user_group(UserGroupId=group_id)
    with refused("UserGroupNotFound", 404):
        elasticache.describe_user_groups(UserGroupId=group_id)


def log_in_plainly(endpoint: dict[str, Any]) -> None:
    import socket

    socket.create_connection(("127.0.0.1", endpoint["Port"]), timeout=30).close()


def test_user_groups_need_encryption_in_transit(elasticache: Any) -> None:
    group_id = make_group(elasticache)
    with refused("InvalidParameterCombination"):
        elasticache.create_replication_group(
            ReplicationGroupId=unique("c"),
            ReplicationGroupDescription="test",
            UserGroupIds=[group_id],
        )


def test_pages_of_users(elasticache: Any) -> None:
    made = {make_user(elasticache) for _ in range(3)}
    pages = list(
        elasticache.get_paginator("describe_users").paginate(PaginationConfig={"PageSize": 2})
    )
    assert all(len(page["Users"]) <= 2 for page in pages)
    names = [user["UserId"] for page in pages for user in page["Users"]]
    assert made <= set(names)
    assert len(names) == len(set(names))


def test_tags(elasticache: Any) -> None:
    user_id = make_user(elasticache, Tags=[{"Key": "a", "Value": "1"}])
    arn = describe(elasticache, user_id)["ARN"]
    elasticache.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "b", "Value": "2"}])
    elasticache.remove_tags_from_resource(ResourceName=arn, TagKeys=["a"])
    tags = elasticache.list_tags_for_resource(ResourceName=arn)["TagList"]
    assert tags == [{"Key": "b", "Value": "2"}]
    with refused("TagNotFound", 404):
        elasticache.remove_tags_from_resource(ResourceName=arn, TagKeys=["a"])
    with refused("UserNotFound", 404):
        elasticache.list_tags_for_resource(ResourceName=arn + "0")
    with refused("InvalidARN"):
        elasticache.list_tags_for_resource(ResourceName="arn:aws:s3:::bucket")


def test_no_password_is_on_disk_or_in_a_log(aws: LocalAws, elasticache: Any) -> None:
    password = unique("secret-password-")
    user_id = make_user(elasticache, Passwords=[password])
    make_cache(elasticache, make_group(elasticache, user_id))
    elasticache.modify_user(UserId=user_id, Passwords=[password, NEW])
    with refused("InvalidUserState"):
        elasticache.modify_user(UserId=user_id, Passwords=[password])
    wait_active(elasticache, user_id)
    from pathlib import Path

    directory = Path(aws.environment["LOCAL_CA_FILE"]).parent
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert len(files) > 1
    assert not [path for path in files if password.encode() in path.read_bytes()]


def test_modifying_takes_as_long_as_the_instance_says(elasticache: Any) -> None:
    import time

    user_id = make_user(elasticache)
    begun = time.monotonic()
    elasticache.modify_user(UserId=user_id, AccessString="on ~* +get")
    wait_active(elasticache, user_id)
    assert time.monotonic() - begun >= MODIFYING_SECONDS
