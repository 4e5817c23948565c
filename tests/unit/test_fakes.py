"""The fakes keep to their adapters' interface and to AWS's rules, or the tests prove nothing."""

import inspect
import time
from collections.abc import Callable
from typing import Any

import pytest

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.login import NodeConnection
from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS, SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.adapters.topic import Topic
from rotation.errors import RotationError, RotationSupersededError
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    NOW,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    SECRET_ARN,
    USER_ID,
    USERNAME,
    FakeCache,
    FakeElastiCache,
    FakeSecretsManager,
    FakeStepFunctions,
    FakeTopic,
    World,
    secret_text,
)


def public_methods(kind: type) -> dict[str, Callable[..., Any]]:
    return {
        name: found
        for name, found in vars(kind).items()
        if inspect.isfunction(found) and not name.startswith("_")
    }


@pytest.mark.parametrize(
    "real,fake",
    [
        (SecretsManager, FakeSecretsManager),
        (ElastiCache, FakeElastiCache),
        (StepFunctions, FakeStepFunctions),
        (Topic, FakeTopic),
    ],
)
def test_every_public_method_of_an_adapter_is_on_its_fake_with_the_same_signature(
    real: type, fake: type
) -> None:
    methods = public_methods(real)
    assert methods
    for name, method in methods.items():
        assert name in vars(fake), f"{fake.__name__} would call the real {name}"
        assert inspect.signature(vars(fake)[name]) == inspect.signature(method)


def test_the_fake_cache_opens_a_connection_with_the_arguments_of_the_real_one() -> None:
    real, fake = inspect.signature(NodeConnection.open), inspect.signature(FakeCache.open)
    assert list(real.parameters) == list(fake.parameters)[1:]


def test_only_the_network_of_a_connection_is_faked() -> None:
    assert "accepts" in public_methods(NodeConnection)


def test_a_fault_is_raised_once_before_the_call_has_its_effect(world: World) -> None:
    world.stage(None)
    world.secrets.faults.raise_at("put_pending", ZeroDivisionError())
    before = world.secrets.snapshot()
    with pytest.raises(ZeroDivisionError):
        world.secrets.put_pending(SECRET_ARN, PENDING, secret_text(PENDING_PASSWORD))
    assert world.secrets.snapshot() == before
    world.secrets.put_pending(SECRET_ARN, PENDING, secret_text(PENDING_PASSWORD))
    assert world.secrets.snapshot() != before


def test_a_fault_after_the_call_leaves_its_effect(world: World) -> None:
    world.users.faults.raise_at("set_passwords", ZeroDivisionError(), after=True)
    with pytest.raises(ZeroDivisionError):
        world.users.set_passwords(USER_ID, [OTHER_PASSWORD])
    assert world.users.passwords == [OTHER_PASSWORD]


def test_a_label_is_on_one_version_at_most(world: World) -> None:
    world.stage()
    world.secrets.put_pending(SECRET_ARN, OTHER, secret_text(OTHER_PASSWORD))
    assert world.secrets.snapshot()["labels"].get(PENDING) is None
    assert world.secrets.version_with(AWSPENDING) == OTHER


def test_the_version_that_loses_awscurrent_becomes_awsprevious(world: World) -> None:
    world.stage()
    world.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)
    assert world.secrets.version_with(AWSCURRENT) == PENDING
    assert world.secrets.version_with(AWSPREVIOUS) == CURRENT


@pytest.mark.parametrize("away_from", [None, PREVIOUS, PENDING])
def test_a_label_that_is_elsewhere_does_not_move(world: World, away_from: str | None) -> None:
    world.stage()
    before = world.secrets.snapshot()
    with pytest.raises(RotationSupersededError):
        world.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=away_from)
    assert world.secrets.snapshot() == before


def test_a_version_keeps_its_first_value(world: World) -> None:
    world.stage()
    with pytest.raises(RotationSupersededError):
        world.secrets.put_pending(SECRET_ARN, PENDING, secret_text(OTHER_PASSWORD))
    world.secrets.put_pending(SECRET_ARN, PENDING, secret_text(PENDING_PASSWORD))


def test_a_user_that_is_modifying_cannot_be_modified(world: World) -> None:
    world.users.change(status="modifying")
    with pytest.raises(RotationError):
        world.users.set_passwords(USER_ID, [OTHER_PASSWORD])
    assert world.users.passwords == [CURRENT_PASSWORD]


@pytest.mark.parametrize(
    "passwords", [[], ["short"], [CURRENT_PASSWORD, PENDING_PASSWORD, "x" * 20]]
)
def test_elasticache_takes_one_or_two_valid_passwords(world: World, passwords: list[str]) -> None:
    with pytest.raises(RotationError):
        world.users.set_passwords(USER_ID, passwords)


def test_the_cache_lets_in_whom_the_users_acl_lets_in(world: World) -> None:
    assert world.cache.lets_in(USERNAME, CURRENT_PASSWORD)
    assert not world.cache.lets_in(USERNAME, OTHER_PASSWORD)
    assert not world.cache.lets_in("another", CURRENT_PASSWORD)
    world.users.change(access_string="off ~* +@all")
    assert not world.cache.lets_in(USERNAME, CURRENT_PASSWORD)


def test_a_user_without_a_password_gets_in_with_any(world: World) -> None:
    world.users.change(authentication="no-password")
    assert world.cache.lets_in(USERNAME, OTHER_PASSWORD)


def test_an_execution_name_is_used_once(world: World) -> None:
    started = world.machine.start("a", {"SecretId": "x"})
    assert started
    assert world.machine.start("a", {"SecretId": "x"}) == started
    assert world.machine.start("a", {"SecretId": "y"}) is None
    world.machine.machine.statuses["a"] = ["FAILED"]
    assert world.machine.start("a", {"SecretId": "x"}) is None
    assert world.machine.machine.inputs["a"] == {"SecretId": "x"}


def test_an_execution_has_an_end_once_it_has_ended(world: World) -> None:
    world.machine.machine.statuses["a"] = ["RUNNING", "SUCCEEDED"]
    found = [world.machine.find("a") for _ in range(2)]
    assert [each and each.stopped_at for each in found] == [None, NOW]


def test_only_executions_that_have_not_ended_are_running(world: World) -> None:
    for name, status in (("a", "RUNNING"), ("b", "FAILED"), ("c", "RUNNING")):
        world.machine.machine.statuses[name] = [status]
    assert [arn.rsplit(":", 1)[1] for arn in world.machine.running()] == ["a", "c"]


def test_a_version_is_older_than_the_next_one_and_keeps_its_age(world: World) -> None:
    world.stage(None)
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    world.secrets.put_pending(SECRET_ARN, PENDING, secret_text(PENDING_PASSWORD))
    found = [each.version_id for each in world.secrets.versions(SECRET_ARN)]
    assert found == [OTHER, PENDING, CURRENT, PREVIOUS]


def test_a_unit_test_that_would_sleep_fails() -> None:
    with pytest.raises(AssertionError, match="sleeps"):
        time.sleep(1)
