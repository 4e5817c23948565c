"""The adapter of ElastiCache. Its error codes are in test_error_codes.py."""

from collections.abc import Iterator

import pytest

from rotation.adapters.elasticache import ElastiCache
from rotation.errors import UnexpectedAwsError, UserBusyError, UserNotFoundError
from rotation.records.endpoint import Endpoint
from tests.unit import stubs
from tests.unit.stubs import Stub, address, clusters, described_user, replication_group, user_group
from tests.unit.values import CURRENT_PASSWORD, PENDING_PASSWORD, USER_ARN, USER_ID, Json, make_user

Stubbed = Stub[ElastiCache]


@pytest.fixture
def stub() -> Iterator[Stubbed]:
    with stubs.stubbed("elasticache", ElastiCache) as stub:
        yield stub


@pytest.mark.parametrize(
    "fields,user",
    [
        ({}, {}),
        ({"Status": "Modifying"}, {"status": "modifying"}),
        ({"UserGroupIds": None}, {"group_ids": ()}),
        *(
            ({"Authentication": {"Type": kind}}, {"authentication": name, "password_count": 0})
            for kind, name in (("no_password", "no-password"), ("no-password",) * 2, ("iam",) * 2)
        ),
        ({"Authentication": {"Type": "password", "PasswordCount": 2}}, {"password_count": 2}),
        ({"Authentication": {}}, {"authentication": "", "password_count": 0}),
    ],
)
def test_a_user_is_what_describe_users_shows(stub: Stubbed, fields: Json, user: Json) -> None:
    stub.answers("describe_users", described_user(**fields), UserId=USER_ID)
    assert stub.adapter.user(USER_ARN) == make_user(**user)


@pytest.mark.parametrize("key", ["ARN", "UserName", "Status"])
def test_a_user_without_a_required_field_is_unexpected(stub: Stubbed, key: str) -> None:
    stub.answers("describe_users", described_user(**{key: None}), UserId=USER_ID)
    with pytest.raises(UnexpectedAwsError, match="DescribeUsers on app-id"):
        stub.adapter.user(USER_ARN)


def test_users_of_all_pages_are_found(stub: Stubbed) -> None:
    second = described_user(UserId="second", ARN=f"{USER_ARN}2")
    stub.answers("describe_users", described_user() | {"Marker": "more"})
    stub.answers("describe_users", second, Marker="more")
    assert stub.adapter.users() == [make_user(), make_user(user_id=f"{USER_ID}2")]


def test_a_user_that_is_not_there_is_not_found(stub: Stubbed) -> None:
    stub.fails("describe_users", "UserNotFound", 404)
    stub.answers("describe_users", {"Users": []}, UserId=USER_ID)
    for _ in range(2):
        with pytest.raises(UserNotFoundError, match=USER_ID):
            stub.adapter.user(USER_ARN)


def test_tags_are_read(stub: Stubbed) -> None:
    tags = [{"Key": "rotation-secret", "Value": "redis/app"}, {"Key": "empty"}]
    stub.answers("list_tags_for_resource", {"TagList": tags}, ResourceName=USER_ARN)
    assert stub.adapter.tags(USER_ARN) == {"rotation-secret": "redis/app", "empty": ""}


def test_tags_of_a_user_in_transition_do_not_mean_that_it_is_gone(stub: Stubbed) -> None:
    stub.fails("list_tags_for_resource", "UserNotFound", 404)
    with pytest.raises(UserBusyError):
        stub.adapter.tags(USER_ARN)


@pytest.mark.parametrize(
    "passwords,sent",
    [
        ([PENDING_PASSWORD, CURRENT_PASSWORD], [PENDING_PASSWORD, CURRENT_PASSWORD]),
        ([CURRENT_PASSWORD, CURRENT_PASSWORD], [CURRENT_PASSWORD]),
    ],
)
@pytest.mark.parametrize("access", [{}, {"AccessString": "on ~* +@all"}])
def test_passwords_replace_the_whole_list(
    stub: Stubbed, passwords: list[str], sent: list[str], access: dict[str, str]
) -> None:
    mode = {"Type": "password", "Passwords": sent}
    stub.answers("modify_user", {}, UserId=USER_ID, AuthenticationMode=mode, **access)
    stub.adapter.set_passwords(USER_ARN, passwords, access_string=access.get("AccessString"))


