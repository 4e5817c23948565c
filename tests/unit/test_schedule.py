"""When a secret is due, and overdue."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotation.records.schedule import GRACE, Schedule
from tests.unit.values import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOMENT = timedelta(seconds=1)
CRON = "cron(0 8 1 * ? *)"


@pytest.mark.parametrize(
    "fields, interval, window",
    [
        ({"expression": "rate(30 days)"}, 30 * DAY, DAY),
        ({"expression": "rate(30 days)", "duration": "3h"}, 30 * DAY, 3 * HOUR),
        ({"expression": "rate(1 day)"}, DAY, DAY),
        ({"expression": "rate(12 hours)", "after_days": 1}, 12 * HOUR, HOUR),
        ({"expression": "rate(12 hours)", "duration": "3h"}, 12 * HOUR, 3 * HOUR),
        ({"after_days": 30}, 30 * DAY, DAY),
        ({"expression": CRON, "after_days": 31}, 31 * DAY, DAY),
        ({"expression": CRON}, None, DAY),
        ({}, None, DAY),
    ],
)
def test_a_schedule_has_an_interval_and_a_window_before_its_next_date(
    fields: dict[str, Any], interval: timedelta | None, window: timedelta
) -> None:
    schedule = Schedule(next=NOW, **fields)
    assert (schedule.interval, schedule.window) == (interval, window)
    # What began in the window may end after it.
    opens, closes = NOW - window, NOW + GRACE
    moments = (opens - MOMENT, opens, closes, closes + MOMENT)
    assert [schedule.is_window_open(moment) for moment in moments] == [False, True, True, False]
    assert not Schedule(last=NOW - 30 * DAY, **fields).is_window_open(NOW)


@pytest.mark.parametrize(
    "schedule",
    [
        # The next date is the end of its window.
        Schedule(expression=CRON, next=NOW),
        Schedule(expression="rate(30 days)", duration="3h", last=NOW - 30 * DAY, next=NOW),
        Schedule(after_days=30, next=NOW),
        # Without a next date, the last one and the interval count.
        Schedule(after_days=30, last=NOW - 31 * DAY),
        Schedule(expression="rate(12 hours)", last=NOW - 13 * HOUR),
        # A next date that has moved on does not hide that two rotations are missing.
        Schedule(after_days=30, last=NOW - 61 * DAY, next=NOW + 5 * DAY),
    ],
)
def test_a_secret_is_overdue_some_time_after_it_is_due(schedule: Schedule) -> None:
    assert schedule.due == NOW
    assert not schedule.is_overdue(NOW + GRACE)
    assert schedule.is_overdue(NOW + GRACE + MOMENT)


def test_a_rotation_every_four_hours_is_due_when_its_window_ends() -> None:
    """As recorded (cloud-custodian, test_secrets_manager_version_age), in UTC."""
    last = datetime(2025, 11, 19, 4, 4, 59, tzinfo=UTC)
    end = datetime(2025, 11, 19, 8, 59, 59, tzinfo=UTC)
    schedule = Schedule(expression="rate(4 hours)", after_days=1, last=last, next=end)
    assert (schedule.due, schedule.window) == (end, HOUR)


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(),
        Schedule(after_days=30),
        Schedule(expression=CRON, last=NOW - 900 * DAY),
        Schedule(expression=CRON, next=NOW + DAY, last=NOW - 900 * DAY),
        Schedule(after_days=30, next=NOW + DAY),
    ],
)
def test_a_secret_without_a_known_date_is_not_overdue(schedule: Schedule) -> None:
    assert not schedule.is_overdue(NOW)
