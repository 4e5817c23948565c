"""When a secret rotates by itself, and whether it should have by now."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_DAY = timedelta(days=1)
#: For a rotation that began at the end of its window and has not ended yet.
GRACE = timedelta(hours=1)


@dataclass(frozen=True)
class Schedule:
    """What DescribeSecret tells of a secret's rotation (API reference, RotationRulesType).

    ``function_arn`` has no alias or version, and is empty for a secret that was never rotated by
    itself; it stays when the rotation is turned off. ``after_days`` comes beside an ``expression``
    once the secret was rotated. ``next`` is the end of a rotation window: "on or before this date",
    and "may be in the past" after a failure. ``last`` may also be when a person gave the secret a
    new value. Dates have a time zone, and are None where Secrets Manager tells none.
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
        """How long a rotation window is: an hour, or until the day ends, without a Duration."""
        if hours := re.fullmatch(r"(\d+)h", self.duration):
            return timedelta(hours=int(hours[1]))
        return timedelta(hours=1) if self.interval and self.interval < _DAY else _DAY

    @property
    def due(self) -> datetime | None:
        """By when the secret has to be rotated, or None where nobody can tell.

        ``next`` stands still while the secret is blocked; whether it moves on past a rotation that
        failed is not documented. So ``last`` counts too, once two rotations are missing: the rules
        may have changed since.
        """
        dates = [self.next] if self.next else []
        if self.last and self.interval:
            dates.append(self.last + self.interval * (2 if self.next else 1) + self.window)
        return min(dates, default=None)

    def is_overdue(self, now: datetime) -> bool:
        """Whether a rotation was missed."""
        return self.due is not None and self.due + GRACE < now

    def is_window_open(self, now: datetime) -> bool:
        """Whether Secrets Manager may be about to try a rotation again.

        It does so "multiple times during the open rotation windows" (user guide, "Rotation by
        Lambda function").
        """
        return self.next is not None and self.next - self.window <= now <= self.next + GRACE
