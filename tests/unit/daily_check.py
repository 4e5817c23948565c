"""The daily check of one secret in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from rotation.rules.findings import Finding
from rotation.rules.overdue import OverdueCheck, Scope
from rotation.rules.pin import Pin
from tests.unit.fakes import World
from tests.unit.values import FUNCTION_ARN, LONG_AGO, NOW, OTHER, SECRET_ARN, USER_ARN, USERNAME

Change = Callable[[World], object]

MAX_MODIFYING_SECONDS = 1800
TAGGED = Scope(FUNCTION_ARN)
PINNED = Scope(FUNCTION_ARN, Pin(SECRET_ARN, USER_ARN, USERNAME))
DAY = timedelta(days=1)
#: A date of the next rotation that makes the secret overdue.
PAST = NOW - 2 * DAY


def check(
    world: World,
    scope: Scope = TAGGED,
    before_second_look: Callable[[], object] = lambda: None,
    *,
    require_endpoints: bool = True,
) -> list[Finding]:
    def sleep(seconds: float) -> None:
        world.context.sleep(seconds)
        before_second_look()

    overdue = OverdueCheck(
        scope,
        world.secrets,
        world.users,
        world.machine,
        max_modifying_seconds=MAX_MODIFYING_SECONDS,
        require_endpoints=require_endpoints,
        now=lambda: NOW,
        sleep=sleep,
    )
    return overdue.run()[1]


def kinds(findings: list[Finding]) -> list[str]:
    return [finding.kind for finding in findings]


def dates(**fields: Any) -> Change:
    """Changes the secret's schedule."""
    return lambda world: setattr(
        world.secrets, "schedule", replace(world.secrets.schedule, **fields)
    )


def user(**fields: Any) -> Change:
    """Changes the user."""
    return lambda world: world.users.change(**fields)


def rotated_twice(world: World) -> None:
    """There is a version before AWSPREVIOUS."""
    world.secrets.add(OTHER, None)
    world.secrets.created[OTHER] = LONG_AGO - DAY
