"""When a rotation has been missed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotation.records.schedule import GRACE, Schedule
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
    assert schedule.due == due
    assert not schedule.is_overdue(due + GRACE)
    assert schedule.is_overdue(due + GRACE + MOMENT)


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(expression="cron(0 8 1 * ? *)", next=NOW),
        Schedule(expression="rate(30 days)", duration="3h", last=NOW - 30 * DAY, next=NOW),
        Schedule(after_days=30, next=NOW),
    ],
)
def test_the_next_date_is_the_end_of_its_window(schedule: Schedule) -> None:
    boundary(schedule, NOW)


def test_a_rotation_every_four_hours_as_aws_tells_it_is_due_when_its_window_ends() -> None:
    """As recorded (cloud-custodian, test_secrets_manager_version_age), in UTC."""
    last = datetime(2025, 11, 19, 4, 4, 59, tzinfo=UTC)
    end = datetime(2025, 11, 19, 8, 59, 59, tzinfo=UTC)
    schedule = Schedule(expression="rate(4 hours)", after_days=1, last=last, next=end)
    boundary(schedule, end)
    opens = end - HOUR
    assert not schedule.is_window_open(opens - MOMENT)
    assert schedule.is_window_open(opens)


def test_without_a_next_date_the_last_one_and_the_interval_count() -> None:
    boundary(Schedule(after_days=30, last=NOW - 31 * DAY), NOW)
    boundary(Schedule(expression="rate(12 hours)", last=NOW - 13 * HOUR), NOW)


def test_a_date_that_has_moved_on_does_not_hide_two_rotations_that_are_missing() -> None:
    boundary(Schedule(after_days=30, last=NOW - 61 * DAY, next=NOW + 5 * DAY), NOW)


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


@pytest.mark.parametrize(
    "fields, window",
    [
        ({"expression": "rate(30 days)", "duration": "3h"}, 3 * HOUR),
        ({"expression": "rate(12 hours)"}, HOUR),
        ({"after_days": 30}, DAY),
    ],
)
def test_a_window_is_open_from_its_beginning_until_what_began_in_it_has_ended(
    fields: dict[str, Any], window: timedelta
) -> None:
    schedule = Schedule(next=NOW, **fields)
    opens, closes = NOW - window, NOW + GRACE
    open_at = [schedule.is_window_open(each) for each in (opens, closes)]
    closed_at = [schedule.is_window_open(each) for each in (opens - MOMENT, closes + MOMENT)]
    assert (open_at, closed_at) == ([True, True], [False, False])


def test_without_a_next_date_no_window_is_open() -> None:
    assert not Schedule(after_days=30, last=NOW - 30 * DAY).is_window_open(NOW)
