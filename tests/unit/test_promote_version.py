"""Promote Version."""

from typing import Any

import pytest

from promote_version import handler
from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS
from rotation.errors import AccessDeniedError, RotationSupersededError, ServiceUnavailableError
from tests.unit.events import on_target
from tests.unit.fakes import CURRENT, OTHER, OTHER_PASSWORD, PENDING, SECRET_ARN, World, secret_text


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
def test_what_a_failed_call_has_left_to_do_is_done_by_the_next(
    modified: World, after: bool
) -> None:
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


def test_the_awspending_of_the_next_rotation_is_left_alone(modified: World) -> None:
    modified.call(handler, on_target())
    modified.secrets.add(OTHER, None, AWSPENDING)
    assert modified.call(handler, on_target()) == {"Promoted": False}
    assert modified.secrets.version_with(AWSPENDING) == OTHER


def test_a_promotion_that_botocore_repeated_is_a_promotion(modified: World) -> None:
    answer = RotationSupersededError("AWSCURRENT is not where it was expected.")
    modified.secrets.faults.raise_at("move_label", answer, after=True)
    modified.call(handler, on_target())
    assert is_promoted(modified)


def test_awscurrent_may_have_moved_to_an_older_version_of_the_same_text(modified: World) -> None:
    modified.secrets.add(OTHER, modified.secrets.texts[CURRENT], AWSCURRENT)
    modified.secrets.created[OTHER] = modified.secrets.created[CURRENT]
    modified.call(handler, on_target())
    assert modified.secrets.version_with(AWSCURRENT) == PENDING
    assert modified.secrets.version_with(AWSPREVIOUS) == OTHER


def test_awscurrent_that_moves_between_the_look_and_the_move_stays_where_it_is(
    modified: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = modified.secrets.move_label

    def late(*args: Any, **kwargs: Any) -> None:
        modified.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSCURRENT)
        move(*args, **kwargs)

    monkeypatch.setattr(modified.secrets, "move_label", late)
    with pytest.raises(RotationSupersededError, match=AWSCURRENT):
        modified.call(handler, on_target())
    assert modified.secrets.version_with(AWSCURRENT) == OTHER


@pytest.mark.parametrize(
    "version,text,labels,error",
    [
        *(
            (OTHER, secret_text(OTHER_PASSWORD), [label], label)
            for label in (AWSCURRENT, AWSPENDING)
        ),
        # test_staging.py has all the reasons.
        (PENDING, secret_text(None), [], f"{PENDING} .* never become AWSCURRENT"),
    ],
)
def test_a_version_that_must_not_become_awscurrent_does_not(
    modified: World, version: str, text: str, labels: list[str], error: str
) -> None:
    modified.secrets.texts[version] = text
    modified.secrets.add(version, text, *labels)
    before = modified.secrets.snapshot()
    with pytest.raises(RotationSupersededError, match=error):
        modified.call(handler, on_target())
    assert modified.secrets.snapshot() == before
