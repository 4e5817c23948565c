"""Promote Version."""

from typing import Any

import pytest

import promote_version
from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS
from rotation.errors import AccessDeniedError, RotationSupersededError, ServiceUnavailableError
from tests.unit.fakes import (
    CURRENT,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    SECRET_ARN,
    World,
    make_target,
    secret_text,
)

EVENT = {"Target": make_target().to_state()}


@pytest.fixture
def tested(world: World) -> World:
    world.stage()
    world.modify()
    return world


def test_awscurrent_moves_to_the_new_version(tested: World) -> None:
    assert tested.call(promote_version.handler, EVENT) == {"Promoted": True}
    assert tested.secrets.version_with(AWSCURRENT) == PENDING
    assert tested.secrets.version_with(AWSPREVIOUS) == CURRENT
    assert tested.current_password_logs_in()


def test_awspending_is_taken_off_after_the_move_which_is_a_compare_and_swap(
    tested: World,
) -> None:
    # Left on, it would block the schedule once a person makes another version AWSCURRENT.
    tested.call(promote_version.handler, EVENT)
    assert tested.secrets.version_with(AWSPENDING) is None
    assert tested.secrets.faults.called("move_label") == [
        (SECRET_ARN, AWSCURRENT, PENDING, CURRENT),
        (SECRET_ARN, AWSPENDING, None, PENDING),
    ]


def test_a_second_call_changes_nothing(tested: World) -> None:
    tested.call(promote_version.handler, EVENT)
    before = tested.secrets.snapshot()
    assert tested.call(promote_version.handler, EVENT) == {"Promoted": False}
    assert tested.secrets.snapshot() == before


@pytest.mark.parametrize("after", [True, False])
def test_what_a_failed_call_has_left_to_do_is_done_by_the_next(tested: World, after: bool) -> None:
    tested.secrets.faults.raise_at("move_label", ServiceUnavailableError("lost"), after=after)
    with pytest.raises(ServiceUnavailableError):
        tested.call(promote_version.handler, EVENT)
    assert tested.call(promote_version.handler, EVENT) == {"Promoted": not after}
    assert tested.secrets.version_with(AWSCURRENT) == PENDING
    assert tested.secrets.version_with(AWSPENDING) is None


def test_a_label_that_cannot_be_taken_off_fails_no_promotion(tested: World) -> None:
    # On AWSCURRENT's version it blocks nothing.
    tested.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)
    tested.secrets.faults.raise_at("move_label", AccessDeniedError("no"))
    assert tested.call(promote_version.handler, EVENT) == {"Promoted": False}
    assert tested.secrets.version_with(AWSPENDING) == PENDING


def test_the_awspending_of_the_next_rotation_is_left_alone(tested: World) -> None:
    tested.call(promote_version.handler, EVENT)
    tested.secrets.add(OTHER, None, AWSPENDING)
    assert tested.call(promote_version.handler, EVENT) == {"Promoted": False}
    assert tested.secrets.version_with(AWSPENDING) == OTHER


def test_a_promotion_that_botocore_repeated_is_a_promotion(tested: World) -> None:
    answer = RotationSupersededError("AWSCURRENT is not where it was expected.")
    tested.secrets.faults.raise_at("move_label", answer, after=True)
    tested.call(promote_version.handler, EVENT)
    assert tested.secrets.version_with(AWSCURRENT) == PENDING


def test_awscurrent_may_have_moved_to_an_older_version_of_the_same_text(tested: World) -> None:
    tested.secrets.add(OTHER, tested.secrets.texts[CURRENT], AWSCURRENT)
    tested.secrets.created[OTHER] = tested.secrets.created[CURRENT]
    tested.call(promote_version.handler, EVENT)
    assert tested.secrets.version_with(AWSCURRENT) == PENDING
    assert tested.secrets.version_with(AWSPREVIOUS) == OTHER


def test_awscurrent_that_moves_between_the_look_and_the_move_stays_where_it_is(
    tested: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = tested.secrets.move_label

    def late(*args: Any, **kwargs: Any) -> None:
        tested.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSCURRENT)
        move(*args, **kwargs)

    monkeypatch.setattr(tested.secrets, "move_label", late)
    with pytest.raises(RotationSupersededError, match=AWSCURRENT):
        tested.call(promote_version.handler, EVENT)
    assert tested.secrets.version_with(AWSCURRENT) == OTHER


@pytest.mark.parametrize("label", [AWSCURRENT, AWSPENDING])
def test_a_label_that_somebody_moved_is_not_moved_again(tested: World, label: str) -> None:
    tested.secrets.add(OTHER, secret_text(OTHER_PASSWORD), label)
    before = tested.secrets.snapshot()
    with pytest.raises(RotationSupersededError, match=label):
        tested.call(promote_version.handler, EVENT)
    assert tested.secrets.snapshot() == before


@pytest.mark.parametrize(
    "text",
    [
        secret_text(PENDING_PASSWORD, host="of before an edit"),
        secret_text("short"),
        secret_text(None),
        "no JSON",
    ],
)
def test_a_version_that_must_not_become_awscurrent_does_not(tested: World, text: str) -> None:
    tested.secrets.texts[PENDING] = text
    before = tested.secrets.snapshot()
    with pytest.raises(RotationSupersededError, match=f"{PENDING} .* never become AWSCURRENT"):
        tested.call(promote_version.handler, EVENT)
    assert tested.secrets.snapshot() == before
