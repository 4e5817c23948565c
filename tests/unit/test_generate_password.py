"""Generate Password, the handler; its rules are in test_staging.py."""

import json
import string
from datetime import timedelta
from typing import Any

import pytest

import generate_password
from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING
from rotation.errors import (
    ConfigurationError,
    RotationSupersededError,
    VersionNotReadableError,
)
from rotation.records.password import PasswordRules
from tests.unit.fakes import (
    CURRENT,
    EXECUTION_ARN,
    NEW_PASSWORD,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    World,
    make_target,
    secret_text,
)

#: Of an execution that the rotation function has started, and of a person's.
BY_TOKEN, BY_HAND = (EXECUTION_ARN.replace("run-1", PENDING + end) for end in ("-1", ""))
EVENT = {"Target": make_target().to_state(), "ExecutionArn": BY_TOKEN}
EVENT_BY_HAND = {
    "Target": make_target(pending_version_at_check="").to_state(),
    "ExecutionArn": BY_HAND,
}


def test_a_run_by_hand_makes_its_version(world: World) -> None:
    answer = world.call(generate_password.handler, EVENT_BY_HAND)
    assert answer == {"Generated": True, "WaitSeconds": 0, "LateSeconds": 45}
    text = world.secrets.texts[PENDING]
    assert isinstance(text, str)
    assert json.loads(text)["password"] == NEW_PASSWORD
    assert world.secrets.version_with(AWSPENDING) == PENDING
    assert world.secrets.version_with(AWSCURRENT) == CURRENT


@pytest.mark.parametrize("event", [EVENT, EVENT_BY_HAND])
def test_a_password_that_is_there_is_kept(world: World, event: dict[str, Any]) -> None:
    world.stage()
    before = world.secrets.snapshot()
    answer = world.call(generate_password.handler, event)
    assert answer == {"Generated": False, "WaitSeconds": 0, "LateSeconds": 45}
    assert world.secrets.snapshot() == before


def test_a_version_that_create_secret_has_to_make_is_made_by_nobody_else(world: World) -> None:
    # Secrets Manager would refuse it.
    world.stage(None)
    before = world.secrets.snapshot()
    with pytest.raises(VersionNotReadableError, match=PENDING):
        world.call(generate_password.handler, EVENT)
    assert world.secrets.snapshot() == before


def test_a_run_that_may_still_be_at_work_is_waited_for(world: World) -> None:
    world.stage()
    world.secrets.created[OTHER] = world.secrets.created[CURRENT] + timedelta(seconds=1)
    world.secrets.texts[OTHER] = secret_text(OTHER_PASSWORD)
    answer = world.call(generate_password.handler, EVENT)
    assert answer["WaitSeconds"] == 45


def test_the_loser_of_two_runs_fails(world: World) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    with pytest.raises(RotationSupersededError, match=OTHER):
        world.call(generate_password.handler, EVENT)
    assert world.secrets.version_with(AWSPENDING) == OTHER


def test_length_and_characters_are_those_of_the_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD_LENGTH", "64")
    monkeypatch.setenv("PASSWORD_CHARACTERS", "Alphanumeric")
    monkeypatch.setenv("PASSWORD_EXCLUDE_CHARACTERS", string.ascii_lowercase)
    world.call(generate_password.handler, EVENT_BY_HAND)
    assert world.secrets.faults.called("random_password") == [
        (PasswordRules(64, string.ascii_uppercase + string.digits),)
    ]


@pytest.mark.parametrize("length", ["", "15", "129", "-32", "32.0", "many", " 32"])
def test_a_length_that_elasticache_does_not_take_is_refused_before_anything_is_staged(
    world: World, monkeypatch: pytest.MonkeyPatch, length: str
) -> None:
    before = world.secrets.snapshot()
    monkeypatch.setenv("PASSWORD_LENGTH", length)
    with pytest.raises(ConfigurationError, match="PASSWORD_LENGTH"):
        world.call(generate_password.handler, EVENT_BY_HAND)
    assert world.secrets.snapshot() == before
