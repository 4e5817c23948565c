"""Find Endpoints: every node of every cache that serves the user."""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.elasticache import ElastiCache
from rotation.errors import EndpointUnreachableError, NoEndpointError
from rotation.failure import Failure
from rotation.target import Target
from rotation.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target"}`` to ``{"Endpoints": [{"Cache", "Address", "Port"}], "Count"}``.

    With ``Network`` in the event, the former answer, they are looked for again. If one of them was
    ``Unreachable``, what a Catch hands on, it may have gone: others have to be found.
    """
    target = Target.from_state(event["Target"])
    elasticache = ElastiCache.connect()
    found = elasticache.endpoints(elasticache.user(target.user_id))
    if not found and os.environ.get("REQUIRE_ENDPOINTS") == "true":
        raise NoEndpointError(
            f"No cache serves user {target.user_id}, and this stack asks for one. Put the user "
            "into a user group of a cache, or deploy with RequireEndpoints=false."
        )
    endpoints = [endpoint.to_state() for endpoint in found]
    before = event.get("Network", {})
    if "Unreachable" in before and before["Endpoints"] == endpoints:
        raise EndpointUnreachableError(Failure.from_catch(before["Unreachable"]).sentence)
    return {"Endpoints": endpoints, "Count": len(endpoints)}
