"""What a run costs and how long it takes, as upper bounds that are shown before it begins."""

import math
from collections.abc import Collection
from dataclasses import dataclass

from tools.aws.trials import PLANS

#: US dollars in us-east-1, as known in November 2026, without free tiers. An hour of
#: cache.t4g.micro of engine redis (valkey's is cheaper), billed by whole hours, and of a serverless
#: cache of engine valkey with 0.1 GB at 0.084: https://aws.amazon.com/elasticache/pricing/.
NODE_HOUR, SERVERLESS_HOUR = 0.016, 0.0084
#: An interface endpoint in one availability zone: https://aws.amazon.com/privatelink/pricing/.
ENDPOINT_HOUR, ZONES = 0.01, 2
#: A secret, prorated by the hour: https://aws.amazon.com/secrets-manager/pricing/.
SECRET_HOUR = 0.40 / 730
#: A rotation whose user is modifying for 5 minutes (docs/cost.md), and the storage of packages,
#: requests and logs of a whole run.
ROTATION, SMALL_CHANGE = 0.0022, 0.05

NODES = {"one node": 1, "replicas": 3, "cluster mode": 4, "serverless": 0}
#: Questions that rotate, and those that modify a user otherwise, besides two rotations of each
#: cache; users that are created for one question each.
ROTATIONS, MODIFICATIONS, USERS = 10, 7, 24
#: Minutes, by guess: the trials; until the stack and the caches are there; until a user is; a
#: modification, at most; removal, with and without a network. The last retry that is counted.
TRIALS, BUILD, CREATING, MODIFYING, REMOVAL, SMALL_REMOVAL, WATCH = 12, 25, 0.5, 5, 30, 5, 30


@dataclass(frozen=True)
class Estimate:
    """Minutes, and US dollars by what they are for."""

    minutes: int
    dollars: dict[str, float]

    @property
    def total(self) -> float:
        """US dollars."""
        return sum(self.dollars.values())

    @property
    def details(self) -> str:
        """The bill, for people."""
        return ", ".join(f"{what} ${price:.2f}" for what, price in self.dollars.items())

    def __str__(self) -> str:
        return f"about ${self.total:.2f} and {self.minutes / 60:.1f} hours"


def estimate(caches: Collection[str]) -> Estimate:
    """For a run with these kinds of caches."""
    minutes, rotations, users = WATCH + SMALL_REMOVAL, 0, 0
    if caches:
        rotations, users = ROTATIONS + 2 * len(caches), USERS + len(caches)
        changes = MODIFYING * (rotations + MODIFICATIONS)
        minutes = math.ceil(TRIALS + BUILD + CREATING * users + changes + REMOVAL)
    hours = math.ceil(minutes / 60)
    dollars = {
        "nodes": sum(NODES[cache] for cache in caches) * NODE_HOUR * hours,
        "serverless cache": ("serverless" in caches) * SERVERLESS_HOUR * hours,
        "VPC endpoint": bool(caches) * ENDPOINT_HOUR * ZONES * hours,
        "secrets": (users + len(PLANS)) * SECRET_HOUR * hours,
        "rotations": rotations * ROTATION,
        "requests, logs, packages": SMALL_CHANGE,
    }
    return Estimate(minutes, dollars)
