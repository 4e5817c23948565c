"""Upper bounds of what a run costs and how long it takes, which are shown before it begins.

US dollars are those of us-east-1 in November 2026, without free tiers; minutes are a guess.
"""

import math
from collections.abc import Collection

from tools.aws.trials import PLANS

#: By the hour: nodes of cache.t4g.micro of engine redis (valkey's is cheaper), billed by whole
#: hours, and a serverless cache of engine valkey with 0.1 GB at 0.084:
#: https://aws.amazon.com/elasticache/pricing/.
NODE_HOUR = 0.016
CACHE_HOUR = {
    "one node": NODE_HOUR,
    "replicas": 3 * NODE_HOUR,
    "cluster mode": 4 * NODE_HOUR,
    "serverless": 0.0084,
}
#: An interface endpoint in two availability zones: https://aws.amazon.com/privatelink/pricing/.
ENDPOINT_HOUR = 2 * 0.01
#: A secret, prorated by the hour: https://aws.amazon.com/secrets-manager/pricing/.
SECRET_HOUR = 0.40 / 730
#: A rotation whose user is modifying for 5 minutes (docs/cost.md), and the storage of packages,
#: requests and logs of a whole run.
ROTATION, SMALL_CHANGE = 0.0022, 0.05
#: Questions that rotate, and those that modify a user otherwise, besides two rotations of each
#: cache; users that are created for one question each.
ROTATIONS, MODIFICATIONS, USERS = 4, 7, 8
#: Minutes: the trials; until the stack and the caches are there; until a user is; a modification,
#: at most; removal, with and without a network. The last retry that is counted.
TRIALS, BUILD, CREATING, MODIFYING, REMOVAL, SMALL_REMOVAL, WATCH = 12, 25, 0.5, 5, 30, 5, 30


def estimate(caches: Collection[str]) -> tuple[int, float]:
    """Minutes and US dollars of a run with these kinds of caches."""
    minutes, rotations, users = WATCH + SMALL_REMOVAL, 0, 0
    if caches:
        rotations, users = ROTATIONS + 2 * len(caches), USERS + len(caches)
        changes = MODIFYING * (rotations + MODIFICATIONS)
        minutes = math.ceil(TRIALS + BUILD + CREATING * users + changes + REMOVAL)
    hourly = bool(caches) * ENDPOINT_HOUR + (users + len(PLANS)) * SECRET_HOUR
    hourly += sum(CACHE_HOUR[cache] for cache in caches)
    return minutes, hourly * math.ceil(minutes / 60) + rotations * ROTATION + SMALL_CHANGE
