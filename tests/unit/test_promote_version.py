"""Promote Version."""

import pytest

import promote_version
from rotation.errors import RotationSupersededError, ServiceUnavailableError
from rotation.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS
from tests.unit.fakes import (
    CURRENT,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
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


def test_the_rotation_ends_legally(tested: World) -> None:
    # AWSPENDING is on AWSCURRENT's version, or on none (Secrets Manager's contract).
    tested.call(promote_version.handler, EVENT)
    assert tested.secrets.version_with(AWSPENDING) in (PENDING, None)


def test_it_is_a_compare_and_swap(tested: World) -> None:
    tested.call(promote_version.handler, EVENT)
    assert tested.secrets.faults.called("move_label") == [
        (SECRET_ARN, AWSCURRENT, PENDING, CURRENT)
    ]


def test_a_second_call_changes_nothing(tested: World) -> None:
    tested.call(promote_version.handler, EVENT)
    before = tested.secrets.snapshot()
    assert tested.call(promote_version.handler, EVENT) == {"Promoted": False}
    assert tested.secrets.snapshot() == before


def test_an_answer_that_was_lost_is_found_by_the_next_call(tested: World) -> None:
    tested.secrets.faults.raise_at("move_label", ServiceUnavailableError("lost"), after=True)
    with pytest.raises(ServiceUnavailableError):
        tested.call(promote_version.handler, EVENT)
    assert tested.call(promote_version.handler, EVENT) == {"Promoted": False}
    assert tested.secrets.version_with(AWSCURRENT) == PENDING


def test_a_promotion_that_botocore_repeated_is_a_promotion(tested: World) -> None:
    answer = RotationSupersededError("AWSCURRENT is not where it was expected.")
    tested.secrets.faults.raise_at("move_label", answer, after=True)
    tested.call(promote_version.handler, EVENT)
    assert tested.secrets.version_with(AWSCURRENT) == PENDING


@pytest.mark.parametrize("label", [AWSCURRENT, AWSPENDING])
def test_a_label_that_somebody_moved_is_not_moved_again(tested: World, label: str) -> None:
    tested.secrets.add(OTHER, secret_text(OTHER_PASSWORD), label)
    before = tested.secrets.snapshot()
    with pytest.raises(RotationSupersededError, match=label):
        tested.call(promote_version.handler, EVENT)
    assert tested.secrets.snapshot() == before


def test_no_password_is_read(tested: World) -> None:
    tested.call(promote_version.handler, EVENT)
    assert tested.secrets.faults.called("read") == []
