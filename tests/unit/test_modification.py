"""How long a user has been modifying, and how long the next wait is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rotation.errors import UserModifyingTooLongError
from rotation.records.modification import (
    LONGEST_WAIT_SECONDS,
    SHORTEST_WAIT_SECONDS,
    WAIT_SHARE,
    Modification,
)
from tests.unit.values import USER_ID

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MAX_SECONDS = 1800
BEGUN = Modification.begun(START)


def look(
    seconds: float,
    status: str = "modifying",
    max_seconds: int = MAX_SECONDS,
    before: Modification = BEGUN,
) -> Modification:
    return before.seen(status, START + timedelta(seconds=seconds), max_seconds, USER_ID)


def looks_until_active(active_after: int) -> list[int]:
    """The times of the looks at a user that takes so long. The last one finds it active."""
    modification, now, looks = BEGUN, 0, []
    while modification.status == "modifying":
        now += modification.wait_seconds
        looks.append(now)
        status = "active" if now >= active_after else "modifying"
        modification = look(now, status, 100_000, modification)
    return looks


def test_a_modification_begins_with_the_shortest_wait() -> None:
    assert (BEGUN.status, BEGUN.seconds, BEGUN.wait_seconds) == ("modifying", 0, 1)


@given(st.floats(0, 3600), st.integers(1, 3600))
def test_a_wait_has_bounds_and_ends_with_the_longest_modification(
    seconds: float, max_seconds: int
) -> None:
    assume(round(seconds) < max_seconds)
    modification = look(seconds, max_seconds=max_seconds)
    assert isinstance(modification.wait_seconds, int)
    assert SHORTEST_WAIT_SECONDS <= modification.wait_seconds <= LONGEST_WAIT_SECONDS
    # Except for the shortest wait: a wait of no time is none.
    end = modification.seconds + modification.wait_seconds
    assert end <= max(max_seconds, modification.seconds + SHORTEST_WAIT_SECONDS)


@pytest.mark.parametrize("max_seconds", [60, 600, 1800])
def test_a_user_that_stays_modifying_is_given_up(max_seconds: int) -> None:
    with pytest.raises(UserModifyingTooLongError) as caught:
        look(max_seconds, max_seconds=max_seconds)
    for part in (USER_ID, f"{max_seconds} s", "MaxModifyingSeconds"):
        assert part in str(caught.value)
    assert look(max_seconds - 1, max_seconds=max_seconds).status == "modifying"


@pytest.mark.parametrize("status", ["active", "deleting", "anything"])
def test_a_user_with_another_status_is_not_given_up(status: str) -> None:
    modification = look(MAX_SECONDS + 60.4, status)
    assert (modification.status, modification.seconds) == (status, MAX_SECONDS + 60)


@pytest.mark.parametrize("active_after, looks", [(1, 1), (5, 2), (60, 5), (300, 14), (1800, 28)])
def test_a_slow_user_costs_few_looks(active_after: int, looks: int) -> None:
    assert len(looks_until_active(active_after)) <= looks


@given(st.integers(1, 1800))
def test_an_active_user_is_noticed_soon(active_after: int) -> None:
    late = looks_until_active(active_after)[-1] - active_after
    share = min(WAIT_SHARE * active_after, LONGEST_WAIT_SECONDS)
    assert late < 30 if active_after <= 60 else late <= share


def test_a_clock_that_goes_back_makes_no_negative_time() -> None:
    modification = look(-5)
    assert (modification.seconds, modification.wait_seconds) == (0, 5)


def test_the_state_has_what_the_state_machine_reads() -> None:
    modification = look(10)
    assert modification.to_state() == {
        "StartedAt": "2026-03-01T12:00:00+00:00",
        "Status": "modifying",
        "Seconds": 10,
        "WaitSeconds": 2,
    }
    assert Modification.from_state(modification.to_state()) == modification
