"""An address at which a user can log in."""

import json

from rotation.records.endpoint import Endpoint

ENDPOINT = Endpoint("cache-1", "node-1.example", 6379)


def test_it_survives_the_way_through_the_execution() -> None:
    assert Endpoint.from_state(json.loads(json.dumps(ENDPOINT.to_state()))) == ENDPOINT


def test_the_execution_sees_cache_address_and_port() -> None:
    assert ENDPOINT.to_state() == {"Cache": "cache-1", "Address": "node-1.example", "Port": 6379}


def test_a_sentence_names_address_port_and_cache() -> None:
    assert str(ENDPOINT) == "node-1.example:6379 of cache-1"


def test_endpoints_are_sorted_by_cache_first() -> None:
    other = Endpoint("cache-0", "z.example", 1)
    assert sorted([ENDPOINT, other]) == [other, ENDPOINT]
