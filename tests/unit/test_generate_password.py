"""Generate Password, the handler; its rules are in test_staging.py."""

import json

import pytest

import generate_password
from rotation.errors import ConfigurationError, RotationSupersededError
from rotation.password import PasswordRules
from rotation.secrets_manager import AWSCURRENT, AWSPENDING
from tests.unit.fakes import (
    CURRENT,
    NEW_PASSWORD,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    World,
    make_target,
    secret_text,
)

EVENT = {"Target": make_target().to_state()}
EVENT_BY_HAND = {"Target": make_target(pending_version_id="").to_state()}


@pytest.mark.parametrize("staged", [True, False])
def test_a_version_without_a_value_gets_a_new_password(world: World, staged: bool) -> None:
    if staged:
        world.stage(None)
    event = EVENT if staged else EVENT_BY_HAND
    assert world.call(generate_password.handler, event) == {"Generated": True}
    text = world.secrets.texts[PENDING]
    assert isinstance(text, str)
    assert json.loads(text)["password"] == NEW_PASSWORD
    assert world.secrets.version_with(AWSPENDING) == PENDING
    assert world.secrets.version_with(AWSCURRENT) == CURRENT


def test_a_password_that_is_there_is_kept(world: World) -> None:
    world.stage()
    before = world.secrets.snapshot()
    assert world.call(generate_password.handler, EVENT) == {"Generated": False}
    assert world.secrets.snapshot() == before


def test_the_loser_of_two_runs_fails(world: World) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    with pytest.raises(RotationSupersededError, match=OTHER):
        world.call(generate_password.handler, EVENT)
    assert world.secrets.version_with(AWSPENDING) == OTHER


def test_length_and_exclusions_are_those_of_the_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.stage(None)
    monkeypatch.setenv("PASSWORD_LENGTH", "64")
    monkeypatch.setenv("PASSWORD_EXCLUDE_CHARACTERS", "$'")
    world.call(generate_password.handler, EVENT)
    assert world.secrets.faults.called("random_password") == [(PasswordRules(64, "$'"),)]


@pytest.mark.parametrize("length", ["", "15", "129", "-32", "32.0", "many", " 32"])
def test_a_length_that_elasticache_does_not_take_is_refused_before_anything_is_staged(
    world: World, monkeypatch: pytest.MonkeyPatch, length: str
) -> None:
    before = world.secrets.snapshot()
    monkeypatch.setenv("PASSWORD_LENGTH", length)
    with pytest.raises(ConfigurationError, match="PASSWORD_LENGTH"):
        world.call(generate_password.handler, EVENT_BY_HAND)
    assert world.secrets.snapshot() == before
