"""A secret's rotation schedule, and whether a rotation was missed."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_DAY = timedelta(days=1)
#: How long after its window a rotation counts as missed: it may begin at the end of the window.
GRACE = timedelta(hours=1)


@dataclass(frozen=True)
class Schedule:
    """A secret's rotation, as DescribeSecret shows it (API reference, RotationRulesType).

    Args:
        function_arn: without an alias or a version; empty if automatic rotation was never
            configured. It stays when the rotation is turned off.
        after_days: Secrets Manager also sets it for an ``expression``, after the first rotation.
        last: the last rotation, or when a person gave the secret a new value.
        next: the end of the next rotation window ("on or before this date"). After a failure it
            "may be in the past".

    Dates have a time zone, and are None if Secrets Manager gives none.
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
        """The time between two rotations; None for a cron expression before its first rotation.

        Secrets Manager calculates AutomaticallyAfterDays from an expression after each rotation.
        """
        if rate := re.fullmatch(r"rate\((\d+) (hour|day)s?\)", self.expression):
            return timedelta(**{f"{rate[2]}s": int(rate[1])})
        return timedelta(days=self.after_days) if self.after_days else None

    @property
    def window(self) -> timedelta:
        """The length of a rotation window: without a Duration, an hour, or until the day ends."""
        if hours := re.fullmatch(r"(\d+)h", self.duration):
            return timedelta(hours=int(hours[1]))
        return timedelta(hours=1) if self.interval and self.interval < _DAY else _DAY

    @property
    def due(self) -> datetime | None:
        """The latest time by which the secret has to be rotated, or None if that is unknown.

        ``next`` does not change while the secret is blocked. Whether it changes after a rotation
        that failed is not documented. So two intervals after ``last`` count as well. One would be
        too early, because the rules may have changed since.
        """
        dates = [self.next] if self.next else []
        if self.last and self.interval:
            dates.append(self.last + self.interval * (2 if self.next else 1) + self.window)
        return min(dates, default=None)

    def is_overdue(self, now: datetime) -> bool:
        """Whether a rotation was missed."""
        return self.due is not None and self.due + GRACE < now

    def is_window_open(self, now: datetime) -> bool:
        """Whether Secrets Manager may still retry a rotation.

        It retries "multiple times during the open rotation windows" (user guide, "Rotation by
        Lambda function").
        """
        return self.next is not None and self.next - self.window <= now <= self.next + GRACE
