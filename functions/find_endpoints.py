"""Find Endpoints: every node of every cache that serves the user."""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.elasticache import ElastiCache
from rotation.errors import EndpointUnreachableError
from rotation.records.failure import Failure
from rotation.records.target import Target
from rotation.rules.network import Network
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target"}`` to ``{"Endpoints": [{"Cache", "Address", "Port"}], "Count", "NotTested"}``.

    With ``Network`` in the event, the former answer, they are looked for again. If one of them was
    ``Unreachable``, what a Catch hands on, it may have gone: others have to be found.
    """
    target = Target.from_state(event["Target"])
    elasticache = ElastiCache.connect()
    left_out = os.environ.get("CACHES_NOT_TESTED", "").lower().split(",")
    network = Network.of(elasticache.endpoints(elasticache.user(target.user_id)), left_out)
    network.check(target, require_endpoints=os.environ.get("REQUIRE_ENDPOINTS") == "true")
    answer, before = network.to_state(), event.get("Network", {})
    if "Unreachable" in before and before["Endpoints"] == answer["Endpoints"]:
        sentence = Failure.from_catch(before["Unreachable"]).sentence
        raise EndpointUnreachableError(sentence, reported=True)
    return answer
