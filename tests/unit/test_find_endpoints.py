"""Find Endpoints."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

import find_endpoints
from rotation.errors import (
    CurrentPasswordUnknownError,
    EndpointUnreachableError,
    NoEndpointError,
)
from rotation.records.endpoint import Endpoint
from tests.unit.fakes import ENDPOINT, OTHER, USER_ID, World, make_target

EVENT = {"Target": make_target().to_state()}


def test_the_answer_has_the_endpoints_and_their_number(world: World) -> None:
    answer = world.call(find_endpoints.handler, EVENT)
    assert answer == {"Endpoints": [ENDPOINT.to_state()], "Count": 1, "NotTested": []}


@pytest.mark.parametrize("required", ["false", "", None])
def test_no_endpoint_is_an_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, required: str | None
) -> None:
    world.users.its_endpoints = []
    if required is not None:
        monkeypatch.setenv("REQUIRE_ENDPOINTS", required)
    answer = world.call(find_endpoints.handler, EVENT)
    assert answer == {"Endpoints": [], "Count": 0, "NotTested": []}


def again(*before: Endpoint, caught: dict[str, Any] | None = None) -> dict[str, Any]:
    network: dict[str, Any] = {"Endpoints": [each.to_state() for each in before]}
    return EVENT | {"Network": network | ({"Unreachable": caught} if caught else {})}


CAUSE = f"{ENDPOINT} cannot be reached."
UNREACHABLE = {
    "Error": "EndpointUnreachableError",
    "Cause": json.dumps({"errorMessage": CAUSE, "errorType": "EndpointUnreachableError"}),
}
ANOTHER = replace(ENDPOINT, port=6380)


@pytest.mark.parametrize("found", [[], [ENDPOINT], [ENDPOINT, ANOTHER]])
def test_nodes_may_come_and_go_while_the_user_is_modifying(
    world: World, found: list[Endpoint]
) -> None:
    world.users.its_endpoints = found
    assert world.call(find_endpoints.handler, again(ENDPOINT))["Count"] == len(found)


@pytest.mark.parametrize("found", [[], [ANOTHER], [ENDPOINT, ANOTHER]])
def test_an_endpoint_that_did_not_answer_may_have_gone(world: World, found: list[Endpoint]) -> None:
    world.users.its_endpoints = found
    answer = world.call(find_endpoints.handler, again(ENDPOINT, caught=UNREACHABLE))
    assert answer["Endpoints"] == [each.to_state() for each in found]


def test_an_endpoint_that_is_still_there_fails_by_what_was_met_at_it(world: World) -> None:
    with pytest.raises(EndpointUnreachableError, match=f"^{re.escape(CAUSE)}$"):
        world.call(
            find_endpoints.handler,
            # How long that was tried, the error says.
            again(ENDPOINT, caught=UNREACHABLE) | {"Since": "2026-01-01T00:00:00Z"},
        )


ELSEWHERE = Endpoint("cache-in-another-vpc", "10.1.0.1", 6379)


@pytest.fixture
def two_vpcs(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("CACHES_NOT_TESTED", "another,Cache-In-Another-VPC")
    world.users.its_endpoints = [ELSEWHERE, ENDPOINT, replace(ELSEWHERE, port=6380)]
    return world


def test_caches_out_of_reach_are_no_endpoints_and_are_named(two_vpcs: World) -> None:
    answer = two_vpcs.call(find_endpoints.handler, EVENT)
    assert answer["Endpoints"] == [ENDPOINT.to_state()]
    assert (answer["Count"], answer["NotTested"]) == (1, [ELSEWHERE.cache])


def test_a_cache_out_of_reach_is_not_the_one_that_a_stack_asks_for(
    two_vpcs: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_vpcs.users.its_endpoints = [ELSEWHERE]
    assert two_vpcs.call(find_endpoints.handler, EVENT)["Count"] == 0
    monkeypatch.setenv("REQUIRE_ENDPOINTS", "true")
    with pytest.raises(NoEndpointError):
        two_vpcs.call(find_endpoints.handler, EVENT)


def test_a_first_password_that_cannot_be_proven_anywhere_is_not_replaced(two_vpcs: World) -> None:
    target = make_target(first_rotation=True, first_password_candidates=[OTHER])
    event = {"Target": target.to_state()}
    assert two_vpcs.call(find_endpoints.handler, event)["Count"] == 1
    two_vpcs.users.its_endpoints = [ELSEWHERE]
    with pytest.raises(CurrentPasswordUnknownError, match="CachesNotTested"):
        two_vpcs.call(find_endpoints.handler, event)


def test_no_endpoint_is_refused_where_the_stack_asks_for_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_ENDPOINTS", "true")
    assert world.call(find_endpoints.handler, EVENT)["Count"] == 1
    world.users.its_endpoints = []
    with pytest.raises(NoEndpointError, match="RequireEndpoints") as caught:
        world.call(find_endpoints.handler, EVENT)
    assert USER_ID in str(caught.value)


def test_the_groups_of_the_moment_count(world: World) -> None:
    # Modifying takes minutes, in which nodes come and go.
    world.call(find_endpoints.handler, EVENT)
    world.call(find_endpoints.handler, EVENT)
    assert len(world.users.faults.called("user")) == 2
    assert len(world.users.faults.called("endpoints")) == 2
