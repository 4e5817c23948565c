"""Log In With Current: whoever reads AWSCURRENT gets in, also after a failure."""

from typing import Any

import pytest

import log_in_with_current
from rotation.adapters.secrets_manager import AWSCURRENT
from rotation.errors import (
    CertificateError,
    EndpointUnreachableError,
    PasswordRefusedError,
    RotationError,
    ServiceUnavailableError,
)
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    ENDPOINT,
    OTHER,
    OTHER_PASSWORD,
    USERNAME,
    World,
    make_target,
    secret_text,
)

EVENT: dict[str, Any] = {"Target": make_target().to_state(), "Endpoint": ENDPOINT.to_state()}
IN = {"Endpoint": str(ENDPOINT), "Result": "LOGGED_IN"}


def test_the_current_password_logs_in(world: World) -> None:
    assert world.call(log_in_with_current.handler, EVENT) == IN
    assert world.cache.opened == [(ENDPOINT, USERNAME)]
    assert world.cache.tried == [CURRENT_PASSWORD]
    assert world.cache.closed == 1


def test_a_current_password_that_is_refused_fails_the_state(world: World) -> None:
    world.users.passwords = [OTHER_PASSWORD]
    with pytest.raises(PasswordRefusedError, match="The current password"):
        world.call(log_in_with_current.handler, EVENT)
    assert world.cache.closed == 1


def test_awscurrent_is_that_of_now_and_not_that_of_the_check(world: World) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSCURRENT)
    world.users.passwords = [OTHER_PASSWORD]
    assert world.call(log_in_with_current.handler, EVENT) == IN


def test_a_secret_without_a_password_has_none_to_try(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    answer = world.call(log_in_with_current.handler, EVENT)
    assert answer == {"Endpoint": str(ENDPOINT), "Result": "FIRST_ROTATION"}
    assert world.cache.opened == []


@pytest.mark.parametrize("kind", [EndpointUnreachableError, CertificateError])
@pytest.mark.parametrize("method", ["open", "accepts"])
def test_what_does_not_answer_fails_the_state_by_its_name(
    world: World, kind: type[RotationError], method: str
) -> None:
    world.cache.faults.raise_at(method, kind("no answer"))
    with pytest.raises(kind):
        world.call(log_in_with_current.handler, EVENT)


@pytest.mark.parametrize("method", ["describe", "read"])
def test_a_secret_that_cannot_be_read_proves_nothing(world: World, method: str) -> None:
    world.secrets.faults.raise_at(method, ServiceUnavailableError("no answer"))
    with pytest.raises(ServiceUnavailableError):
        world.call(log_in_with_current.handler, EVENT)
    assert world.cache.opened == []


def test_nothing_is_changed(world: World) -> None:
    before = world.secrets.snapshot(), world.users.snapshot()
    world.call(log_in_with_current.handler, EVENT)
    assert (world.secrets.snapshot(), world.users.snapshot()) == before


def test_a_secret_without_awscurrent_lets_nobody_in(world: World) -> None:
    world.secrets.labels[CURRENT].clear()
    with pytest.raises(RotationError):
        world.call(log_in_with_current.handler, EVENT)
