"""When a secret rotates next, as Secrets Manager reckons.

[SCHEDULE] below is
https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.services import eventbridge
from moto.secretsmanager.exceptions import InvalidParameterException

#: RotationRules as RotateSecret takes them.
Rules = Mapping[str, Any]

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


def check(rules: Rules) -> None:
    """Raises InvalidParameterException for rules that Secrets Manager does not take [SCHEDULE]."""
    expression, days = rules.get("ScheduleExpression"), rules.get("AutomaticallyAfterDays")
    if expression and days:
        raise InvalidParameterException(
            "RotationRules: use AutomaticallyAfterDays or ScheduleExpression, not both."
        )
    if days is not None and not 1 <= days <= 1000:
        raise InvalidParameterException("RotationRules: AutomaticallyAfterDays is 1 to 1000.")
    if rules.get("Duration") and not re.fullmatch(r"[1-9]\d?h", rules["Duration"]):
        raise InvalidParameterException("RotationRules: Duration is like 3h.")
    if expression and not (_interval(rules) or _cron(expression)):
        raise InvalidParameterException(
            "RotationRules: ScheduleExpression is rate(N hours) from 4 hours on, rate(N days), or "
            "cron(0 HOURS DAY MONTH WEEKDAY *)."
        )


def next_rotation(rules: Rules, last: float) -> int | None:
    """The last second of the next window [SCHEDULE]: "on or before this date" (DescribeSecret).

    `last` is when the secret was rotated, in epoch seconds. None without a schedule.
    """
    expression, begin = rules.get("ScheduleExpression", ""), datetime.fromtimestamp(last, UTC)
    if interval := _interval(rules):
        in_hours = "hour" in expression
        begin = (begin + interval).replace(minute=0, second=0, microsecond=0)
        begin = begin if in_hours else begin.replace(hour=0)
    elif fields := _cron(expression):
        in_hours = len(fields[1]) > 1
        begin = eventbridge._cron_next_fire(fields, begin)
    else:
        return None
    end = begin + _HOUR if in_hours else begin.replace(hour=0) + _DAY
    if hours := rules.get("Duration", "").removesuffix("h"):
        end = begin + int(hours) * _HOUR
    return int(end.timestamp()) - 1


def with_days(rules: Rules, last: float) -> dict[str, Any]:
    """The rules with AutomaticallyAfterDays, which is calculated after each rotation.

    API reference, RotationRulesType; for rate(4 hours) AWS has answered 1.
    """
    if "AutomaticallyAfterDays" in rules or not rules.get("ScheduleExpression"):
        return dict(rules)
    between = _interval(rules)
    if between is None:
        fields = _cron(rules["ScheduleExpression"])
        first = eventbridge._cron_next_fire(fields, datetime.fromtimestamp(last, UTC))
        between = eventbridge._cron_next_fire(fields, first) - first
    return {**rules, "AutomaticallyAfterDays": max(1, math.ceil(between / _DAY))}


def _interval(rules: Rules) -> timedelta | None:
    """Between two rotations; None for cron() and without a schedule.

    An expression counts before the days: those are only calculated from it.
    """
    rate = re.fullmatch(r"rate\((\d+) (hour|day)s?\)", rules.get("ScheduleExpression", ""))
    if rate:
        interval = timedelta(**{f"{rate[2]}s": int(rate[1])})
        return interval if 4 * _HOUR <= interval <= 999 * _DAY else None
    if "ScheduleExpression" not in rules and "AutomaticallyAfterDays" in rules:
        return timedelta(days=int(rules["AutomaticallyAfterDays"]))
    return None


def _cron(expression: str) -> Any:
    """EventBridge's fields of the expression; None if Secrets Manager does not take it."""
    if not re.fullmatch(r"cron\(0 .* \*\)", expression):
        return None
    # EventBridge writes `/8`, which [SCHEDULE] has, as `0/8`.
    return eventbridge._parse_cron_fields(expression.replace(" /", " 0/"))
