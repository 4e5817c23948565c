"""How long a user has been modifying, and how long to wait."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rotation.errors import UserModifyingTooLongError
from rotation.modification import LONGEST_WAIT_SECONDS, SHORTEST_WAIT_SECONDS, Modification
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
    assert (begun.status, begun.seconds, begun.wait_seconds) == ("modifying", 0, 2)


def test_a_look_tells_the_status_and_the_time_since_the_beginning() -> None:
    found = seen(100.4, "active")
    assert (found.status, found.seconds, found.started_at) == ("active", 100, START)


@given(st.floats(0, 1799))
def test_a_wait_is_bounded(seconds: float) -> None:
    wait = seen(seconds).wait_seconds
    assert isinstance(wait, int)
    assert SHORTEST_WAIT_SECONDS <= wait <= LONGEST_WAIT_SECONDS


@given(st.floats(0, 1799), st.floats(0, 1799))
def test_a_wait_never_shrinks_with_time_until_the_bound_is_near(one: float, other: float) -> None:
    earlier, later = (seen(seconds, bound=10_000) for seconds in sorted((one, other)))
    assert earlier.wait_seconds <= later.wait_seconds


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


def test_waits_grow() -> None:
    waits = [seen(seconds).wait_seconds for seconds in (0, 30, 100, 200)]
    assert waits == sorted(set(waits))


@pytest.mark.parametrize("active_after,most_looks", [(1, 1), (10, 5), (300, 17), (1800, 31)])
def test_a_slow_user_costs_few_looks(active_after: int, most_looks: int) -> None:
    assert len(looks_until_active(active_after)) <= most_looks


@pytest.mark.parametrize("active_after", [10, 60, 300, 1800])
def test_an_active_user_is_noticed_soon(active_after: int) -> None:
    late = looks_until_active(active_after)[-1] - active_after
    assert late <= min(max(0.36 * active_after, 2), LONGEST_WAIT_SECONDS)


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
    assert (found.seconds, found.wait_seconds) == (0, SHORTEST_WAIT_SECONDS)


@given(st.floats(0, 1700), st.sampled_from(["active", "modifying", "deleting"]))
def test_it_survives_the_way_through_the_execution(seconds: float, status: str) -> None:
    found = seen(seconds, status)
    assert Modification.from_state(found.to_state()) == found


def test_the_execution_sees_exactly_what_the_machine_selects() -> None:
    assert seen(10).to_state() == {
        "StartedAt": "2026-03-01T12:00:00+00:00",
        "Status": "modifying",
        "Seconds": 10,
        "WaitSeconds": 4,
    }
