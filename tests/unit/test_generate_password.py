"""Generate Password."""

import json

import pytest

import generate_password
from rotation.errors import (
    ConfigurationError,
    RotationError,
    SecretFormatError,
    ThrottlingError,
)
from rotation.secrets_manager import AWSCURRENT, AWSPENDING
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    NEW_PASSWORD,
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


def pending_fields(world: World) -> dict[str, object]:
    text = world.secrets.texts[PENDING]
    assert isinstance(text, str)
    found: dict[str, object] = json.loads(text)
    return found


@pytest.mark.parametrize("staged", [True, False])
def test_a_version_without_a_value_gets_a_new_password(world: World, staged: bool) -> None:
    if staged:
        world.stage(None)
    assert world.call(generate_password.handler, EVENT) == {"Generated": True}
    assert pending_fields(world)["password"] == NEW_PASSWORD
    assert world.secrets.version_with(AWSPENDING) == PENDING
    assert world.secrets.version_with(AWSCURRENT) == CURRENT


def test_the_other_keys_are_those_of_awscurrent(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(CURRENT_PASSWORD, host="ü", port=6379)
    world.call(generate_password.handler, EVENT)
    current = json.loads(secret_text(CURRENT_PASSWORD, host="ü", port=6379))
    assert pending_fields(world) == current | {"password": NEW_PASSWORD}


def test_a_password_that_is_there_is_kept(world: World) -> None:
    world.stage()
    before = world.secrets.snapshot()
    assert world.call(generate_password.handler, EVENT) == {"Generated": False}
    assert world.secrets.snapshot() == before
    assert world.secrets.faults.called("random_password") == []


def test_a_second_call_keeps_the_first_ones_password(world: World) -> None:
    world.secrets.faults.raise_at("put_pending", ThrottlingError("answer lost"), after=True)
    with pytest.raises(ThrottlingError):
        world.call(generate_password.handler, EVENT)
    world.secrets.generated = OTHER_PASSWORD
    assert world.call(generate_password.handler, EVENT) == {"Generated": False}
    assert pending_fields(world)["password"] == NEW_PASSWORD


@pytest.mark.parametrize("pending_on_current", [True, False])
def test_a_kept_password_gets_its_label_back(world: World, pending_on_current: bool) -> None:
    # A failed attempt's roll back has taken it off.
    world.secrets.add(PENDING, secret_text(PENDING_PASSWORD))
    if pending_on_current:
        world.secrets.labels[CURRENT].add(AWSPENDING)
    assert world.call(generate_password.handler, EVENT) == {"Generated": False}
    assert world.secrets.version_with(AWSPENDING) == PENDING
    assert world.secrets.version_with(AWSCURRENT) == CURRENT


@pytest.mark.parametrize("password", [None, "short", "with,comma~with,comma"])
def test_a_kept_password_that_elasticache_does_not_take_is_refused(
    world: World, password: str | None
) -> None:
    world.stage(secret_text(password))
    with pytest.raises(SecretFormatError, match=PENDING):
        world.call(generate_password.handler, EVENT)


@pytest.mark.parametrize("kept", [True, False])
def test_another_run_that_staged_its_version_meanwhile_keeps_awspending(
    world: World, kept: bool
) -> None:
    if kept:
        world.secrets.add(PENDING, secret_text(PENDING_PASSWORD))
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    with pytest.raises(RotationError):
        world.call(generate_password.handler, EVENT)
    assert world.secrets.version_with(AWSPENDING) == OTHER


def test_length_and_exclusions_are_those_of_the_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.call(generate_password.handler, EVENT)
    world.secrets.texts.pop(PENDING)
    monkeypatch.setenv("PASSWORD_LENGTH", "64")
    monkeypatch.setenv("PASSWORD_EXCLUDE_CHARACTERS", "$'")
    world.call(generate_password.handler, EVENT)
    assert world.secrets.faults.called("random_password") == [(32, ""), (64, "$'")]


@pytest.mark.parametrize("length", ["", "15", "129", "-32", "32.0", "many", " 32"])
def test_a_length_that_elasticache_does_not_take_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, length: str
) -> None:
    monkeypatch.setenv("PASSWORD_LENGTH", length)
    with pytest.raises(ConfigurationError, match="PASSWORD_LENGTH"):
        world.call(generate_password.handler, EVENT)
    assert PENDING not in world.secrets.texts


def test_the_version_is_that_of_the_target(world: World) -> None:
    world.call(generate_password.handler, EVENT)
    ((arn, version, _),) = [(*call, None) for call in world.secrets.faults.called("put_pending")]
    assert (arn, version) == (SECRET_ARN, PENDING)
