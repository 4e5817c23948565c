"""Log In With Current: AWSCURRENT logs in, also after a failure."""

import pytest

from log_in_with_current import handler
from rotation.adapters.secrets_manager import AWSCURRENT
from rotation.errors import PasswordRefusedError, UnexpectedAwsError
from tests.unit.events import at_endpoint
from tests.unit.fakes import World
from tests.unit.values import (
    CURRENT,
    CURRENT_PASSWORD,
    ENDPOINT,
    OTHER,
    OTHER_PASSWORD,
    USERNAME,
    secret_text,
)

LOGGED_IN = {"Endpoint": str(ENDPOINT), "Result": "LOGGED_IN"}


def test_the_current_password_logs_in(world: World) -> None:
    assert world.call(handler, at_endpoint()) == LOGGED_IN
    assert world.cache.opened == [(ENDPOINT, USERNAME)]
    assert world.cache.tried == [CURRENT_PASSWORD]


def test_a_current_password_that_is_refused_fails_the_state(world: World) -> None:
    world.users.passwords = [OTHER_PASSWORD]
    with pytest.raises(PasswordRefusedError, match="The current password"):
        world.call(handler, at_endpoint())


def test_awscurrent_is_that_of_now_and_not_that_of_the_check(world: World) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSCURRENT)
    world.users.passwords = [OTHER_PASSWORD]
    assert world.call(handler, at_endpoint()) == LOGGED_IN


def test_a_secret_without_a_password_has_none_to_try(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    answer = world.call(handler, at_endpoint())
    assert answer == {"Endpoint": str(ENDPOINT), "Result": "FIRST_ROTATION"}
    assert world.cache.opened == []


def test_a_secret_without_awscurrent_proves_nothing(world: World) -> None:
    world.secrets.labels[CURRENT].clear()
    with pytest.raises(UnexpectedAwsError):
        world.call(handler, at_endpoint())
    assert world.cache.opened == []
