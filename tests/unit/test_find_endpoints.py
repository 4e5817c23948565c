"""Find Endpoints."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from find_endpoints import handler
from rotation.errors import CurrentPasswordUnknownError, EndpointUnreachableError, NoEndpointError
from rotation.records.endpoint import Endpoint
from tests.unit.conftest import SetEnv
from tests.unit.events import on_target
from tests.unit.fakes import World
from tests.unit.values import ENDPOINT, OTHER, USER_ID, Json

ANOTHER = replace(ENDPOINT, port=6380)
ELSEWHERE = Endpoint("cache-in-another-vpc", "10.1.0.1", 6379)


def again(**more: Any) -> Json:
    return on_target() | {"Network": {"Endpoints": [ENDPOINT.to_state()], **more}}


CAUSE = f"{ENDPOINT} cannot be reached."
UNREACHABLE = {
    "Error": "EndpointUnreachableError",
    "Cause": json.dumps({"errorMessage": CAUSE, "errorType": "EndpointUnreachableError"}),
}


@pytest.mark.parametrize(
    "event,nodes",
    [
        *((on_target(), nodes) for nodes in ([], [ENDPOINT], [ENDPOINT, ANOTHER])),
        # Nodes may come and go while the user is modifying.
        *((again(), nodes) for nodes in ([], [ENDPOINT], [ENDPOINT, ANOTHER])),
        # An endpoint that did not answer may have gone.
        *((again(Unreachable=UNREACHABLE), nodes) for nodes in ([], [ANOTHER])),
    ],
)
def test_the_answer_has_the_endpoints_of_the_moment(
    world: World, set_env: SetEnv, event: Json, nodes: list[Endpoint]
) -> None:
    set_env("REQUIRE_ENDPOINTS", "false")
    world.users.its_endpoints = nodes
    endpoints = [endpoint.to_state() for endpoint in nodes]
    assert world.call(handler, event) == {
        "Endpoints": endpoints,
        "Count": len(nodes),
        "NotTested": [],
    }


def test_an_endpoint_that_is_still_there_fails_with_the_error_of_its_login(world: World) -> None:
    # That error says how long it was tried.
    event = again(Unreachable=UNREACHABLE) | {"Since": "2026-01-01T00:00:00Z"}
    with pytest.raises(EndpointUnreachableError, match=f"^{re.escape(CAUSE)}$"):
        world.call(handler, event)


@pytest.fixture
def two_vpcs(world: World, set_env: SetEnv) -> World:
    set_env("CACHES_NOT_TESTED", "another,Cache-In-Another-VPC")
    world.users.its_endpoints = [ELSEWHERE, ENDPOINT, replace(ELSEWHERE, port=6380)]
    return world


def test_caches_that_are_not_tested_have_no_endpoints_and_are_named(two_vpcs: World) -> None:
    assert two_vpcs.call(handler, on_target()) == {
        "Endpoints": [ENDPOINT.to_state()],
        "Count": 1,
        "NotTested": [ELSEWHERE.cache],
    }


@pytest.mark.parametrize("left", [[], [ELSEWHERE]])
def test_a_required_endpoint_is_one_that_is_tested(
    two_vpcs: World, set_env: SetEnv, left: list[Endpoint]
) -> None:
    set_env("REQUIRE_ENDPOINTS", "true")
    assert two_vpcs.call(handler, on_target())["Count"] == 1
    two_vpcs.users.its_endpoints = left
    with pytest.raises(NoEndpointError, match="RequireEndpoints") as caught:
        two_vpcs.call(handler, on_target())
    assert USER_ID in str(caught.value)


def test_a_first_password_that_cannot_be_proven_anywhere_is_not_replaced(two_vpcs: World) -> None:
    event = on_target(first_rotation=True, first_password_candidates=[OTHER])
    assert two_vpcs.call(handler, event)["Count"] == 1
    two_vpcs.users.its_endpoints = [ELSEWHERE]
    with pytest.raises(CurrentPasswordUnknownError, match="CachesNotTested"):
        two_vpcs.call(handler, event)
    assert two_vpcs.call(handler, on_target())["Count"] == 0
    # Without a cache, no client is locked out.
    two_vpcs.users.its_endpoints = []
    assert two_vpcs.call(handler, event)["Count"] == 0
