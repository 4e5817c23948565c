"""The fakes keep to their adapters' interface and to AWS's rules, or the tests prove nothing.

The labels and versions of the fake secret are tested beside moto's, in test_secrets_manager.py.
"""

import inspect
import time
from collections.abc import Callable
from typing import Any

import pytest

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.login import NodeConnection
from rotation.adapters.secrets_manager import SecretsManager
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
    FakeNodeConnection,
    FakeSecretsManager,
    FakeStepFunctions,
    FakeTopic,
    World,
    secret_text,
)


def signatures(kind: type) -> dict[str, inspect.Signature]:
    """Of the public methods that are the class's own."""
    return {
        name: inspect.signature(member)
        for name, member in vars(kind).items()
        if inspect.isfunction(member) and not name.startswith("_")
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
def test_a_fake_has_every_public_method_of_its_adapter_with_the_same_signature(
    real: type, fake: type
) -> None:
    assert signatures(real)
    assert signatures(real).items() <= signatures(fake).items()


def test_only_the_network_of_a_connection_is_faked() -> None:
    real, fake = inspect.signature(NodeConnection.open), inspect.signature(FakeCache.open)
    assert list(real.parameters) == list(fake.parameters)[1:]
    accepts = signatures(FakeNodeConnection)
    assert list(accepts) == ["accepts"]
    assert accepts.items() <= signatures(NodeConnection).items()


@pytest.mark.parametrize("after", [False, True])
def test_a_fault_is_raised_once_before_or_after_the_call_has_its_effect(
    world: World, after: bool
) -> None:
    world.users.faults.raise_at("set_passwords", ZeroDivisionError(), after=after)
    with pytest.raises(ZeroDivisionError):
        world.users.set_passwords(USER_ID, [OTHER_PASSWORD])
    assert (world.users.passwords == [OTHER_PASSWORD]) is after
    world.users.set_passwords(USER_ID, [OTHER_PASSWORD])
    assert world.users.passwords == [OTHER_PASSWORD]


def test_a_version_keeps_its_first_value(staged: World) -> None:
    with pytest.raises(RotationSupersededError):
        staged.secrets.put_pending(SECRET_ARN, PENDING, secret_text(OTHER_PASSWORD))
    assert staged.secrets.texts[PENDING] == secret_text(PENDING_PASSWORD)


def test_a_version_is_older_than_the_next_one_and_keeps_its_age(world: World) -> None:
    world.stage(None)
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    world.secrets.put_pending(SECRET_ARN, PENDING, secret_text(PENDING_PASSWORD))
    versions = [version.version_id for version in world.secrets.versions(SECRET_ARN)]
    assert versions == [OTHER, PENDING, CURRENT, PREVIOUS]


@pytest.mark.parametrize(
    "status,passwords",
    [
        ("modifying", [OTHER_PASSWORD]),
        ("active", []),
        ("active", ["short"]),
        ("active", [CURRENT_PASSWORD, PENDING_PASSWORD, "x" * 20]),
    ],
)
def test_only_an_active_user_gets_one_or_two_valid_passwords(
    world: World, status: str, passwords: list[str]
) -> None:
    world.users.change(status=status)
    with pytest.raises(RotationError):
        world.users.set_passwords(USER_ID, passwords)
    assert world.users.passwords == [CURRENT_PASSWORD]


@pytest.mark.parametrize(
    "username,password,user,accepted",
    [
        (USERNAME, CURRENT_PASSWORD, {}, True),
        (USERNAME, OTHER_PASSWORD, {}, False),
        ("another", CURRENT_PASSWORD, {}, False),
        (USERNAME, CURRENT_PASSWORD, {"access_string": "off ~* +@all"}, False),
        (USERNAME, OTHER_PASSWORD, {"authentication": "no-password"}, True),
    ],
)
def test_the_cache_accepts_the_logins_that_the_users_acl_accepts(
    world: World, username: str, password: str, user: dict[str, Any], accepted: bool
) -> None:
    world.users.change(**user)
    assert world.cache.lets_in(username, password) is accepted


def test_an_execution_name_is_used_once(world: World) -> None:
    started = world.machine.start("a", {"SecretId": "x"})
    assert started
    assert world.machine.start("a", {"SecretId": "x"}) == started
    assert world.machine.start("a", {"SecretId": "y"}) is None
    world.machine.machine.statuses["a"] = ["FAILED"]
    assert world.machine.start("a", {"SecretId": "x"}) is None


def test_an_execution_is_running_until_it_has_an_end(world: World) -> None:
    world.machine.machine.statuses |= {"a": ["RUNNING", "SUCCEEDED"], "b": ["FAILED"]}
    assert list(world.machine.running()) == [world.machine.arn("a")]
    executions = [world.machine.find("a") for _ in range(2)]
    assert [execution and execution.stopped_at for execution in executions] == [None, NOW]
    assert list(world.machine.running()) == []


def test_a_unit_test_that_would_sleep_fails() -> None:
    sleep: Callable[[float], None] = time.sleep
    with pytest.raises(AssertionError, match="sleeps"):
        sleep(1)
