"""Adapters on a client of boto3 that gets its answers from the test.

botocore's Stubber compares calls and answers with the service's model.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Generic, TypeVar

import boto3
from botocore.stub import Stubber

from tests.unit.values import USER_ARN, USER_ID, USERNAME, Json

A = TypeVar("A")
client_of = cache(boto3.client)


class Stub(Generic[A]):
    def __init__(self, stubber: Stubber, adapter: A) -> None:
        self._stubber = stubber
        self.adapter = adapter

    def answers(self, call: str, answer: Json, **expected: Any) -> None:
        """Where there are arguments, the call has exactly these."""
        self._stubber.add_response(call, answer, expected or None)

    def fails(self, call: str, code: str, status: int = 400) -> None:
        self._stubber.add_client_error(call, code, "", status)


@contextmanager
def stubbed(service: str, adapter: Callable[[Any], A]) -> Iterator[Stub[A]]:
    """Each answer has to be asked for."""
    client = client_of(service)
    with Stubber(client) as stubber:
        yield Stub(stubber, adapter(client))
        stubber.assert_no_pending_responses()


def described_user(**fields: Any) -> Json:
    """An answer of DescribeUsers; a field that is None is left out."""
    user = {
        "UserId": USER_ID,
        "UserName": USERNAME,
        "Status": "active",
        "AccessString": "on ~* +@all",
        "UserGroupIds": ["group-1"],
        "Authentication": {"Type": "password", "PasswordCount": 1},
        "ARN": USER_ARN,
        **fields,
    }
    return {"Users": [{name: value for name, value in user.items() if value is not None}]}


def address(name: str, port: int = 6379) -> Json:
    return {"Address": name, "Port": port}


def user_group(*replication_groups: str, serverless: tuple[str, ...] = ()) -> Json:
    caches = {"ReplicationGroups": [*replication_groups], "ServerlessCaches": [*serverless]}
    return {"UserGroups": [caches]}


def replication_group(*nodes: str, **more: Any) -> Json:
    members = [{"ReadEndpoint": address(node)} for node in nodes]
    return {"ReplicationGroups": [{"NodeGroups": [{"NodeGroupMembers": members}], **more}]}


def clusters(*nodes: str, of: str = "cache-1") -> Json:
    members = [{"Endpoint": address(node)} for node in nodes]
    return {"CacheClusters": [{"ReplicationGroupId": of, "CacheNodes": members}]}


def serverless_cache(endpoint: Json, reader: Json = {}) -> Json:
    return {"ServerlessCaches": [{"Endpoint": endpoint, "ReaderEndpoint": reader}]}
