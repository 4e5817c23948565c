"""An address at which a user can log in."""

import json

from rotation.records.endpoint import Endpoint

ENDPOINT = Endpoint("cache-1", "node-1.example", 6379)


def test_an_endpoint_travels_as_cache_address_and_port() -> None:
    state = ENDPOINT.to_state()
    assert state == {"Cache": "cache-1", "Address": "node-1.example", "Port": 6379}
    assert Endpoint.from_state(json.loads(json.dumps(state))) == ENDPOINT


def test_an_endpoint_reads_as_its_address_and_sorts_by_its_cache() -> None:
    assert str(ENDPOINT) == "node-1.example:6379 of cache-1"
    other = Endpoint("cache-0", "z.example", 1)
    assert sorted([ENDPOINT, other]) == [other, ENDPOINT]
