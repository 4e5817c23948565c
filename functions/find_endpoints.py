"""Find Endpoints: every node of every cache that serves the user."""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.elasticache import ElastiCache
from rotation.errors import NoEndpointError
from rotation.target import Target
from rotation.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target"}`` to ``{"Endpoints": [{"Cache", "Address", "Port"}], "Count", "Changed"}``.

    ``Changed`` is whether they are others than the event's ``Network.Endpoints``.
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
    before = event.get("Network", {}).get("Endpoints", endpoints)
    return {"Endpoints": endpoints, "Count": len(endpoints), "Changed": endpoints != before}
