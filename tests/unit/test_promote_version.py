"""Promote Version."""

import pytest

from promote_version import handler
from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS
from rotation.errors import AccessDeniedError, RotationSupersededError, ServiceUnavailableError
from tests.unit.events import on_target
from tests.unit.fakes import World
from tests.unit.values import CURRENT, OTHER, OTHER_PASSWORD, PENDING, SECRET_ARN, secret_text


def is_promoted(world: World) -> bool:
    labels = world.secrets.snapshot()["labels"]
    return bool(labels == {PENDING: [AWSCURRENT], CURRENT: [AWSPREVIOUS]})


def test_awscurrent_moves_to_the_new_version(modified: World) -> None:
    assert modified.call(handler, on_target()) == {"Promoted": True}
    assert is_promoted(modified)
    assert modified.current_password_logs_in()


def test_awspending_is_removed_after_the_move_which_is_a_compare_and_swap(modified: World) -> None:
    # Left on, it would block the schedule once a person makes another version AWSCURRENT.
    modified.call(handler, on_target())
    assert modified.secrets.faults.called("move_label") == [
        (SECRET_ARN, AWSCURRENT, PENDING, CURRENT),
        (SECRET_ARN, AWSPENDING, None, PENDING),
    ]


def test_a_second_call_changes_nothing(modified: World) -> None:
    modified.call(handler, on_target())
    assert modified.call(handler, on_target()) == {"Promoted": False}
    assert is_promoted(modified)


@pytest.mark.parametrize("after", [True, False])
def test_the_next_call_does_what_a_failed_one_has_left(modified: World, after: bool) -> None:
    modified.secrets.faults.raise_at("move_label", ServiceUnavailableError("lost"), after=after)
    with pytest.raises(ServiceUnavailableError):
        modified.call(handler, on_target())
    assert modified.call(handler, on_target()) == {"Promoted": not after}
    assert is_promoted(modified)


def test_a_label_that_cannot_be_removed_fails_no_promotion(modified: World) -> None:
    # On AWSCURRENT's version it blocks nothing.
    modified.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)
    modified.secrets.faults.raise_at("move_label", AccessDeniedError("no"))
    assert modified.call(handler, on_target()) == {"Promoted": False}
    assert modified.secrets.version_with(AWSPENDING) == PENDING


def test_awscurrent_may_have_moved_to_an_older_version_of_the_same_text(modified: World) -> None:
    modified.secrets.add(OTHER, modified.secrets.texts[CURRENT], AWSCURRENT)
    modified.secrets.created[OTHER] = modified.secrets.created[CURRENT]
    modified.call(handler, on_target())
    assert modified.secrets.version_with(AWSCURRENT) == PENDING
    assert modified.secrets.version_with(AWSPREVIOUS) == OTHER


@pytest.mark.parametrize("label", [AWSCURRENT, AWSPENDING])
def test_a_label_that_somebody_moved_is_not_moved_again(modified: World, label: str) -> None:
    modified.secrets.add(OTHER, secret_text(OTHER_PASSWORD), label)
    before = modified.secrets.snapshot()
    with pytest.raises(RotationSupersededError, match=label):
        modified.call(handler, on_target())
    assert modified.secrets.snapshot() == before


def test_a_version_that_must_not_become_awscurrent_does_not(modified: World) -> None:
    # test_staging.py has all the reasons.
    modified.secrets.texts[PENDING] = secret_text(None)
    before = modified.secrets.snapshot()
    with pytest.raises(RotationSupersededError, match=f"{PENDING} .* never become AWSCURRENT"):
        modified.call(handler, on_target())
    assert modified.secrets.snapshot() == before