@pytest.mark.parametrize("code", ["InvalidUserState", "InvalidUserGroupState"])
def test_a_user_that_is_being_modified_is_busy(stub: Stubbed, code: str) -> None:
    stub.fails("modify_user", code)
    with pytest.raises(UserBusyError, match=USER_ID):
        stub.adapter.set_passwords(USER_ARN, [PENDING_PASSWORD])


#: Of two nodes.
ENDPOINTS = [Endpoint("cache-1", node, 6379) for node in ("n1", "n2")]


def test_every_node_of_a_replication_group_is_an_endpoint(stub: Stubbed) -> None:
    assert stub.adapter.endpoints(make_user(group_ids=())) == []
    # A cache behind two groups is asked about once.
    for group in ("group-1", "group-2"):
        stub.answers("describe_user_groups", user_group("cache-1"), UserGroupId=group)
    caches = replication_group("n1", "n2", ClusterEnabled=False)
    stub.answers("describe_replication_groups", caches, ReplicationGroupId="cache-1")
    assert stub.adapter.endpoints(make_user(group_ids=("group-1", "group-2"))) == ENDPOINTS


def test_with_cluster_mode_on_the_nodes_of_all_pages_are_endpoints(stub: Stubbed) -> None:
    stub.answers("describe_user_groups", user_group("cache-1"))
    stub.answers("describe_replication_groups", replication_group(ClusterEnabled=True))
    creating = [{"ReplicationGroupId": "cache-1", "CacheNodes": [{}]}, {}]
    first, others = clusters("n1"), clusters("x", of="another")["CacheClusters"]
    page = {"CacheClusters": [*first["CacheClusters"], *others, *creating], "Marker": "next"}
    stub.answers("describe_cache_clusters", page, ShowCacheNodeInfo=True)
    stub.answers("describe_cache_clusters", clusters("n2"), ShowCacheNodeInfo=True, Marker="next")
    assert stub.adapter.endpoints(make_user()) == ENDPOINTS


@pytest.mark.parametrize(
    "endpoints,ports",
    [
        ([address("rw"), address("rw", 6380)], [6379, 6380]),
        ([{}], []),
        ([{"Address": "rw"}], []),
        ([{"Port": 6379}], []),
    ],
)
def test_a_serverless_cache_has_two_endpoints_or_none(
    stub: Stubbed, endpoints: list[Json], ports: list[int]
) -> None:
    stub.answers("describe_user_groups", user_group(serverless=("less",)))
    cache = stubs.serverless_cache(*endpoints)
    stub.answers("describe_serverless_caches", cache, ServerlessCacheName="less")
    assert stub.adapter.endpoints(make_user()) == [Endpoint("less", "rw", port) for port in ports]


def test_caches_without_an_endpoint_yet_are_left_out(stub: Stubbed) -> None:
    stub.answers("describe_user_groups", user_group("cache-1", serverless=("less",)))
    creating = {"Status": "creating"}
    groups = {"ReplicationGroups": [creating, {"NodeGroups": [{}]}]}
    stub.answers("describe_replication_groups", groups)
    stub.answers("describe_serverless_caches", {"ServerlessCaches": [creating]})
    assert stub.adapter.endpoints(make_user()) == []


def test_a_group_or_a_cache_that_has_gone_meanwhile_is_left_out(stub: Stubbed) -> None:
    stub.fails("describe_user_groups", "UserGroupNotFound", 404)
    stub.answers("describe_user_groups", user_group("cache-1", serverless=("less",)))
    stub.fails("describe_replication_groups", "ReplicationGroupNotFoundFault", 404)
    stub.fails("describe_serverless_caches", "ServerlessCacheNotFoundFault", 404)
    assert stub.adapter.endpoints(make_user(group_ids=("group-1", "group-2"))) == []
