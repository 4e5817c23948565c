"""How long a run waits for the functions of earlier runs on its secret."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotation.errors import RotationError, ServiceUnavailableError, ThrottlingError
from rotation.rules.earlier_runs import LONGEST_EXECUTION, seconds_until_earlier_runs_end
from rotation.rules.executions import version_by_hand
from tests.unit.fakes import World
from tests.unit.values import CURRENT, EXECUTION_ARN, NOW, OTHER, PENDING, PREVIOUS, make_target

Change = Callable[[World], object]
LATE = 45
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ODD_VERSION = "odd: token/with {characters} of AWSCURRENT"
DERIVED_VERSION = version_by_hand(EXECUTION_ARN)


def version(version_id: str, age: timedelta, *labels: str) -> Change:
    """A version of that age; AWSCURRENT is 30 days old, and older than this run's."""

    def add(world: World) -> None:
        world.secrets.add(version_id, None, *labels)
        world.secrets.created[version_id] = NOW - age

    return add


def current(age: timedelta) -> Change:
    return lambda world: world.secrets.created.update({CURRENT: NOW - age})


def execution(name: str, status: str) -> Change:
    return lambda world: world.machine.machine.statuses.update({name: [status]})


def fails(error: RotationError) -> Change:
    return lambda world: world.machine.faults.raise_at("find", error)


def unlisted(version_id: str) -> Change:
    return lambda world: world.secrets.texts.pop(version_id)


def case(
    name: str, wait: int, lookups: int, *changes: Change, after: float = 0, **target: str
) -> Any:
    """``after`` so many seconds the run waits, and has looked up so many executions."""
    return pytest.param(changes, target, timedelta(seconds=after), wait, lookups, id=name)


YOUNG, EDIT = current(HOUR), current(timedelta(seconds=10))
FAILED, SUCCEEDED, RUNNING = (
    execution(f"{CURRENT}-1", status) for status in ("FAILED", "SUCCEEDED", "RUNNING")
)
ODD, OLDER = version(ODD_VERSION, HOUR, "AWSCURRENT"), version(OTHER, 90 * DAY)
DERIVED = version(DERIVED_VERSION, LONGEST_EXECUTION, "AWSCURRENT")
CASES = [
    *(
        case(f"AWSPENDING was on {version or 'no version'}", 0, 0, pending_version_at_check=version)
        for version in ("", PENDING, CURRENT)
    ),
    # AWSCURRENT may be of an execution that has just ended.
    *(
        case(f"{s} s after {name}", wait, lookups, YOUNG, execution(name, "SUCCEEDED"), after=s)
        for name, lookups in ((f"{CURRENT}-1", 1), (CURRENT, 2))
        for s, wait in ((0, LATE), (15, 30), (44, 1), (45, 0), (9000, 0))
    ),
    case("a clock that lags", LATE, 1, YOUNG, SUCCEEDED, after=-300),
    case("a newer attempt", LATE, 2, YOUNG, FAILED, execution(f"{CURRENT}-2", "RUNNING"), after=99),
    case("no execution made AWSCURRENT", 0, 2, YOUNG),
    case("a run that an edit ended", LATE - 10, 2, EDIT),
    case("throttled", LATE, 1, YOUNG, fails(ThrottlingError("not now"))),
    case("unavailable", LATE, 1, YOUNG, fails(ServiceUnavailableError("not now"))),
    case("the first version of a secret", 0, 0, YOUNG, RUNNING, unlisted(PREVIOUS)),
    # A version that is not the name of its execution.
    case("odd", 0, 1, ODD, current_version_id=ODD_VERSION),
    case("derived", LATE, 0, DERIVED, current_version_id=DERIVED_VERSION),
    case("derived, too old", 0, 0, DERIVED, current_version_id=DERIVED_VERSION, after=1),
    # A version of a run that has not got to its end.
    case("a newer version", LATE, 0, version(OTHER, DAY)),
    case("a newer version with a label", LATE, 0, version(OTHER, DAY, "kept")),
    case("an older version", 0, 0, OLDER),
    case("an older version with AWSPENDING", LATE, 0, OLDER, pending_version_at_check=OTHER),
    # A list that lags behind.
    case("this run's version is not listed", LATE, 0, unlisted(PENDING)),
    case("AWSCURRENT is not listed", LATE, 0, unlisted(CURRENT)),
]


@pytest.mark.parametrize("changes, target, after, wait, lookups", CASES)
def test_a_run_waits_while_a_function_of_an_earlier_run_may_be_at_work(
    world: World, changes: Any, target: dict[str, str], after: timedelta, wait: int, lookups: int
) -> None:
    world.stage()
    world.secrets.created[PENDING] = NOW
    for change in changes:
        change(world)
    run = make_target(**{"pending_version_at_check": "", **target})
    now = NOW + after
    assert seconds_until_earlier_runs_end(run, world.secrets, world.machine, now, LATE) == wait
    assert len(world.machine.faults.calls) == lookups


def test_the_longest_execution_is_longer_than_the_state_machines_timeout() -> None:
    machine = json.loads(Path("statemachine/rotation.asl.json").read_text())
    assert timedelta(seconds=machine["TimeoutSeconds"]) + HOUR <= LONGEST_EXECUTION
