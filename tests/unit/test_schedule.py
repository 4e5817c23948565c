"""When a rotation has been missed."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from rotation.schedule import GRACE, Schedule
from tests.unit.fakes import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOMENT = timedelta(seconds=1)


@pytest.mark.parametrize(
    "fields, interval",
    [
        ({"expression": "rate(30 days)"}, 30 * DAY),
        ({"expression": "rate(1 day)"}, DAY),
        ({"expression": "rate(12 hours)", "after_days": 1}, 12 * HOUR),
        ({"after_days": 30}, 30 * DAY),
        ({"expression": "cron(0 8 1 * ? *)", "after_days": 31}, 31 * DAY),
        ({"expression": "cron(0 8 1 * ? *)"}, None),
        ({}, None),
    ],
)
def test_an_interval_is_that_of_the_rate_or_the_days(
    fields: dict[str, Any], interval: timedelta | None
) -> None:
    assert Schedule(**fields).interval == interval


@pytest.mark.parametrize(
    "fields, window",
    [
        ({"duration": "3h", "expression": "rate(30 days)"}, 3 * HOUR),
        ({"duration": "3h", "expression": "rate(12 hours)"}, 3 * HOUR),
        ({"expression": "rate(12 hours)"}, HOUR),
        ({"expression": "rate(30 days)"}, DAY),
        ({"expression": "rate(1 day)"}, DAY),
        ({"after_days": 30}, DAY),
        ({"expression": "cron(0 8 1 * ? *)"}, DAY),
    ],
)
def test_a_window_is_its_duration_or_secrets_managers_default(
    fields: dict[str, Any], window: timedelta
) -> None:
    assert Schedule(**fields).window == window


def boundary(schedule: Schedule, due: datetime) -> None:
    late = due + schedule.window + GRACE
    assert not schedule.is_overdue(late)
    assert schedule.is_overdue(late + MOMENT)


def test_a_date_that_has_passed_with_its_window_is_overdue() -> None:
    last, following = NOW - 30 * DAY, NOW
    boundary(Schedule(expression="cron(0 8 1 * ? *)", next=NOW), NOW)
    boundary(Schedule(expression="rate(30 days)", duration="3h", last=last, next=following), NOW)
    boundary(Schedule(after_days=30, next=NOW), NOW)


def test_without_a_next_date_the_last_one_and_the_interval_count() -> None:
    boundary(Schedule(after_days=30, last=NOW - 30 * DAY), NOW)
    boundary(Schedule(expression="rate(12 hours)", last=NOW - 12 * HOUR), NOW)


def test_a_date_that_has_moved_on_does_not_hide_two_rotations_that_are_missing() -> None:
    boundary(Schedule(after_days=30, last=NOW - 60 * DAY, next=NOW + 5 * DAY), NOW)


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(),
        Schedule(after_days=30),
        Schedule(expression="cron(0 8 1 * ? *)", last=NOW - 900 * DAY),
        Schedule(expression="cron(0 8 1 * ? *)", next=NOW + DAY, last=NOW - 900 * DAY),
        Schedule(after_days=30, next=NOW + DAY),
    ],
)
def test_what_nobody_can_tell_is_not_overdue(schedule: Schedule) -> None:
    assert not schedule.is_overdue(NOW)
