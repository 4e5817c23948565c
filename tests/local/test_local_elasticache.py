"""Users, user groups and caches: what the service takes, refuses and shows."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from local.elasticache import ElastiCacheError
from local.elasticache.requests import PARAMETERS, check_parameters
from tests.local.memory import PASSWORD, SECONDS, Users, refused

OTHER = "b" * 16
NEW = {"UserId": "n", "UserName": "n", "Engine": "redis", "AccessString": "on ~* +@all"}
GROUP = {"UserGroupId": "ga"}
CACHE = {"ReplicationGroupId": "c", "ReplicationGroupDescription": "t"}
COMBINATION, VALUE = "InvalidParameterCombination", "InvalidParameterValue"


def create(users: Users, **changes: Any) -> dict[str, Any]:
    return users("CreateUser", **(NEW | changes))


def described(users: Users, user_id: str) -> dict[str, Any]:
    [user] = users("DescribeUsers", UserId=user_id)["Users"]
    return dict(user)


def test_the_guides_first_user_looks_as_in_the_guide(users: Users) -> None:
    user = {"UserId": "User1", "UserName": "user1", "Engine": "REDIS", "NoPasswordRequired": True}
    shape = users("CreateUser", **user, AccessString="off +get ~keys*")
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
    assert described(users, "USER1") == shape


@pytest.mark.parametrize(
    "given, shown",
    [
        ("on", "on -@all"),
        ("+@ALL ALLKEYS ON", "ON ALLKEYS +@ALL"),
        ("+get &c* ~k* off on", "on ~k* &c* -@all +get"),
        ("on (~a* +get) ~b*", "on (~a* +get) ~b*"),
    ],
)
def test_an_access_string_is_shown_in_order(users: Users, given: str, shown: str) -> None:
    assert create(users, AccessString=given, Passwords=[PASSWORD])["AccessString"] == shown


def mode(kind: str, *passwords: str) -> dict[str, Any]:
    more = {"Passwords": [*passwords]} if passwords else {}
    return {"AuthenticationMode": {"Type": kind, **more}}


FORBIDDEN = [
    [PASSWORD[:15]],
    ["a" * 129],
    *([PASSWORD + character] for character in ',"/@\né'),
    [PASSWORD, PASSWORD],
    [PASSWORD, OTHER, "c" * 16],
]
CANNOT_BE = [
    *(({"Passwords": passwords}, VALUE) for passwords in FORBIDDEN),
    (mode("iam", PASSWORD), COMBINATION),
    (mode("password"), COMBINATION),
    (mode("no-password-required", PASSWORD), COMBINATION),
    ({"NoPasswordRequired": True, "Passwords": [PASSWORD]}, COMBINATION),
    (mode("iam") | {"Passwords": [PASSWORD]}, COMBINATION),
    (mode("iam") | {"NoPasswordRequired": True}, COMBINATION),
    (mode("token"), VALUE),
    ({"NoPasswordRequired": False}, VALUE),
    ({"Engine": "valkey", "NoPasswordRequired": True}, VALUE),
    ({"Engine": "memcached", "Passwords": [PASSWORD]}, VALUE),
    ({"UserId": "1x", "Passwords": [PASSWORD]}, VALUE),
    ({"AccessString": f"on >{PASSWORD}", "Passwords": [PASSWORD]}, VALUE),
    ({"AccessString": "ON NOPASS", "Passwords": [PASSWORD]}, VALUE),
]


def group(engine: str, *members: str) -> dict[str, Any]:
    return {"UserGroupId": "new", "Engine": engine, "UserIds": [*members]}


#: What the service refuses, by operation, with the code. User `twin` has the name of user a; user v
#: is Valkey's; the user default belongs to AWS.
REFUSED: dict[str, list[tuple[dict[str, Any], str]]] = {
    "CreateUser": [
        *((NEW | changes, code) for changes, code in CANNOT_BE),
        (NEW | {"UserId": "A", "Passwords": [PASSWORD]}, "UserAlreadyExists"),
    ],
    "ModifyUser": [
        *(({"UserId": "a", "Passwords": passwords}, VALUE) for passwords in FORBIDDEN),
        ({"UserId": "nobody"}, "UserNotFound"),
        ({"UserId": "default", "Passwords": [PASSWORD]}, VALUE),
        ({"UserId": "a", "AccessString": "on", "AppendAccessString": "off"}, COMBINATION),
    ],
    "DeleteUser": [
        ({"UserId": "nobody"}, "UserNotFound"),
        ({"UserId": "default"}, VALUE),
        ({"UserId": "closed"}, "DefaultUserAssociatedToUserGroup"),
    ],
    "DescribeUsers": [({"UserId": "nobody"}, "UserNotFound")],
    "CreateUserGroup": [
        (GROUP | {"Engine": "redis"}, "UserGroupAlreadyExists"),
        (group("redis", "a"), "DefaultUserRequired"),
        (group("redis", "default", "a", "twin"), "DuplicateUserName"),
        (group("redis", "default", "v"), VALUE),
        (group("valkey", "v", "default"), VALUE),
        (group("redis", "default", "nobody"), "UserNotFound"),
    ],
    "ModifyUserGroup": [
        (GROUP, COMBINATION),
        (GROUP | {"UserIdsToRemove": ["b"]}, VALUE),
        (GROUP | {"UserIdsToAdd": ["a"]}, VALUE),
    ],
    "DeleteUserGroup": [(GROUP, "InvalidUserGroupState")],
    "DescribeUserGroups": [({"UserGroupId": "none"}, "UserGroupNotFound")],
    "CreateReplicationGroup": [
        (CACHE | {"UserGroupIds": ["ga"]}, COMBINATION),
        (CACHE | {"NumCacheClusters": 2, "NumNodeGroups": 2}, COMBINATION),
        (CACHE | {"CacheParameterGroupName": "mine"}, "CacheParameterGroupNotFound"),
        (CACHE | {"Port": 6380}, COMBINATION),
    ],
    "CreateServerlessCache": [
        ({"ServerlessCacheName": "s", "Engine": "redis"}, "ServerlessCacheAlreadyExistsFault")
    ],
    "DescribeReplicationGroups": [({"ReplicationGroupId": "x"}, "ReplicationGroupNotFoundFault")],
    "DescribeServerlessCaches": [({"ServerlessCacheName": "x"}, "ServerlessCacheNotFoundFault")],
    "DescribeCacheClusters": [({"CacheClusterId": "x"}, "CacheClusterNotFound")],
    "CreateSnapshot": [({}, "InvalidAction")],
}


def with_twin_and_valkey(users: Users) -> Users:
    create(users, UserId="twin", UserName="a", Passwords=[PASSWORD])
    create(users, UserId="v", UserName="v", Engine="valkey", Passwords=[PASSWORD])
    return users


@pytest.mark.parametrize(
    "operation, request_, code",
    [(operation, *row) for operation, rows in REFUSED.items() for row in rows],
)
def test_requests_that_are_refused(
    users: Users, operation: str, request_: dict[str, Any], code: str
) -> None:
    before = str(with_twin_and_valkey(users).elasticache.state)
    with refused(code):
        users(operation, **request_)
    assert str(users.elasticache.state) == before


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


def test_where_a_cache_is_and_how_large_is_shown_as_it_was_given(users: Users) -> None:
    shown = {"CacheNodeType": "cache.t4g.micro", "CacheSubnetGroupName": "subnets"}
    shown |= {"EngineVersion": "8.0"}
    more = {"SecurityGroupIds": ["sg-1"], "AutomaticFailoverEnabled": True}
    clustered = {"CacheParameterGroupName": "default.valkey8.cluster.on"}
    cache = users("CreateReplicationGroup", **CACHE, **shown, **more, **clustered)
    group = cache["ReplicationGroup"]
    assert (group["ClusterMode"], group["AutomaticFailover"]) == ("enabled", "enabled")
    [member] = group["MemberClusters"]
    [cluster] = users("DescribeCacheClusters", CacheClusterId=member)["CacheClusters"]
    assert shown.items() <= cluster.items()
    assert cluster["SecurityGroups"] == [{"SecurityGroupId": "sg-1", "Status": "active"}]


def test_groups_and_users_name_each_other_and_the_caches(users: Users) -> None:
    assert described(users, "a")["UserGroupIds"] == ["ga"]
    [group] = users("DescribeUserGroups", UserGroupId="ga")["UserGroups"]
    assert (group["ReplicationGroups"], group["ServerlessCaches"]) == (["r"], ["s"])
    assert group["UserIds"] == ["default", "a"]


def test_a_valkey_group_may_have_users_of_redis_and_needs_a_cache_of_valkey(users: Users) -> None:
    with_twin_and_valkey(users)
    assert users("CreateUserGroup", **group("valkey", "v", "a"))["UserIds"] == ["v", "a"]
    cache = CACHE | {"TransitEncryptionEnabled": True, "UserGroupIds": ["new"]}
    with refused(COMBINATION, "need a cache of that engine"):
        users("CreateReplicationGroup", **cache, Engine="redis")


def test_a_group_goes_after_its_cache(users: Users) -> None:
    users("DeleteReplicationGroup", ReplicationGroupId="r")
    users("DeleteServerlessCache", ServerlessCacheName="s")
    users("DeleteUserGroup", UserGroupId="ga")
    with refused("UserGroupNotFound"):
        users("DescribeUserGroups", UserGroupId="ga")


def test_pages_of_users(users: Users) -> None:
    first = users("DescribeUsers", MaxRecords=3)
    second = users("DescribeUsers", MaxRecords=3, Marker=first["Marker"])
    names = [user["UserId"] for page in (first, second) for user in page["Users"]]
    assert names == ["default", "a", "b", "c", "closed"]
    assert "Marker" not in second
    with refused("InvalidParameterValue", "Invalid Marker"):
        users("DescribeUsers", Marker="x")


def test_tags(users: Users) -> None:
    arn = described(users, "a")["ARN"]
    users("AddTagsToResource", ResourceName=arn, Tags=[{"Key": "b", "Value": "2"}])
    users("RemoveTagsFromResource", ResourceName=arn, TagKeys=["of"])
    assert users.tags("a") == [{"Key": "b", "Value": "2"}]
    for resource, code in (
        (arn, "TagNotFound"),
        (f"{arn}0", "UserNotFound"),
        (arn.replace(":user:", ":replicationgroup:"), "ReplicationGroupNotFoundFault"),
        ("arn:aws:s3:::bucket", "InvalidARN"),
    ):
        with refused(code):
            users("RemoveTagsFromResource", ResourceName=resource, TagKeys=["of"])


def test_a_modification_takes_effect_after_its_time(users: Users) -> None:
    users("ModifyUser", UserId="a", AppendAccessString="-get", **mode("password", OTHER, PASSWORD))
    modified = described(users, "a")
    assert (modified["Status"], modified["Authentication"]["PasswordCount"]) == ("modifying", 2)
    users.stage.pass_time(SECONDS - 1)
    assert (users.statuses(), users.nodes["r"].lets_in("a", OTHER)) == ("maa", False)
    users.stage.pass_time(1)
    assert (users.statuses(), users.nodes["r"].lets_in("a", OTHER)) == ("aaa", True)


def test_an_error_over_http_has_the_status_of_its_code(elasticache: Any) -> None:
    with pytest.raises(ClientError) as caught:
        elasticache.describe_users(UserId="nobody")
    answer = caught.value.response
    assert answer["Error"] == {
        "Type": "Sender",
        "Code": "UserNotFound",
        "Message": "User nobody not found.",
    }
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404
