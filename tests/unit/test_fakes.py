"""The fakes keep to their adapters' interface and to AWS's rules, or the tests prove nothing.

The labels of the fake secret are tested beside moto's, in test_secrets_manager.py.
"""

import inspect
import time

import pytest

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.login import NodeConnection
from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.adapters.topic import Topic
from rotation.errors import RotationError, RotationSupersededError
from tests.unit.fake_aws import FakeElastiCache, FakeSecretsManager, FakeStepFunctions
from tests.unit.fakes import FakeCache, FakeNodeConnection, FakeTopic, World
from tests.unit.values import (
    CURRENT_PASSWORD,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    SECRET_ARN,
    USER_ID,
    USERNAME,
    Json,
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
def test_a_fake_has_the_public_methods_of_its_adapter(real: type, fake: type) -> None:
    assert signatures(real)
    assert signatures(real).items() <= signatures(fake).items()


def test_only_the_network_of_a_connection_is_faked() -> None:
    real = inspect.signature(NodeConnection.open)
    fake = inspect.signature(FakeCache.open)
    assert list(real.parameters) == list(fake.parameters)[1:]
    accepts = signatures(FakeNodeConnection)
    assert list(accepts) == ["accepts"]
    assert accepts.items() <= signatures(NodeConnection).items()


def test_a_version_keeps_its_first_value(staged: World) -> None:
    with pytest.raises(RotationSupersededError):
        staged.secrets.put_pending(SECRET_ARN, PENDING, secret_text("another"))
    assert staged.secrets.texts[PENDING] == secret_text(PENDING_PASSWORD)


@pytest.mark.parametrize("passwords", [[], ["short"], [f"{n}~{OTHER_PASSWORD}" for n in range(3)]])
def test_elasticache_accepts_one_or_two_valid_passwords(world: World, passwords: list[str]) -> None:
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
    world: World, username: str, password: str, user: Json, accepted: bool
) -> None:
    world.users.change(**user)
    assert world.cache.lets_in(username, password) is accepted


def test_a_unit_test_that_would_sleep_fails() -> None:
    with pytest.raises(AssertionError, match="sleeps"):
        time.sleep(1)
