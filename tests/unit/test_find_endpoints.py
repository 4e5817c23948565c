"""Find Endpoints."""

from dataclasses import replace

import pytest

import find_endpoints
from rotation.endpoint import Endpoint
from rotation.errors import NoEndpointError
from tests.unit.fakes import ENDPOINT, USER_ID, World, make_target

EVENT = {"Target": make_target().to_state()}


def test_the_answer_has_the_endpoints_and_their_number(world: World) -> None:
    answer = world.call(find_endpoints.handler, EVENT)
    assert answer == {"Endpoints": [ENDPOINT.to_state()], "Count": 1, "Changed": False}


@pytest.mark.parametrize("required", ["false", "", None])
def test_no_endpoint_is_an_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, required: str | None
) -> None:
    world.users.its_endpoints = []
    if required is not None:
        monkeypatch.setenv("REQUIRE_ENDPOINTS", required)
    answer = world.call(find_endpoints.handler, EVENT)
    assert answer == {"Endpoints": [], "Count": 0, "Changed": False}


@pytest.mark.parametrize("left", [[], [ENDPOINT], [ENDPOINT, replace(ENDPOINT, port=6380)]])
def test_whether_an_endpoint_has_come_or_gone_since_is_told(
    world: World, left: list[Endpoint]
) -> None:
    before = {"Network": {"Endpoints": [ENDPOINT.to_state()]}}
    world.users.its_endpoints = left
    answer = world.call(find_endpoints.handler, EVENT | before)
    assert answer["Changed"] is (left != [ENDPOINT])


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
