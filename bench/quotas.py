"""Step Functions' quotas, which all rotations of an account and region share: buckets of calls."""

from collections import Counter
from collections.abc import Callable


class Bucket:
    """``size`` calls at once, and ``rate`` calls a second after that."""

    def __init__(self, size: float, rate: float) -> None:
        self._size, self._rate = size, rate
        self._left, self._at = size, 0.0

    def take(self, now: float) -> bool:
        """Whether a call is let in at that second."""
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        admitted = self._left >= 1
        self._left -= admitted
        return admitted


class Quotas:
    """What is let in of each API, and how many calls were throttled."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.throttled: Counter[str] = Counter()
        # In all but the largest regions: Step Functions guide, "Service quotas"; 2026.
        self._buckets = {
            "DescribeExecution": Bucket(250, 10),
            "GetExecutionHistory": Bucket(400, 20),
            "ListExecutions": Bucket(100, 2),
            "StartExecution": Bucket(800, 150),
        }

    def admits(self, operation: str) -> bool:
        """Whether the call is let in."""
        bucket = self._buckets.get(operation)
        if bucket is None or bucket.take(self._now()):
            return True
        self.throttled[operation] += 1
        return False
