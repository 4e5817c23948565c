"""Log In."""

import pytest

import log_in
from rotation.errors import (
    AnyPasswordAcceptedError,
    EndpointUnreachableError,
    PasswordRefusedError,
    VersionNotReadableError,
)
from tests.unit.fakes import (
    ALL_PASSWORDS,
    CURRENT,
    CURRENT_PASSWORD,
    ENDPOINT,
    PENDING,
    PENDING_PASSWORD,
    USERNAME,
    World,
    make_target,
    secret_text,
)

EVENT = {"Target": make_target().to_state(), "Endpoint": ENDPOINT.to_state()}


@pytest.fixture
def modified(world: World) -> World:
    world.stage()
    world.modify()
    return world


def test_new_and_current_log_in_and_a_made_up_one_does_not(modified: World) -> None:
    assert modified.call(log_in.handler, EVENT) == {"Endpoint": str(ENDPOINT)}
    assert modified.cache.opened == [(ENDPOINT, USERNAME)]
    made_up, *required = modified.cache.tried
    assert made_up not in ALL_PASSWORDS
    assert required == [PENDING_PASSWORD, CURRENT_PASSWORD]
    assert modified.cache.closed == 1


@pytest.mark.parametrize(
    "refused,which", [(PENDING_PASSWORD, "new"), (CURRENT_PASSWORD, "current")]
)
def test_a_password_that_does_not_log_in_fails_by_its_name(
    modified: World, refused: str, which: str
) -> None:
    modified.cache.refused = {refused}
    with pytest.raises(PasswordRefusedError, match=f"The {which} password"):
        modified.call(log_in.handler, EVENT)
    assert modified.cache.closed == 1


def test_a_node_that_lets_anybody_in_proves_nothing(modified: World) -> None:
    modified.users.change(authentication="no-password")
    with pytest.raises(AnyPasswordAcceptedError):
        modified.call(log_in.handler, EVENT)


def test_a_user_that_is_off_does_not_log_in(modified: World) -> None:
    modified.users.change(access_string="off ~* +@all")
    with pytest.raises(PasswordRefusedError, match="new"):
        modified.call(log_in.handler, EVENT)


def test_a_first_rotation_has_no_current_password_to_try(modified: World) -> None:
    modified.secrets.texts[CURRENT] = secret_text(None)
    modified.users.passwords = [PENDING_PASSWORD]
    modified.call(log_in.handler, EVENT)
    assert modified.cache.tried[1:] == [PENDING_PASSWORD]


@pytest.mark.parametrize("version", [PENDING, CURRENT])
def test_a_password_that_cannot_be_read_yet_is_not_taken_for_none(
    modified: World, version: str
) -> None:
    modified.secrets.texts[version] = None
    with pytest.raises(VersionNotReadableError):
        modified.call(log_in.handler, EVENT)


def test_an_endpoint_that_does_not_answer_is_told(modified: World) -> None:
    modified.cache.faults.raise_at("open", EndpointUnreachableError("no answer"))
    with pytest.raises(EndpointUnreachableError):
        modified.call(log_in.handler, EVENT)
