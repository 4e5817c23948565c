"""Find Endpoints: every node of every cache that serves the user."""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation import first_rotation
from rotation.elasticache import ElastiCache
from rotation.errors import EndpointUnreachableError, NoEndpointError
from rotation.failure import Failure
from rotation.target import Target
from rotation.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target"}`` to ``{"Endpoints": [{"Cache", "Address", "Port"}], "Count", "NotTested"}``.

    ``NotTested`` are the user's caches that the stack's parameter CachesNotTested names; they are
    not among the endpoints.
    With ``Network`` in the event, the former answer, they are looked for again. If one of them was
    ``Unreachable``, what a Catch hands on, it may have gone: others have to be found.
    """
    target = Target.from_state(event["Target"])
    elasticache = ElastiCache.connect()
    # ElastiCache keeps ids in lower case.
    unreachable = os.environ.get("CACHES_NOT_TESTED", "").lower().split(",")
    endpoints, not_tested = [], set()
    for endpoint in elasticache.endpoints(elasticache.user(target.user_id)):
        if endpoint.cache in unreachable:
            not_tested.add(endpoint.cache)
        else:
            endpoints.append(endpoint.to_state())
    if not endpoints and os.environ.get("REQUIRE_ENDPOINTS") == "true":
        raise NoEndpointError(
            f"User {target.user_id} has no cache that this stack can log in to, and the stack asks "
            "for one. Put the user into a user group of a cache, or deploy with "
            "RequireEndpoints=false."
        )
    if not endpoints and not_tested and target.first_password_candidates:
        # Nothing proves which of them clients use.
        raise first_rotation.unknown_password(target.user_id, target.secret_arn)
    before = event.get("Network", {})
    if "Unreachable" in before and before["Endpoints"] == endpoints:
        error = EndpointUnreachableError(Failure.from_catch(before["Unreachable"]).sentence)
        error.reported = True
        raise error
    return {"Endpoints": endpoints, "Count": len(endpoints), "NotTested": sorted(not_tested)}
