"""Medians, spreads, ratios, and what a Lambda costs that does the whole rotation by itself."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from report.cost import GB_SECOND, REQUEST, STEPS, WAITING_GB

#: Of the modifying time, or in seconds, whichever is larger: how late a promotion may come.
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
        """Raises ValueError for no values."""
        if not values:
            raise ValueError("There are no values.")
        return cls(statistics.median(values), min(values), max(values), len(values))


def ratio(ours: float, theirs: float) -> float | None:
    """How many times theirs ours is; None where there is nothing to compare with."""
    return ours / theirs if theirs > 0 else None


def allowed_lateness(modifying: float) -> float:
    """In seconds: the target."""
    return max(LATE_SHARE * modifying, LATE_SECONDS)


def lambda_bill(seconds: float, requests: int = STEPS, gigabytes: float = WAITING_GB) -> float:
    """In US dollars: a function that runs for so long in all."""
    return seconds * gigabytes * GB_SECOND + requests * REQUEST
