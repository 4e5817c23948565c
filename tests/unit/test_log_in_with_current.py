"""Log In With Current: whoever reads AWSCURRENT is not refused after a roll back."""

from typing import Any

import pytest

import log_in_with_current
from rotation.errors import (
    CertificateError,
    EndpointUnreachableError,
    PasswordRefusedError,
    RotationError,
    ServiceUnavailableError,
)
from rotation.secrets_manager import AWSCURRENT
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
ANSWERS = {"Endpoint": str(ENDPOINT), "Answers": True}
SILENT = {"Endpoint": str(ENDPOINT), "Answers": False}


def test_the_current_password_logs_in(world: World) -> None:
    assert world.call(log_in_with_current.handler, EVENT) == ANSWERS
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
    assert world.call(log_in_with_current.handler, EVENT) == ANSWERS


def test_a_secret_without_a_password_has_none_to_try(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    assert world.call(log_in_with_current.handler, EVENT) == ANSWERS
    assert world.cache.tried == []


@pytest.mark.parametrize("kind", [EndpointUnreachableError, CertificateError])
@pytest.mark.parametrize("method", ["open", "accepts"])
def test_what_does_not_answer_cannot_be_asked(
    world: World, kind: type[RotationError], method: str
) -> None:
    world.cache.faults.raise_at(method, kind("no answer"))
    assert world.call(log_in_with_current.handler, EVENT) == SILENT


def test_a_secret_that_cannot_be_read_is_not_taken_for_a_silent_endpoint(world: World) -> None:
    world.secrets.faults.raise_at("read", ServiceUnavailableError("no answer"))
    with pytest.raises(ServiceUnavailableError):
        world.call(log_in_with_current.handler, EVENT)
