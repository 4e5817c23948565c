"""Find Endpoints."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

import find_endpoints
from rotation.endpoint import Endpoint
from rotation.errors import EndpointUnreachableError, NoEndpointError
from tests.unit.fakes import ENDPOINT, USER_ID, World, make_target

EVENT = {"Target": make_target().to_state()}


def test_the_answer_has_the_endpoints_and_their_number(world: World) -> None:
    answer = world.call(find_endpoints.handler, EVENT)
    assert answer == {"Endpoints": [ENDPOINT.to_state()], "Count": 1}


@pytest.mark.parametrize("required", ["false", "", None])
def test_no_endpoint_is_an_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, required: str | None
) -> None:
    world.users.its_endpoints = []
    if required is not None:
        monkeypatch.setenv("REQUIRE_ENDPOINTS", required)
    answer = world.call(find_endpoints.handler, EVENT)
    assert answer == {"Endpoints": [], "Count": 0}


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
        world.call(find_endpoints.handler, again(ENDPOINT, caught=UNREACHABLE))


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
