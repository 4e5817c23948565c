"""What a run costs and how long it takes, before it begins: upper bounds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tools.aws.trials import PLANS

#: US dollars in us-east-1, as known in November 2026, free tiers left out. An hour of
#: cache.t4g.micro of engine redis (valkey's is cheaper), billed by whole hours, and of a
#: serverless cache of engine valkey at its least, 0.1 GB at 0.084:
#: https://aws.amazon.com/elasticache/pricing/.
NODE_HOUR, SERVERLESS_HOUR = 0.016, 0.0084
#: An interface endpoint in one availability zone: https://aws.amazon.com/privatelink/pricing/.
ENDPOINT_HOUR, ZONES = 0.01, 2
#: A secret, prorated by the hour: https://aws.amazon.com/secrets-manager/pricing/.
SECRET_HOUR = 0.40 / 730
#: A rotation whose user is modifying for 5 minutes (docs/cost.md), and the storage of packages,
#: requests and logs of a whole run.
ROTATION, SMALL_CHANGE = 0.0022, 0.05

NODES = {"one node": 1, "replicas": 3, "cluster mode": 4, "serverless": 0}
#: Cases that rotate, and those that modify a user otherwise, besides two rotations of each cache;
#: users that are made for one question each.
ROTATIONS, MODIFICATIONS, USERS = 10, 7, 24
#: Minutes, by guess: the trials; until network and stack, and then caches are there; until a user
#: is; a modification, at most; removal, with and without a network.
TRIALS, BUILD, CREATING, MODIFYING, REMOVAL, SMALL_REMOVAL = 12, 25, 0.5, 5, 30, 5


@dataclass(frozen=True)
class Estimate:
    """Minutes and US dollars, and what the dollars are for."""

    minutes: int
    dollars: dict[str, float]

    @property
    def total(self) -> float:
        """In US dollars."""
        return sum(self.dollars.values())

    def __str__(self) -> str:
        return f"about ${self.total:.2f} and {self.minutes / 60:.1f} hours"


def estimate(caches: Sequence[str], watch_seconds: float) -> Estimate:
    """For these kinds of caches, and so long a look at retries, while all else is asked."""
    rotations = ROTATIONS + 2 * len(caches) if caches else 0
    users = USERS + len(caches) if caches else 0
    asking: float = TRIALS
    if caches:
        asking += BUILD + CREATING * users + MODIFYING * (rotations + MODIFICATIONS)
    removal = REMOVAL if caches else SMALL_REMOVAL
    minutes = max(asking, watch_seconds / 60) + removal
    hours = math.ceil(minutes / 60)
    dollars = {
        "nodes": sum(NODES[cache] for cache in caches) * NODE_HOUR * hours,
        "serverless cache": ("serverless" in caches) * SERVERLESS_HOUR * hours,
        "VPC endpoint": bool(caches) * ENDPOINT_HOUR * ZONES * hours,
        "secrets": (users + len(PLANS)) * SECRET_HOUR * hours,
        "rotations": rotations * ROTATION,
        "requests, logs, packages": SMALL_CHANGE,
    }
    return Estimate(math.ceil(minutes), dollars)
