"""Check Endpoint."""

from typing import Any

import pytest

import check_endpoint
from rotation.errors import (
    AnyPasswordAcceptedError,
    EndpointUnreachableError,
    PasswordRefusedError,
    ServiceUnavailableError,
)
from tests.unit.fakes import (
    ALL_PASSWORDS,
    CURRENT_PASSWORD,
    ENDPOINT,
    OTHER_PASSWORD,
    PREVIOUS,
    PREVIOUS_PASSWORD,
    USERNAME,
    World,
    make_target,
    secret_text,
)


def event(**target: Any) -> dict[str, Any]:
    return {"Target": make_target(**target).to_state(), "Endpoint": ENDPOINT.to_state()}


def test_an_endpoint_that_refuses_a_made_up_password_passes(world: World) -> None:
    answer = world.call(check_endpoint.handler, event())
    assert answer == {"Endpoint": str(ENDPOINT), "PreviousLogsIn": False}
    assert world.cache.opened == [(ENDPOINT, USERNAME)]
    assert world.cache.closed == 1
    assert len(world.cache.tried) == 1
    assert world.cache.tried[0] not in ALL_PASSWORDS


def test_a_node_that_asks_for_no_password_is_found_before_anything_is_changed(
    world: World,
) -> None:
    # The user has a password, yet its ACL on the node has not.
    world.users.change(authentication="no-password")
    with pytest.raises(AnyPasswordAcceptedError):
        world.call(check_endpoint.handler, event())
    assert world.cache.closed == 1


@pytest.mark.parametrize("access_string", ["on ~* +@all", "off ~* +@all"])
def test_a_user_without_a_password_yet_only_needs_an_answer(
    world: World, access_string: str
) -> None:
    world.users.change(authentication="no-password", access_string=access_string)
    world.call(check_endpoint.handler, event(authentication="no-password"))
    assert len(world.cache.tried) == 1


def test_a_dry_run_tries_the_current_password(world: World) -> None:
    world.call(check_endpoint.handler, event(dry_run=True))
    assert world.cache.tried[1:] == [CURRENT_PASSWORD]
    world.users.passwords = [OTHER_PASSWORD]
    with pytest.raises(PasswordRefusedError, match="current"):
        world.call(check_endpoint.handler, event(dry_run=True))


def test_a_dry_run_of_an_inactive_user_does_not(world: World) -> None:
    world.users.change(access_string="off ~* +@all")
    world.call(check_endpoint.handler, event(dry_run=True, turn_on=True))
    assert len(world.cache.tried) == 1


def test_a_dry_run_without_a_current_password_does_not(world: World) -> None:
    world.secrets.add("v", secret_text(None))
    world.call(check_endpoint.handler, event(dry_run=True, current_version_id="v"))
    assert len(world.cache.tried) == 1


def test_a_subnet_without_a_way_to_secrets_manager_fails_here(world: World) -> None:
    world.secrets.faults.raise_at("read", ServiceUnavailableError("no answer"))
    with pytest.raises(ServiceUnavailableError):
        world.call(check_endpoint.handler, event())


def test_an_endpoint_that_does_not_answer_fails_here(world: World) -> None:
    world.cache.faults.raise_at("open", EndpointUnreachableError("no answer"))
    with pytest.raises(EndpointUnreachableError):
        world.call(check_endpoint.handler, event())


@pytest.mark.parametrize("second,logs_in", [(PREVIOUS_PASSWORD, True), (OTHER_PASSWORD, False)])
def test_a_users_second_password_is_awspreviouss_if_that_logs_in(
    world: World, second: str, logs_in: bool
) -> None:
    world.users.passwords = [CURRENT_PASSWORD, second]
    answer = world.call(check_endpoint.handler, event(password_count=2))
    assert answer["PreviousLogsIn"] is logs_in
    assert world.cache.tried[1:] == [PREVIOUS_PASSWORD]


@pytest.mark.parametrize("target", [{"password_count": 1}, {"previous_version_id": ""}])
def test_awsprevious_is_not_tried_where_it_is_not_the_users(
    world: World, target: dict[str, Any]
) -> None:
    world.users.passwords = [CURRENT_PASSWORD, PREVIOUS_PASSWORD]
    answer = world.call(check_endpoint.handler, event(**{"password_count": 2} | target))
    assert answer["PreviousLogsIn"] is False
    assert PREVIOUS_PASSWORD not in world.cache.tried


@pytest.mark.parametrize("text", [None, b"binary", "no JSON", secret_text(None)])
def test_an_awsprevious_that_cannot_be_read_fails_no_rotation(
    world: World, text: str | bytes | None
) -> None:
    world.secrets.texts[PREVIOUS] = text
    answer = world.call(check_endpoint.handler, event(password_count=2))
    assert answer["PreviousLogsIn"] is False
