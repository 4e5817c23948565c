"""Check Endpoint."""

from typing import Any

import pytest

import check_endpoint
from rotation.errors import (
    AnyPasswordAcceptedError,
    CurrentPasswordUnknownError,
    EndpointUnreachableError,
    PasswordRefusedError,
    ServiceUnavailableError,
)
from tests.unit.fakes import (
    ALL_PASSWORDS,
    CURRENT,
    CURRENT_PASSWORD,
    ENDPOINT,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    PREVIOUS_PASSWORD,
    USERNAME,
    World,
    make_target,
    secret_text,
)
from tests.unit.leaks import assert_no_leak


def event(**target: Any) -> dict[str, Any]:
    return {"Target": make_target(**target).to_state(), "Endpoint": ENDPOINT.to_state()}


def test_an_endpoint_that_refuses_a_made_up_password_passes(world: World) -> None:
    answer = world.call(check_endpoint.handler, event())
    assert answer == {"Endpoint": str(ENDPOINT), "PreviousLogsIn": False, "ProvenVersion": ""}
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


CANDIDATES = {"first_password_candidates": [OTHER, PENDING, PREVIOUS]}


@pytest.fixture
def cut_off(world: World) -> World:
    """A first rotation was stopped after it had set its password, and a second one before."""
    world.secrets.texts[CURRENT] = secret_text(None)
    world.stage()
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    world.users.passwords = [PENDING_PASSWORD]
    return world


def test_a_password_of_an_earlier_first_rotation_has_to_log_in(cut_off: World) -> None:
    answer = cut_off.call(check_endpoint.handler, event(**CANDIDATES))
    assert answer["ProvenVersion"] == PENDING
    # Newest first, and no more than it takes.
    assert cut_off.cache.tried[1:] == [OTHER_PASSWORD, PENDING_PASSWORD]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_user_that_none_of_them_lets_in_is_refused_on_each_node(
    cut_off: World, dry_run: bool
) -> None:
    cut_off.users.passwords = ["A~password~of~a~person~by~hand"]
    with pytest.raises(CurrentPasswordUnknownError, match="locked out") as caught:
        cut_off.call(check_endpoint.handler, event(**CANDIDATES, dry_run=dry_run))
    assert cut_off.cache.tried[1:] == [OTHER_PASSWORD, PENDING_PASSWORD, PREVIOUS_PASSWORD]
    assert cut_off.cache.closed == 1
    assert_no_leak(ALL_PASSWORDS, error=caught.value)


@pytest.mark.parametrize("text", [None, b"binary", "no JSON", secret_text(None)])
def test_a_candidate_that_cannot_be_read_any_more_is_passed_over(
    cut_off: World, text: str | bytes | None
) -> None:
    cut_off.secrets.texts[OTHER] = text
    cut_off.call(check_endpoint.handler, event(**CANDIDATES))
    assert cut_off.cache.tried[1:] == [PENDING_PASSWORD]
