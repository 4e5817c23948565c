"""How long a run waits for the functions of earlier runs on its secret."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rotation.errors import RotationError, ServiceUnavailableError, ThrottlingError
from rotation.rules.executions import version_of
from rotation.rules.staging import LONGEST_EXECUTION, wait_for_earlier_runs
from tests.unit.fakes import (
    CURRENT,
    EXECUTION_ARN,
    NOW,
    OTHER,
    PENDING,
    PREVIOUS,
    World,
    make_target,
)

Change = Callable[[World], object]
LATE = 45
ODD_VERSION = "odd: token/with {characters} of AWSCURRENT"
DERIVED_VERSION = version_of(EXECUTION_ARN)


def version(version_id: str, age: timedelta, *labels: str) -> Change:
    """A version of that age; AWSCURRENT is 30 days old, and older than this run's."""

    def add(world: World) -> None:
        world.secrets.add(version_id, None, *labels)
        world.secrets.created[version_id] = NOW - age

    return add


def current(age: timedelta) -> Change:
    return lambda world: world.secrets.created.update({CURRENT: NOW - age, PENDING: NOW})


def execution(name: str, status: str) -> Change:
    return lambda world: world.machine.machine.statuses.update({name: [status]})


def fail(error: type[RotationError], world: World) -> None:
    world.machine.faults.raise_at("find", error("not now"))


def case(
    name: str, *changes: Change, wait: int, lookups: int = 0, after: float = 0, **target: Any
) -> Any:
    """``after`` so many seconds the run waits, and has looked up so many executions."""
    return pytest.param(changes, target, timedelta(seconds=after), wait, lookups, id=name)


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YOUNG = current(HOUR)
SUCCEEDED = execution(f"{CURRENT}-1", "SUCCEEDED")
CASES = [
    case("an ordinary rotation", wait=0),
    # AWSCURRENT may be of an execution that has just ended.
    *(
        case(f"{after} s after {name}", YOUNG, execution(name, "SUCCEEDED"), **fields)
        for name, lookups in ((f"{CURRENT}-1", 1), (CURRENT, 2))
        for after, wait in ((0, LATE), (15, 30), (44, 1), (45, 0), (9000, 0))
        for fields in ({"after": after, "wait": wait, "lookups": lookups},)
    ),
    case("a clock that lags", YOUNG, SUCCEEDED, after=-300, wait=LATE, lookups=1),
    case(
        "the newest attempt runs",
        YOUNG,
        execution(f"{CURRENT}-1", "FAILED"),
        execution(f"{CURRENT}-2", "RUNNING"),
        after=3600,
        wait=LATE,
        lookups=2,
    ),
    case("no execution made AWSCURRENT", YOUNG, wait=0, lookups=2),
    case("a run that an edit ended", current(timedelta(seconds=10)), wait=LATE - 10, lookups=2),
    *(
        case(
            error.__name__,
            YOUNG,
            partial(fail, error),
            wait=LATE,
            lookups=1,
        )
        for error in (ThrottlingError, ServiceUnavailableError)
    ),
    case(
        "a version that is no execution's name",
        version(ODD_VERSION, HOUR, "AWSCURRENT"),
        current_version_id=ODD_VERSION,
        wait=0,
        lookups=1,
    ),
    case(
        "the first version of a secret",
        YOUNG,
        lambda world: world.secrets.texts.pop(PREVIOUS),
        execution(f"{CURRENT}-1", "RUNNING"),
        wait=0,
    ),
    *(
        case(
            f"a version that does not name its execution, {after} s too old",
            version(DERIVED_VERSION, LONGEST_EXECUTION, "AWSCURRENT"),
            current_version_id=DERIVED_VERSION,
            after=after,
            wait=wait,
        )
        for after, wait in ((0, LATE), (1, 0))
    ),
    # A version of a run that has not got to its end.
    case("a newer version", version(OTHER, DAY), wait=LATE),
    case("a newer version with a label", version(OTHER, DAY, "kept"), wait=LATE),
    case("an older version", version(OTHER, 90 * DAY), wait=0),
    case(
        "AWSPENDING was taken from an older version",
        version(OTHER, 90 * DAY),
        pending_version_at_check=OTHER,
        wait=LATE,
    ),
    # A list that lags behind.
    case("this run's version is missing", lambda w: w.secrets.texts.pop(PENDING), wait=LATE),
    case("AWSCURRENT is missing", lambda w: w.secrets.texts.pop(CURRENT), wait=LATE),
]


@pytest.mark.parametrize("changes, target, after, wait, lookups", CASES)
def test_a_run_waits_while_a_function_of_an_earlier_run_may_be_at_work(
    world: World,
    changes: tuple[Change, ...],
    target: dict[str, str],
    after: timedelta,
    wait: int,
    lookups: int,
) -> None:
    world.stage()
    world.secrets.created[PENDING] = NOW
    for change in changes:
        change(world)
    run = make_target(**{"pending_version_at_check": "", **target})
    now = NOW + after
    assert wait_for_earlier_runs(run, world.secrets, world.machine, now, LATE) == wait
    assert len(world.machine.faults.calls) == lookups


def test_the_longest_execution_is_longer_than_the_state_machines_timeout() -> None:
    machine = json.loads(Path("statemachine/rotation.asl.json").read_text())
    assert timedelta(seconds=machine["TimeoutSeconds"]) + HOUR <= LONGEST_EXECUTION
