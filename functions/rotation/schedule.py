"""When a secret rotates by itself, and whether it should have by now."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_DAY = timedelta(days=1)
#: A rotation that has begun at the end of its window, and was tried again.
GRACE = timedelta(hours=1)


@dataclass(frozen=True)
class Schedule:
    """What DescribeSecret tells of a secret's rotation (API reference, RotationRulesType).

    ``function_arn`` is empty for a secret that was never rotated by itself; it stays when the
    rotation is turned off. ``next`` is "on or before this date"; after a failure it "may be in the
    past". Dates have a time zone, and are None where Secrets Manager tells none.
    """

    function_arn: str = ""
    enabled: bool = False
    after_days: int | None = None
    expression: str = ""
    duration: str = ""
    last: datetime | None = None
    next: datetime | None = None

    @property
    def interval(self) -> timedelta | None:
        """Between two rotations; None of a cron expression that has not told it yet.

        Secrets Manager calculates AutomaticallyAfterDays from an expression after each rotation.
        """
        if rate := re.fullmatch(r"rate\((\d+) (hour|day)s?\)", self.expression):
            return timedelta(**{f"{rate[2]}s": int(rate[1])})
        return timedelta(days=self.after_days) if self.after_days else None

    @property
    def window(self) -> timedelta:
        """How long after its beginning a rotation may begin: an hour, or until the day ends."""
        if hours := re.fullmatch(r"(\d+)h", self.duration):
            return timedelta(hours=int(hours[1]))
        return timedelta(hours=1) if self.interval and self.interval < _DAY else _DAY

    def is_overdue(self, now: datetime) -> bool:
        """Whether a rotation was missed.

        The next date alone does not tell: it may have moved on past a rotation that failed. The
        last one alone does not either: a value that a person has put counts as a rotation for the
        schedule, and not for the date. So that one counts when two rotations would be missing.
        """
        late = now - self.window - GRACE
        if self.next and self.next < late:
            return True
        if not self.last or not self.interval:
            return False
        return self.last + self.interval * (2 if self.next else 1) < late
