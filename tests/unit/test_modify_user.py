"""Modify User."""

from datetime import UTC, datetime

import pytest

from modify_user import handler
from rotation import errors
from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING
from rotation.records.modification import Modification
from tests.unit.events import on_target
from tests.unit.fakes import World
from tests.unit.values import (
    CURRENT,
    CURRENT_PASSWORD,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    SECRET_ARN,
    USER_ARN,
    Json,
    secret_text,
)


def test_the_new_password_comes_beside_the_current_one(staged: World) -> None:
    before = datetime.now(UTC)
    begun = Modification.from_state(staged.call(handler, on_target()))
    assert (begun.status, begun.seconds) == ("modifying", 0)
    assert before <= begun.started_at <= datetime.now(UTC)
    both = [PENDING_PASSWORD, CURRENT_PASSWORD]
    # A user that is on keeps its access string.
    assert staged.users.faults.called("set_passwords") == [(USER_ARN, both, None)]
    assert staged.secrets.faults.called("read") == [(SECRET_ARN, PENDING), (SECRET_ARN, CURRENT)]
    assert staged.current_password_logs_in()
    modified = staged.users.snapshot()
    staged.call(handler, on_target())
    assert staged.users.snapshot() == modified


@pytest.mark.parametrize(
    "proven,kept",
    # Without a proof no cache uses it, and nobody is logged in.
    [([OTHER, OTHER], [OTHER_PASSWORD]), ([], [])],
)
def test_the_password_of_a_first_rotation_that_was_cut_off_stays(
    staged: World, proven: list[str], kept: list[str]
) -> None:
    staged.secrets.texts[CURRENT] = secret_text(None)
    staged.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    staged.call(handler, on_target(first_password_candidates=[OTHER]) | checks(*proven))
    assert staged.users.passwords == [PENDING_PASSWORD, *kept]


def checks(*proven: str) -> Json:
    """What Check Network has found, on each node."""
    return {"Checks": [{"CurrentLogsIn": True, "ProvenVersion": version} for version in proven]}


def test_an_inactive_user_gets_its_first_password_and_is_turned_on(staged: World) -> None:
    staged.secrets.texts[CURRENT] = secret_text(None)
    staged.users.passwords = []
    staged.users.change(
        access_string="off ~app:* +@read", authentication="no-password", password_count=0
    )
    staged.call(handler, on_target(turn_on=True))
    assert staged.users.faults.called("set_passwords") == [
        (USER_ARN, [PENDING_PASSWORD], "on ~app:* +@read")
    ]


def test_awscurrent_may_have_moved_to_a_version_of_the_same_text(staged: World) -> None:
    staged.secrets.add(OTHER, staged.secrets.texts[CURRENT], AWSCURRENT)
    staged.call(handler, on_target())
    assert staged.users.passwords == [PENDING_PASSWORD, CURRENT_PASSWORD]
    assert staged.secrets.faults.called("read")[-1] == (SECRET_ARN, OTHER)


def test_an_unknown_password_is_replaced_and_awscurrent_logs_in_from_then_on(staged: World) -> None:
    staged.users.passwords = [OTHER_PASSWORD]
    staged.call(handler, on_target(replace_unknown_password=True))
    assert staged.users.passwords == [PENDING_PASSWORD, CURRENT_PASSWORD]


@pytest.mark.parametrize("label", [AWSCURRENT, AWSPENDING])
def test_a_secret_that_changed_meanwhile_leaves_the_user_alone(staged: World, label: str) -> None:
    staged.secrets.add(OTHER, secret_text(OTHER_PASSWORD), label)
    with pytest.raises(errors.RotationSupersededError, match=label):
        staged.call(handler, on_target())
    assert staged.users.faults.called("set_passwords") == []


@pytest.mark.parametrize(
    "texts,proven,error",
    [
        ({PENDING: None}, [], f"{PENDING} has no value"),
        ({CURRENT: None}, [], f"{CURRENT} has no value"),
        # A version without a password is never set.
        ({PENDING: secret_text(None)}, [], f"{PENDING} has lost its password"),
        ({PENDING: secret_text(None), CURRENT: secret_text(None)}, [], f"{PENDING} has lost"),
        # Nodes with different passwords.
        ({CURRENT: secret_text(None)}, [OTHER, PREVIOUS], "would lock out"),
    ],
)
def test_a_password_that_is_not_known_leaves_the_user_alone(
    staged: World, texts: dict[str, str | None], proven: list[str], error: str
) -> None:
    staged.secrets.texts |= texts
    with pytest.raises(errors.RotationError, match=error):
        staged.call(handler, on_target() | checks(*proven))
    assert staged.users.faults.called("set_passwords") == []
