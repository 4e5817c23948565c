"""What functions have logged, and what CloudTrail has recorded."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tools.aws.account import Account

#: Clocks may differ by a minute.
_CLOCK_SECONDS = 60
_PLATFORM_ERRORS = ("[ERROR]", "Task timed out", "Runtime.")


def log_events(account: Account, group: str, since: float) -> list[dict[str, Any]]:
    """A log group's events since a time in epoch seconds, oldest first.

    Those of the functions are JSON objects; errors that Lambda itself has logged are "platform".
    Each has its "time" in epoch seconds.
    """
    pages = account.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName=group, startTime=int((since - _CLOCK_SECONDS) * 1000))
    events = [event for page in found for event in page.get("events", [])]
    events.sort(key=lambda event: event["timestamp"])
    return [{"time": it["timestamp"] / 1000, **_line(it["message"])} for it in events]


def _line(message: str) -> dict[str, Any]:
    try:
        line = json.loads(message)
    except ValueError:
        line = None
    if isinstance(line, dict):
        return line
    return {"platform": message.strip()} if any(it in message for it in _PLATFORM_ERRORS) else {}


def trail_events(account: Account, names: Sequence[str], since: float) -> list[dict[str, Any]]:
    """CloudTrail's events of these names, oldest first; CloudTrail is up to 15 minutes behind."""
    pages = account.client("cloudtrail").get_paginator("lookup_events")
    found = [
        json.loads(event["CloudTrailEvent"])
        for name in names
        for page in pages.paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
            StartTime=datetime.fromtimestamp(since - _CLOCK_SECONDS, UTC),
        )
        for event in page["Events"]
    ]
    return sorted(found, key=lambda event: str(event.get("eventTime", "")))
