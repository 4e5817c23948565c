"""Targets, spreads, and what a Lambda function costs that does the whole rotation by itself."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from report.cost import GB_SECOND, REQUEST, STEPS, WAITING_GB

#: How late a promotion may come: a share of the modifying time, or seconds if that is more.
LATE_SHARE, LATE_SECONDS = 0.2, 2.0
MOST_TRANSITIONS, MOST_DOLLARS, LONG_SECONDS = 60, 0.003, 300
MOST_TIMES_BOTO3 = 1.3


@dataclass(frozen=True)
class Spread:
    """Of repeated measurements, all in one unit."""

    median: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values), len(values))


def allowed_lateness(modifying: float) -> float:
    """In seconds: the target."""
    return max(LATE_SHARE * modifying, LATE_SECONDS)


def lambda_bill(seconds: float, requests: int = STEPS, gigabytes: float = WAITING_GB) -> float:
    """In US dollars, for a function that runs for so long in all."""
    return seconds * gigabytes * GB_SECOND + requests * REQUEST
