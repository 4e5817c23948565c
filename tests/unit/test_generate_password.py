"""Generate Password, the handler; its rules are in test_staging.py."""

import string
from datetime import timedelta
from typing import Any

import pytest

from generate_password import handler
from rotation.adapters.secrets_manager import AWSPENDING
from rotation.errors import ConfigurationError, VersionNotReadableError
from rotation.records.password import PasswordRules
from tests.unit.events import BY_HAND, on_target
from tests.unit.fakes import CURRENT, OTHER, OTHER_PASSWORD, PENDING, World, secret_text

EVENT_BY_HAND = on_target(pending_version_at_check="") | {"ExecutionArn": BY_HAND}


def test_a_run_by_hand_makes_its_version(world: World) -> None:
    answer = world.call(handler, EVENT_BY_HAND)
    assert answer == {"Generated": True, "WaitSeconds": 0, "LateSeconds": 45}
    assert world.secrets.version_with(AWSPENDING) == PENDING


@pytest.mark.parametrize("event", [on_target(), EVENT_BY_HAND])
def test_a_password_that_is_there_is_kept(staged: World, event: dict[str, Any]) -> None:
    before = staged.secrets.snapshot()
    answer = staged.call(handler, event)
    assert answer == {"Generated": False, "WaitSeconds": 0, "LateSeconds": 45}
    assert staged.secrets.snapshot() == before


def test_a_version_that_create_secret_has_to_make_is_made_by_nobody_else(world: World) -> None:
    # Secrets Manager would refuse it.
    world.stage(None)
    before = world.secrets.snapshot()
    with pytest.raises(VersionNotReadableError, match=PENDING):
        world.call(handler, on_target())
    assert world.secrets.snapshot() == before


def test_a_run_that_may_still_be_at_work_is_waited_for(staged: World) -> None:
    staged.secrets.created[OTHER] = staged.secrets.created[CURRENT] + timedelta(seconds=1)
    staged.secrets.texts[OTHER] = secret_text(OTHER_PASSWORD)
    assert staged.call(handler, on_target())["WaitSeconds"] == 45


def test_length_and_characters_are_those_of_the_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD_LENGTH", "64")
    monkeypatch.setenv("PASSWORD_CHARACTERS", "Alphanumeric")
    monkeypatch.setenv("PASSWORD_EXCLUDE_CHARACTERS", string.ascii_lowercase)
    world.call(handler, EVENT_BY_HAND)
    assert world.secrets.faults.called("random_password") == [
        (PasswordRules(64, string.ascii_uppercase + string.digits),)
    ]


def test_a_length_that_is_not_valid_is_refused_before_anything_is_staged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.secrets.snapshot()
    monkeypatch.setenv("PASSWORD_LENGTH", "15")
    with pytest.raises(ConfigurationError, match="PASSWORD_LENGTH"):
        world.call(handler, EVENT_BY_HAND)
    assert world.secrets.snapshot() == before
