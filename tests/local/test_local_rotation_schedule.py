"""When Secrets Manager says that a secret rotates next."""

from datetime import UTC, datetime
from typing import Any

import pytest
from moto.secretsmanager.exceptions import InvalidParameterException

from local.rotation_schedule import check, next_rotation, with_days


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def expression(text: str, **more: str) -> dict[str, Any]:
    return {"ScheduleExpression": text, **more}


@pytest.mark.parametrize(
    "rules, end",
    [
        # Recorded on AWS: cloud-custodian, test_secrets_manager_version_age.
        (expression("rate(4 hours)"), "2025-11-19T08:59:59"),
        (expression("rate(4 hours)", Duration="2h"), "2025-11-19T09:59:59"),
        (expression("rate(1 day)"), "2025-11-20T23:59:59"),
        (expression("rate(10 days)", Duration="3h"), "2025-11-29T02:59:59"),
        ({"AutomaticallyAfterDays": 30}, "2025-12-19T23:59:59"),
        (expression("cron(0 /8 * * ? *)"), "2025-11-19T08:59:59"),
        (expression("cron(0 10 * * ? *)"), "2025-11-19T23:59:59"),
        (expression("cron(0 8 1 * ? *)", Duration="4h"), "2025-12-01T11:59:59"),
        # The days are only calculated from the expression.
        ({**expression("rate(4 hours)"), "AutomaticallyAfterDays": 1}, "2025-11-19T08:59:59"),
    ],
)
def test_the_next_date_is_the_end_of_the_window(rules: dict[str, Any], end: str) -> None:
    assert next_rotation(rules, seconds("2025-11-19T04:04:59.557")) == seconds(end)


def test_without_a_schedule_there_is_no_date() -> None:
    assert next_rotation({}, 0) is None
    assert with_days({}, 0) == {}


@pytest.mark.parametrize(
    "text, days",
    [
        ("rate(4 hours)", 1),
        ("rate(10 days)", 10),
        ("cron(0 /8 * * ? *)", 1),
        ("cron(0 18 ? * SAT *)", 7),
    ],
)
def test_days_are_calculated_from_an_expression(text: str, days: int) -> None:
    rules = expression(text, Duration="1h")
    assert with_days(rules, seconds("2025-11-19T04:04:59")) == {
        **rules,
        "AutomaticallyAfterDays": days,
    }


@pytest.mark.parametrize(
    "rules, named",
    [
        ({**expression("rate(1 day)"), "AutomaticallyAfterDays": 1}, "not both"),
        ({"AutomaticallyAfterDays": 0}, "AutomaticallyAfterDays"),
        ({"AutomaticallyAfterDays": 1001}, "AutomaticallyAfterDays"),
        ({"AutomaticallyAfterDays": 1, "Duration": "0h"}, "Duration"),
        (expression("rate(3 hours)"), "ScheduleExpression"),
        (expression("rate(1000 days)"), "ScheduleExpression"),
        (expression("cron(5 8 1 * ? *)"), "ScheduleExpression"),
        (expression("cron(0 8 1 * ? 2027)"), "ScheduleExpression"),
        (expression("daily"), "ScheduleExpression"),
    ],
)
def test_rules_that_secrets_manager_does_not_take(rules: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidParameterException) as caught:
        check(rules)
    assert named in caught.value.message
