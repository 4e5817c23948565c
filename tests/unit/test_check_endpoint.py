"""Check Endpoint."""

from typing import Any

import pytest

import check_endpoint
from rotation.adapters.secrets_manager import AWSCURRENT
from rotation.errors import (
    AnyPasswordAcceptedError,
    CurrentPasswordRefusedError,
    CurrentPasswordUnknownError,
    EndpointUnreachableError,
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
    SECRET_ARN,
    USERNAME,
    World,
    make_target,
    secret_text,
)
from tests.unit.leaks import assert_no_leak


def event(**target: Any) -> dict[str, Any]:
    return {"Target": make_target(**target).to_state(), "Endpoint": ENDPOINT.to_state()}


def test_an_endpoint_that_lets_awscurrent_in_and_a_made_up_password_not_passes(
    world: World,
) -> None:
    answer = world.call(check_endpoint.handler, event())
    assert answer == {"Endpoint": str(ENDPOINT), "CurrentLogsIn": True, "ProvenVersion": ""}
    assert world.cache.opened == [(ENDPOINT, USERNAME)]
    assert world.cache.closed == 1
    made_up, *others = world.cache.tried
    assert made_up not in ALL_PASSWORDS
    assert others == [CURRENT_PASSWORD]


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
    world.secrets.texts[CURRENT] = secret_text(None)
    world.call(check_endpoint.handler, event(authentication="no-password"))
    assert len(world.cache.tried) == 1


@pytest.mark.parametrize("dry_run", [True, False])
def test_awscurrent_has_to_log_in_before_anything_is_changed(world: World, dry_run: bool) -> None:
    # A typo in a secret would be a password that nobody has; clients use another one.
    world.users.passwords = [OTHER_PASSWORD]
    with pytest.raises(CurrentPasswordRefusedError) as caught:
        world.call(check_endpoint.handler, event(dry_run=dry_run))
    for told in (SECRET_ARN, str(ENDPOINT), USERNAME, '"ReplaceUnknownPassword": true'):
        assert told in str(caught.value)
    assert world.cache.closed == 1
    assert_no_leak(ALL_PASSWORDS, error=caught.value)


def test_a_person_may_say_that_another_password_is_replaced(world: World) -> None:
    replacing = event(replace_unknown_password=True)
    assert world.call(check_endpoint.handler, replacing)["CurrentLogsIn"] is True
    world.users.passwords = [OTHER_PASSWORD]
    assert world.call(check_endpoint.handler, replacing)["CurrentLogsIn"] is False


def test_awscurrent_of_a_user_that_is_off_until_its_first_rotation_is_not_tried(
    world: World,
) -> None:
    world.users.change(access_string="off ~* +@all")
    assert world.call(check_endpoint.handler, event(turn_on=True))["CurrentLogsIn"] is True
    assert len(world.cache.tried) == 1


def test_a_secret_without_a_password_has_none_to_try(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)
    assert world.call(check_endpoint.handler, event())["CurrentLogsIn"] is True
    assert len(world.cache.tried) == 1
    replacing = event(replace_unknown_password=True)
    assert world.call(check_endpoint.handler, replacing)["CurrentLogsIn"] is False


def test_the_password_is_that_of_the_version_that_was_checked(world: World) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSCURRENT)
    world.call(check_endpoint.handler, event())
    assert world.cache.tried[1:] == [CURRENT_PASSWORD]


def test_a_subnet_without_a_way_to_secrets_manager_fails_here(world: World) -> None:
    world.secrets.faults.raise_at("read", ServiceUnavailableError("no answer"))
    with pytest.raises(ServiceUnavailableError):
        world.call(check_endpoint.handler, event())


def test_an_endpoint_that_does_not_answer_fails_here(world: World) -> None:
    world.cache.faults.raise_at("open", EndpointUnreachableError("no answer"))
    with pytest.raises(EndpointUnreachableError):
        world.call(check_endpoint.handler, event())


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
