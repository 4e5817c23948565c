"""Step Functions' quotas, which all rotations of an account and region share: buckets of calls."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Bucket:
    """``size`` calls at once, and ``rate`` calls a second after that."""

    size: float
    rate: float
    _left: float = field(init=False)
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._left = self.size

    def take(self, now: float) -> bool:
        """Whether a call is let in at that second."""
        self._left = min(self.size, self._left + (now - self._at) * self.rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Quotas:
    """What is let in of each API, and how many calls were throttled."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.throttled: dict[str, int] = {}
        # In all but the largest regions (Step Functions guide, "Service quotas", API action
        # throttling; 2026).
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
        self.throttled[operation] = self.throttled.get(operation, 0) + 1
        return False
