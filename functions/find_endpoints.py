"""Find Endpoints: every node of every cache that uses the user."""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.adapters.elasticache import ElastiCache
from rotation.records.target import Target
from rotation.rules.network import Network
from rotation.runtime.telemetry import entry_point


@entry_point
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """``{"Target"}`` to ``{"Endpoints": [{"Cache", "Address", "Port"}], "Count", "NotTested"}``.

    In Find Endpoints Again, the event also has the earlier answer as ``Network``.
    """
    target = Target.from_state(event["Target"])
    elasticache = ElastiCache.connect()
    not_tested = os.environ.get("CACHES_NOT_TESTED", "").lower().split(",")
    network = Network.of(elasticache.endpoints(elasticache.user(target.user_arn)), not_tested)
    network.check(target, require_endpoints=os.environ.get("REQUIRE_ENDPOINTS") == "true")
    network.check_changed(event.get("Network", {}))
    return network.to_state()
