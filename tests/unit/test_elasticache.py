"""The adapter of ElastiCache. Stubber holds calls and answers against botocore's model."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from rotation.adapters.elasticache import ElastiCache
from rotation.errors import (
    AccessDeniedError,
    RotationError,
    ServiceUnavailableError,
    ThrottlingError,
    UnexpectedAwsError,
    UserBusyError,
    UserNotFoundError,
)
from rotation.records.endpoint import Endpoint
from tests.unit.fakes import (
    CURRENT_PASSWORD,
    PENDING_PASSWORD,
    USER_ARN,
    USER_ID,
    USERNAME,
    make_user,
)
from tests.unit.leaks import assert_no_leak


class Stub:
    """An adapter on a stubbed client."""

    def __init__(self) -> None:
        client = boto3.client("elasticache")
        self.may_be_left = False
        self.stubber = Stubber(client)
        self.adapter = ElastiCache(client)

    def answers(self, call: str, answer: dict[str, Any], expected: dict[str, Any]) -> None:
        self.stubber.add_response(call, answer, expected)

    def fails(self, call: str, code: str, status: int = 400, message: str = "") -> None:
        self.stubber.add_client_error(call, code, message, status)


@pytest.fixture
def stub() -> Iterator[Stub]:
    found = Stub()
    with found.stubber:
        yield found
        # A call that was not made would leave its answer; a test that fails leaves them, too.
        if not found.may_be_left:
            found.stubber.assert_no_pending_responses()


def described(**fields: Any) -> dict[str, Any]:
    user = {
        "UserId": USER_ID,
        "UserName": USERNAME,
        "Status": "active",
        "AccessString": "on ~* +@all",
        "UserGroupIds": ["group-1"],
        "Authentication": {"Type": "password", "PasswordCount": 1},
        "ARN": USER_ARN,
    }
    return {"Users": [user | fields]}


def test_a_user_is_what_describe_users_shows(stub: Stub) -> None:
    stub.answers("describe_users", described(), {"UserId": USER_ID})
    assert stub.adapter.user(USER_ID) == make_user()


@pytest.mark.parametrize("key", ["UserId", "ARN", "UserName", "Status"])
def test_a_user_that_is_half_described_is_aws_unexpected(stub: Stub, key: str) -> None:
    answer = described()
    del answer["Users"][0][key]
    stub.answers("describe_users", answer, {"UserId": USER_ID})
    with pytest.raises(UnexpectedAwsError, match="DescribeUsers on app-id"):
        stub.adapter.user(USER_ID)


@pytest.mark.parametrize(
    "shown,authentication,count",
    [
        ({"Type": "password", "PasswordCount": 2}, "password", 2),
        ({"Type": "no-password"}, "no-password", 0),
        ({"Type": "no_password", "PasswordCount": 0}, "no-password", 0),
        ({"Type": "iam"}, "iam", 0),
        ({}, "", 0),
    ],
)
def test_both_spellings_of_an_authentication_are_read(
    stub: Stub, shown: dict[str, Any], authentication: str, count: int
) -> None:
    stub.answers("describe_users", described(Authentication=shown), {"UserId": USER_ID})
    user = stub.adapter.user(USER_ID)
    assert (user.authentication, user.password_count) == (authentication, count)


def test_a_status_is_read_in_either_case(stub: Stub) -> None:
    stub.answers("describe_users", described(Status="Modifying"), {"UserId": USER_ID})
    assert stub.adapter.user(USER_ID).status == "modifying"


def test_a_user_in_no_group_has_none(stub: Stub) -> None:
    answer = described()
    del answer["Users"][0]["UserGroupIds"]
    stub.answers("describe_users", answer, {"UserId": USER_ID})
    assert stub.adapter.user(USER_ID).group_ids == ()


def test_users_of_all_pages_are_found(stub: Stub) -> None:
    second = described(UserId="second", ARN=f"{USER_ARN}2")
    stub.answers("describe_users", described() | {"Marker": "more"}, {})
    stub.answers("describe_users", second, {"Marker": "more"})
    assert stub.adapter.users() == [make_user(), make_user(user_id="second", arn=f"{USER_ARN}2")]


def test_a_user_that_is_not_there_is_not_found(stub: Stub) -> None:
    stub.fails("describe_users", "UserNotFound", 404)
    stub.answers("describe_users", {"Users": []}, {"UserId": USER_ID})
    for _ in range(2):
        with pytest.raises(UserNotFoundError, match=USER_ID):
            stub.adapter.user(USER_ID)


def test_tags_are_read(stub: Stub) -> None:
    tags = [{"Key": "rotation-secret", "Value": "redis/app"}, {"Key": "empty"}]
    stub.answers("list_tags_for_resource", {"TagList": tags}, {"ResourceName": USER_ARN})
    assert stub.adapter.tags(USER_ARN) == {"rotation-secret": "redis/app", "empty": ""}


def test_tags_of_a_user_in_transition_do_not_mean_that_it_is_gone(stub: Stub) -> None:
    stub.fails("list_tags_for_resource", "UserNotFound", 404)
    with pytest.raises(UserBusyError):
        stub.adapter.tags(USER_ARN)


@pytest.mark.parametrize(
    "passwords,sent",
    [
        ([PENDING_PASSWORD, CURRENT_PASSWORD], [PENDING_PASSWORD, CURRENT_PASSWORD]),
        ([PENDING_PASSWORD], [PENDING_PASSWORD]),
        ([CURRENT_PASSWORD, CURRENT_PASSWORD], [CURRENT_PASSWORD]),
    ],
)
def test_passwords_replace_the_whole_list_in_the_explicit_mode(
    stub: Stub, passwords: list[str], sent: list[str]
) -> None:
    stub.answers(
        "modify_user",
        {},
        {"UserId": USER_ID, "AuthenticationMode": {"Type": "password", "Passwords": sent}},
    )
    stub.adapter.set_passwords(USER_ID, passwords)


def test_an_access_string_goes_along_when_there_is_one(stub: Stub) -> None:
    stub.answers(
        "modify_user",
        {},
        {
            "UserId": USER_ID,
            "AuthenticationMode": {"Type": "password", "Passwords": [PENDING_PASSWORD]},
            "AccessString": "on ~* +@all",
        },
    )
    stub.adapter.set_passwords(USER_ID, [PENDING_PASSWORD], access_string="on ~* +@all")


@pytest.mark.parametrize(
    "code,status,kind",
    [
        ("InvalidUserState", 400, UserBusyError),
        ("InvalidUserGroupState", 400, UserBusyError),
        ("UserNotFound", 404, UserNotFoundError),
        ("InvalidParameterValue", 400, UnexpectedAwsError),
        ("InvalidParameterCombination", 400, UnexpectedAwsError),
        ("Throttling", 400, ThrottlingError),
        ("AccessDenied", 403, AccessDeniedError),
        ("ServiceUnavailable", 503, ServiceUnavailableError),
    ],
)
def test_a_refused_modification_has_a_name_and_no_password(
    stub: Stub, code: str, status: int, kind: type[RotationError]
) -> None:
    message = "" if kind is AccessDeniedError else f"Password {PENDING_PASSWORD} is bad."
    stub.fails("modify_user", code, status, message)
    with pytest.raises(kind) as caught:
        stub.adapter.set_passwords(USER_ID, [PENDING_PASSWORD])
    assert type(caught.value) is kind
    assert USER_ID in str(caught.value)
    assert_no_leak([PENDING_PASSWORD], error=caught.value)


def user_group(*, groups: list[str], serverless: list[str]) -> dict[str, Any]:
    return {"UserGroups": [{"ReplicationGroups": groups, "ServerlessCaches": serverless}]}


def address(name: str) -> dict[str, Any]:
    return {"Address": name, "Port": 6379}


def test_a_user_in_no_group_has_no_endpoints(stub: Stub) -> None:
    assert stub.adapter.endpoints(make_user(group_ids=())) == []


def test_every_node_of_a_replication_group_is_an_endpoint(stub: Stub) -> None:
    stub.answers(
        "describe_user_groups",
        user_group(groups=["cache-1"], serverless=[]),
        {"UserGroupId": "group-1"},
    )
    members = [{"ReadEndpoint": address("n1")}, {"ReadEndpoint": address("n2")}]
    stub.answers(
        "describe_replication_groups",
        {
            "ReplicationGroups": [
                {
                    "ClusterEnabled": False,
                    "NodeGroups": [
                        {"PrimaryEndpoint": address("primary"), "NodeGroupMembers": members}
                    ],
                }
            ]
        },
        {"ReplicationGroupId": "cache-1"},
    )
    assert stub.adapter.endpoints(make_user()) == [
        Endpoint("cache-1", "n1", 6379),
        Endpoint("cache-1", "n2", 6379),
    ]


def test_with_cluster_mode_on_the_nodes_of_all_pages_are_endpoints(stub: Stub) -> None:
    stub.answers(
        "describe_user_groups",
        user_group(groups=["cache-1"], serverless=[]),
        {"UserGroupId": "group-1"},
    )
    stub.answers(
        "describe_replication_groups",
        {
            "ReplicationGroups": [
                {
                    "ClusterEnabled": True,
                    "ConfigurationEndpoint": address("config"),
                    "NodeGroups": [{"NodeGroupMembers": [{"CacheClusterId": "cache-1-0001-001"}]}],
                }
            ]
        },
        {"ReplicationGroupId": "cache-1"},
    )

    def cluster(group: str, *names: str) -> dict[str, Any]:
        nodes = [{"Endpoint": address(name)} for name in names]
        return {"ReplicationGroupId": group, "CacheNodes": nodes}

    stub.answers(
        "describe_cache_clusters",
        {
            "Marker": "next",
            "CacheClusters": [cluster("cache-1", "n1"), cluster("another", "x"), {}],
        },
        {"ShowCacheNodeInfo": True},
    )
    creating = {"ReplicationGroupId": "cache-1", "CacheNodes": [{"CacheNodeStatus": "creating"}]}
    stub.answers(
        "describe_cache_clusters",
        {"CacheClusters": [cluster("cache-1", "n2"), creating]},
        {"ShowCacheNodeInfo": True, "Marker": "next"},
    )
    assert stub.adapter.endpoints(make_user()) == [
        Endpoint("cache-1", "n1", 6379),
        Endpoint("cache-1", "n2", 6379),
    ]


def test_both_endpoints_of_a_serverless_cache_count(stub: Stub) -> None:
    stub.answers(
        "describe_user_groups",
        user_group(groups=[], serverless=["less"]),
        {"UserGroupId": "group-1"},
    )
    stub.answers(
        "describe_serverless_caches",
        {
            "ServerlessCaches": [
                {
                    "Status": "AVAILABLE",
                    "Endpoint": address("rw"),
                    "ReaderEndpoint": {"Address": "rw", "Port": 6380},
                }
            ]
        },
        {"ServerlessCacheName": "less"},
    )
    assert stub.adapter.endpoints(make_user()) == [
        Endpoint("less", "rw", 6379),
        Endpoint("less", "rw", 6380),
    ]


@pytest.mark.parametrize("half", [{}, {"Address": "n1"}, {"Port": 6379}])
def test_half_an_endpoint_is_none(stub: Stub, half: dict[str, Any]) -> None:
    stub.answers(
        "describe_user_groups",
        user_group(groups=[], serverless=["less"]),
        {"UserGroupId": "group-1"},
    )
    stub.answers(
        "describe_serverless_caches",
        {"ServerlessCaches": [{"Endpoint": half}]},
        {"ServerlessCacheName": "less"},
    )
    assert stub.adapter.endpoints(make_user()) == []


def test_caches_without_an_endpoint_yet_are_left_out(stub: Stub) -> None:
    stub.answers(
        "describe_user_groups",
        user_group(groups=["cache-1"], serverless=["less"]),
        {"UserGroupId": "group-1"},
    )
    stub.answers(
        "describe_replication_groups",
        {"ReplicationGroups": [{"Status": "creating", "NodeGroups": [{}]}]},
        {"ReplicationGroupId": "cache-1"},
    )
    stub.answers(
        "describe_serverless_caches",
        {"ServerlessCaches": [{"Status": "creating", "Endpoint": {}}]},
        {"ServerlessCacheName": "less"},
    )
    assert stub.adapter.endpoints(make_user()) == []


def test_a_cache_behind_two_groups_is_asked_about_once(stub: Stub) -> None:
    for group in ("group-1", "group-2"):
        stub.answers(
            "describe_user_groups",
            user_group(groups=["cache-1"], serverless=[]),
            {"UserGroupId": group},
        )
    stub.answers(
        "describe_replication_groups",
        {"ReplicationGroups": [{"NodeGroups": []}]},
        {"ReplicationGroupId": "cache-1"},
    )
    assert stub.adapter.endpoints(make_user(group_ids=("group-1", "group-2"))) == []


@pytest.mark.parametrize(
    "code,kind", [("Throttling", ThrottlingError), ("AccessDenied", AccessDeniedError)]
)
@pytest.mark.parametrize(
    "call",
    [
        "describe_user_groups",
        "describe_replication_groups",
        "describe_cache_clusters",
        "describe_serverless_caches",
    ],
)
def test_a_failed_search_for_endpoints_has_a_name(
    stub: Stub, call: str, code: str, kind: type[RotationError]
) -> None:
    answers: dict[str, dict[str, Any]] = {
        "describe_user_groups": user_group(groups=["cache-1"], serverless=["less"]),
        "describe_replication_groups": {"ReplicationGroups": [{"ClusterEnabled": True}]},
        "describe_cache_clusters": {"CacheClusters": []},
        "describe_serverless_caches": {"ServerlessCaches": []},
    }
    for each, answer in answers.items():
        if each == call:
            stub.fails(each, code)
            break
        stub.stubber.add_response(each, answer)
    with pytest.raises(kind):
        stub.adapter.endpoints(make_user())


@pytest.mark.parametrize(
    "call,code",
    [
        ("describe_user_groups", "UserGroupNotFound"),
        ("describe_replication_groups", "ReplicationGroupNotFoundFault"),
        ("describe_serverless_caches", "ServerlessCacheNotFoundFault"),
    ],
)
def test_a_cache_that_has_gone_meanwhile_is_left_out(stub: Stub, call: str, code: str) -> None:
    answers: dict[str, dict[str, Any]] = {
        "describe_user_groups": user_group(groups=["cache-1"], serverless=["less"]),
        "describe_replication_groups": {"ReplicationGroups": []},
        "describe_serverless_caches": {"ServerlessCaches": []},
    }
    for each, answer in answers.items():
        if each == call:
            stub.fails(each, code, 404)
            if call == "describe_user_groups":
                break
        else:
            stub.stubber.add_response(each, answer)
    stub.may_be_left = True
    assert stub.adapter.endpoints(make_user()) == []
