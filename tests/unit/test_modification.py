"""How long a user has been modifying, and how long to wait."""

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
from tests.unit.fakes import USER_ID

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BOUND = 1800


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def seen(seconds: float, status: str = "modifying", bound: int = BOUND) -> Modification:
    return Modification.begun(START).seen(status, after(seconds), bound, USER_ID)


def looks_until_active(active_after: int) -> list[int]:
    """The times of the looks at a user that takes so long; the last one finds it active."""
    found, now = Modification.begun(START), 0
    looks = []
    while found.status == "modifying":
        now += found.wait_seconds
        looks.append(now)
        status = "active" if now >= active_after else "modifying"
        found = found.seen(status, after(now), 100_000, USER_ID)
    return looks


def test_a_modification_begins_as_modifying_with_the_shortest_wait() -> None:
    begun = Modification.begun(START)
    assert (begun.status, begun.seconds, begun.wait_seconds) == ("modifying", 0, 1)


def test_a_look_tells_the_status_and_the_time_since_the_beginning() -> None:
    found = seen(100.4, "active")
    assert (found.status, found.seconds, found.started_at) == ("active", 100, START)


@given(st.floats(0, 1799))
def test_a_wait_is_bounded(seconds: float) -> None:
    wait = seen(seconds).wait_seconds
    assert isinstance(wait, int)
    assert SHORTEST_WAIT_SECONDS <= wait <= LONGEST_WAIT_SECONDS


@given(st.floats(0, 3600), st.integers(1, 3600))
def test_a_wait_never_overshoots_the_bound(seconds: float, bound: int) -> None:
    assume(round(seconds) < bound)
    found = seen(seconds, bound=bound)
    # But for the shortest wait, since a wait of no time is none.
    assert found.seconds + found.wait_seconds <= max(bound, found.seconds + SHORTEST_WAIT_SECONDS)


@pytest.mark.parametrize("bound", [60, 600, 1800])
def test_a_user_that_stays_modifying_is_given_up_at_the_bound(bound: int) -> None:
    found, now = Modification.begun(START), 0
    while now + found.wait_seconds < bound:
        now += found.wait_seconds
        found = found.seen("modifying", after(now), bound, USER_ID)
    now += found.wait_seconds
    assert now <= bound + SHORTEST_WAIT_SECONDS
    with pytest.raises(UserModifyingTooLongError):
        found.seen("modifying", after(now), bound, USER_ID)


@given(st.integers(0, 1799))
def test_a_look_a_little_late_does_not_make_the_next_one_follow_at_once(seconds: int) -> None:
    assert seen(seconds).wait_seconds >= min(SHORTEST_WAIT_SECONDS, BOUND - seconds)


@pytest.mark.parametrize("active_after,looks", [(1, 1), (5, 2), (60, 5), (300, 14), (1800, 28)])
def test_a_slow_user_costs_few_looks(active_after: int, looks: int) -> None:
    assert len(looks_until_active(active_after)) <= looks


@given(st.integers(61, 1800))
def test_what_takes_minutes_is_noticed_within_its_share(active_after: int) -> None:
    late = looks_until_active(active_after)[-1] - active_after
    assert late <= min(WAIT_SHARE * active_after, LONGEST_WAIT_SECONDS)


@given(st.integers(1, 60))
def test_what_takes_less_than_a_minute_is_noticed_within_half_a_minute(active_after: int) -> None:
    assert looks_until_active(active_after)[-1] - active_after < 30


def test_the_bound_ends_the_waiting_and_says_so() -> None:
    assert seen(BOUND - 1).status == "modifying"
    with pytest.raises(UserModifyingTooLongError) as caught:
        seen(BOUND)
    for part in (USER_ID, "1800 s", "MaxModifyingSeconds"):
        assert part in str(caught.value)


@pytest.mark.parametrize("status", ["active", "deleting", "anything"])
def test_the_bound_is_for_users_that_are_modifying(status: str) -> None:
    assert seen(BOUND + 60, status).status == status


def test_a_clock_that_goes_back_does_not_make_a_negative_time() -> None:
    found = seen(-5)
    assert (found.seconds, found.wait_seconds) == (0, 5)


@given(st.floats(0, 1700), st.sampled_from(["active", "modifying", "deleting"]))
def test_it_survives_the_way_through_the_execution(seconds: float, status: str) -> None:
    found = seen(seconds, status)
    assert Modification.from_state(found.to_state()) == found


def test_the_execution_sees_exactly_what_the_machine_selects() -> None:
    assert seen(10).to_state() == {
        "StartedAt": "2026-03-01T12:00:00+00:00",
        "Status": "modifying",
        "Seconds": 10,
        "WaitSeconds": 2,
    }
